"""Symmetric tilt grain boundaries of fcc and bcc metals on coincidence-site lattices."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import acos, degrees
from typing import Any

import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from numpy.typing import NDArray

from mlip_rs.calculators.calculations import Calculator, optimized, potential_energy
from mlip_rs.calculators.relaxations import relaxation
from mlip_rs.errors import MlipError, PropertyError
from mlip_rs.generate.bicrystals import BOUNDARIES, Indices, check_structure, tilt_bicrystal
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.criteria import Quantity
from mlip_rs.validate.cubic_metal import CubicMetal
from mlip_rs.validate.properties.surfaces import EV_PER_ANGSTROM2_IN_J_PER_M2, SURFACE
from mlip_rs.validate.property import Property

GRID = 6
"""Number of rigid translations tried along each period of the plane."""

GAPS: tuple[float, ...] = (0.0, 0.4)
"""Distances in Å by which the grains are moved apart in these trials."""

CANDIDATES = 3
"""Number of best trials that are relaxed; the lowest energy counts."""

THICKNESS = 12.0
"""Least thickness in Å of each grain."""


@dataclass(frozen=True)
class GrainBoundary:
    """One boundary.

    Attributes
    ----------
    axis, plane
        Tilt axis and boundary plane, in the cubic cell.
    sigma
        Inverse density of coincidence sites.
    angle
        Misorientation about the axis in degrees, twice the tilt from the cube plane nearest to 0.
    n_atoms
        Number of atoms of the cell, which contains two equal boundaries.
    energy
        J/m², positions, translation and distance of the grains relaxed.

    Examples
    --------
    >>> GrainBoundary((0, 0, 1), (2, 1, 0), sigma=5, angle=53.1, n_atoms=40, energy=0.5).name
    'Σ5 (210)'
    """

    axis: Indices
    plane: Indices
    sigma: int
    angle: float
    n_atoms: int
    energy: float

    @property
    def name(self) -> str:
        """Name as in the literature: Σ5 (210)."""
        return f"Σ{self.sigma} ({''.join(map(str, self.plane))})"


@dataclass(frozen=True)
class GrainBoundaries:
    """Several boundaries, and (boundary, reason) of those that did not relax.

    Examples
    --------
    >>> twin = GrainBoundary((1, -1, 0), (1, 1, 1), sigma=3, angle=109.5, n_atoms=12, energy=0.07)
    >>> {boundary.name: boundary.energy for boundary in GrainBoundaries((twin,)).boundaries}
    {'Σ3 (111)': 0.07}
    """

    boundaries: tuple[GrainBoundary, ...]
    failures: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "boundaries": [
                {
                    "name": found.name,
                    "axis": list(found.axis),
                    "plane": list(found.plane),
                    "angle_degrees": found.angle,
                    "n_atoms": found.n_atoms,
                    "energy_j_per_m2": found.energy,
                }
                for found in self.boundaries
            ],
            "failures": [list(failure) for failure in self.failures],
        }


def grain_boundaries(
    calculator: Calculator,
    metal: CubicMetal,
    *,
    boundaries: Sequence[tuple[Indices, Indices]] = BOUNDARIES,
    thickness: float = THICKNESS,
    grid: int = GRID,
    fmax: float = 0.02,
) -> GrainBoundaries:
    """Energies of symmetric tilt boundaries.

    Two mirrored grains stand in a periodic cell. The second is moved rigidly over a grid in the plane; the trials of
    lowest energy are relaxed, together with the length of the cell along the normal. No atom is added or removed.

    Parameters
    ----------
    calculator
        Any ASE calculator with stresses.
    metal
        The fcc or bcc crystal.
    boundaries
        (tilt axis, plane) with the axis in the plane.
    thickness, grid, fmax
        Least thickness of a grain in Å; translations along each period; largest remaining force in eV/Å.

    Returns
    -------
    GrainBoundaries
        A boundary that does not relax is listed with the reason.

    Raises
    ------
    ConfigError
        Another structure, or an axis outside its plane.

    Examples
    --------
    >>> from ase.calculators.emt import EMT
    >>> aluminium, twin = CubicMetal("fcc", "Al", lattice_constant=3.99), ((1, -1, 0), (1, 1, 1))
    >>> found = grain_boundaries(EMT(), aluminium, boundaries=[twin], thickness=2.0, grid=3, fmax=0.5)
    >>> [f"{boundary.name}: {boundary.energy:.2f} J/m²" for boundary in found.boundaries]
    ['Σ3 (111): 0.01 J/m²']
    """
    check_structure(metal.structure)
    found, failures = [], []
    for axis, plane in boundaries:
        cell, mirrored = _bicrystal(metal, axis, plane, thickness)
        try:
            energy = _lowest_energy(calculator, cell, mirrored, grid, fmax)
        except MlipError as error:
            failures.append((f"({''.join(map(str, plane))})", str(error)))
            continue
        found.append(GrainBoundary(axis, plane, coincidence(plane), _angle(axis, plane), len(cell), energy))
    return GrainBoundaries(tuple(found), tuple(failures))


def relaxed_bicrystal(
    calculator: Calculator,
    metal: CubicMetal,
    axis: Indices,
    plane: Indices,
    *,
    thickness: float = THICKNESS,
    grid: int = GRID,
    fmax: float = 0.02,
) -> Atoms:
    """Atoms of one boundary as `grain_boundaries` relaxes it.

    Parameters
    ----------
    calculator, metal, thickness, grid, fmax
        As of `grain_boundaries`.
    axis, plane
        Tilt axis, and plane of the boundary, which contains it.

    Returns
    -------
    Atoms
        Periodic cell with two equal boundaries: the tilt axis along x, the normal along z.

    Raises
    ------
    ConfigError
        Another structure than fcc or bcc, or an axis outside its plane.
    PropertyError
        No candidate relaxes.

    Examples
    --------
    >>> from ase.calculators.emt import EMT
    >>> aluminium = CubicMetal("fcc", "Al", lattice_constant=3.99)
    >>> twin = relaxed_bicrystal(EMT(), aluminium, (1, -1, 0), (1, 1, 1), thickness=2.0, grid=3, fmax=0.5)
    >>> len(twin)
    12
    """
    cell, mirrored = _bicrystal(metal, axis, plane, thickness)
    return _best(calculator, cell, mirrored, grid, fmax)[0]


def coincidence(plane: Indices) -> int:
    """Σ of the symmetric tilt boundary on a plane of a cubic crystal: h² + k² + l², halved until it is odd.

    Examples
    --------
    >>> coincidence((2, 1, 0))
    5
    """
    sigma = sum(i * i for i in plane)
    while sigma % 2 == 0:
        sigma //= 2
    return sigma


def _angle(axis: Indices, plane: Indices) -> float:
    start = np.array([1, 0, 0]) if axis == (0, 0, 1) else np.array([0, 0, 1])
    normal = np.array(plane)
    return 2 * degrees(acos(float(abs(start @ normal)) / float(np.linalg.norm(normal))))


def _bicrystal(
    metal: CubicMetal, axis: Indices, plane: Indices, thickness: float
) -> tuple[Atoms, NDArray[np.bool_]]:
    return tilt_bicrystal(metal.structure, metal.symbol, metal.lattice_constant, axis, plane, thickness)


def _lowest_energy(
    calculator: Calculator, cell: Atoms, mirrored: NDArray[np.bool_], grid: int, fmax: float
) -> float:
    """Energy in J/m² of the best of the relaxed candidates."""
    # The grains are equal to the bulk up to their boundary: half of the cell, alone, is the perfect crystal.
    bulk = cell[~mirrored]
    bulk.set_cell([cell.cell[0], cell.cell[1], cell.cell[2] / 2])
    per_atom = potential_energy(calculator, bulk) / len(bulk)
    _, energy = _best(calculator, cell, mirrored, grid, fmax)
    area = 2 * float(np.linalg.norm(np.cross(cell.cell[0], cell.cell[1])))
    return float((energy - len(cell) * per_atom) / area * EV_PER_ANGSTROM2_IN_J_PER_M2)


def _best(
    calculator: Calculator, cell: Atoms, mirrored: NDArray[np.bool_], grid: int, fmax: float
) -> tuple[Atoms, float]:
    """The best of the relaxed candidates, and its energy in eV."""
    trials = []
    for i in range(grid):
        for j in range(grid):
            for gap in GAPS:
                trial = cell.copy()
                trial.positions[mirrored] += i / grid * cell.cell[0] + j / grid * cell.cell[1] + [0, 0, gap]
                trial.set_cell([cell.cell[0], cell.cell[1], cell.cell[2] + [0, 0, 2 * gap]])
                trials.append((potential_energy(calculator, trial), trial))
    trials.sort(key=lambda pair: pair[0])
    candidates, reasons = [], []
    for _, trial in trials[:CANDIDATES]:
        try:
            final = relaxation(calculator, trial, lambda start: _relaxed_trial(calculator, start, fmax))
            candidates.append((final, potential_energy(calculator, final)))
        except MlipError as error:
            reasons.append(str(error))
    if not candidates:
        raise PropertyError(reasons[0])
    return min(candidates, key=lambda pair: pair[1])


def _relaxed_trial(calculator: Calculator, trial: Atoms, fmax: float) -> Atoms:
    moving = trial.copy()
    moving.calc = calculator
    along_normal = FrechetCellFilter(moving, mask=[False, False, True, False, False, False])
    if not optimized(along_normal, fmax, 400):
        raise PropertyError("a bicrystal did not relax in 400 steps")
    final = moving.copy()
    final.calc = None
    return final


def compute(case: ValidationCase) -> GrainBoundaries:
    """Boundaries of the crystal; the first two if the case is quick."""
    metal = case.cubic_metal
    boundaries = BOUNDARIES[:2] if case.quick else BOUNDARIES
    thickness = case.scale * THICKNESS
    return grain_boundaries(case.calculator, metal, boundaries=boundaries, thickness=thickness)


def quantities(found: GrainBoundaries) -> tuple[Quantity, ...]:
    """Energies of the boundaries."""
    return tuple(Quantity(b.name, "J/m²", b.energy, SURFACE) for b in found.boundaries)


def failures(found: GrainBoundaries) -> tuple[str, ...]:
    """Boundaries that do not relax or gain energy."""
    reasons = [f"{name}: {reason}" for name, reason in found.failures]
    return (
        *reasons,
        *(f"{b.name} gains energy: the crystal is not stable" for b in found.boundaries if b.energy < 0),
    )


PROPERTY = Property("grain-boundaries", "Grain boundaries", GrainBoundaries, compute, quantities, failures)
