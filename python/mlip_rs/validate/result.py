"""Results of a validation: each property of a potential compared with the reference, with its status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from mlip_rs.evaluate.evaluation import Evaluation
from mlip_rs.text import counted
from mlip_rs.uncertainty.calibration import normal_quantile
from mlip_rs.uncertainty.derived import LEAST_MEMBERS
from mlip_rs.validate.error_bars import ErrorBar

BarsTable: TypeAlias = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Header and rows."""

LEVEL: float = 0.9
"""Coverage at which a reference is said to lie inside an error bar."""

WITHIN: Mapping[bool | None, str] = MappingProxyType({True: "yes", False: "no", None: "–"})
"""Answers whether a reference lies within an error bar."""

ROUNDING: float = 1e-9
"""Relative difference that an error bar of zero, as by symmetry, covers."""

OUTSIDE = "outside the data"
"""Said of a result that rests on surroundings of atoms which the training data do not contain."""


@dataclass(frozen=True)
class ValidationRow:
    """One quantity compared with the reference.

    Attributes
    ----------
    name, unit
        Name and unit of the quantity.
    value, reference
        Values in `unit`; `value` is None where it is not determined, `reference` where there is none.
    threshold
        Largest deviation in `unit` that passes; None without a reference.
    bar
        Error bar of the value; None if the members of a committee did not compute it.
    """

    name: str
    unit: str
    value: float | None
    reference: float | None
    threshold: float | None
    bar: ErrorBar | None = None

    @property
    def deviation(self) -> float | None:
        """Value − reference, in `unit`; None if one of them is."""
        return None if self.reference is None or self.value is None else self.value - self.reference

    @property
    def passed(self) -> bool | None:
        """True if the deviation is within the threshold; None if there is nothing to compare."""
        deviation = self.deviation
        return None if deviation is None or self.threshold is None else abs(deviation) <= self.threshold

    @property
    def inside(self) -> bool | None:
        """True if the reference lies within the error bar of 90 %, 1.645 σ; None if there is nothing to compare."""
        if self.deviation is None or self.reference is None or self.bar is None or self.bar.sigma is None:
            return None
        width = normal_quantile(LEVEL) * self.bar.sigma + ROUNDING * abs(self.reference)
        return abs(self.deviation) <= width

    @property
    def shown(self) -> str:
        """Value with its error bar, if it has one."""
        if self.value is None:
            return "not determined"
        text = f"{self.value:.4g}" if self.bar is None else self.bar.shown(self.value)
        return text.replace("-", "−")

    def to_dict(self) -> dict[str, Any]:
        """Keys quantity, unit, value, reference, threshold, pass, and those of the error bar."""
        return {
            "quantity": self.name,
            "unit": self.unit,
            "value": self.value,
            "determined": self.value is not None,
            "reference": self.reference,
            "threshold": self.threshold,
            "pass": self.passed,
            "sigma": None if self.bar is None else self.bar.sigma,
            "members": None if self.bar is None else self.bar.determined,
            "inside_90_percent": self.inside,
        }


