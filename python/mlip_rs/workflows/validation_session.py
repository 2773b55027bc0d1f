"""The calculators, the crystal and the stored results of one validation."""

import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.errors import ConfigError, MlipError
from mlip_rs.evaluate.evaluation import Evaluation, evaluate
from mlip_rs.generate.prototypes import canonical_name
from mlip_rs.potential import Potential
from mlip_rs.uncertainty.estimate import members_of
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.judgement import property_result
from mlip_rs.validate.properties import PROPERTIES
from mlip_rs.validate.property import Property
from mlip_rs.validate.reference import Reference
from mlip_rs.validate.reference_results import reference_results
from mlip_rs.validate.result import PropertyResult
from mlip_rs.validate.store import ResultStore, crystal_settings, fingerprint
from mlip_rs.workflows.calculators import load_calculator, load_reference_source
from mlip_rs.workflows.config import load_sources
from mlip_rs.workflows.validation_members import ValidationMembers

RESULTS = "results"
"""Folder of the finished properties, inside that of the validation."""

MEMBERS = "members"
"""Folder of those of the members of committees, inside the one above."""

Start: TypeAlias = Atoms | tuple[str | None, str]
"""A crystal as `ValidationCase` takes it."""


@dataclass(frozen=True)
class ValidationSettings:
    """Everything about a validation except the potentials; the fields are the arguments of `validate`."""

    reference: str | None = None
    crystal: str | None = None
    only: Sequence[str] = ()
    quick: bool = False
    data: str | Path | None = None
    isolated_atoms: Mapping[str, float] | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    error_bars: bool | None = None


