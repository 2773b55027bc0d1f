"""Kinds of structures with defects, surfaces or no crystal at all, as in `kinds`."""

import numpy as np
from ase import Atoms

from mlip_rs.generate.bicrystals import Indices, tilt_bicrystal, twist_bicrystal
from mlip_rs.generate.defects import GAP, interstitial, slab, slid, vacancy
from mlip_rs.generate.distortions import moved, with_volume
from mlip_rs.generate.kinds import Kind, Maker, Task, noted, occupied
from mlip_rs.generate.out_of_domain import cluster, random_cell
from mlip_rs.generate.parents import Parent
from mlip_rs.generate.prototypes import lattice_constant
from mlip_rs.generate.symmetry import smallest_cell
from mlip_rs.generate.systems import mixture

SURFACES: dict[str, tuple[Indices, ...]] = {
    "hcp": ((0, 0, 1), (1, 0, 0), (1, 1, 0), (1, 0, 1)),
    "": ((1, 1, 1), (1, 0, 0), (1, 1, 0), (2, 1, 0)),
}
"""Planes of the conventional cell, by the lattice; the others have those of ""."""

SLIP_PLANES: dict[str, tuple[Indices, int]] = {
    "fcc": ((1, 1, 1), 3),
    "bcc": ((1, 1, 0), 2),
    "hcp": ((0, 0, 1), 3),
}
"""Densest planes, and the whole number that divides lattice vectors in them into symmetric points."""

TILTS: tuple[tuple[Indices, Indices], ...] = (
    ((1, -1, 0), (1, 1, 1)),
    ((0, 0, 1), (2, 1, 0)),
    ((1, -1, 0), (1, 1, 2)),
)
"""(axis, plane) of boundaries with small cells: Σ3, Σ5, Σ3."""

SIGMA_5_TWIST: tuple[int, int] = (2, 1)

MOST_IN_A_BOUNDARY: int = 48
"""Atoms of a cell with two boundaries at most."""

THICKNESSES: tuple[float, ...] = (0.0, 4.0, 6.0, 9.0, 12.0)
"""Å, of slabs of aluminium."""

THICKEST: int = 24
"""Atoms of a slab at most."""


def with_vacancy(parent: Parent, task: Task) -> Atoms | None:
    """Supercells of 4 to 32 sites with one empty site, from at rest to hot."""
    n_atoms = max(int(task.rng.choice([4, 8, 8, 16, 16, 32])), 2 * len(parent.crystal))
    return _hot(parent, task, occupied(parent, task, vacancy(parent.crystal, n_atoms, task.rng)), 0.9, 1.06)


def with_interstitial(parent: Parent, task: Task) -> Atoms | None:
    """Supercells of 8 to 32 atoms with one more."""
    symbol = str(task.rng.choice(parent.elements))
    n_atoms = int(task.rng.choice([8, 16, 16, 32]))
    cell = interstitial(parent.crystal, n_atoms, symbol, task.spheres, task.rng)
    return _hot(parent, task, occupied(parent, task, cell), 1.0, 1.1)


def with_surfaces(parent: Parent, task: Task) -> Atoms | None:
    """Slabs of a single layer and thicker ones, in plane up to 3 % longer or shorter."""
    planes = SURFACES.get(_lattice(parent), SURFACES[""])
    indices = planes[task.number % len(planes)]
    ratio, thickness = float(task.rng.uniform(0.91, 1.09)), task.scale(parent) * task.one_of(THICKNESSES)
    cell = slab(with_volume(parent.crystal, ratio), indices, thickness)
    if len(cell) > THICKEST:
        return None
    if parent.alloy:
        cell = cell if len(cell) >= len(parent.alloy) else cell.repeat((2, 2, 1))
        cell.set_chemical_symbols(mixture(parent.alloy, len(cell), task.rng))
    length = task.scale(parent) * task.one_of((0.0, 0.05, 0.12, 0.25))
    hot = noted(moved(cell, length, task.rng), displacement=length)
    between = "" if parent.name.isalpha() else "-"
    hot.info["config_type"] = f"slab_{parent.name}{between}{''.join(map(str, indices))}"
    return hot


def with_stacking_fault(parent: Parent, task: Task) -> Atoms | None:
    """fcc, bcc and hcp that have slid along their densest plane: to symmetric points and anywhere."""
    plane, parts = SLIP_PLANES[_lattice(parent)]
    layers = int(task.rng.choice([2, 3] if _lattice(parent) == "hcp" else [4, 5, 6]))
    symmetric = task.rng.integers(parts, size=2) / parts
    slip = task.rng.uniform(size=2) if task.number % 2 else symmetric
    cell = slid(parent.crystal, plane, layers, (float(slip[0]), float(slip[1])))
    return _hot(parent, task, occupied(parent, task, cell), 0.97, 1.06) if slip.any() else None


