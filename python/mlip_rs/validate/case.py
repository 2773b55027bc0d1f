"""A calculator together with the crystal whose properties are validated."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from ase import Atoms

from mlip_rs.calculators.calculations import (
    Calculator,
    isolated_atom_energy,
    relaxed_crystal,
)
from mlip_rs.calculators.relaxations import Relaxations, RelaxingCalculator
from mlip_rs.errors import NotApplicableError, PropertyError
from mlip_rs.generate.prototypes import PROTOTYPES, canonical_name, prototype
from mlip_rs.generate.symmetry import conventional_supercell
from mlip_rs.potential import Potential
from mlip_rs.potential.data_range import DataRange
from mlip_rs.validate.cubic_metal import CubicMetal
from mlip_rs.validate.prototype_energies import PrototypeEnergies, prototype_energies
from mlip_rs.validate.watched_calculator import DataWatch, WatchedCalculator, unwatched

SAME_PHASE: float = 1.15
"""Ratio of the volumes per atom beyond which the crystal of a member is another phase than that of its potential."""

QUICK_PROTOTYPES: tuple[str, ...] = ("fcc", "bcc", "hcp", "sc", "diamond")


class ValidationCase:
    """A calculator and the crystal whose properties are validated; the crystal is relaxed at first use.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    crystal
        A structure to start from, or (name of a prototype, element). The name None selects the prototype of lowest
        energy.
    quick
        Compute fewer structures, in smaller cells and shorter runs.
    potential
        The potential behind the calculator, if it is one of this package; by default that of an `MLIPCalculator`.
    elements
        Elements that a calculator is asked for; empty: those of the crystal.
    isolated_atoms
        Energies of isolated atoms in eV by element, from the same first-principles code and settings as the energies
        of the data; by default those of the calculator, as far as they are determined.
    like
        The crystal of the potential, if the calculator is a member of its committee: supercells are as large as those
        of that crystal.
    similar
        Relaxations of that potential; its own begin where they ended.
    """

    def __init__(
        self,
        calculator: Calculator,
        crystal: Atoms | tuple[str | None, str],
        *,
        quick: bool = False,
        potential: Potential | None = None,
        elements: tuple[str, ...] = (),
        isolated_atoms: Mapping[str, float] | None = None,
        like: Atoms | None = None,
        similar: Relaxations | None = None,
    ) -> None:
        behind = getattr(calculator, "potential", None)
        self.potential = potential or (behind if isinstance(behind, Potential) else None)
        self.data_range = None if self.potential is None else self.potential.data_range
        self.watch = (
            DataWatch(self.data_range.cutoff, self.potential) if self.data_range is not None else None
        )
        if self.potential is not None:
            calculator = RelaxingCalculator(calculator, similar)
        self.relaxations: Relaxations | None = getattr(calculator, "relaxations", None)
        self.calculator = calculator if self.watch is None else WatchedCalculator(calculator, self.watch)
        self.quick = quick
        self._kept: dict[str, tuple[Any, DataRange | None]] = {}
        self._crystal, self._elements, self._isolated_atoms = crystal, elements, dict(isolated_atoms or {})
        self._like = like

    def member(self, potential: Potential) -> "ValidationCase":
        """The same crystal with a member of the committee: the same structure, supercells and zero of the energies.

        Parameters
        ----------
        potential
            The member.

        Raises
        ------
        PropertyError
            The crystal of the member is another phase, or it has none.
        """
        given = isinstance(self._crystal, Atoms)
        isolated = dict(self._isolated_atoms)
        if not given and self.atom_energy is not None:
            isolated[self.symbol] = self.atom_energy
        made = ValidationCase(
            potential.calculator(index=False),
            self.crystal if given else (self.structure, self.symbol),
            quick=self.quick,
            potential=potential,
            isolated_atoms=isolated,
            like=self.crystal,
            similar=self.relaxations,
        )
        ratio = made.scale**3
        if not 1 / SAME_PHASE < ratio < SAME_PHASE:
            raise PropertyError(
                f"another phase: its crystal has a volume {ratio:.2f} times that of the potential's crystal"
            )
        return made

    @cached_property
    def scale(self) -> float:
        """Length in this crystal over that in the crystal which it is like; 1 for a potential itself."""
        if self._like is None:
            return 1.0
        own, like = (float(atoms.get_volume()) / len(atoms) for atoms in (self.crystal, self._like))
        return float((own / like) ** (1 / 3))

    def supercell(self, length: float) -> Atoms:
        """Supercell of the crystal's conventional cell, about `length` Å wide in the crystal which it is like."""
        return conventional_supercell(self.crystal, self.scale * length)

    @property
    def symbol(self) -> str:
        """Element of the crystal.

        Raises
        ------
        NotApplicableError
            The crystal has several elements.
        """
        if not isinstance(self._crystal, Atoms):
            return self._crystal[1]
        symbols = set(self._crystal.get_chemical_symbols())
        if len(symbols) > 1:
            raise NotApplicableError(f"defined for one element; the crystal has {', '.join(sorted(symbols))}")
        return str(symbols.pop())

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements of the potential; for any other calculator those asked for, or those of the crystal."""
        if self.potential is not None:
            return self.potential.elements
        if self._elements:
            return self._elements
        if isinstance(self._crystal, Atoms):
            return tuple(sorted(set(self._crystal.get_chemical_symbols())))
        return (self._crystal[1],)

    @cached_property
    def atom_energy(self) -> float | None:
        """Energy of the isolated atom in eV; None if it is not determined.

        It is not determined if the calculator cannot compute it, or if it is that of a potential which was fitted to
        data without isolated atoms; an energy given to the case comes first.
        """
        if self.symbol in self._isolated_atoms:
            return self._isolated_atoms[self.symbol]
        if self.potential is not None and self.symbol in self.potential.undetermined_atoms:
            return None
        try:
            return isolated_atom_energy(unwatched(self.calculator), self.symbol)
        except Exception:  # a calculator may refuse open boundaries in its own way
            return None

    @property
    def cubic_metal(self) -> CubicMetal:
        """Structure, element and lattice constant of the crystal.

        Raises
        ------
        NotApplicableError
            The crystal is neither fcc nor bcc.
        """
        structure = self.structure or ""
        sites = {"fcc": 4, "bcc": 2}.get(structure)
        if sites is None:
            raise NotApplicableError("defined here for fcc and bcc; the crystal is neither")
        edge = float((sites * self.crystal.get_volume() / len(self.crystal)) ** (1 / 3))
        return CubicMetal(structure, self.symbol, edge)

    @property
    def phonon_supercell(self) -> float:
        """Least distance in Å between opposite faces of the supercells of phonons."""
        return self.scale * (8.0 if self.quick else 12.0)

    @property
    def prototypes(self) -> PrototypeEnergies:
        """Equations of state of the element in many crystal structures."""
        return self._prototypes(counts=True)

    def _prototypes(self, *, counts: bool) -> PrototypeEnergies:
        names = QUICK_PROTOTYPES if self.quick else PROTOTYPES
        atom_energy = self.atom_energy

        def compute() -> PrototypeEnergies:
            return prototype_energies(self.calculator, self.symbol, names=names, atom_energy=atom_energy)

        found: PrototypeEnergies = self._once("prototypes", compute, counts=counts)
        return found

    @property
    def structure(self) -> str | None:
        """Name of the crystal's prototype; None for a structure given by its atoms."""
        if isinstance(self._crystal, Atoms):
            return None
        name = self._crystal[0]
        if name is not None:
            return canonical_name(name)
        # Which structure it is rests on all of them; properties of the crystal do not.
        ordering = self._prototypes(counts=False).ordering
        if not ordering:
            raise PropertyError("no prototype has an energy minimum: there is no crystal to go on with")
        return ordering[0]

    @property
    def crystal(self) -> Atoms:
        """Primitive cell, relaxed within its symmetry."""
        found: Atoms = self._once("crystal", self._relaxed_crystal)
        return found

    def _relaxed_crystal(self) -> Atoms:
        calculator = unwatched(self.calculator)  # only the crystal found is what properties rest on
        if isinstance(self._crystal, Atoms):
            start = self._crystal
        else:
            name = self.structure
            assert name is not None
            known = prototype_energies(calculator, self.symbol, names=[name])
            start = prototype(name, self.symbol, known.curve(name).equilibrium_volume)
        found = relaxed_crystal(calculator, start)
        if self.watch is not None:
            self.watch.see(found)
        return found

    def _once(self, name: str, compute: Callable[[], Any], *, counts: bool = True) -> Any:  # noqa: ANN401
        """Compute once; if it counts, what was seen meanwhile is seen again by every property that uses the result."""
        if name not in self._kept:
            before = None if self.watch is None else self.watch.restart()
            try:
                value = compute()
            finally:
                seen = None if self.watch is None else self.watch.restart()
                if self.watch is not None and before is not None:
                    self.watch.include(before)
            self._kept[name] = (value, seen)
        value, seen = self._kept[name]
        if counts and self.watch is not None and seen is not None:
            self.watch.include(seen)
        return value
