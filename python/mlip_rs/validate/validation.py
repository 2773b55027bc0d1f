"""`mlip-rs validate`: compute properties one by one, keep each when it is done, judge them."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms
from pydantic import TypeAdapter, ValidationError
from threadpoolctl import threadpool_limits

from mlip_rs.errors import ConfigError, MlipError, NotApplicableError
from mlip_rs.files import write_atomically
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent
from mlip_rs.validate.properties import PROPERTIES, Property
from mlip_rs.validate.reference import Reference
from mlip_rs.validate.subject import Subject, load_calculator, load_reference_source, reference_results

RESULTS = "results"
"""Folder of the finished properties, inside that of the validation."""


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
        """One of "pass", "FAIL", "not computed", "not applicable", and "no reference": sound, compared with nothing."""
        if self.failure:
            return "not computed" if self.applicable else "not applicable"
        if self.objections or any(row.passed is False for row in self.rows):
            return "FAIL"
        if self.reference is not None and self.is_relative:
            return "pass"
        alone = not self.rows and not self.is_relative
        return "pass" if alone or any(row.passed for row in self.rows) else "no reference"

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
    quick
        Whether the short form was asked for.
    outcomes
        In the order of `PROPERTIES`.
    """

    potential: str
    reference: str
    crystal: str
    quick: bool
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """No property fails, and every one that is defined for the crystal could be computed."""
        return all(outcome.verdict not in ("FAIL", "not computed") for outcome in self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "potential": self.potential,
            "reference": self.reference,
            "crystal": self.crystal,
            "quick": self.quick,
            "passed": self.passed,
            "properties": [outcome.to_dict() for outcome in self.outcomes],
        }

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Header and one row per property."""
        rows: list[tuple[str, ...]] = []
        for outcome in self.outcomes:
            compared = [row.passed for row in outcome.rows if row.passed is not None]
            within = f"{sum(compared)} of {len(compared)}" if compared else "–"
            reason = outcome.failure or "; ".join(outcome.objections)
            rows.append((outcome.name, outcome.verdict, within, f"{outcome.seconds:.1f}", reason))
        return ("property", "verdict", "within threshold", "time (s)", "reason"), rows


def validate(
    potential: str | Path,
    output: str | Path,
    *,
    reference: str | None = None,
    crystal: str | None = None,
    only: Sequence[str] = (),
    quick: bool = False,
    progress: Progress | None = None,
) -> Validation:
    """Compute the properties of a potential and judge them against a reference.

    Every finished property is kept in `output`; a second call with the same potential, reference and settings
    takes it from there. The report and `validation.json` are written at the end.

    Parameters
    ----------
    potential
        Potential file, or an ASE calculator as `module:factory`.
    output
        Folder; made if there is none.
    reference
        File of reference properties, potential file or `module:factory`; None: only soundness is judged.
    crystal
        Structure file, `PROTOTYPE` or `PROTOTYPE:ELEMENT`; None: the prototype that the reference, or without one
        the potential, has lowest.
    only
        Names of `PROPERTIES`; empty: all.
    quick
        Fewer structures, smaller cells.
    progress
        Told of every property.

    Returns
    -------
    Validation
        Always: a property that cannot be computed is an outcome with the reason.

    Raises
    ------
    ConfigError, PotentialFileError, DataError
        An argument that makes no sense, a file that cannot be read.
    OSError
        The folder cannot be written.
    """
    from mlip_rs.validate.validation_report import validation_report

    chosen = _chosen(only)
    run = _Run(str(potential), reference, crystal, quick, Path(output))
    teller = progress or Silent()
    teller.start("validating", len(chosen))
    outcomes = []
    with threadpool_limits(1, user_api="blas"):  # the matrices of optimisers are far too small to share
        for entry in chosen:
            outcome = run.outcome(entry)
            outcomes.append(outcome)
            teller.note(f"{entry.name}: {outcome.verdict}")
            teller.advance()
    result = Validation(str(potential), reference or "", run.crystal_name, quick, tuple(outcomes))
    write_atomically(
        Path(output) / "validation.json", json.dumps(result.to_dict(), indent=1, ensure_ascii=False)
    )
    validation_report(result).save(Path(output) / "report.html")
    return result


def _chosen(only: Sequence[str]) -> list[Property]:
    names = [entry.name for entry in PROPERTIES]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise ConfigError(f"unknown property {', '.join(unknown)}; known are {', '.join(names)}")
    return [entry for entry in PROPERTIES if not only or entry.name in only]


class _Run:
    """Subjects of one validation, and the store of what is finished."""

    def __init__(
        self, potential: str, reference: str | None, crystal: str | None, quick: bool, output: Path
    ) -> None:
        calculator, loaded = load_calculator(potential)
        source = None if reference is None else load_reference_source(reference)
        known = source.element if isinstance(source, Reference) else None
        start = _starting_crystal(crystal, loaded.elements if loaded is not None else (), known)
        self._given: dict[str, Any] = {}
        self._reference: Subject | None = None
        self._element = known
        if isinstance(source, Reference):
            self._given = reference_results(source)
            if isinstance(start, tuple) and start[0] is None:
                start = ("fcc", start[1])  # what the properties of such a file are of
        elif source is not None:
            self._reference = Subject(source[0], start, quick=quick, potential=source[1])
        self._start, self._quick = start, quick
        self._calculator, self._potential = calculator, loaded
        self._folder = output / RESULTS
        self._folder.mkdir(parents=True, exist_ok=True)
        by_calculator = reference if self._reference is not None else None
        settings = f"{_described(start)} {quick} {by_calculator}"
        self._keys = {
            "potential": _key(potential, loaded, settings),
            "reference": _key(reference or "", source[1] if isinstance(source, tuple) else None, settings),
        }
        self._subject: Subject | None = None

    @property
    def subject(self) -> Subject:
        """The potential with the crystal of the reference, if that is the one to choose it."""
        if self._subject is None:
            start = self._start
            if self._reference is not None and isinstance(start, tuple) and start[0] is None:
                start = (self._reference.structure, start[1])
            self._subject = Subject(self._calculator, start, quick=self._quick, potential=self._potential)
        return self._subject

    @property
    def crystal_name(self) -> str:
        """For people; empty if there is no crystal."""
        if isinstance(self._start, Atoms):
            return str(self._start.get_chemical_formula())
        try:
            return f"{self.subject.structure} {self._start[1]}"
        except MlipError:
            return ""

    def outcome(self, entry: Property) -> Outcome:
        """Compute or look up a property on both sides, and compare."""
        begin = time.perf_counter()
        reference, reference_failure = self._given.get(entry.name), ""
        if reference is not None and not self._is_of_this_crystal(entry.name):
            reference, reference_failure = None, f"the file of reference properties is of fcc {self._element}"
        if self._reference is not None:
            reference, reference_failure, _ = self._stored(entry, "reference")
        result, failure, applicable = self._stored(entry, "potential")
        seconds = time.perf_counter() - begin
        if failure:
            return Outcome(
                entry.name,
                entry.title,
                failure=failure,
                applicable=applicable,
                reference_failure=reference_failure,
                seconds=seconds,
                reference=reference,
            )
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

    def _is_of_this_crystal(self, name: str) -> bool:
        """Whether what a file of reference properties holds, of fcc but for the prototypes, is of the same crystal."""
        if not isinstance(self._start, tuple) or self._start[1] != self._element:
            return False
        return name in ("prototypes", "pressure") or self._start[0] == "fcc"

    def _stored(self, entry: Property, side: str) -> tuple[Any, str, bool]:
        """Result or reason of a failure, one of them empty, and whether the property is defined at all."""
        path = self._folder / f"{side}-{entry.name}.json"
        found = _restored(entry, path, self._keys[side])
        if found is not None:
            return found, "", True
        try:
            subject = self._reference if side == "reference" else self.subject
            result = entry.compute(subject)  # type: ignore[arg-type]  # a side is asked for only if it is there
        except NotApplicableError as error:
            return None, str(error), False
        except Exception as error:  # a calculator may raise anything; the other properties are still wanted
            reason = str(error) if isinstance(error, MlipError) else f"{type(error).__name__}: {error}"
            return None, reason or type(error).__name__, True
        document = (
            result.to_dict() if entry.restore else TypeAdapter(entry.kind).dump_python(result, mode="json")
        )
        write_atomically(path, json.dumps({"key": self._keys[side], "result": document}))
        return result, "", True


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


def _restored(entry: Property, path: Path, key: str) -> Any:  # noqa: ANN401 (results of all kinds)
    """Stored result, or None if there is none of this potential and these settings, or it is damaged."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["key"] != key:
            return None
        if entry.restore is not None:
            return entry.restore(document["result"])
        return TypeAdapter(entry.kind).validate_python(document["result"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None


def _key(name: str, potential: Potential | None, settings: str) -> str:
    """Fingerprint of everything that a result depends on."""
    import mlip_rs

    content = name if potential is None else potential.checksum
    return hashlib.sha256(f"{mlip_rs.__version__} {content} {settings}".encode()).hexdigest()


def _described(start: Atoms | tuple[str | None, str]) -> str:
    """Text that differs for different crystals."""
    if isinstance(start, Atoms):
        arrays = start.numbers.tolist(), start.cell[:].tolist(), start.positions.tolist()
        return json.dumps(arrays)
    return f"{start[0]}:{start[1]}"


def _starting_crystal(
    text: str | None, elements: Sequence[str], known: str | None
) -> Atoms | tuple[str | None, str]:
    """What `Subject` takes, from what the user typed."""
    from mlip_rs.data import read_structures
    from mlip_rs.validate.prototypes import canonical_name

    if text is not None and Path(text).is_file():
        return read_structures(text, index="0")[0].atoms
    name, _, element = (text or "").partition(":")
    element = element or known or (elements[0] if len(elements) == 1 else "")
    if not element:
        several = ", ".join(elements) or "unknown"
        raise ConfigError(
            f"elements: {several}; say of which crystal the properties are wanted: a structure file or"
            " PROTOTYPE:ELEMENT (fcc:Al)"
        )
    if elements and element not in elements:
        raise ConfigError(f"the potential does not know {element}; it knows {', '.join(elements)}")
    return (canonical_name(name) if name else None), element
