"""What became of each property of a potential: its numbers against the reference, and the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlip_rs.errors import MlipError
from mlip_rs.evaluate.evaluation import Evaluation
from mlip_rs.validate.properties import Property


@dataclass(frozen=True)
class ValidationRow:
    """One number against the reference.

    Attributes
    ----------
    name, unit
        Of the quantity.
    value, reference
        In `unit`; `reference` is None where there is none.
    threshold
        Deviation in `unit` that passes; None without a reference.
    """

    name: str
    unit: str
    value: float
    reference: float | None
    threshold: float | None

    @property
    def passed(self) -> bool | None:
        """Within the threshold; None if nothing was there to compare with."""
        if self.reference is None or self.threshold is None:
            return None
        return abs(self.value - self.reference) <= self.threshold

    def to_dict(self) -> dict[str, Any]:
        """Keys quantity, unit, value, reference, threshold, pass."""
        return {
            "quantity": self.name,
            "unit": self.unit,
            "value": self.value,
            "reference": self.reference,
            "threshold": self.threshold,
            "pass": self.passed,
        }


@dataclass(frozen=True)
class Outcome:
    """What became of one property.

    Attributes
    ----------
    name, title
        Of the property.
    rows
        Its numbers.
    objections
        Reasons why it fails, whatever the numbers.
    failure
        Why it could not be computed; empty if it could.
    applicable
        False: `failure` says why the property is not defined for this crystal.
    reference_failure
        Why there is nothing to compare with, where there should be.
    notes
        What a reader of the numbers must know.
    is_relative
        Whether it means something only beside a reference, even without a number.
    seconds
        Time that it took.
    result, reference
        Results, None where there is none.
    """

    name: str
    title: str
    rows: tuple[ValidationRow, ...] = ()
    objections: tuple[str, ...] = ()
    failure: str = ""
    applicable: bool = True
    reference_failure: str = ""
    notes: tuple[str, ...] = ()
    is_relative: bool = False
    seconds: float = 0.0
    result: Any = None
    reference: Any = None

    @property
    def verdict(self) -> str:
        """What became of it.

        "pass"; "FAIL"; "not computed"; "not applicable"; "not compared": the reference should have it all, and has
        not; "no reference": sound, and there was nothing to compare with.
        """
        if self.failure:
            return "not computed" if self.applicable else "not applicable"
        if self.objections or any(row.passed is False for row in self.rows):
            return "FAIL"
        if self.reference_failure and (self.rows or self.is_relative):
            return "not compared"
        if self.reference is not None and self.is_relative:
            return "pass"
        alone = not self.rows and not self.is_relative
        return "pass" if alone or any(row.passed for row in self.rows) else "no reference"

    @property
    def passed(self) -> bool:
        """Nothing is wrong or left open; what is not defined or has no reference is neither."""
        return self.verdict not in ("FAIL", "not computed", "not compared")

    @property
    def within(self) -> str:
        """How many numbers are within their thresholds: "5 of 6"; a dash if none is compared."""
        compared = [row.passed for row in self.rows if row.passed is not None]
        return f"{sum(compared)} of {len(compared)}" if compared else "–"

    @property
    def summary(self) -> str:
        """Verdict, and how many numbers are within their thresholds."""
        return self.verdict if self.within == "–" else f"{self.verdict}, {self.within}"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "name": self.name,
            "title": self.title,
            "verdict": self.verdict,
            "failure": self.failure,
            "objections": list(self.objections),
            "reference_failure": self.reference_failure,
            "notes": list(self.notes),
            "seconds": self.seconds,
            "quantities": [row.to_dict() for row in self.rows],
            "result": None if self.result is None else self.result.to_dict(),
        }


@dataclass(frozen=True)
class Validation:
    """All outcomes, and where they come from.

    Attributes
    ----------
    potential, reference, crystal
        As they were named; reference and crystal may be empty.
    given_crystal
        What was asked for; empty if the crystal was chosen.
    quick
        Whether the short form was asked for.
    outcomes
        In the order of `PROPERTIES`.
    data
        File of labelled structures; empty if none was given.
    evaluation
        Errors on them.
    notices
        What a reader of the whole must know.
    """

    potential: str
    reference: str
    crystal: str
    given_crystal: str
    quick: bool
    outcomes: tuple[Outcome, ...]
    data: str = ""
    evaluation: Evaluation | None = None
    notices: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """No property fails; every one defined for the crystal was computed, and compared where it should be."""
        return all(outcome.passed for outcome in self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "potential": self.potential,
            "reference": self.reference,
            "crystal": self.crystal,
            "quick": self.quick,
            "passed": self.passed,
            "notices": list(self.notices),
            "properties": [outcome.to_dict() for outcome in self.outcomes],
            "data": None if self.evaluation is None else {"file": self.data, **self.evaluation.to_dict()},
        }

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Header and one row per property."""
        rows: list[tuple[str, ...]] = []
        for outcome in self.outcomes:
            reason = outcome.failure or "; ".join(outcome.objections)
            if outcome.verdict == "not compared":
                reason = outcome.reference_failure
            rows.append((outcome.name, outcome.verdict, outcome.within, f"{outcome.seconds:.1f}", reason))
        return ("property", "verdict", "within threshold", "time (s)", "reason"), rows