@dataclass(frozen=True)
class PropertyResult:
    """Result of one property of a potential, compared with the reference.

    Attributes
    ----------
    name, title
        Name on the command line, and title in reports.
    rows
        Quantities compared with the reference.
    failures
        Criteria that are broken, whatever the deviations of the quantities.
    undecided
        Status and reason of a result that is no answer; empty if it is one.
    error
        Reason why the property could not be computed; empty if it could.
    applicable
        False if `error` says that the property is not defined for this crystal.
    reference_error
        Reason why there is no reference to compare with, although there should be one.
    outside
        What of the evaluated surroundings the training data do not contain; empty if they contain all; None if that is
        not known.
    notes
        Remarks needed to read the numbers.
    needs_reference
        True if the property can be judged only with a reference, even where it has no number.
    seconds
        Computing time.
    value, reference
        Computed result and that of the reference; None where there is none.
    members
        Results of the members of the committee that have one.
    losses
        Members of the committee without a value, and why.
    """

    name: str
    title: str
    rows: tuple[ValidationRow, ...] = ()
    failures: tuple[str, ...] = ()
    undecided: tuple[str, str] = ("", "")
    error: str = ""
    applicable: bool = True
    reference_error: str = ""
    outside: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    needs_reference: bool = False
    seconds: float = 0.0
    value: Any = None
    reference: Any = None
    members: tuple[Any, ...] = ()
    losses: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """A word, or a few.

        "pass"; "FAIL"; "not computed"; "not applicable"; "not compared": the reference lacks the property although it
        should have it; "no reference": no criterion is broken, and there was nothing to compare with; another one, such
        as "did not melt": the result is no answer.
        """
        if self.error:
            return "not computed" if self.applicable else "not applicable"
        if self.failures or any(row.passed is False for row in self.rows):
            return "FAIL"
        if self.undecided[0]:
            return self.undecided[0]
        if self.reference_error and (self.rows or self.needs_reference):
            return "not compared"
        if self.reference is not None and self.needs_reference:
            return "pass"
        alone = not self.rows and not self.needs_reference
        return "pass" if alone or any(row.passed for row in self.rows) else "no reference"

    @property
    def passed(self) -> bool:
        """False for "FAIL", "not computed", "not compared", and where the result is no answer ("did not melt")."""
        return self.status not in ("FAIL", "not computed", "not compared") and not self.undecided[0]

    @property
    def data(self) -> str:
        """Place of the evaluated surroundings: "inside the data", "outside the data", or "unknown"."""
        if self.outside is None:
            return "unknown"
        return OUTSIDE if self.outside else "inside the data"

    @property
    def within(self) -> str:
        """Number of quantities within their thresholds, "5 of 6"; a dash if none is compared."""
        compared = [row.passed for row in self.rows if row.passed is not None]
        return f"{sum(compared)} of {len(compared)}" if compared else "–"

    @property
    def summary(self) -> str:
        """Status, number of quantities within their thresholds, and whether it is outside the data."""
        outside = f", {OUTSIDE}" if self.outside else ""
        return (self.status if self.within == "–" else f"{self.status}, {self.within}") + outside

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `--json`."""
        return {
            "name": self.name,
            "title": self.title,
            "verdict": self.status,
            "failure": self.error,
            "undecided": self.undecided[1],
            "objections": list(self.failures),
            "reference_failure": self.reference_error,
            "data": self.data,
            "outside_the_data": list(self.outside or ()),
            "notes": list(self.notes),
            "seconds": self.seconds,
            "quantities": [row.to_dict() for row in self.rows],
            "members_without_value": list(self.losses),
            "result": None if self.value is None else self.value.to_dict(),
        }


@dataclass(frozen=True)
class Validation:
    """Results of all properties of one potential, with their provenance.

    Attributes
    ----------
    potential, reference, crystal
        Potential, reference and crystal as the user named them; reference and crystal may be empty.
    given_crystal
        Crystal that the user asked for; empty if it was chosen automatically.
    quick
        True for fewer structures and smaller cells.
    properties
        Results in the order of `PROPERTIES`.
    data
        File of labelled structures; empty if none was given.
    evaluation
        Errors on the labelled structures.
    notices
        Remarks that concern the whole validation.
    isolated_atoms
        Energies of isolated atoms in eV by element that the user gave.
    error_bars
        Whether the user asked for error bars, or for none; None: nothing was said.
    """

    potential: str
    reference: str
    crystal: str
    given_crystal: str
    quick: bool
    properties: tuple[PropertyResult, ...]
    data: str = ""
    evaluation: Evaluation | None = None
    notices: tuple[str, ...] = ()
    isolated_atoms: Mapping[str, float] = field(default_factory=dict)
    error_bars: bool | None = None

    @property
    def barred(self) -> tuple[tuple[str, ValidationRow], ...]:
        """Quantities with an error bar, each with the name of its property."""
        return tuple(
            (found.name, row) for found in self.properties for row in found.rows if row.bar is not None
        )

    @property
    def coverage(self) -> str:
        """How many references lie within the error bars, in a sentence; empty without error bars."""
        barred = self.barred
        if not barred:
            return ""
        judged = [(name, row) for name, row in barred if row.inside is not None]
        n_members = max(row.bar.n_members for _, row in barred if row.bar is not None)
        bars = f"the error bars of {LEVEL:.0%} (1.645 σ, {n_members} members)".replace("%", " %")
        if all(row.bar is None or row.bar.sigma is None for _, row in barred):
            return f"Error bars are not determined: fewer than {LEAST_MEMBERS} members of {n_members} have a value."
        if not judged:
            return f"No reference to compare with {bars}."
        outside = [f"{row.name} ({name})" for name, row in judged if not row.inside]
        return f"Of {counted(len(judged), 'reference')}, {len(judged) - len(outside)} lie within {bars}" + (
            f"; outside: {', '.join(outside)}." if outside else "."
        )

    def error_bar_tables(self) -> list[tuple[BarsTable, str]]:
        """Table of the quantities with error bars, and the sentence to it; none without error bars."""
        return [(self.bars_table(), self.coverage)] if self.barred else []

    def bars_table(self) -> BarsTable:
        """Header and one row per quantity with an error bar."""
        rows: list[tuple[str, ...]] = [
            (
                name,
                row.name,
                row.unit,
                row.shown,
                "–" if row.reference is None else f"{row.reference:.5g}".replace("-", "−"),
                WITHIN[row.inside],
            )
            for name, row in self.barred
        ]
        return ("property", "quantity", "unit", "potential ± σ", "reference", "within 90 %"), rows

    @property
    def passed(self) -> bool:
        """True if every property that is defined for the crystal was computed and none fails or lacks its reference."""
        return all(found.passed for found in self.properties)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `--json`."""
        return {
            "potential": self.potential,
            "reference": self.reference,
            "crystal": self.crystal,
            "quick": self.quick,
            "passed": self.passed,
            "error_bars": self.coverage,
            "notices": list(self.notices),
            "properties": [found.to_dict() for found in self.properties],
            "data": None if self.evaluation is None else {"file": self.data, **self.evaluation.to_dict()},
        }

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Header and one row per property."""
        rows: list[tuple[str, ...]] = []
        for found in self.properties:
            reason = found.error or "; ".join(found.failures) or found.undecided[1]
            if found.status == "not compared":
                reason = found.reference_error
            rows.append((found.name, found.status, found.within, found.data, f"{found.seconds:.1f}", reason))
        return ("property", "status", "within threshold", "data", "time (s)", "reason"), rows


@dataclass(frozen=True)
class ValidationComparison:
    """Validations of several potentials for the same crystal against the same reference.

    Attributes
    ----------
    validations
        Validations by the name of the potential, with the same properties in the same order.
    """

    validations: Mapping[str, Validation]

    @property
    def passed(self) -> bool:
        """True if every potential passes."""
        return all(validation.passed for validation in self.validations.values())

    def error_bar_tables(self) -> list[tuple[BarsTable, str]]:
        """Those of each potential that has error bars."""
        return [
            (table, f"{name}: {sentence}")
            for name, found in self.validations.items()
            for table, sentence in found.error_bar_tables()
        ]

    @property
    def properties(self) -> list[dict[str, PropertyResult]]:
        """Results by name of the potential, for every property."""
        columns = [validation.properties for validation in self.validations.values()]
        return [dict(zip(self.validations, row, strict=True)) for row in zip(*columns, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `--json`, with one document of `Validation` for each potential."""
        documents = [{"name": name, **found.to_dict()} for name, found in self.validations.items()]
        return {"passed": self.passed, "potentials": documents}

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Header and one row per property, with the status for each potential."""
        rows = [
            (next(iter(row.values())).name, *(found.summary for found in row.values()))
            for row in self.properties
        ]
        return ("property", *self.validations), rows
