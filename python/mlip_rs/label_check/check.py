"""Check, before a fit, that energies, forces and stresses of a dataset agree with each other; no reference is needed.

Energies, forces and stresses come from one function, so that a small fit to one of them says what the others must be:
a slope of −1, of 27.2 or of 1/51.4 names a sign or a unit. Each file and config type is compared with the others, each
energy with all other labels. What the small fit cannot tell stays unsaid: `LabelCheck.unchecked` names it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlip_rs.arrays import Mask
from mlip_rs.data import Dataset
from mlip_rs.errors import DataError, StructureError
from mlip_rs.label_check.comparable import Comparable, comparable
from mlip_rs.label_check.control import CONTROLS, REACH, with_control_labels
from mlip_rs.label_check.crowding import sign_of_forces
from mlip_rs.label_check.energies import (
    Energies,
    analyse_energies,
    check_offsets,
    check_per_atom,
)
from mlip_rs.label_check.findings import Finding, place
from mlip_rs.label_check.force_fit import PREDICTABLE, fit_forces
from mlip_rs.label_check.forces import SMALL_FORCES, check_forces, some_are_right
from mlip_rs.label_check.geometry import check_zero_forces, check_zero_stresses
from mlip_rs.label_check.left_open import Single, without_single_energies
from mlip_rs.label_check.open_units import check_open_units
from mlip_rs.label_check.positions import check_positions
from mlip_rs.label_check.posterior import Posterior
from mlip_rs.label_check.regression import prior_alone, virial_posterior, with_energies, with_virials
from mlip_rs.label_check.rows import Rows, choose_sample, concerned, make_rows, reach
from mlip_rs.label_check.single_energies import check_single_energies
from mlip_rs.label_check.stresses import (
    STRESS_TOLERANCE,
    Stresses,
    analyse_stresses,
    check_pressure,
    check_stresses,
)
from mlip_rs.label_check.two_models import GOOD_FORCES, check_two_models
from mlip_rs.label_check.units import FORCE_FACTORS, STRESS_FACTORS, nearest_factor
from mlip_rs.label_check.verdict import Verdict, judge
from mlip_rs.text import counted

LEAST_STRUCTURES: int = 15
"""Fewer structures say too little about each other."""

COUNTED: frozenset[str] = frozenset({"stress: zeros", "forces: zeros", "positions: bohr"})
"""Findings that rest on zeros or distances, more than on a comparison of labels."""

DOUBTED: frozenset[str] = frozenset({"energy: single frame"})
"""Findings that may be errors of the small basis: only those that another basis makes as well are certain."""

PLURALS: dict[str, str] = {"energy": "energies", "forces": "forces", "stress": "stresses"}


@dataclass(frozen=True)
class LabelCheck:
    """What the check found.

    Parameters
    ----------
    findings
        Contradictions, the certain ones first.
    unchecked
        What could not be checked and why, one sentence each.
    n_structures, n_sample
        Structures of the dataset, and those whose design rows were computed.
    open_slopes
        Slopes of labels that are neither right nor those of units: no correction can be trusted then.

    Examples
    --------
    >>> LabelCheck((), ("all labels, with 5 structures",), n_structures=5, n_sample=0).lines()
    ['not checked: all labels, with 5 structures']
    """

    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...]
    n_structures: int
    n_sample: int
    open_slopes: str = ""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Certain findings: a fit should refuse the data."""
        return tuple(found for found in self.findings if found.certain)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Likely findings."""
        return tuple(found for found in self.findings if not found.certain)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "errors": [found.to_dict() for found in self.errors],
            "warnings": [found.to_dict() for found in self.warnings],
            "unchecked": list(self.unchecked),
            "structures": self.n_structures,
            "sample": self.n_sample,
        }

    def lines(self) -> list[str]:
        """Return the findings as lines of text, and what could not be checked."""
        text = [
            f"{'contradiction' if found.certain else 'warning'}: {found.message} Cure: {found.cure}."
            for found in self.findings
        ]
        if not self.findings and self.n_sample:
            text = ["energies, forces and stresses agree with each other as far as they can be compared"]
        return [*text, *(f"not checked: {sentence}" for sentence in self.unchecked)]


def check_labels(dataset: Dataset, *, seed: int = 0) -> LabelCheck:
    """Find labels that contradict each other: signs, units, orders, zeros, constants, single energies.

    Parameters
    ----------
    dataset
        Structures with any of energy, forces and stress.
    seed
        Of the choice of the structures looked at, if there are many.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> data = read_dataset(DATA_PATH, index="::8")
    >>> check_labels(data).findings
    ()
    >>> gradients = replace(data, frames=tuple(replace(frame, forces=-frame.forces) for frame in data))
    >>> [(found.kind, found.certain) for found in check_labels(gradients).findings]
    [('forces: sign', True)]
    """
    if len(dataset) < LEAST_STRUCTURES:
        few = counted(len(dataset), "structure")
        sentence = f"all labels, with {few}; {LEAST_STRUCTURES} are needed to compare them"
        return LabelCheck((), (sentence,), len(dataset), 0)
    kinds = comparable(dataset, reach(dataset), LEAST_STRUCTURES)
    left_out = _left_out(dataset, kinds)
    if len(kinds.chosen) < LEAST_STRUCTURES:
        return LabelCheck((), (left_out,), len(dataset), 0)
    sample = choose_sample(dataset, kinds.chosen, seed)
    try:
        rows = make_rows(dataset, sample, kinds.chosen)
    except (DataError, StructureError) as error:
        sentence = f"all labels, because the structures cannot be described: {error}"
        return LabelCheck((), (sentence,), len(dataset), 0)
    if not len(rows.columns):
        sentence = "all labels, because all structures are so symmetric that no atom can have a force"
        findings = check_zero_stresses(dataset, rows)
        return LabelCheck(tuple(findings), (sentence,), len(dataset), rows.n)
    work = _Work(dataset, rows)
    work.unchecked.extend([left_out] if kinds.rest else [])
    found = _without_artefacts(dataset, rows, list(work.findings()), work.unchecked)
    if any(one.certain and one.kind in DOUBTED for one in found):
        second = make_rows(
            dataset, sample, kinds.chosen, second=True
        )  # as many features of the same structures
        found = _confirmed(found, list(_Work(dataset, second).findings()))
    findings = sorted(found, key=lambda one: not one.certain)
    return LabelCheck(
        tuple(findings),
        tuple(work.unchecked),
        len(dataset),
        rows.n,
        work.open_slopes,
    )


def _confirmed(findings: list[Finding], others: list[Finding]) -> list[Finding]:
    """The findings, where those that may be errors of the small basis are certain only if another basis makes them."""

    def seen(one: Finding) -> bool:
        again = [set(other.frames) & set(one.frames) for other in others if other.kind == one.kind]
        return any(2 * len(shared) >= len(one.frames) for shared in again)

    return [
        one if one.kind not in DOUBTED else replace(one, certain=one.certain and seen(one))
        for one in findings
    ]


def _left_out(dataset: Dataset, kinds: Comparable) -> str:
    """Say which structures are not compared."""
    if len(kinds.chosen) < LEAST_STRUCTURES:
        return (
            f"all labels, because only {len(kinds.chosen)} of {len(dataset)} structures have surroundings of one kind; "
            f"{LEAST_STRUCTURES} are needed to compare them"
        )
    return (
        f"{counted(len(kinds.rest), 'structure')} ({place(dataset, kinds.rest)}), because "
        f"{'its' if len(kinds.rest) == 1 else 'their'} surroundings have nothing in common with those of the others"
    )


def _without_artefacts(
    dataset: Dataset, rows: Rows, findings: list[Finding], unchecked: list[str]
) -> list[Finding]:
    """Leave out what is found in labels that are right by construction, too; it is said not to be checked."""
    compared = [found for found in findings if found.kind not in COUNTED]
    for control in CONTROLS if compared else ():
        labelled = with_control_labels(Dataset(rows.frames), REACH * (rows.basis.cutoff or 0.0), control)
        artefacts = {found.label for found in _Work(labelled, rows.relabelled(labelled.frames)).findings()}
        for label in sorted(artefacts & {found.label for found in compared}):
            unchecked.append(
                f"{PLURALS[label]}, because on these structures even labels that are right by construction, those of "
                "a simple potential, seem to contradict each other: they have too little in common"
            )
        compared = [found for found in compared if found.label not in artefacts]
    return [found for found in findings if found.kind in COUNTED or found in compared]


class _Work:
    """One check: what is known so far, and what could not be checked."""

    def __init__(self, dataset: Dataset, rows: Rows) -> None:
        self.dataset, self.rows = dataset, rows
        self.unchecked: list[str] = []
        self.open_slopes = ""
        self.odd_stresses: list[tuple[Mask, Stresses]] = []
        self.stress_zeros = check_zero_stresses(dataset, rows)
        self.forces = fit_forces(rows)
        self.trusted = self.forces is not None and self.forces.explained >= PREDICTABLE

    def findings(self) -> Iterator[Finding]:
        """Go from what needs least to what needs most."""
        yield from self.stress_zeros
        yield from check_zero_forces(self.dataset, self.rows)
        fit = self._fit()
        stresses = self._stresses(fit)
        fit = self._with_stresses(fit, stresses)
        energies = analyse_energies(self.rows, fit)
        if energies is None:
            self.unchecked.append("energies, because fewer than 8 structures have one")
        singles: list[Single] = []
        if energies is not None:
            energies, singles = without_single_energies(self.rows, fit, energies)
        self._say_what_is_open(energies, stresses)
        verdict = judge(energies, stresses, self.trusted, lambda: sign_of_forces(self.rows))
        self.open_slopes = verdict.unnamed
        if verdict.unnamed:
            self.unchecked.append(
                f"units, because {verdict.unnamed} against the forces, which is that of no unit: these structures "
                "may be too much alike"
            )
        positions = check_positions(self.dataset, self.rows, energies, stresses)
        yield from positions
        if any(found.certain for found in positions):
            return  # everything else follows from the distances
        described = self.trusted and self.forces is not None and self.forces.explained >= GOOD_FORCES
        if described and verdict.plain and not verdict.unnamed:
            yield from check_open_units(self.dataset, self.rows, energies, stresses)
        yield from self._forces(verdict)
        yield from self._energies(fit, energies, singles, verdict)
        yield from self._stress_findings(stresses, verdict)

    def _fit(self) -> Posterior:
        """Coefficients from the forces; without them from the stresses; without both, none."""
        if self.trusted:
            assert self.forces is not None
            return self.forces.posterior
        from_stresses = virial_posterior(self.rows)
        if from_stresses is not None:
            return from_stresses
        return prior_alone(self.rows)

    def _stress_rows(self) -> Mask:
        zero = {k for found in self.stress_zeros for k in found.frames}
        return np.array([int(k) not in zero for k in self.rows.indices])

    def _stresses(self, fit: Posterior) -> Stresses | None:
        """Stresses of all groups that agree; the groups that do not are kept apart."""
        if not self.trusted:
            return None
        rows = self._stress_rows()
        files = np.array([self.rows.names[g][0] for g in self.rows.groups], dtype=object)
        by_file = [files == name for name in dict.fromkeys(files)]
        by_group = [self.rows.groups == g for g in range(len(self.rows.names))]
        for parts in (by_group, by_file):
            if len(parts) < 2:
                continue
            found = [(part, analyse_stresses(self.rows, fit, rows & part)) for part in parts]
            sure = [(part, own) for part, own in found if own is not None and own.slope.sure]
            odd = [(part, own) for part, own in sure if not own.plain]
            if 0 < len(odd) < len(sure):
                self.odd_stresses = odd
                rows = rows & ~np.any([part for part, _ in odd], axis=0)
                break
        return analyse_stresses(self.rows, fit, rows)

    def _with_stresses(self, fit: Posterior, stresses: Stresses | None) -> Posterior:
        """Coefficients from forces and stresses, these over their slope, so that the two agree whichever is off."""
        if stresses is None or not stresses.slope.sure or stresses.order is not None or stresses.virial:
            return fit
        factor = 1.0 if stresses.slope.right else stresses.slope.factor
        units = [*(f.value for f in STRESS_FACTORS), *(1.0 / f.value for f in FORCE_FACTORS)]
        if factor != 1.0 and min(abs(factor / unit - 1.0) for unit in units) > STRESS_TOLERANCE:
            return fit
        return with_virials(self.rows, fit, stresses.used, factor, stresses.slope.comparison.sigma)

    def _forces(self, verdict: Verdict) -> Iterator[Finding]:
        if self.forces is not None:
            overall = verdict.factor("forces")
            if overall == 1.0 or some_are_right(self.forces, overall):
                yield from check_forces(self.dataset, self.rows, self.forces, overall)
            else:
                yield from verdict.findings(self.dataset, self.rows, "forces")
                yield from check_forces(self.dataset, self.rows, self.forces, 1.0)

    def _energies(
        self, fit: Posterior, energies: Energies | None, singles: list[Single], verdict: Verdict
    ) -> Iterator[Finding]:
        if energies is None:
            return
        yield from check_per_atom(self.dataset, self.rows, energies)
        yield from verdict.findings(self.dataset, self.rows, "energy")
        if verdict.unnamed and energies.slope.sure and not energies.slope.right:
            return  # these structures do not tell what their energies should be
        factor = energies.slope.factor if energies.slope.sure else 1.0
        factor = 1.0 if energies.slope.right else abs(factor)
        yield from check_offsets(self.dataset, self.rows, energies, factor)
        plain = verdict.plain and not energies.per_atom and not verdict.unnamed
        if not plain:
            return  # what is off by a factor is looked at again when it is corrected
        two_models: list[Finding] = []
        if self.trusted and self.forces is not None and not energies.offsets:
            two_models = check_two_models(self.dataset, self.rows, energies, self.forces.explained)
        yield from two_models
        singles = [single for single in singles if single.clear or not two_models]
        energies = energies.without([single.row for single in singles])
        combined = with_energies(self.rows, fit, energies.slope, energies.labels, energies.columns)
        yield from check_single_energies(self.dataset, self.rows, combined, energies, singles)
        if self.trusted and energies.slope.sure and not two_models:
            yield from check_pressure(self.dataset, self.rows, combined, self._stress_rows())

    def _stress_findings(self, stresses: Stresses | None, verdict: Verdict) -> Iterator[Finding]:
        frames = [k for k in concerned(self.dataset, self.rows, "stress") if np.any(self.dataset[k].stress)]
        odd_names: set[tuple[str, str]] = set()
        for part, own in self.odd_stresses:
            names = {self.rows.names[g] for g in self.rows.groups[part]}
            odd_names |= names
            inside = [k for k in frames if (self.dataset[k].file, self.dataset[k].config_type) in names]
            unit = nearest_factor(own.slope.factor, STRESS_FACTORS, STRESS_TOLERANCE)
            factor = 1.0 if own.slope.right or unit is None else own.slope.factor
            few = int((part & own.used).sum()) < LEAST_STRUCTURES
            yield from check_stresses(self.dataset, own, factor, inside, few=few)
        if stresses is not None:
            rest = [k for k in frames if (self.dataset[k].file, self.dataset[k].config_type) not in odd_names]
            factor = verdict.factor("stress")
            yield from check_stresses(self.dataset, stresses, factor, rest, verdict.doubt)
        elif verdict.factor("stress") != 1.0:
            yield from verdict.findings(self.dataset, self.rows, "stress")

    def _say_what_is_open(self, energies: Energies | None, stresses: Stresses | None) -> None:
        """Name the comparisons that the data do not allow."""
        if self.forces is None:
            self.unchecked.append("forces, because too few structures have any, or any that are not zero")
        elif not self.trusted and self._force_size() < SMALL_FORCES:
            self.unchecked.append(
                f"forces, because they are as small as the noise of a calculation (below {SMALL_FORCES} eV/Å)"
            )
        if energies is not None and not energies.slope.sure:
            self.unchecked.append(
                "sign and unit of energies against forces, because these structures do not determine them"
            )
        if stresses is not None and not stresses.slope.sure:
            self.unchecked.append(
                "sign and unit of stresses against forces, because these structures do not determine them"
            )

    def _force_size(self) -> float:
        squares = [float(f @ f) for f in self.rows.forces if f is not None]
        counts = [f.size for f in self.rows.forces if f is not None]
        return float((sum(squares) / max(1, sum(counts))) ** 0.5)
