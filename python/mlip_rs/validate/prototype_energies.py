"""Equations of state of one element in many crystal structures, each around its own energy minimum."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers, covalent_radii, reference_states
from ase.neighborlist import neighbor_list

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.errors import MlipError, PropertyError
from mlip_rs.generate.prototypes import PROTOTYPES, prototype
from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.eos import EnergyVolumeFit, energy_volume, fit_birch_murnaghan
from mlip_rs.validate.watched_calculator import unwatched

SCAN: tuple[float, ...] = tuple(float(x) for x in np.geomspace(0.72, 2.6, 22))
"""Volumes searched for the minimum, in the expected volume of a close-packed crystal."""

AROUND: tuple[float, ...] = tuple(float(x) for x in np.linspace(0.92, 1.08, 9))
"""Volumes of the equation of state, in that of the minimum."""

ELEMENTAL: tuple[str, ...] = ("fcc", "bcc", "hcp", "diamond")
"""Structures of the elements; the one of lowest energy is the zero of the energies of formation."""

ISOLATED_ATOM = "isolated atom"
LOWEST_CRYSTAL = "lowest crystal"

SHORTEST_BOND = 0.75
"""Shortest plausible bond, in nearest-neighbour distances of the close-packed crystal."""


@dataclass(frozen=True)
class PrototypeEnergies:
    """Equations of state of one element in several crystal structures.

    Attributes
    ----------
    symbol
        Element.
    curves
        Structures with an energy minimum.
    failures
        (structure, reason) of those without one.
    zero
        Zero of the energies: `ISOLATED_ATOM`, or, if that is not determined, `LOWEST_CRYSTAL` of the structures.

    Examples
    --------
    >>> fcc = EnergyVolumeFit("fcc", (), (), 16.5, -3.5, 78.0, 4.5, lattice_constant=4.04)
    >>> bcc = EnergyVolumeFit("bcc", (), (), 16.9, -3.4, 69.0, 4.5, lattice_constant=3.23)
    >>> print(f"{PrototypeEnergies('Al', (fcc, bcc)).energy_above('bcc', 'fcc'):.0f} meV/atom")
    100 meV/atom
    """

    symbol: str
    curves: tuple[EnergyVolumeFit, ...]
    failures: tuple[tuple[str, str], ...] = ()
    zero: str = ISOLATED_ATOM

    @property
    def ordering(self) -> tuple[str, ...]:
        """Structures by energy, the stable one first."""
        return tuple(c.name for c in sorted(self.curves, key=lambda c: c.equilibrium_energy))

    def curve(self, name: str) -> EnergyVolumeFit:
        """Equation of state of one structure.

        Raises
        ------
        PropertyError
            There is none; the message gives the reason.
        """
        for found in self.curves:
            if found.name == name:
                return found
        reasons = dict(self.failures)
        raise PropertyError(reasons.get(name, f"{name} was not computed"))

    def energy_above(self, name: str, ground: str) -> float:
        """E0 of one structure above that of another, in meV/atom; raises `PropertyError` as `curve` does."""
        return MEV_PER_EV * (self.curve(name).equilibrium_energy - self.curve(ground).equilibrium_energy)

    @property
    def cohesive_energies(self) -> dict[str, float | None]:
        """Cohesive energy of each structure in eV/atom; None if the energy of the isolated atom is not determined."""
        known = self.zero == ISOLATED_ATOM
        return {curve.name: -curve.equilibrium_energy if known else None for curve in self.curves}

    def above_lowest(self) -> "PrototypeEnergies":
        """The same curves with the energy of the lowest crystal as zero."""
        lowest = min((curve.equilibrium_energy for curve in self.curves), default=0.0)
        curves = tuple(curve.shifted(-lowest) for curve in self.curves)
        return PrototypeEnergies(self.symbol, curves, self.failures, LOWEST_CRYSTAL)

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "element": self.symbol,
            "energy_zero": self.zero,
            "ordering": list(self.ordering),
            "curves": [curve.to_dict() for curve in self.curves],
            "failures": [list(failure) for failure in self.failures],
        }


def prototype_energies(
    calculator: Calculator,
    symbol: str,
    *,
    names: Sequence[str] = PROTOTYPES,
    atom_energy: float | None = 0.0,
    volume: float | None = None,
) -> PrototypeEnergies:
    """Equations of state of prototypes, each around the minimum that it has for this calculator.

    Parameters
    ----------
    calculator, symbol
        Any ASE calculator, and the element.
    names
        Structures, of `PROTOTYPES`.
    atom_energy
        Energy of the isolated atom in eV, subtracted per atom. None: not determined; the lowest crystal is the zero.
    volume
        Expected volume in Å³/atom of a close-packed crystal; None: from the natural crystal of the element.

    Returns
    -------
    PrototypeEnergies
        Equations of state; a structure without a minimum is listed with the reason.

    Examples
    --------
    >>> from ase.calculators.emt import EMT
    >>> prototype_energies(EMT(), "Cu", names=["bcc", "fcc"]).ordering
    ('fcc', 'bcc')
    """
    expected = volume or expected_volume(symbol)
    curves, failures = [], []
    for name in names:
        try:
            curves.append(
                curve_around_minimum(calculator, name, prototype(name, symbol, expected), atom_energy or 0.0)
            )
        except MlipError as error:
            failures.append((name, str(error)))
    found = PrototypeEnergies(symbol, tuple(curves), tuple(failures))
    return found.above_lowest() if atom_energy is None else found


def expected_volume(symbol: str) -> float:
    """Volume in Å³/atom of the crystal in nature; where ASE's table has none, of fcc at the covalent radius."""
    number = atomic_numbers[symbol]
    state = reference_states[number]
    if state is not None and state.get("symmetry") in ("fcc", "bcc", "hcp", "sc", "diamond"):
        crystal = bulk(symbol)
        volume = float(crystal.get_volume()) / len(crystal)
        return volume / 1.35 if state["symmetry"] in ("diamond", "sc") else volume
    distance = 2.15 * float(covalent_radii[number])
    return distance**3 / 2**0.5


