"""What any embedded-atom potential can reach: the best polynomial of pairwise sums, found by linear least squares."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.basis import Basis, radial_grid
from mlip_rs.data.core_structures import core_structure
from mlip_rs.eam.density_rows import DensityRows
from mlip_rs.eam.projection import ENERGY_PRECISION, FORCE_PRECISION
from mlip_rs.errors import FitError
from mlip_rs.potential import Potential
from mlip_rs.potential.short_range import shortest_distances

LINEAR: dict[int, int] = {1: 24, 2: 16}
"""Radial functions that enter linearly, by number of elements; 10 for more."""

MULTIPLIED: dict[int, tuple[int, ...]] = {1: (8, 10, 12), 2: (4, 6)}
"""Numbers of radial functions that are multiplied, of which the best is taken; 3 for more elements."""

PENALTIES: tuple[float, ...] = (1e-10, 1e-8, 1e-6, 1e-4)
"""Ridge penalties that are tried, in units of the diagonal of the Gram matrix."""


@dataclass(frozen=True, eq=False)
class RadialLimit:
    """The best polynomial of third degree of pairwise sums, which no angle enters.

    Parameters
    ----------
    potential
        Fitted to all structures.
    energies, forces
        (S,) eV per atom and (N, 3) eV/Å, of fits to the other half of the structures; comparable with those of
        `DensityRows`.
    """

    potential: Potential
    energies: Array
    forces: Array


def radial_limit(rows: DensityRows, potential: Potential) -> RadialLimit:
    """Fit polynomials of third degree of pairwise sums to the energies and forces of rows, and take the best.

    Each half of the structures, every second one, is predicted by the fit to the other half, so that what is left over
    is not made small by the number of coefficients.

    Parameters
    ----------
    rows
        Structures, and what is to be reached.
    potential
        Gives cutoff, repulsion of close pairs, and energies of single atoms.

    Raises
    ------
    FitError
        Too few structures.
    """
    if len(rows.frames) < 2:
        raise FitError("one structure is not enough to tell angles from densities; give more")
    numbers = MULTIPLIED.get(len(potential.elements), (3,))
    found = [_limit(rows, potential, number) for number in numbers]
    return min(found, key=lambda own: _error(rows, own.energies, own.forces))


def _limit(rows: DensityRows, potential: Potential, multiplied: int) -> RadialLimit:
    basis = _core.Basis(json.dumps(_specification(potential, multiplied)))
    structures = [core_structure(frame) for frame in rows.frames]
    starts = np.cumsum([0, *rows.counts])
    halves = [np.arange(half, len(structures), 2) for half in (0, 1)]
    systems = [_equations(basis, rows, structures, starts, half) for half in halves]
    solutions = [_solutions(*system) for system in systems]
    energies, forces = np.zeros((len(PENALTIES), len(structures))), np.zeros((len(PENALTIES), starts[-1], 3))
    for half, other in zip(halves, reversed(solutions), strict=True):
        found = _core.predict(basis, [structures[k] for k in half], np.ascontiguousarray(other), 1)
        for k, own in zip(half, found, strict=True):
            n = int(rows.counts[k])
            energies[:, k] = own[0] / n
            forces[:, starts[k] : starts[k + 1]] = own[1 : 1 + 3 * n].T.reshape(-1, n, 3)
    best = int(np.argmin([_error(rows, e, f) for e, f in zip(energies, forces, strict=True)]))
    whole = [np.asarray(first + second) for first, second in zip(*systems, strict=True)]
    coefficients = _solutions(*whole)[:, best]
    fitted = Potential.from_coefficients(json.loads(basis.spec), coefficients, potential.reference_energies)
    return RadialLimit(fitted, energies[best], forces[best])


def _specification(potential: Potential, multiplied: int) -> dict[str, Any]:
    spec = potential.spec
    closest, linear = min(map(min, shortest_distances(potential))), LINEAR.get(len(potential.elements), 10)
    coarse, fine = (
        radial_grid("gaussian", count, potential.cutoff, r_min=closest) for count in (multiplied, linear)
    )
    basis = Basis(
        potential.elements,
        cutoff=potential.cutoff,
        hierarchy="pair-poly",
        radial=[coarse, replace(fine, products=False)],
        pair_degree=3,
        pair_cross_degree=3,
        cutoff_function=spec["cutoff_function"],
        constant=bool(potential.undetermined_atoms),
    )
    document = basis.to_dict()
    if "repulsion" in spec:
        document["repulsion"] = {key: spec["repulsion"][key] for key in ("inner", "outer")}
    return document


def _equations(
    basis: _core.Basis,
    rows: DensityRows,
    structures: Sequence[_core.Structure],
    starts: np.ndarray,
    half: np.ndarray,
) -> tuple[Array, Array]:
    """Gram matrix (F, F) and moment (F,) of some of the structures."""
    gram, moment = np.zeros((1, basis.n_features, basis.n_features)), np.zeros((1, basis.n_features))
    weights = np.tile([ENERGY_PRECISION**-2.0, FORCE_PRECISION**-2.0, 0.0], (len(half), 1))
    forces = np.concatenate([rows.forces[starts[k] : starts[k + 1]] for k in half])
    labels = _core.Labels(
        rows.energies[half], np.ascontiguousarray(forces), np.zeros((len(half), 6)), weights
    )
    _core.accumulate(basis, [structures[k] for k in half], labels, gram, moment, 1)
    _core.symmetrize(gram[0], 1)
    return gram[0], moment[0]


def _solutions(gram: Array, moment: Array) -> Array:
    """(F, penalties) ridge solutions."""
    scale = np.maximum(np.diag(gram), 1e-12 * np.diag(gram).max())
    root = np.sqrt(scale)
    scaled = np.ascontiguousarray(gram / np.outer(root, root))
    penalties = np.outer(PENALTIES, np.ones(len(gram)))
    found = _core.solve_ridge(scaled, moment / root, penalties, None, 1)
    # What cannot be solved stays zero and is never the best.
    return np.column_stack([np.zeros(len(gram)) if w is None else w / root for w in found])


def _error(rows: DensityRows, energies: Array, forces: Array) -> float:
    return float(
        (((energies - rows.energies) / ENERGY_PRECISION) ** 2).sum()
        + (((forces - rows.forces) / FORCE_PRECISION) ** 2).sum()
    )
