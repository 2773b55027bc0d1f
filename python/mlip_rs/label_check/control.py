"""Labels that are right by construction: those of a simple potential, on the structures of the data.

Where the check finds a contradiction in them, the structures do not allow the comparison (a few dimers beside crystals,
molecules of many kinds), and what it finds in the labels of the data says nothing.

The potential is that of a second-moment approximation, with a dipole of the surroundings for what depends on angles:
E_i = Σ_j A exp(−p x_ij) t_ij − (Σ_j ξ² exp(−2q x_ij) t_ij)^½ + c |Σ_j exp(−q x_ij) t_ij r̂_ij|², x = r/r₀ − 1, with
r₀ in proportion to covalent radii and a taper t = (1 − r/r_c)² (Cleri and Rosato, Phys. Rev. B 48, 22, 1993).
"""

from dataclasses import dataclass, replace

import numpy as np
from ase.data import covalent_radii
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.data import Dataset, Frame
from mlip_rs.data.core_structures import core_structure

REACH: float = 1.25
"""Cutoff over that of the small basis: the labels of the data reach farther than that, too."""


@dataclass(frozen=True)
class Control:
    """Parameters of the potential.

    Parameters
    ----------
    repulsion, attraction
        A and ξ, eV.
    p, q
        How steep the two are.
    dipole
        c, eV.
    """

    repulsion: float
    attraction: float
    p: float
    q: float
    dipole: float


CONTROLS: tuple[Control, ...] = (
    Control(repulsion=0.15, attraction=1.3, p=10.0, q=2.7, dipole=0.0),
    Control(repulsion=0.2, attraction=1.6, p=7.5, q=1.8, dipole=0.08),
)


def with_control_labels(dataset: Dataset, cutoff: float, control: Control) -> Dataset:
    """Replace every label that the data have by that of a simple potential.

    Parameters
    ----------
    dataset
        Structures in any unit of length: r₀ follows from their nearest distances.
    cutoff
        r_c, in the unit of the positions.
    """
    radii = typical_radii(dataset)
    return replace(
        dataset, frames=tuple(labelled(frame, radii[frame.numbers], cutoff, control) for frame in dataset)
    )


def typical_radii(dataset: Dataset) -> Array:
    """Covalent radii by atomic number, in the unit that makes nearest distances of the data typical."""
    ratios = []
    for frame, nearest in zip(dataset, dataset.nearest_distances, strict=True):
        own = covalent_radii[frame.numbers]
        ratios.extend((nearest / (own + own.mean()))[np.isfinite(nearest)])
    return np.asarray(covalent_radii * (float(np.median(ratios)) if ratios else 1.0))


def labelled(frame: Frame, radii: Array, cutoff: float, control: Control) -> Frame:
    """Replace every label of a frame by that of a simple potential; radii (N,) of its atoms."""
    first, second, _, vectors = _core.neighbor_list(core_structure(frame), cutoff)
    energy, pull = _energy(first, vectors, radii[first] + radii[second], frame.n_atoms, cutoff, control)
    forces = np.zeros((frame.n_atoms, 3))
    np.add.at(forces, first, pull)
    np.add.at(forces, second, -pull)
    stress = None
    if frame.stress is not None and frame.volume is not None:
        virial = vectors.T @ pull / frame.volume
        stress = virial[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    return replace(
        frame,
        energy=None if frame.energy is None else energy,
        forces=None if frame.forces is None else forces,
        stress=stress,
    )


def _energy(
    first: NDArray[np.signedinteger],
    vectors: Array,
    typical: Array,
    n_atoms: int,
    cutoff: float,
    control: Control,
) -> tuple[float, Array]:
    """Energy, eV, and its derivative (pairs, 3) by the vectors from the first atom of each pair to the second."""
    index = np.asarray(first, dtype=np.intp)
    r = np.linalg.norm(vectors, axis=1)
    unit, x = vectors / r[:, None], r / typical - 1.0
    taper, taper_slope = (1.0 - r / cutoff) ** 2, -2.0 / cutoff * (1.0 - r / cutoff)

    def tapered(amount: float, steepness: float) -> tuple[Array, Array]:
        value = amount * np.exp(-steepness * x)
        return value * taper, value * (taper_slope - steepness / typical * taper)

    wall, wall_slope = tapered(control.repulsion, control.p)
    bond, bond_slope = tapered(control.attraction**2, 2.0 * control.q)
    weight, weight_slope = tapered(1.0, control.q)
    density = np.bincount(index, bond, n_atoms)
    root = np.sqrt(np.maximum(density, 1e-12))
    dipole = np.stack([np.bincount(index, weight * unit[:, a], n_atoms) for a in range(3)], axis=1)
    energy = float(wall.sum() - root.sum() + control.dipole * (dipole**2).sum())
    along = wall_slope - 0.5 * bond_slope / root[index]
    own = dipole[index]
    projected = (own * unit).sum(axis=1)
    turned = (own - projected[:, None] * unit) * (weight / r)[:, None]
    gradient = along[:, None] * unit
    gradient += 2.0 * control.dipole * ((weight_slope * projected)[:, None] * unit + turned)
    return energy, gradient
