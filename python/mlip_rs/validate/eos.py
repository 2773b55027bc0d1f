"""Equations of state: equilibrium volume and energy, bulk modulus and lattice constant from energy–volume curves."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ase import Atoms
from ase.eos import EquationOfState, birchmurnaghan
from numpy.typing import NDArray
from scipy.optimize import OptimizeWarning

from mlip_rs.calculators.calculations import Calculator, potential_energy
from mlip_rs.errors import ConfigError, PropertyError
from mlip_rs.generate.prototypes import lattice_constant, prototype
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA

MIN_POINTS = 5
"""Fewest points of an energy–volume curve: one more than the parameters of the equation of state."""


@dataclass(frozen=True)
class EnergyVolumeFit:
    """Birch–Murnaghan equation of state fitted to an energy–volume curve.

    Attributes
    ----------
    name
        Crystal structure.
    volumes, energies
        The points, (n,) each, in Å³/atom and eV/atom.
    equilibrium_volume
        V0 in Å³/atom.
    equilibrium_energy
        E0 in eV/atom.
    bulk_modulus
        B at V0, in GPa.
    bulk_modulus_derivative
        dB/dP at V0.
    lattice_constant
        Edge of the conventional cell in Å; None if it is not cubic.

    Examples
    --------
    >>> aluminium = EnergyVolumeFit("fcc", (), (), 16.5, -3.5, 78.0, 4.5, lattice_constant=4.04)
    >>> aluminium.energy(np.array([15.0, 16.5, 18.0])).round(2).tolist()
    [-3.46, -3.5, -3.47]
    """

    name: str
    volumes: tuple[float, ...]
    energies: tuple[float, ...]
    equilibrium_volume: float
    equilibrium_energy: float
    bulk_modulus: float
    bulk_modulus_derivative: float
    lattice_constant: float | None

    def energy(self, volumes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Energies (n,) in eV/atom of the fitted equation at volumes (n,) in Å³/atom."""
        modulus = self.bulk_modulus / EV_PER_ANGSTROM3_IN_GPA
        values = birchmurnaghan(
            np.asarray(volumes, dtype=float),
            self.equilibrium_energy,
            modulus,
            self.bulk_modulus_derivative,
            self.equilibrium_volume,
        )
        return np.asarray(values, dtype=float)

    def shifted(self, energy: float) -> "EnergyVolumeFit":
        """The same curve with an energy (eV/atom) added."""
        energies = tuple(value + energy for value in self.energies)
        return replace(self, energies=energies, equilibrium_energy=self.equilibrium_energy + energy)

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "name": self.name,
            "volumes_angstrom3_per_atom": list(self.volumes),
            "energies_ev_per_atom": list(self.energies),
            "V0_angstrom3_per_atom": self.equilibrium_volume,
            "E0_ev_per_atom": self.equilibrium_energy,
            "B_gpa": self.bulk_modulus,
            "B_derivative": self.bulk_modulus_derivative,
            "a0_angstrom": self.lattice_constant,
        }


def energy_volume(calculator: Calculator, atoms: Atoms, volumes: Sequence[float]) -> NDArray[np.float64]:
    """Energies of a structure that is scaled to a list of volumes.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    atoms
        The structure; cell and positions are scaled together, nothing is relaxed.
    volumes
        Volumes (n,) in Å³/atom.

    Returns
    -------
    NDArray
        Energies (n,) in eV/atom.

    Raises
    ------
    PropertyError
        An energy is not finite.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> energy_volume(EMT(), bulk("Cu"), [10.5, 11.5, 12.5]).round(2).tolist()
    [0.04, -0.01, 0.02]
    """
    present = float(atoms.get_volume()) / len(atoms)
    energies = np.empty(len(volumes))
    for i, volume in enumerate(volumes):
        scaled = atoms.copy()
        scaled.set_cell(atoms.cell[:] * (volume / present) ** (1 / 3), scale_atoms=True)
        energies[i] = potential_energy(calculator, scaled) / len(atoms)
    return energies


