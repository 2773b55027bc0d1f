"""Stresses in other units, order or sign, virials in their place, and a constant pressure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlip_rs.arrays import Array, Mask
from mlip_rs.data import Dataset
from mlip_rs.label_check.findings import CURE_IN_DOUBT, Correction, Finding, finding, place
from mlip_rs.label_check.posterior import Posterior
from mlip_rs.label_check.regression import STARTS, Slope, confirm, regress, virial_expectation
from mlip_rs.label_check.rows import Rows, concerned
from mlip_rs.label_check.units import FORCE_FACTORS, STRESS_FACTORS, Factor, nearest_factor
from mlip_rs.text import with_error
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA

ORDERS: dict[str, tuple[int, ...]] = {
    "xx yy zz xy yz zx (VASP)": (0, 1, 2, 4, 5, 3),
    "xx yy zz xy xz yz (LAMMPS)": (0, 1, 2, 5, 4, 3),
    "xx xy xz yy yz zz (rows of the upper triangle)": (0, 3, 5, 4, 2, 1),
}
"""Orders of stress components in use, as the place in the file of each of xx yy zz yz xz xy."""

ORDER_GAIN: float = 25.0
"""Logarithm of the ratio of likelihoods for another order of the components."""

PRESSURE: float = 1.0
"""GPa; smaller constants on the pressure may be errors of the small basis."""

MOST_PRESSURE: float = 50.0
"""GPa; larger ones are none of a basis set."""

PRESSURE_ERRORS: float = 5.8
"""Standard errors of the constant."""

ONE_VOLUME: float = 0.005
"""Relative scatter of the volumes per atom below which a constant pressure is not looked for."""

PRESSURE_SLOPE: tuple[float, float] = (0.5, 2.0)
"""Slopes of the pressures beside which a constant says something: they and the constant disturb each other."""

PERTURBING: float = 1.0
"""A constant pressure over the scatter of the pressures around their expectation."""

LEAST_STRESSES: int = 5

MOST_STRESSES: int = 120
"""Structures whose stresses are compared; more cost more than they tell."""

SAME_VOLUME: float = 0.02
"""Relative scatter of the volumes below which virials and stresses differ by a factor only."""

CLOSER: float = 0.05
"""Difference of the logarithms of two slopes over what they should be, from which the closer one is taken."""

STRESS_TOLERANCE: float = 0.35
"""Relative distance of a slope of stresses from the factor of a unit at which it is named."""


@dataclass(frozen=True)
class Stresses:
    """Stresses of the sample against their expectation.

    Parameters
    ----------
    slope
        Labels over expectation, for stresses, or for virials if they look so.
    order
        Name of the order of components in `ORDERS`; None if it is right.
    virial
        Whether the labels look like virials in eV.
    used
        (n,) structures compared.
    """

    slope: Slope
    order: str | None
    virial: bool
    used: Mask

    @property
    def plain(self) -> bool:
        """Whether they are right in sign, unit and order."""
        return self.slope.right and self.order is None and not self.virial


def analyse_stresses(rows: Rows, fit: Posterior, used: Mask) -> Stresses | None:
    """Compare the stresses of some structures (n,) with what a fit to other labels says."""
    used = used & np.isfinite(rows.virials).all(axis=1)
    if used.sum() < LEAST_STRESSES:
        return None
    if used.sum() > MOST_STRESSES:
        some = np.flatnonzero(used)
        used = np.zeros(rows.n, dtype=bool)
        used[some[np.linspace(0, len(some) - 1, MOST_STRESSES).astype(int)]] = True
    mean, doubt = virial_expectation(rows, fit, range(6))
    given = rows.virials
    plain = _regressed(rows, given, mean, doubt, used)
    if not (plain.sure and plain.right):
        pressure = np.tile([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], rows.n)[:, None]
        labels = np.where(np.isfinite(given), given, 0.0).ravel()
        plain = confirm(
            plain,
            labels,
            mean,
            pressure,
            doubt,
            [*(f.value for f in STRESS_FACTORS), *(1.0 / f.value for f in FORCE_FACTORS)],
        )
    best = Stresses(plain, None, False, used)
    for name, order in ORDERS.items():
        starts = (max(abs(plain.value), 1e-6),) if plain.sure and plain.right else STARTS
        other = _regressed(rows, given[:, list(order)], mean, doubt, used, starts)
        better = other.comparison.evidence - best.slope.comparison.evidence
        if other.sure and better > ORDER_GAIN:
            best = Stresses(other, name, False, used)
    if best.slope.sure and best.slope.right:
        return best
    order = ORDERS[best.order] if best.order else tuple(range(6))
    by_volume = given[:, list(order)] / np.nan_to_num(rows.volumes, nan=1.0)[:, None]
    virial = _regressed(rows, by_volume, mean, doubt, used)
    if virial.sure and _near_one(abs(virial.value)):
        unit = nearest_factor(best.slope.value, STRESS_FACTORS, STRESS_TOLERANCE)
        volumes = rows.volumes[used]
        spread = float(np.std(volumes) / np.mean(volumes))
        jacobian = 6.0 * float(np.log(volumes).sum())
        gain = virial.comparison.evidence - jacobian - best.slope.comparison.evidence
        named = np.inf if unit is None else abs(float(np.log(best.slope.value / unit.value)))
        closer = abs(float(np.log(abs(virial.value)))) < named - CLOSER
        if gain > 3.0 or (spread < SAME_VOLUME and unit is None) or (gain > -ORDER_GAIN and closer):
            return Stresses(virial, best.order, True, used)
    return best


def _near_one(value: float) -> bool:
    return 0.65 < value < 1.5


def _regressed(
    rows: Rows,
    given: Array,
    mean: Array,
    doubt: Array,
    used: Mask,
    starts: Sequence[float] = STARTS,
) -> Slope:
    rows_used = np.repeat(used, 6)
    pressure = np.tile([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], rows.n)
    labels = np.where(np.isfinite(given), given, 0.0).ravel()
    return regress(labels, mean, pressure[:, None], doubt, rows_used, starts)


def check_stresses(
    dataset: Dataset,
    stresses: Stresses,
    factor: float,
    frames: list[int],
    doubt: str = "",
    few: bool = False,
) -> list[Finding]:
    """Name sign, unit and order of the stresses of some frames.

    Parameters
    ----------
    factor
        Labels over what they should be; 1 if they are right.
    doubt
        Other explanations in words: the stresses are not corrected then.
    few
        Whether the structures are too few to be certain of a sign or unit that is theirs alone.
    """
    if few and not doubt:
        doubt = "; that is likely only, from so few structures"
    where, slope = place(dataset, frames), stresses.slope
    evidence = {"slope": slope.value, "error": slope.error}
    order = ORDERS[stresses.order] if stresses.order else None
    found = []
    if stresses.order is not None:
        found.append(
            finding(
                dataset,
                "stress: order",
                True,
                f"stresses of {where} look ordered {stresses.order}, not xx yy zz yz xz xy: in that order they follow "
                f"energies and forces with slope {slope}.",
                "give them in the order xx yy zz yz xz xy, or as 3 × 3 matrices",
                frames,
                evidence,
                Correction("stress", order=order),
            )
        )
    if stresses.virial:
        sign = -1.0 if slope.value < 0 else 1.0
        name = "virials in eV" if sign < 0 else "virials in eV of the opposite sign"
        found.append(
            finding(
                dataset,
                "stress: virial",
                True,
                f"stresses of {where} look like {name}: divided by the volume they have slope {slope} against what "
                "energies and forces say.",
                "give them under the name virial, or divide them by the negative volume",
                frames,
                evidence,
                Correction("stress", factor=sign, over_volume=True),
            )
        )
        return found
    if factor == 1.0:
        return found
    named = nearest_factor(factor, STRESS_FACTORS, STRESS_TOLERANCE)
    look = f"look like {named.name}" if named else f"are {factor:.3g} times what energies and forces say"
    sign_only = named is not None and named.value == -1.0
    found.append(
        finding(
            dataset,
            "stress: sign" if sign_only else "stress: unit",
            named is not None and not few,
            f"stresses of {where} {look}: their slope against what the forces say is {slope}{doubt}.",
            _cure(named, doubt),
            frames,
            evidence,
            None if named is None or doubt else Correction("stress", factor=1.0 / named.value),
        )
    )
    return found


def _cure(named: Factor | None, doubt: str) -> str:
    if named is None:
        return "check their unit"
    if doubt:
        return CURE_IN_DOUBT
    return f"convert them to eV/Å³, positive under tension (multiply by {1 / named.value:.6g})"


def check_pressure(dataset: Dataset, rows: Rows, combined: Posterior, used: Mask) -> list[Finding]:
    """Find a constant on the pressure, c N/V, as the Pulay stress of a small basis set makes."""
    used = used & np.isfinite(rows.virials).all(axis=1)
    if used.sum() < 10 or np.std(rows.volumes[used] / rows.n_atoms[used]) < ONE_VOLUME * np.mean(
        rows.volumes[used] / rows.n_atoms[used]
    ):
        return []  # at one volume, a constant is as good as another equilibrium
    mean, doubt = virial_expectation(rows, combined, range(3))
    labels = np.where(np.isfinite(rows.virials), rows.virials, 0.0)[:, :3].ravel()
    rows_used = np.repeat(used, 3)
    slope = regress(labels, mean, np.ones((len(labels), 1)), doubt, rows_used)
    density = float(np.median(rows.n_atoms[used] / rows.volumes[used])) * EV_PER_ANGSTROM3_IN_GPA
    value, error = float(slope.comparison.coefficients[1]), float(slope.comparison.errors[1])
    scatter = slope.comparison.scatter
    sure = abs(value) > PRESSURE_ERRORS * error and abs(value) > PERTURBING * scatter
    plausible = PRESSURE < abs(value) * density < MOST_PRESSURE and error * density < PRESSURE
    if not (sure and plausible and PRESSURE_SLOPE[0] < slope.value < PRESSURE_SLOPE[1]):
        return []
    frames = concerned(dataset, rows, "stress")
    return [
        finding(
            dataset,
            "stress: constant pressure",
            False,
            f"stresses of {place(dataset, frames)} carry a constant "
            f"of {with_error(value * density, error * density)} GPa "
            "on the diagonal against what energies and forces say, as the Pulay stress of a plane-wave cutoff that is "
            "too low.",
            "raise the plane-wave cutoff, subtract the constant, or leave the stresses out",
            frames,
            {"pressure_GPa": value * density, "error_GPa": error * density},
        )
    ]