def with_grain_boundary(parent: Parent, task: Task) -> Atoms | None:
    """Tilt and twist boundaries of fcc and bcc; the grains are moved against each other and apart."""
    lattice, symbol = _lattice(parent), parent.elements[0]
    edge = lattice_constant(lattice, parent.volume)
    if edge is None:
        return None
    which = task.number % (len(TILTS) + 1)
    if which < len(TILTS):
        cell, second = tilt_bicrystal(lattice, symbol, edge, *TILTS[which], 1.0)
    else:
        cell, second = twist_bicrystal(lattice, symbol, edge, SIGMA_5_TWIST, 1.0)
    along, across = task.rng.uniform(size=2) * int(task.rng.integers(2))
    gap = float(task.rng.uniform(0.0, 0.15)) * edge
    cell.positions[second] += along * cell.cell[0] + across * cell.cell[1] + [0, 0, gap]
    cell.set_cell(cell.cell.array + 2 * gap * np.diag([0, 0, 1]))
    cell = smallest_cell(cell)
    if len(cell) > MOST_IN_A_BOUNDARY:
        return None
    return _hot(parent, task, occupied(parent, task, cell), 0.97, 1.06)


def free_cluster(parent: Parent, task: Task) -> Atoms | None:
    """Dimers at any distance, and clusters of up to 13 atoms, far from their periodic images."""
    n_atoms = 2 if task.number % 4 == 0 else int(task.rng.integers(3, 14))
    contact = task.rng.uniform(0.75, 1.8) if n_atoms == 2 else task.rng.uniform(0.85, 1.2)
    found = cluster(task.spheres, mixture(parent.elements, n_atoms, task.rng), task.rng, contact)
    return noted(_boxed(found))


def isolated_atom(parent: Parent, task: Task) -> Atoms | None:
    """One atom, far from its periodic images."""
    return _boxed(Atoms(parent.elements[0])) if len(parent.elements) == 1 else None


def random_spheres(parent: Parent, task: Task) -> Atoms | None:
    """Cells of 4 to 12 atoms at random places, not too close to each other."""
    symbols = mixture(parent.elements, int(task.rng.integers(4, 13)), task.rng)
    ratio = float(np.exp(task.rng.uniform(np.log(0.75), np.log(1.8))))
    cell = random_cell(task.spheres, symbols, ratio, task.rng, contact=task.rng.uniform(0.75, 1.0))
    return noted(cell, volume_ratio=ratio)


def _lattice(parent: Parent) -> str:
    """Name of the lattice of a parent, without what occupies it."""
    return parent.name.removeprefix("alloy-")


def _hot(parent: Parent, task: Task, cell: Atoms, low: float, high: float) -> Atoms:
    """A copy at a volume between two, atoms at rest or displaced."""
    ratio = float(task.rng.uniform(low, high))
    length = task.scale(parent) * task.one_of((0.0, 0.05, 0.1, 0.2))
    return noted(moved(with_volume(cell, ratio), length, task.rng), volume_ratio=ratio, displacement=length)


def _boxed(atoms: Atoms) -> Atoms:
    """Atoms in a periodic box with vacuum around them."""
    boxed = Atoms(atoms.get_chemical_symbols(), atoms.positions, pbc=True)
    boxed.set_cell(np.ptp(boxed.positions, axis=0) + GAP)
    boxed.center()
    return boxed


DEFECTS: dict[str, Kind] = {
    "vacancy": Kind(with_vacancy, lambda parent: parent.with_defects),
    "interstitial": Kind(with_interstitial, lambda parent: parent.with_defects),
    "slab": Kind(with_surfaces, lambda parent: parent.with_defects),
    "stacking-fault": Kind(with_stacking_fault, lambda parent: _lattice(parent) in SLIP_PLANES),
    "grain-boundary": Kind(with_grain_boundary, lambda parent: _lattice(parent) in ("fcc", "bcc")),
}
"""Kinds of crystals that are not whole, by name."""

WITHOUT_CRYSTAL: dict[str, Maker] = {
    "cluster": free_cluster,
    "random": random_spheres,
    "isolated-atom": isolated_atom,
}
"""Kinds that need elements only, by name."""