def fit_birch_murnaghan(name: str, volumes: Sequence[float], energies: Sequence[float]) -> EnergyVolumeFit:
    """Fit the third-order Birch–Murnaghan equation (Hebbache and Zemzemi, PRB 70, 224107 (2004), eq. 3).

    Parameters
    ----------
    name
        Crystal structure, one of `PROTOTYPES`.
    volumes, energies
        Points (n,) in Å³/atom and eV/atom; at least `MIN_POINTS`.

    Raises
    ------
    ConfigError
        Too few points, or arrays that do not match.
    PropertyError
        There is no minimum within the volumes.

    Examples
    --------
    >>> volumes, energies = [15.5, 16.0, 16.5, 17.0, 17.5], [-3.483, -3.496, -3.5, -3.497, -3.487]
    >>> found = fit_birch_murnaghan("fcc", volumes, energies)
    >>> print(f"V0 = {found.equilibrium_volume:.1f} Å³/atom, B = {found.bulk_modulus:.0f} GPa")
    V0 = 16.5 Å³/atom, B = 79 GPa
    """
    v, e = np.asarray(volumes, dtype=float), np.asarray(energies, dtype=float)
    if v.ndim != 1 or v.shape != e.shape or len(v) < MIN_POINTS:
        raise ConfigError(
            f"energy–volume curve of {name}: {v.shape} volumes and {e.shape} energies;"
            f" give at least {MIN_POINTS} of each"
        )
    outside = f"{name} has no energy minimum between {v.min():.2f} and {v.max():.2f} Å³/atom"
    if int(np.argmin(e)) in (int(np.argmin(v)), int(np.argmax(v))):
        raise PropertyError(outside)
    equation = EquationOfState(v, e, "birchmurnaghan")
    try:
        # On its way the optimiser may try volumes below zero; only where it ends counts.
        with warnings.catch_warnings(), np.errstate(invalid="ignore", over="ignore"):
            warnings.simplefilter("error", OptimizeWarning)
            v0, e0, modulus = (float(x) for x in equation.fit(warn=False))
    except (RuntimeError, OptimizeWarning) as error:
        raise PropertyError(f"no equation of state goes through the curve of {name}: {error}") from error
    if not (v.min() < v0 < v.max() and modulus > 0):
        raise PropertyError(outside)
    return EnergyVolumeFit(
        name=name,
        volumes=tuple(v.tolist()),
        energies=tuple(e.tolist()),
        equilibrium_volume=v0,
        equilibrium_energy=e0,
        bulk_modulus=modulus * EV_PER_ANGSTROM3_IN_GPA,
        bulk_modulus_derivative=float(equation.eos_parameters[2]),
        lattice_constant=lattice_constant(name, v0),
    )


def equation_of_state(
    calculator: Calculator, name: str, symbol: str, volumes: Sequence[float], *, atom_energy: float = 0.0
) -> EnergyVolumeFit:
    """Energy–volume curve and equation of state of a prototype.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    name, symbol
        Crystal structure (one of `PROTOTYPES`) and element.
    volumes
        Volumes (n,) in Å³/atom, around the minimum.
    atom_energy
        Energy in eV subtracted per atom; with that of the isolated atom, −E0 is the cohesive energy.

    Raises
    ------
    ConfigError
        Unknown structure, too few volumes.
    PropertyError
        No minimum within the volumes, or an energy that is not finite.

    Examples
    --------
    >>> from ase.calculators.emt import EMT
    >>> found = equation_of_state(EMT(), "fcc", "Cu", [10.9, 11.2, 11.5, 11.8, 12.1])
    >>> print(f"a0 = {found.lattice_constant:.2f} Å, B = {found.bulk_modulus:.0f} GPa")
    a0 = 3.59 Å, B = 134 GPa
    """
    if len(volumes) == 0:
        raise ConfigError(f"energy–volume curve of {name}: no volumes given")
    atoms = prototype(name, symbol, float(volumes[0]))
    energies = energy_volume(calculator, atoms, volumes) - atom_energy
    return fit_birch_murnaghan(name, volumes, energies.tolist())
