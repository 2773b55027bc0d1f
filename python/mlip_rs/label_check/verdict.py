"""Which of three labels is off: the fewest faults that explain all slopes; in doubt, nothing is corrected."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, log
from operator import attrgetter

from mlip_rs.data import Dataset
from mlip_rs.label_check.energies import Energies
from mlip_rs.label_check.findings import CURE_IN_DOUBT, Correction, Finding, finding, place
from mlip_rs.label_check.regression import Slope
from mlip_rs.label_check.rows import Rows, concerned
from mlip_rs.label_check.stresses import Stresses
from mlip_rs.label_check.units import (
    ENERGY_FACTORS,
    FORCE_FACTORS,
    RIGHT,
    STRESS_FACTORS,
    SYSTEMS,
    Factor,
)

TOLERANCES: tuple[float, float] = (0.26, 0.32)
"""Logarithm of a slope over that of an explanation, for energies and for stresses, up to which it explains it."""

BIAS: float = 0.08
"""Typical error of the logarithm of a slope, from a small basis."""

FAULT: float = 3.0
"""Price of a fault in units of half the squared misfit over `BIAS`; two faults of one system of units cost 1.5."""

UNUSUAL: float = 1.5
"""Price of a factor that is hardly met; of energies of the opposite sign, twice that."""

CLEAR: float = 1.5
"""Difference of prices from which the cheapest explanation is the only one."""

AGAINST_NATURE: float = 6.0
"""Price of forces that pull crowded atoms together."""

MAY_BE_RIGHT: tuple[float, float] = (0.4, 2.5)
"""Slopes that a basis too small for the structures explains more easily than two faults at once."""

MOST_FAULTS: int = 2
"""With more faults something explains any slopes: nothing is corrected then."""

PRICE: Callable[["Explanation"], float] = attrgetter("price")

NAMES: dict[str, str] = {"energy": "energies", "forces": "forces", "stress": "stresses"}


@dataclass(frozen=True)
class Explanation:
    """Factors on the labels over what they should be, and how much it takes to believe them."""

    energy: Factor
    forces: Factor
    stress: Factor
    price: float

    @property
    def faults(self) -> dict[str, Factor]:
        """Labels that are off."""
        labels = {"energy": self.energy, "forces": self.forces, "stress": self.stress}
        return {label: factor for label, factor in labels.items() if factor != RIGHT}

    def __str__(self) -> str:
        return " and ".join(
            f"{NAMES[label]} look like {factor.name}" for label, factor in self.faults.items()
        )


@dataclass(frozen=True)
class Verdict:
    """What slopes of energies and stresses against forces say.

    Parameters
    ----------
    best
        The cheapest explanation; None if nothing is off, or if nothing explains the slopes.
    others
        Explanations about as cheap: which of them is true cannot be told.
    slopes
        The slopes in words.
    evidence
        The same as numbers.
    unnamed
        Slopes that nothing explains, for the list of what could not be checked.
    incomplete
        Whether the explanation leaves the slope of the stresses open: nothing is corrected then.
    unsure
        Whether the slope is that of no unit, and only its sign is believed: a warning, and nothing is corrected.
    """

    best: Explanation | None = None
    others: tuple[Explanation, ...] = ()
    slopes: str = ""
    evidence: tuple[tuple[str, float], ...] = ()
    unnamed: str = ""
    incomplete: bool = False
    unsure: bool = False

    def factor(self, label: str) -> float:
        """Label over what it should be; 1 if right, or if that cannot be told."""
        if self.best is None:
            return 1.0
        return float(getattr(self.best, label).value)

    @property
    def plain(self) -> bool:
        """Whether nothing is off."""
        return self.best is None

    @property
    def doubt(self) -> str:
        """All explanations, if there are several; else empty."""
        if self.unsure:
            return ", though that is the slope of no unit, and these structures may not tell"
        if self.incomplete:
            return "; no sign and unit of one label explains both"
        if self.best is not None and len(self.best.faults) > MOST_FAULTS:
            return f"; it takes {len(self.best.faults)} faults to explain them: {self.best}"
        if not self.others:
            return ""
        return "; which of these cannot be told: " + ", or ".join(
            str(one) for one in (self.best, *self.others)
        )

    def findings(self, dataset: Dataset, rows: Rows, label: str) -> Iterator[Finding]:
        """Name the factor of energies or forces, with a correction if there is one explanation only."""
        frames = concerned(dataset, rows, label)
        factor = None if self.best is None else self.best.faults.get(label)
        if factor is not None and frames:
            yield finding(
                dataset,
                f"{label}: {'sign' if factor.value == -1.0 else 'unit'}",
                not self.unsure,
                f"{NAMES[label]} of {place(dataset, frames)} look like {factor.name}: {self.slopes}{self.doubt}.",
                CURE_IN_DOUBT if self.doubt else _cure(label, factor),
                frames,
                dict(self.evidence),
                None if self.doubt else Correction(label, 1.0 / factor.value),
            )


def _cure(label: str, factor: Factor) -> str:
    wanted = {"energy": "eV", "forces": "forces in eV/Å", "stress": "eV/Å³, positive under tension"}[label]
    return f"convert them to {wanted} (multiply by {1 / factor.value:.6g})"


def judge(
    energies: Energies | None,
    stresses: Stresses | None,
    from_forces: bool,
    sign_of_forces: Callable[[], float] = lambda: 0.0,
) -> Verdict:
    """Decide from the slopes of energies and stresses against forces which labels are off.

    Every combination of factors (units times signs) of the three labels is tried. Energies of the opposite sign are as
    dear as two other faults: forces and stresses that agree are not believed against energies unless crowded atoms
    tell which is right.

    Parameters
    ----------
    from_forces
        Whether the slopes are against forces; otherwise energies were compared with stresses.
    sign_of_forces
        1 if the forces push crowded atoms apart, −1 if together, 0 if that is not clear; asked if something is off.
    """
    energy = energies.slope if energies is not None and energies.slope.sure else None
    stress = stresses.slope if stresses is not None and stresses.slope.sure else None
    if (stresses is not None and stresses.virial) or not from_forces:
        stress = None
    slopes = [
        (name, slope) for name, slope in (("energies", energy), ("stresses", stress)) if slope is not None
    ]
    if all(slope.right for _, slope in slopes):
        return Verdict()
    against = "forces" if from_forces else "stresses"
    text = (
        " and ".join(f"{name} have slope {slope}" for name, slope in slopes)
        + f" against what the {against} say"
    )
    sign = sign_of_forces() if from_forces else 0.0
    if sign:
        text += f", and the forces {'push' if sign > 0 else 'pull'} crowded atoms {'apart' if sign > 0 else 'together'}"
    ranked = sorted(_explanations(energy, stress, against, sign), key=PRICE)
    incomplete = not ranked and energy is not None and stress is not None and not energy.right
    if incomplete:
        ranked = sorted(_explanations(energy, None, against, sign), key=PRICE)
    unsure = False  # one slope alone: pairs of units come last, and are nothing where there is nothing else
    if ranked and from_forces and (len(slopes) < 2 or incomplete):
        usual = [one for one in ranked if not _made_up(one)]
        ranked = usual and [*usual, *(one for one in ranked if _made_up(one))]
        if not ranked and stress is not None and not stress.right:
            incomplete, ranked = False, sorted(_explanations(None, stress, against, sign), key=PRICE)
        elif not ranked and energy is not None and energy.value < 0.0:
            opposite = replace(energy, confirmed=-1.0)
            unsure, ranked = True, sorted(_explanations(opposite, stress, against, sign), key=PRICE)
    if not ranked or _far_fetched(ranked[0], [slope for _, slope in slopes if not slope.right]):
        odd = " and ".join(f"{name} have slope {slope}" for name, slope in slopes if not slope.right)
        return Verdict(unnamed=odd)
    evidence = [("slope", slopes[0][1].value), ("error", slopes[0][1].error)]
    near = [one for one in ranked[1:] if one.price < ranked[0].price + CLEAR]
    return Verdict(ranked[0], tuple(near[:2]), text, tuple(evidence), incomplete=incomplete, unsure=unsure)


def _made_up(one: Explanation) -> bool:
    """Whether it takes two units that no program writes together: for any one slope there is such a pair."""
    sizes = abs(one.energy.value), abs(one.forces.value), abs(one.stress.value)
    return sum(size != 1.0 for size in sizes) > 1 and sizes[:2] not in SYSTEMS


def _far_fetched(best: Explanation, odd: Sequence[Slope]) -> bool:
    """Whether faults of no common system of units are made up: three, or two for slopes of a small basis."""
    plausible = len(best.faults) < 2 or (abs(best.energy.value), abs(best.forces.value)) in SYSTEMS
    usual = all(MAY_BE_RIGHT[0] < slope.factor < MAY_BE_RIGHT[1] for slope in odd)
    return not plausible and (usual or len(best.faults) > MOST_FAULTS)


def _explanations(
    energy: Slope | None, stress: Slope | None, against: str, sign: float
) -> Iterator[Explanation]:
    """Combinations of factors that agree with the slopes."""
    for e in (RIGHT, *ENERGY_FACTORS) if energy is not None else (RIGHT,):
        for f in (RIGHT, *FORCE_FACTORS) if against == "forces" else (RIGHT,):
            for s in (RIGHT, *STRESS_FACTORS) if stress is not None or against == "stresses" else (RIGHT,):
                reference = f if against == "forces" else s
                misfit = 0.0
                for slope, label, tolerance in ((energy, e, TOLERANCES[0]), (stress, s, TOLERANCES[1])):
                    if slope is not None:
                        misfit += _misfit(slope, label.value / reference.value, tolerance)
                if misfit < inf:
                    unnatural = AGAINST_NATURE if sign * f.value < 0.0 else 0.0
                    yield Explanation(e, f, s, misfit + unnatural + _price(e, f, s))


def _misfit(slope: Slope, expected: float, tolerance: float) -> float:
    ratio = slope.factor / expected
    if slope.right and abs(expected - 1.0) < 1e-6:
        return 0.0
    if ratio <= 0.0 or abs(log(ratio)) > tolerance:
        return inf
    return 0.5 * (log(ratio) / BIAS) ** 2


def _price(e: Factor, f: Factor, s: Factor) -> float:
    price = FAULT * sum(one != RIGHT for one in (e, f, s))
    if (abs(e.value), abs(f.value)) in SYSTEMS:
        price -= 0.5 * FAULT
    price += UNUSUAL * sum(one.unusual for one in (e, f, s))
    return price + (2.0 * UNUSUAL if e.value < 0.0 else 0.0)
