"""`mlip-rs validate`: compute properties one by one, keep each when it is done, judge them."""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ase import Atoms
from threadpoolctl import threadpool_limits

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.data.convert import as_dataset
from mlip_rs.errors import ConfigError, MlipError
from mlip_rs.evaluate.evaluation import Evaluation, evaluate
from mlip_rs.files import check_writable, distinct_names, write_atomically
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent
from mlip_rs.report.document import Report
from mlip_rs.report.html import save_html
from mlip_rs.report.markdown import FIGURES, save_markdown
from mlip_rs.validate.outcome import Outcome, Validation, ValidationComparison, judged
from mlip_rs.validate.properties import PROPERTIES, Property
from mlip_rs.validate.reference import Reference
from mlip_rs.validate.store import ResultStore, crystal_settings, fingerprint
from mlip_rs.validate.subject import Subject, load_calculator, load_reference_source, reference_results

RESULTS = "results"
"""Folder of the finished properties, inside that of the validation."""

Start: TypeAlias = Atoms | tuple[str | None, str]
"""A crystal as `Subject` takes it."""


def validate(
    potential: str | Path,
    output: str | Path,
    *,
    reference: str | None = None,
    crystal: str | None = None,
    only: Sequence[str] = (),
    quick: bool = False,
    data: str | Path | None = None,
    progress: Progress | None = None,
) -> Validation:
    """Compute the properties of a potential and judge them against a reference.

    Every finished property is kept in `output`; a second call with the same potential, reference and settings
    takes it from there. `report.html`, `report.md` with `figures/*.png`, and `validation.json` are written at the end.

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
    data
        Labelled structures: their errors, by kind and by size of the force, are added; for potential files only.
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
    from mlip_rs.report.validation import validation_report

    given = {"potential": str(potential)}
    (result,) = _validations(given, output, reference, crystal, only, quick, data, progress).values()
    _write(validation_report(result), result.to_dict(), Path(output))
    return result


def validate_several(
    potentials: Sequence[str | Path],
    output: str | Path,
    *,
    reference: str | None = None,
    crystal: str | None = None,
    only: Sequence[str] = (),
    quick: bool = False,
    data: str | Path | None = None,
    progress: Progress | None = None,
) -> ValidationComparison:
    """Compute the properties of several potentials, and judge them against one reference side by side.

    All are of one crystal: without `crystal` and a reference it is the prototype that the first potential has lowest.

    Parameters
    ----------
    potentials
        As in `validate`, at least two different ones.
    output, reference, crystal, only, quick, data, progress
        As in `validate`.

    Raises
    ------
    ConfigError, PotentialFileError, DataError
        An argument that makes no sense, a file that cannot be read.
    OSError
        The folder cannot be written.
    """
    from mlip_rs.report.comparison import comparison_report

    given = distinct_names([str(potential) for potential in potentials])
    if len(given) < 2:
        raise ConfigError("a comparison needs at least two different potentials")
    result = ValidationComparison(
        _validations(given, output, reference, crystal, only, quick, data, progress)
    )
    _write(comparison_report(result), result.to_dict(), Path(output))
    return result


def _write(report: Report, document: dict[str, Any], output: Path) -> None:
    write_atomically(output / "validation.json", json.dumps(document, indent=1, ensure_ascii=False))
    save_html(report, output / "report.html")
    save_markdown(report, output / "report.md")


def _check_outputs(output: Path) -> None:
    """Refuse a folder that `_write` could not write, before anything is computed."""
    for folder in (output, output / FIGURES, output / RESULTS):
        there = next(place for place in (folder, *folder.parents) if place.exists())
        check_writable(there / "any")
    if output.is_dir():
        for name in ("validation.json", "report.html", "report.md"):
            check_writable(output / name)


def _validations(
    potentials: Mapping[str, str],
    output: str | Path,
    reference: str | None,
    crystal: str | None,
    only: Sequence[str],
    quick: bool,
    data: str | Path | None,
    progress: Progress | None,
) -> dict[str, Validation]:
    chosen = _chosen(only)
    _check_outputs(Path(output))
    session = _Session(potentials, reference, crystal, quick, Path(output))
    evaluations = {} if data is None else session.evaluations(data)
    outcomes: dict[str, list[Outcome]] = {name: [] for name in potentials}
    teller = progress or Silent()
    for notice in session.notices:
        teller.note(f"notice: {notice}")
    teller.start("validating", len(chosen) * len(potentials))
    with threadpool_limits(1, user_api="blas"):  # the matrices of optimisers are far too small to share
        for entry in chosen:
            for name in potentials:
                outcome = session.outcome(entry, name)
                outcomes[name].append(outcome)
                of = f" of {name}" if len(potentials) > 1 else ""
                teller.note(f"{entry.name}{of}: {outcome.verdict}")
                teller.advance()
    return {
        name: Validation(
            text,
            reference or "",
            session.crystal_name(name),
            crystal or "",
            quick,
            tuple(outcomes[name]),
            str(data or ""),
            evaluations.get(name),
            session.notices,
        )
        for name, text in potentials.items()
    }


def _chosen(only: Sequence[str]) -> list[Property]:
    names = [entry.name for entry in PROPERTIES]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise ConfigError(f"unknown property {', '.join(unknown)}; known are {', '.join(names)}")
    return [entry for entry in PROPERTIES if not only or entry.name in only]


class _Session:
    """Subjects of one validation, and the stores of what is finished."""

    def __init__(
        self,
        potentials: Mapping[str, str],
        reference: str | None,
        crystal: str | None,
        quick: bool,
        output: Path,
    ) -> None:
        loaded = {name: load_calculator(text) for name, text in potentials.items()}
        first = next(iter(loaded.values()))[1]
        only = first.elements[0] if first is not None and len(first.elements) == 1 else None
        source = None if reference is None else load_reference_source(reference, only)
        self._element = source.element if isinstance(source, Reference) else None
        self.notices: tuple[str, ...] = ()
        if isinstance(source, Reference) and source.element_is_assumed:
            self.notices = (
                f"{reference} names no element; it is taken to be of {source.element}, as the potential is."
                f' If that is right, add "element": "{source.element}" to the file.',
            )
        start = _starting_crystal(crystal, first.elements if first is not None else (), self._element)
        for name, (_, potential) in loaded.items():
            if potential is not None:
                _require_elements(name, potential.elements, start)
        if source is not None:
            _require_elements(f"the reference {reference}", _known_elements(source), start)
        self._given: dict[str, Any] = {}
        if isinstance(source, Reference):
            self._given = reference_results(source)
            if isinstance(start, tuple) and start[0] is None:
                start = ("fcc", start[1])  # what the properties of such a file are of
        self._reference: Subject | None = None
        settings = f"{crystal_settings(start)} {quick}"
        folder = output / RESULTS
        if isinstance(source, tuple):
            wanted = {
                symbol for _, found in loaded.values() if found is not None for symbol in found.elements
            }
            self._reference = Subject(
                source[0], start, quick=quick, potential=source[1], elements=tuple(sorted(wanted))
            )
            key = fingerprint(reference or "", source[1], f"{settings} {self._reference.elements}")
            self._reference_store = ResultStore(folder, "reference", key)
            settings += key  # the reference may choose the crystal
        self._start, self._quick, self._loaded = start, quick, loaded
        self._first = next(iter(loaded))
        self._subjects: dict[str, Subject] = {}
        if len(potentials) > 1 and self._reference is None:
            settings += fingerprint(potentials[self._first], loaded[self._first][1], "chooses the crystal")
        self._stores = {
            name: ResultStore(
                folder,
                "potential" if len(loaded) == 1 else _file_name(name),
                fingerprint(potentials[name], potential, settings),
            )
            for name, (_, potential) in loaded.items()
        }

    def subject(self, name: str) -> Subject:
        """A potential with the crystal of the reference or of the first potential, if one of them chooses it."""
        if name not in self._subjects:
            start = self._start
            chooses = self._reference is None and name == self._first
            if isinstance(start, tuple) and start[0] is None and not chooses:
                judge = self._reference or self.subject(self._first)
                start = (judge.structure, start[1])
            calculator, potential = self._loaded[name]
            self._subjects[name] = Subject(calculator, start, quick=self._quick, potential=potential)
        return self._subjects[name]

    def crystal_name(self, name: str) -> str:
        """For people; empty if there is no crystal."""
        if isinstance(self._start, Atoms):
            return str(self._start.get_chemical_formula())
        try:
            return f"{self.subject(name).structure} {self._start[1]}"
        except MlipError:
            return ""

    def evaluations(self, data: str | Path) -> dict[str, Evaluation]:
        """Errors of every potential on labelled structures, which are read once."""
        potentials: dict[str, Potential] = {}
        for name, (_, potential) in self._loaded.items():
            if potential is None:
                raise ConfigError(
                    f"{name}: errors on data need a potential file; leave out --data for a calculator"
                )
            potentials[name] = potential
        dataset = as_dataset(data)
        return {name: evaluate(potential, dataset) for name, potential in potentials.items()}

    def outcome(self, entry: Property, name: str) -> Outcome:
        """Compute or look up a property on both sides, and compare."""
        begin = time.perf_counter()
        reference, reference_failure = self._given.get(entry.name), ""
        if reference is not None and not self._is_of_this_crystal(entry.name):
            reference, reference_failure = None, f"the file of reference properties is of fcc {self._element}"
        if self._reference is not None:
            judge = self._reference
            reference, reference_failure, _ = self._reference_store.result(entry, lambda: judge)
            lacking = self._lacking(name) if entry.name == "compounds" else []
            if lacking:
                reference_failure = f"the reference lacks {', '.join(lacking)}"
        result, failure, applicable = self._stores[name].result(entry, lambda: self.subject(name))
        seconds = time.perf_counter() - begin
        if not failure:
            return judged(entry, result, reference, reference_failure=reference_failure, seconds=seconds)
        return Outcome(
            entry.name,
            entry.title,
            failure=failure,
            applicable=applicable,
            reference_failure=reference_failure,
            seconds=seconds,
            reference=reference,
        )

    def _lacking(self, name: str) -> list[str]:
        """Elements of a potential that the potential behind the reference does not know."""
        judge = self._reference.potential if self._reference is not None else None
        potential = self._loaded[name][1]
        if judge is None or potential is None:
            return []
        return [symbol for symbol in potential.elements if symbol not in judge.elements]

    def _is_of_this_crystal(self, name: str) -> bool:
        """Whether what a file of reference properties holds, of fcc but for the prototypes, is of the same crystal."""
        if not isinstance(self._start, tuple) or self._start[1] != self._element:
            return False
        return name in ("prototypes", "pressure") or self._start[0] == "fcc"


def _known_elements(source: Reference | tuple[Calculator, Potential | None]) -> Sequence[str] | None:
    """Those that a reference has or knows; None of a calculator, which cannot be asked."""
    if isinstance(source, Reference):
        return (source.element,)
    return None if source[1] is None else source[1].elements


def _require_elements(name: str, known: Sequence[str] | None, start: Start) -> None:
    """Refuse a potential or reference that does not know the crystal; None knows all."""
    symbols = start.get_chemical_symbols() if isinstance(start, Atoms) else [start[1]]
    missing = sorted(set(symbols) - set(symbols if known is None else known))
    if missing:
        raise ConfigError(
            f"{name} does not know {', '.join(missing)}, only {', '.join(known or ())}; choose a --crystal that"
            " all potentials and the reference share, or another of them"
        )


def _file_name(name: str) -> str:
    """Of one of several potentials: readable, short enough for any system, and another one for every name."""
    readable = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    return f"potential-{readable[:60]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"


def _starting_crystal(text: str | None, elements: Sequence[str], known: str | None) -> Start:
    """What `Subject` takes, from what the user typed."""
    from mlip_rs.data import read_structures
    from mlip_rs.generate.prototypes import canonical_name

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
