"""Energies of low-index surfaces, from slabs with two of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import surface

from mlip_rs.calculators.calculations import Calculator, potential_energy, relaxed
from mlip_rs.errors import ConfigError
from mlip_rs.generate.symmetry import conventional_supercell
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.criteria import Quantity, Threshold
from mlip_rs.validate.property import Property

EV_PER_ANGSTROM2_IN_J_PER_M2 = 16.02176634
"""1 eV/Å² in J/m² (CODATA 2018 elementary charge)."""

INDICES: tuple[tuple[int, int, int], ...] = ((1, 0, 0), (1, 1, 0), (1, 1, 1))
"""Miller indices of the conventional cell."""

THICKNESS = 14.0
"""Least thickness of the slabs in Å."""

OFFSET = 0.1
"""Shift in Å; far more than rounding, far less than the distance of two planes of low indices."""

VACUUM = 10.0
"""Vacuum in Å on either side, more than half of any cutoff in use."""

SURFACE = Threshold(0.10, relative=True)


@dataclass(frozen=True)
class SurfaceEnergy:
    """Energy of one surface in J/m².

    Attributes
    ----------
    indices
        Miller indices of the conventional cell.
    n_atoms
        Number of atoms of the slab.
    unrelaxed, relaxed
        Energies with bulk positions and after relaxation, both with the in-plane cell of the bulk.

    Examples
    --------
    >>> SurfaceEnergy(indices=(1, 1, 1), n_atoms=8, unrelaxed=1.3, relaxed=1.2).name
    '(111)'
    """

    indices: tuple[int, int, int]
    n_atoms: int
    unrelaxed: float
    relaxed: float

    @property
    def name(self) -> str:
        """Name in crystallographic notation: (111)."""
        return "(" + "".join(str(i) if i >= 0 else f"{-i}\u0305" for i in self.indices) + ")"


@dataclass(frozen=True)
class Surfaces:
    """Energies of several surfaces.

    Examples
    --------
    >>> close_packed = SurfaceEnergy(indices=(1, 1, 1), n_atoms=8, unrelaxed=1.3, relaxed=1.2)
    >>> {surface.name: surface.relaxed for surface in Surfaces((close_packed,)).surfaces}
    {'(111)': 1.2}
    """

    surfaces: tuple[SurfaceEnergy, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "surfaces": [
                {
                    "indices": list(found.indices),
                    "n_atoms": found.n_atoms,
                    "unrelaxed_j_per_m2": found.unrelaxed,
                    "relaxed_j_per_m2": found.relaxed,
                }
                for found in self.surfaces
            ]
        }


def surface_energies(
    calculator: Calculator,
    crystal: Atoms,
    *,
    indices: Sequence[tuple[int, int, int]] = INDICES,
    thickness: float = THICKNESS,
    fmax: float = 0.02,
) -> Surfaces:
    """Surface energies (E_slab − N E_bulk) / 2A.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    crystal
        Any cell of the crystal at equilibrium. If the two surfaces of a compound's slab differ, the mean is computed.
    indices
        Miller indices of the conventional cell.
    thickness
        Least thickness of the slabs in Å.
    fmax
        Largest remaining force in eV/Å.

    Raises
    ------
    ConfigError
        The thickness is not positive or all indices of a surface are 0.
    PropertyError
        A relaxation does not converge, or an energy is not finite.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> found = surface_energies(EMT(), bulk("Cu", a=3.59), indices=[(1, 1, 1)], thickness=6.0)
    >>> [surface.name for surface in found.surfaces]
    ['(111)']
    """
    if thickness <= 0 or any(not any(hkl) for hkl in indices):
        raise ConfigError(
            f"surfaces {list(indices)}, {thickness} Å thick: give a thickness, and indices not all 0"
        )
    unit = conventional_supercell(crystal, 0.0)
    bulk_energy = potential_energy(calculator, unit) / len(unit)
    found = []
    for hkl in indices:
        slab = _slab(unit, hkl, thickness)
        area = 2 * float(np.linalg.norm(np.cross(slab.cell[0], slab.cell[1])))
        unit_energy = EV_PER_ANGSTROM2_IN_J_PER_M2 / area
        unrelaxed = potential_energy(calculator, slab) - len(slab) * bulk_energy
        final = potential_energy(calculator, relaxed(calculator, slab, fmax=fmax)) - len(slab) * bulk_energy
        found.append(SurfaceEnergy(hkl, len(slab), unrelaxed * unit_energy, final * unit_energy))
    return Surfaces(tuple(found))


def _slab(unit: Atoms, indices: tuple[int, int, int], thickness: float) -> Atoms:
    """Whole planes between vacuum.

    The crystal is first moved along the normal: rounding would split a plane on the edge of the cell between both sides
    of the slab.
    """
    normal = np.asarray(unit.cell.reciprocal()[:]).T @ np.array(indices)
    moved = unit.copy()
    moved.positions += OFFSET * normal / np.linalg.norm(normal)
    depth = float(surface(moved, indices, 1, periodic=True).cell.lengths()[2])
    return surface(moved, indices, int(np.ceil(thickness / depth)), vacuum=VACUUM, periodic=True)


def compute(case: ValidationCase) -> Surfaces:
    """Surface energies of the crystal, from thinner slabs if the case is quick."""
    thickness = case.scale * (10.0 if case.quick else THICKNESS)
    return surface_energies(case.calculator, case.crystal, thickness=thickness)


def quantities(found: Surfaces) -> tuple[Quantity, ...]:
    """Energies of the relaxed surfaces."""
    return tuple(Quantity(surface.name, "J/m²", surface.relaxed, SURFACE) for surface in found.surfaces)


def failures(found: Surfaces) -> tuple[str, ...]:
    """Negative surface energies."""
    return tuple(
        f"{surface.name} has a negative energy: the crystal would fall apart into slabs"
        for surface in found.surfaces
        if surface.relaxed <= 0
    )


PROPERTY = Property("surfaces", "Surfaces", Surfaces, compute, quantities, failures)