def curve_around_minimum(
    calculator: Calculator, name: str, atoms: Atoms, atom_energy: float = 0.0
) -> EnergyVolumeFit:
    """Equation of state around the lowest minimum at plausible bond lengths.

    A potential may have a spurious minimum at distances shorter than those of its data. A minimum with neighbours
    closer than `SHORTEST_BOND` counts only if there is no other.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    name, atoms
        Structure, at the expected volume of a close-packed crystal; it is scaled without relaxation.
    atom_energy
        Energy in eV subtracted per atom.

    Raises
    ------
    PropertyError
        There is no minimum.
    """
    expected = float(atoms.get_volume()) / len(atoms)
    volumes = np.array([expected * ratio for ratio in SCAN])
    energies = energy_volume(unwatched(calculator), atoms, volumes.tolist())  # a search, not a result
    inner = (energies[1:-1] < energies[:-2]) & (energies[1:-1] <= energies[2:])
    minima = [int(k) for k in np.flatnonzero(inner) + 1]
    if not minima:
        raise PropertyError(
            f"{name} has no energy minimum between {volumes[0]:.2f} and {volumes[-1]:.2f} Å³/atom"
        )
    nearest = float(neighbor_list("d", atoms, 1.5 * expected ** (1 / 3)).min())
    shortest = SHORTEST_BOND * (2**0.5 * expected) ** (1 / 3)
    sound = [k for k in minima if nearest * (volumes[k] / expected) ** (1 / 3) > shortest]
    k = min(sound or minima, key=lambda i: energies[i])
    v, e = volumes[k - 1 : k + 2], energies[k - 1 : k + 2]
    curvature, slope, _ = np.polyfit(v, e, 2)  # positive curvature: the middle one of three is the lowest
    around = [float(-slope / (2 * curvature)) * ratio for ratio in AROUND]
    fitted = energy_volume(calculator, atoms, around) - atom_energy
    return fit_birch_murnaghan(name, around, fitted.tolist())
