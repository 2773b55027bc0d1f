"""What the labels themselves say: extent of the data, and constants of the crystal from its strained cells."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import GPa

from mlip_rs.potential import Potential

LARGEST_STRAIN = 0.06
DEGREE = 3
"""Of the polynomials through the stresses."""

SHEARS = ((1, 2), (0, 2), (0, 1))
ATOMS_PER_CUBE = {"bcc": 2, "fcc": 4, "diamond": 8}
Points = list[tuple[float, float]]


def extent(frames: Sequence[Atoms]) -> dict[str, Any]:
    """Sizes of the data, volumes and forces."""
    volumes = [atoms.get_volume() / len(atoms) for atoms in frames if atoms.pbc.all()]
    forces = [np.linalg.norm(atoms.get_forces(), axis=1).max() for atoms in frames]
    return {
        "n_structures": len(frames),
        "n_atoms": sum(map(len, frames)),
        "largest_cell": max(map(len, frames)),
        "config_types": dict(Counter(str(atoms.info.get("config_type", "all")) for atoms in frames)),
        "volumes": [round(float(min(volumes)), 2), round(float(max(volumes)), 2)],
        "largest_force": round(float(max(forces)), 2),
    }


def strained_crystal(frames: Sequence[Atoms], kind: str, prototype: str, *, shear: bool) -> dict[str, float]:
    """Elastic constants (GPa) that the stresses of strained cubic crystals give at their pressure; lattice constant.

    The stresses of cells strained along one axis, or sheared in one plane, by up to 6 % are fitted by cubic
    polynomials of the strain; their slopes at no strain are the constants. The lattice constant `a0` (Å) is that of
    the undistorted cell, put right by its pressure. Without `shear`, C44 is left out.
    """
    own = [atoms for atoms in frames if atoms.info.get("config_type") == kind]
    size = Counter(map(len, own)).most_common(1)[0][0]
    own = [atoms for atoms in own if len(atoms) == size]
    cubes = [atoms for atoms in own if np.ptp(atoms.cell.lengths()) < 1e-3 > np.ptp(atoms.cell.angles())]
    cube = min(cubes, key=lambda atoms: float(atoms.get_potential_energy()))
    along, across, sheared = _stresses(own, cube)
    c11, c12 = _slope(along), _slope(across)
    bulk_modulus = (c11 + 2.0 * c12) / 3.0
    a = (cube.get_volume() / size * ATOMS_PER_CUBE[prototype]) ** (1.0 / 3.0)
    tension = float(cube.get_stress()[:3].mean()) / GPa
    constants = {"C11": c11, "C12": c12} | ({"C44": _slope(sheared)} if shear else {})
    a0 = a * (1.0 - tension / (3.0 * bulk_modulus))
    return constants | {"K (Hill)": bulk_modulus, "a0": a0, "pressure": -tension}


def predicted(frames: Sequence[Atoms], potential: Potential) -> list[Atoms]:
    """The same structures with energies and stresses of a potential."""
    copies = []
    for atoms, found in zip(frames, potential.predict(frames), strict=True):
        copies.append(atoms.copy())
        copies[-1].calc = SinglePointCalculator(copies[-1], energy=found.energy, stress=found.stress)
    return copies


def _stresses(frames: Sequence[Atoms], cube: Atoms) -> tuple[Points, Points, Points]:
    """Strains and stresses (GPa): along the strained axis, across it, and of shears."""
    rest = float(cube.get_stress()[:3].mean()) / GPa
    along, across, sheared = [(0.0, rest)], [(0.0, rest)], [(0.0, 0.0)]
    for atoms in frames:
        gradient = np.linalg.solve(cube.cell.array, atoms.cell.array).T
        stress = atoms.get_stress(voigt=False) / GPa
        strain = gradient - np.eye(3)
        axes = [k for k in range(3) if abs(strain[k, k]) > 1e-4]
        green = (gradient.T @ gradient - np.eye(3)) / 2.0
        planes = [(i, j) for i, j in SHEARS if abs(green[i, j]) > 2e-4]
        if len(axes) == 1 and not planes and abs(strain[axes[0], axes[0]]) <= LARGEST_STRAIN:
            k = axes[0]
            along.append((strain[k, k], stress[k, k]))
            across.append((strain[k, k], (np.trace(stress) - stress[k, k]) / 2.0))
        if len(planes) == 1 and abs(np.linalg.det(gradient) - 1.0) < 0.01:
            i, j = planes[0]
            if 2.0 * abs(green[i, j]) <= LARGEST_STRAIN:
                sheared.append((2.0 * green[i, j], stress[i, j]))
    return along, across, sheared


def _slope(points: Points) -> float:
    strains, stresses = np.array(points).T
    return float(np.polynomial.polynomial.polyfit(strains, stresses, DEGREE)[1])
