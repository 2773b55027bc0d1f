"""What is validated, and against what: a calculator with its crystal, or a file of reference properties."""

import importlib
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from mlip_rs.calculators.calculations import (
    Calculator,
    isolated_atom_energy,
    potential_energy,
    relaxed_crystal,
)
from mlip_rs.errors import ConfigError, NotApplicableError, PotentialFileError, PropertyError
from mlip_rs.generate.prototypes import PROTOTYPES, canonical_name, prototype
from mlip_rs.potential import Potential
from mlip_rs.validate.elastic import ElasticConstants
from mlip_rs.validate.elastic_analysis import ElasticAnalysis, polycrystal_averages
from mlip_rs.validate.pressure import transitions_between
from mlip_rs.validate.prototype_energies import PrototypeEnergies, prototype_energies
from mlip_rs.validate.reference import Reference, load_reference
from mlip_rs.validate.vacancy import VacancyConvergence, VacancyFormation

QUICK_PROTOTYPES: tuple[str, ...] = ("fcc", "bcc", "hcp", "sc", "diamond")


class Subject:
    """A calculator and the crystal whose properties are wanted, relaxed when first asked for.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    crystal
        A structure to start from, or (name of a prototype, element); the name None: the prototype that is lowest.
    quick
        Fewer structures, smaller cells, shorter runs.
    potential
        The potential file behind the calculator, if it is one.
    elements
        Those that a calculator is asked for; empty: those of the crystal.
    """

    def __init__(
        self,
        calculator: Calculator,
        crystal: Atoms | tuple[str | None, str],
        *,
        quick: bool = False,
        potential: Potential | None = None,
        elements: tuple[str, ...] = (),
    ) -> None:
        self.calculator, self.quick, self.potential = calculator, quick, potential
        self._crystal, self._elements = crystal, elements

    @property
    def symbol(self) -> str:
        """The element.

        Raises
        ------
        PropertyError
            The crystal has several.
        """
        if not isinstance(self._crystal, Atoms):
            return self._crystal[1]
        symbols = set(self._crystal.get_chemical_symbols())
        if len(symbols) > 1:
            raise NotApplicableError(f"defined for one element; the crystal has {', '.join(sorted(symbols))}")
        return str(symbols.pop())

    @property
    def elements(self) -> tuple[str, ...]:
        """Those that the potential knows; of any other calculator those it is asked for, or of the crystal."""
        if self.potential is not None:
            return self.potential.elements
        if self._elements:
            return self._elements
        if isinstance(self._crystal, Atoms):
            return tuple(sorted(set(self._crystal.get_chemical_symbols())))
        return (self._crystal[1],)

    @cached_property
    def atom_energy(self) -> float:
        """Energy of the isolated atom in eV; 0 for a calculator that cannot give it."""
        try:
            return isolated_atom_energy(self.calculator, self.symbol)
        except Exception:  # a calculator may refuse open boundaries in its own way
            return 0.0

    @cached_property
    def cohesive_energy(self) -> float:
        """Of the crystal in eV/atom.

        Raises
        ------
        PropertyError
            The crystal is not bound, so far as the calculator can tell.
        """
        symbols = self.crystal.get_chemical_symbols()
        try:
            apart = sum(isolated_atom_energy(self.calculator, symbol) for symbol in symbols)
        except Exception as error:  # a calculator may refuse open boundaries in its own way
            raise PropertyError(f"the calculator gives no isolated atom: {error}") from error
        energy = (apart - potential_energy(self.calculator, self.crystal)) / len(symbols)
        if energy <= 0:
            raise PropertyError(f"the crystal is not bound: its cohesive energy is {energy:.3g} eV/atom")
        return energy

    @property
    def lattice_constant(self) -> float:
        """Edge in Å of the cubic cell.

        Raises
        ------
        PropertyError
            The crystal is neither fcc nor bcc.
        """
        sites = {"fcc": 4, "bcc": 2}.get(self.structure or "")
        if sites is None:
            raise NotApplicableError("defined here for fcc and bcc; the crystal is neither")
        return float((sites * self.crystal.get_volume() / len(self.crystal)) ** (1 / 3))

    @cached_property
    def prototypes(self) -> PrototypeEnergies:
        """Equations of state of the element."""
        names = QUICK_PROTOTYPES if self.quick else PROTOTYPES
        return prototype_energies(self.calculator, self.symbol, names=names, atom_energy=self.atom_energy)

    @property
    def structure(self) -> str | None:
        """Prototype of the crystal; None for a structure that was given."""
        if isinstance(self._crystal, Atoms):
            return None
        name = self._crystal[0]
        if name is not None:
            return canonical_name(name)
        if not self.prototypes.ordering:
            raise PropertyError("no prototype has an energy minimum: there is no crystal to go on with")
        return self.prototypes.ordering[0]

    @cached_property
    def crystal(self) -> Atoms:
        """Primitive cell, relaxed within its symmetry."""
        if isinstance(self._crystal, Atoms):
            return relaxed_crystal(self.calculator, self._crystal)
        name = self.structure
        assert name is not None
        known = prototype_energies(self.calculator, self.symbol, names=[name])
        volume = known.curve(name).equilibrium_volume
        return relaxed_crystal(self.calculator, prototype(name, self.symbol, volume))


