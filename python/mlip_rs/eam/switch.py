"""The switching of atoms by their local density as one more embedding function: exact in compressed crystals."""

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import CubicSpline

from mlip_rs.arrays import Array
from mlip_rs.data.core_structures import StructureArrays
from mlip_rs.eam.exact import CROWDED, DENSITY_POINTS
from mlip_rs.eam.tables import EamTables, EmbeddedTerm
from mlip_rs.potential import Potential
from mlip_rs.potential.compression import Compression
from mlip_rs.potential.short_range import shortest_distances
from mlip_rs.potential.zbl_switching import density_weight

COMPRESSIONS: int = 200
"""Crystals along which the embedding function is taken, closest where it begins."""

FINE: int = 5000
"""Distances on which that of a density is looked up."""


def switch_term(potential: Potential, tables: EamTables, lattice: str = "fcc") -> EmbeddedTerm | None:
    """An embedding function F(ρ) of the local density that corrects tables where the potential switches to ZBL.

    F vanishes up to the density at which switching begins, beyond all data; farther, it gives a compressed crystal
    of one element the energy of the potential. Other crowded structures have it approximately.

    Parameters
    ----------
    potential
        The potential.
    tables
        What it is without the switching, constants included.
    lattice
        The crystal, a name of `PROTOTYPES`.

    Returns
    -------
    EmbeddedTerm or None
        None if the potential does not switch by density.

    Examples
    --------
    >>> from mlip_rs import Basis
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=1)
    >>> potential = Potential.from_coefficients(basis, [1.0], {"Al": 0.0})
    >>> switch_term(potential, EamTables(("Al",), 5.0, np.zeros((1, 1, 9)), ())) is None
    True
    """
    density = (potential.spec.get("repulsion") or {}).get("density")
    if density is None:
        return None
    elements, distances = potential.elements, np.linspace(0.0, tables.cutoff, tables.pair.shape[-1])
    outer = shortest_distances(potential)
    scale = (
        np.array(outer) * density["range"] if "range" in density else np.full_like(outer, potential.cutoff)
    )
    ranges = np.minimum(scale, potential.cutoff)
    weights = np.array([[density_weight(distances, range_) for range_ in row] for row in ranges])
    onsets = density["onset"]
    curves = [
        _correction(potential, tables, k, (ranges[k, k], onsets[k]), lattice) for k in range(len(elements))
    ]
    grid = np.linspace(0.0, max(float(rho[-1]) for rho, _ in curves), DENSITY_POINTS)
    embedding = [
        # Flat where it begins, so that nothing of it reaches into the data.
        np.where(
            grid > rho[0],
            CubicSpline(rho, energies, bc_type=((1, 0.0), "not-a-knot"))(np.clip(grid, rho[0], rho[-1])),
            0.0,
        )
        for rho, energies in curves
    ]
    return EmbeddedTerm(weights, np.array(embedding), float(grid[1]))


def _correction(
    potential: Potential, tables: EamTables, k: int, switch: tuple[float, float], lattice: str
) -> tuple[Array, Array]:
    """Local densities, ascending from the onset, and what the tables lack there, eV, per atom of a compressed crystal.

    What they lack at the onset, where a projection differs from the potential, is taken off.
    """
    range_, onset = switch
    crystal = Compression.crystal(lattice, potential.elements[k])
    (shells,) = crystal.shells
    shortest = CROWDED * shortest_distances(potential)[k][k]
    fine = np.linspace(range_, shortest, FINE)
    densities = density_weight(np.outer(fine, shells.ratios), range_) @ shells.counts
    wanted = onset + max(float(densities[-1]) - onset, onset) * np.linspace(0.0, 1.0, COMPRESSIONS) ** 2
    distances = np.interp(wanted, densities, fine)
    rho = density_weight(np.outer(distances, shells.ratios), range_) @ shells.counts
    rho, kept = np.unique(rho, return_index=True)
    energies = crystal.energies(potential.core, distances[kept], 1)[:, 0]
    lacking = energies - _table_energies(tables, crystal, distances[kept])
    return rho, lacking - lacking[0]


def _table_energies(tables: EamTables, crystal: Compression, distances: Sequence[float] | Array) -> Array:
    numbers, positions, cell, pbc = crystal.unit
    return np.array(
        [tables.evaluate(StructureArrays(numbers, positions * r, cell * r, pbc))[0][0] for r in distances]
    )