class ValidationSession:
    """Cases of one validation, and the stores of their finished results.

    Parameters
    ----------
    potentials
        Potential files or import paths, by name.
    settings
        Reference, crystal and extent of the validation.
    output
        Folder of the validation.

    Attributes
    ----------
    notices
        Remarks that concern the whole validation.
    """

    def __init__(self, potentials: Mapping[str, str], settings: ValidationSettings, output: Path) -> None:
        reference = settings.reference
        self._loaded = {name: load_calculator(text) for name, text in potentials.items()}
        self._data, self._reading = settings.data, settings.reading
        self._first = next(iter(self._loaded))
        self._quick = settings.quick
        known = [None if potential is None else potential.elements for _, potential in self._loaded.values()]
        self._isolated_atoms = _checked_energies(settings.isolated_atoms or {}, known)
        first = self._loaded[self._first][1]
        only = first.elements[0] if first is not None and len(first.elements) == 1 else None
        source = None if reference is None else load_reference_source(reference, only)
        self._element = source.element if isinstance(source, Reference) else None
        self.notices = _notices(reference, source)
        elements = first.elements if first is not None else ()
        self._start = _starting_crystal(settings, elements, self._element)
        for name, (_, potential) in self._loaded.items():
            if potential is not None:
                _require_elements(name, potential.elements, self._start)
        if source is not None:
            _require_elements(f"the reference {reference}", _known_elements(source), self._start)
        self._given: dict[str, Any] = {}
        if isinstance(source, Reference):
            self._given = reference_results(source)
            if isinstance(self._start, tuple) and self._start[0] is None:
                self._start = ("fcc", self._start[1])  # the crystal of such a file
        self._reference: ValidationCase | None = None
        extent = f"{crystal_settings(self._start)} {settings.quick}"
        folder = output / RESULTS
        if isinstance(source, tuple):
            self._reference = self._reference_case(*source)
            key = fingerprint(reference or "", source[1], f"{extent} {self._reference.elements}")
            self._reference_store = ResultStore(folder, "reference", key)
            extent += key  # the reference may choose the crystal
        self._cases: dict[str, ValidationCase] = {}
        if self._isolated_atoms:
            extent += f" {sorted(self._isolated_atoms.items())}"
        if len(potentials) > 1 and self._reference is None:
            extent += fingerprint(potentials[self._first], first, "chooses the crystal")
        self._stores = {
            name: ResultStore(
                folder,
                "potential" if len(potentials) == 1 else _file_name(name),
                fingerprint(potentials[name], potential, extent),
            )
            for name, (_, potential) in self._loaded.items()
        }
        chosen = [entry for entry in PROPERTIES if not settings.only or entry.name in settings.only]
        wanted = settings.error_bars if any(entry.has_quantities for entry in chosen) else False
        self._members = self._committees(potentials, wanted, folder / MEMBERS, extent)

    def _committees(
        self, potentials: Mapping[str, str], wanted: bool | None, folder: Path, extent: str
    ) -> dict[str, ValidationMembers]:
        """Members of the potentials that have a committee; those without one are named among the notices.

        Raises
        ------
        ConfigError
            Error bars are wanted, and no potential has any; names the file of the first.
        """
        found = {}
        lacking = {}
        for name, (_, potential) in self._loaded.items():
            if potential is None or wanted is False:
                continue
            try:
                committee = members_of(potential)
            except ConfigError as error:
                lacking[name] = str(error)
                continue
            text = extent + fingerprint(name, potential, "is followed by its members")
            stem = "potential" if len(self._loaded) == 1 else _file_name(name)
            stores = [
                ResultStore(folder, f"{stem}-{number}", fingerprint(name, member, text))
                for number, member in enumerate(committee, 1)
            ]
            found[name] = ValidationMembers(
                committee, stores, partial(self.case, name), costly=wanted is True
            )
        if wanted and not found:
            first = next(iter(lacking), self._first)
            calculator = "a calculator has no error bars; give a potential file of this package"
            raise ConfigError(f"{potentials[first]}: {lacking.get(first, calculator)}")
        several = len(self._loaded) > 1
        self.notices += tuple(
            f"{name}: {reason}." if several else f"{reason[0].upper()}{reason[1:]}."
            for name, reason in lacking.items()
        )
        return found

    def n_members(self, entry: Property, name: str) -> int:
        """Number of members of a committee that compute a property of a potential, too."""
        return self._members[name].number(entry) if name in self._members else 0

    def case(self, name: str) -> ValidationCase:
        """Case of a potential, for the crystal chosen by the reference or else by the first potential."""
        if name not in self._cases:
            start = self._start
            chooses = self._reference is None and name == self._first
            if isinstance(start, tuple) and start[0] is None and not chooses:
                start = ((self._reference or self.case(self._first)).structure, start[1])
            calculator, potential = self._loaded[name]
            self._cases[name] = ValidationCase(
                calculator,
                start,
                quick=self._quick,
                potential=potential,
                isolated_atoms=self._isolated_atoms,
            )
        return self._cases[name]

    def crystal_name(self, name: str) -> str:
        """Crystal of a potential, as shown in reports; empty if there is none."""
        if isinstance(self._start, Atoms):
            return str(self._start.get_chemical_formula())
        try:
            return f"{self.case(name).structure} {self._start[1]}"
        except MlipError:
            return ""

    def evaluations(self) -> dict[str, Evaluation]:
        """Errors of every potential on the labelled structures, which are read once."""
        potentials: dict[str, Potential] = {}
        for name, (_, potential) in self._loaded.items():
            if potential is None:
                raise ConfigError(
                    f"{name}: errors on data need a potential file; leave out --data for a calculator"
                )
            potentials[name] = potential
        dataset = load_sources([str(self._data)], self._reading).evaluation()
        return {name: evaluate(potential, dataset) for name, potential in potentials.items()}

    def result(self, entry: Property, name: str, step: Callable[[], None] = lambda: None) -> PropertyResult:
        """Compute or restore a property of a potential and of the reference, and compare them.

        Parameters
        ----------
        entry, name
            Property, and name of the potential.
        step
            Called after the potential, and after each member of its committee.
        """
        begin = time.perf_counter()
        reference, reference_error = self._reference_value(entry, name)
        computed = self._stores[name].result(entry, lambda: self.case(name))
        step()
        members = self._members[name].results(entry, computed, step) if name in self._members else ()
        seconds = time.perf_counter() - begin
        potential = self._loaded[name][1]
        data = None if potential is None else potential.data_range
        return property_result(
            entry,
            computed,
            reference,
            reference_error=reference_error,
            data=data,
            seconds=seconds,
            members=members,
        )

    def _reference_value(self, entry: Property, name: str) -> tuple[Any, str]:
        """Result of the reference, None if there is none, and the reason if there should be one."""
        case = self._reference
        if case is None:
            given = self._given.get(entry.name)
            if given is None or self._is_of_this_crystal(entry.name):
                return given, ""
            return None, f"the file of reference properties is of fcc {self._element}"
        computed = self._reference_store.result(entry, lambda: case)
        lacking = self._lacking(name) if entry.name == "compounds" else []
        return computed.value, f"the reference lacks {', '.join(lacking)}" if lacking else computed.error

    def _reference_case(self, calculator: Calculator, potential: Potential | None) -> ValidationCase:
        """Case of a calculator as reference, asked for the elements of all potentials."""
        wanted = {
            symbol for _, found in self._loaded.values() if found is not None for symbol in found.elements
        }
        return ValidationCase(
            calculator, self._start, quick=self._quick, potential=potential, elements=tuple(sorted(wanted))
        )

    def _lacking(self, name: str) -> list[str]:
        """Elements of a potential that the potential behind the reference does not have."""
        known = self._reference.potential if self._reference is not None else None
        potential = self._loaded[name][1]
        if known is None or potential is None:
            return []
        return [symbol for symbol in potential.elements if symbol not in known.elements]

    def _is_of_this_crystal(self, name: str) -> bool:
        """Check that a file of reference properties, of fcc except for the prototypes, is of the same crystal."""
        if not isinstance(self._start, tuple) or self._start[1] != self._element:
            return False
        return name in ("prototypes", "pressure") or self._start[0] == "fcc"