def load_calculator(text: str) -> tuple[Calculator, Potential | None]:
    """Make a calculator from a potential file or an import path `module:factory`.

    Raises
    ------
    ConfigError
        Neither a potential nor something importable that gives a calculator.
    """
    path = Path(text)
    if path.exists():
        potential = Potential.load(path)
        return potential.calculator(), potential
    module, separator, name = text.partition(":")
    if not separator:
        raise ConfigError(
            f"{text}: no such file; give a file of reference properties, a potential, or module:factory"
            " (ase.calculators.emt:EMT)"
        )
    sys.path.insert(0, str(Path.cwd()))  # a script in the working directory, as `python -m` would find it
    try:
        calculator = getattr(importlib.import_module(module), name)()
    except Exception as error:  # the module and the factory are the user's
        raise ConfigError(f"{text}: gives no calculator: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    if not hasattr(calculator, "get_property"):
        raise ConfigError(f"{text}: gives a {type(calculator).__name__}, not an ASE calculator")
    return calculator, None


def load_reference_source(
    text: str, element: str | None = None
) -> Reference | tuple[Calculator, Potential | None]:
    """Reference properties from a file (of `element` if it names none), or a calculator as by `load_calculator`.

    Raises
    ------
    ConfigError, DataError, PotentialFileError
        What was given is none of them; for a file that is neither, the reason why it is no potential.
    """
    if Path(text).is_file():
        try:
            return load_calculator(text)
        except PotentialFileError:
            return load_reference(text, element=element)
    return load_calculator(text)


def reference_results(reference: Reference) -> dict[str, Any]:
    """Results by name of the property, as far as a file of reference properties has them."""
    elastic = reference.elastic
    stiffness = np.diag([elastic.c11 - elastic.c12] * 3 + [elastic.c44] * 3)
    stiffness[:3, :3] += elastic.c12
    constants = ElasticConstants(tuple(map(tuple, stiffness.tolist())), 0.0, elastic.volume)
    stable = constants.is_stable
    curves = tuple(reference.curves.values())
    pressure = {"pressure": transitions_between(reference.element, curves)} if len(curves) > 1 else {}
    return pressure | {
        "prototypes": PrototypeEnergies(reference.element, curves),
        "elastic": ElasticAnalysis(
            "Fm-3m",
            "cubic",
            3,
            constants,
            constants,
            0.0,
            polycrystal_averages(stiffness) if stable else None,
        ),
        "zone-boundary": reference.phonons,
        "vacancy": VacancyConvergence(
            (VacancyFormation(reference.vacancy_sites, reference.vacancy_unrelaxed, None),)
        ),
    }
