"""Structures of fcc aluminium with defects, relaxed or run with a potential, for `index_figures.py`."""

from collections.abc import Callable

import numpy as np
from ase import Atoms, units
from ase.build import bulk, fcc111
from ase.constraints import FixAtoms
from ase.lattice.cubic import FaceCenteredCubic
from ase.md.langevin import Langevin
from ase.optimize import FIRE

from mlip_rs.calculators.calculations import Calculator, relaxed_crystal
from mlip_rs.validate.cubic_metal import CubicMetal
from mlip_rs.validate.properties.grain_boundaries import relaxed_bicrystal

MELTING_POINT = 933.0
"""Of aluminium, K."""

SHEAR_MODULUS, POISSON_RATIO = 26.0, 0.35
"""Of aluminium, GPa and 1."""

INTENSITY = 0.75
"""Stress intensity at the notch, MPa m^½; that of Griffith is (4 μ γ / (1 − ν))^½ = 0.38 for γ = 0.9 J/m²."""

NOTCH, RIM = 3.6, 8.0
"""Half of the height of the notch, and width of the rim that is held, Å."""


def lattice_constant(calculator: Calculator) -> float:
    """Edge of the cubic cell, Å."""
    return float(relaxed_crystal(calculator, bulk("Al", a=4.04, cubic=True)).cell[0, 0])


def grain_boundary(calculator: Calculator) -> Atoms:
    """Two Σ5 (210) boundaries: normal along x, tilt axis along y."""
    metal = CubicMetal("fcc", "Al", lattice_constant=lattice_constant(calculator))
    cell = relaxed_bicrystal(calculator, metal, (0, 0, 1), (2, 1, 0), thickness=24.0).repeat((2, 2, 1))
    cell = Atoms(cell.symbols, cell.positions[:, [2, 0, 1]], cell=cell.cell.lengths()[[2, 0, 1]], pbc=True)
    cell.wrap()
    return cell


def liquid(calculator: Calculator, steps: int = 3000) -> Atoms:
    """480 atoms: melted at twice the melting point, then 3 ps at 1.3 times, in 1.1 times the volume of the crystal."""
    atoms = bulk("Al", a=lattice_constant(calculator) * 1.1 ** (1 / 3), cubic=True).repeat((10, 3, 4))
    atoms.calc = calculator
    rng = np.random.default_rng(1)
    atoms.set_velocities(rng.normal(size=(len(atoms), 3)) * 0.03)
    for factor in (2.0, 1.3):
        run = Langevin(
            atoms,
            2.0 * units.fs,
            temperature_K=factor * MELTING_POINT,
            friction=0.02 / units.fs,
            fixcm=False,
            rng=rng,
        )
        run.run(steps // 2)
    atoms.wrap()
    return atoms


def stepped_surface(calculator: Calculator) -> Atoms:
    """A (111) surface with a terrace one layer high, two steps, and an adatom on the lower terrace."""
    constant = lattice_constant(calculator)
    slab = fcc111("Al", (14, 6, 11), a=constant, orthogonal=True, vacuum=12.0, periodic=True)
    heights = np.unique(slab.positions[:, 2].round(3))
    top = np.isclose(slab.positions[:, 2], heights[-1], atol=0.01)
    right = slab.positions[:, 0] > 0.5 * slab.cell[0, 0] - 0.1
    adatom = top & right
    target = np.array([0.75 * slab.cell[0, 0], 0.5 * slab.cell[1, 1], heights[-1]])
    chosen = np.flatnonzero(adatom)[np.linalg.norm(slab.positions[adatom] - target, axis=1).argmin()]
    keep = ~(top & right)
    keep[chosen] = True
    slab = slab[keep]
    slab.set_constraint(FixAtoms(mask=slab.positions[:, 2] < heights[2] + 0.1))
    slab.calc = calculator
    FIRE(slab, logfile=None).run(fmax=0.02, steps=500)
    slab.info.clear()  # ASE's notes on adsorption sites, which files cannot hold
    return slab


def notched_crystal(calculator: Calculator, intensity: float = INTENSITY, steps: int = 1000) -> Atoms:
    """A plate with a blunt notch, opened by the displacements around a crack of this stress intensity, MPa m^½.

    The plane of the notch is (111), its front [1-10], one period thick. A rim is held at the displacements of an
    isotropic body (plane strain, mode I), the rest is relaxed.
    """
    directions = [[1, 1, -2], [1, 1, 1], [1, -1, 0]]
    unit = FaceCenteredCubic("Al", latticeconstant=lattice_constant(calculator), directions=directions)
    plate = unit.repeat((32, 22, 1))
    plate = Atoms(plate.symbols, plate.positions, cell=plate.cell, pbc=[False, False, True])
    plate.positions[:, :2] -= plate.positions[:, :2].mean(axis=0)
    x, y = plate.positions[:, 0], plate.positions[:, 1]
    plate = plate[~((x < 0.0) & (np.abs(y) < NOTCH))]
    x, y = plate.positions[:, 0], plate.positions[:, 1]
    rim = np.maximum(np.abs(x) - np.abs(x).max(), np.abs(y) - np.abs(y).max()) > -RIM
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    scale = 100.0 * intensity / (2.0 * SHEAR_MODULUS)  # MPa m^½ / GPa = 100 Å^½
    reach = scale * np.sqrt(radius / (2.0 * np.pi)) * (3.0 - 4.0 * POISSON_RATIO - np.cos(angle))
    plate.positions[:, 0] += reach * np.cos(0.5 * angle)
    plate.positions[:, 1] += reach * np.sin(0.5 * angle)
    plate.set_constraint(FixAtoms(mask=rim))
    plate.calc = calculator
    FIRE(plate, logfile=None).run(fmax=0.02, steps=steps)
    plate.calc = None
    return plate


STRUCTURES: dict[str, Callable[[Calculator], Atoms]] = {
    "grain boundary": grain_boundary,
    "liquid": liquid,
    "surface": stepped_surface,
    "notch": notched_crystal,
}