def _notices(reference: str | None, source: Any) -> tuple[str, ...]:  # noqa: ANN401 (as from load_reference_source)
    if not isinstance(source, Reference) or not source.element_is_assumed:
        return ()
    return (
        f"{reference} names no element; it is taken to be of {source.element}, as the potential is."
        f' If that is right, add "element": "{source.element}" to the file.',
    )


def _checked_energies(
    energies: Mapping[str, float], known: Sequence[Sequence[str] | None]
) -> dict[str, float]:
    """Energies of isolated atoms by element; `known` are the elements of each potential, None of a calculator.

    Raises
    ------
    ConfigError
        An unknown element, one that no potential has, or an energy that is not finite.
    """
    elements = {symbol for symbols in known for symbol in symbols or ()}
    for symbol, energy in energies.items():
        if symbol not in chemical_symbols[1:]:
            raise ConfigError(f"isolated atoms: {symbol} is not a chemical symbol")
        if not np.isfinite(energy):
            raise ConfigError(f"isolated atoms: the energy of {symbol} is {energy}; it must be finite")
        if None not in known and symbol not in elements:
            raise ConfigError(
                f"isolated atoms: {symbol} is not an element of the potential ({', '.join(sorted(elements))})"
            )
    return {symbol: float(energy) for symbol, energy in energies.items()}


def _known_elements(source: Reference | tuple[Calculator, Potential | None]) -> Sequence[str] | None:
    """Elements of a reference; None for a calculator, which cannot be asked."""
    if isinstance(source, Reference):
        return (source.element,)
    return None if source[1] is None else source[1].elements


def _require_elements(name: str, known: Sequence[str] | None, start: Start) -> None:
    """Refuse a potential or reference without the elements of the crystal; None stands for all elements."""
    symbols = start.get_chemical_symbols() if isinstance(start, Atoms) else [start[1]]
    missing = sorted(set(symbols) - set(symbols if known is None else known))
    if missing:
        raise ConfigError(
            f"{name} does not know {', '.join(missing)}, only {', '.join(known or ())}; choose a --crystal that"
            " all potentials and the reference share, or another of them"
        )


def _file_name(name: str) -> str:
    """File name for one of several potentials: readable, short enough for any system, and unique."""
    readable = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    return f"potential-{readable[:60]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"


def _starting_crystal(settings: ValidationSettings, elements: Sequence[str], known: str | None) -> Start:
    """Crystal for `ValidationCase` from the option that the user typed; the format is that of the data, if any."""
    text = settings.crystal
    if text is not None and Path(text).is_file():
        wanted = {"data.types"} if settings.data else {"data.types", "data.format"}
        return load_sources([text], {k: v for k, v in settings.reading.items() if k in wanted}).structure()
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