@dataclass(frozen=True)
class ValidationComparison:
    """Several potentials, the same crystal and the same reference.

    Attributes
    ----------
    validations
        By name of the potential; the same properties in the same order.
    """

    validations: Mapping[str, Validation]

    @property
    def passed(self) -> bool:
        """Every potential passes."""
        return all(validation.passed for validation in self.validations.values())

    @property
    def outcomes(self) -> list[dict[str, Outcome]]:
        """Outcomes by name of the potential, for every property."""
        columns = [validation.outcomes for validation in self.validations.values()]
        return [dict(zip(self.validations, row, strict=True)) for row in zip(*columns, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; one document of `Validation` for each potential."""
        documents = [{"name": name, **found.to_dict()} for name, found in self.validations.items()]
        return {"passed": self.passed, "potentials": documents}

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Header and one row per property, a verdict for each potential."""
        rows = [
            (next(iter(row.values())).name, *(outcome.summary for outcome in row.values()))
            for row in self.outcomes
        ]
        return ("property", *self.validations), rows


def judged(
    entry: Property,
    result: Any,  # noqa: ANN401 (results of all kinds)
    reference: Any,  # noqa: ANN401
    *,
    reference_failure: str = "",
    seconds: float = 0.0,
) -> Outcome:
    """Compare a result with that of the reference, None if there is none, and judge it.

    Parameters
    ----------
    entry
        The property.
    result, reference
        Of its kind.
    reference_failure
        Why there is no reference, where there should be.
    seconds
        Time that the result took.
    """
    objections = entry.objections(result)
    if reference is not None:
        objections += entry.reference_objections(result, reference)
    rows, trouble = _rows(entry, result, reference)
    return Outcome(
        entry.name,
        entry.title,
        rows,
        objections,
        reference_failure=reference_failure or trouble,
        notes=entry.notes(result),
        is_relative=entry.is_relative,
        seconds=seconds,
        result=result,
        reference=reference,
    )


def _rows(entry: Property, result: Any, reference: Any) -> tuple[tuple[ValidationRow, ...], str]:  # noqa: ANN401
    """Rows of one property, and why the reference could not be compared with, if so."""
    known = {} if reference is None else {q.name: q for q in entry.quantities(reference)}
    rows = []
    for quantity in entry.quantities(result):
        match = known.get(quantity.name)
        rows.append(
            ValidationRow(
                quantity.name,
                quantity.unit,
                quantity.value,
                None if match is None else match.value,
                None if match is None else match.threshold.limit(match.value),
            )
        )
    if reference is None:
        return tuple(rows), ""
    try:
        errors = entry.errors(result, reference)
    except MlipError as error:
        return tuple(rows), str(error)
    rows += [ValidationRow(q.name, q.unit, q.value, 0.0, q.threshold.value) for q in errors]
    return tuple(rows), ""
