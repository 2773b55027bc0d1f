"""What tells atoms with large force errors: the index, force bars, the force itself, and MaxVol as published."""

from unittest.mock import patch

import numpy as np
from error_bars_cases import Case
from scipy.linalg import lu, qr, solve_triangular
from sklearn.metrics import roc_auc_score

from mlip_rs.arrays import Array, Mask
from mlip_rs.uncertainty import index_forms
from mlip_rs.uncertainty.index_forms import TrainingAtoms

WORST = 0.05
"""Part of the atoms, those with the largest errors of their forces, that an index is to find."""

N_COMPONENTS = 100
"""Principal components of MaxVol; the basis of published potentials is of this size."""

GAIN = 1.01
"""MaxVol swaps rows until no coefficient is larger (E. V. Podryabinkin and A. V. Shapeev take 1.001 to 1.1)."""

MOST_SWAPS = 5000


def area(errors: Array, score: Array) -> float:
    """Area under the curve of hits against false alarms for the worst atoms."""
    worst = errors >= np.quantile(errors, 1.0 - WORST)
    return float(roc_auc_score(worst, score))


def indices(case: Case) -> dict[str, Array]:
    """(N,) of every atom of the set, by several indices made from the same training atoms."""
    atoms, known = case.rows.atoms, case.known
    supports = case.support.reshape(len(atoms.elements), -1)
    found = {"index": atoms.forms(supports, known).index(atoms)}
    for name, n_forms in (("16 forms", 16), ("all forms", int(supports.sum(axis=1).max()))):
        with patch.object(index_forms, "N_FORMS", n_forms):
            found[name] = atoms.forms(supports, known).index(atoms)
    found[f"MaxVol, {N_COMPONENTS} PCs"] = maxvol_grade(atoms, supports, known, N_COMPONENTS)
    found["MaxVol, kept features"] = maxvol_grade(atoms, supports, known, None)
    return found


def maxvol_grade(atoms: TrainingAtoms, supports: Mask, known: Mask, n_components: int | None) -> Array:
    """(N,) extrapolation grade, the largest coefficient in terms of the active set of the element of the atom.

    Of the kept features as they are, or of their principal components about the mean.

    E. V. Podryabinkin and A. V. Shapeev, Comput. Mater. Sci. 140, 171 (2017); by atom as in Y. Lysogorskiy et al.,
    Phys. Rev. Mater. 7, 043801 (2023).
    """
    grade = np.zeros(len(atoms.species))
    for k, support in enumerate(supports):
        own = atoms.species == k
        values = atoms.features[np.ix_(own, support)]
        train = values[known[own]]
        scale = train.std(axis=0)
        varying = scale > 1e-3 * np.abs(train).max(axis=0)
        mean = 0.0 if n_components is None else train.mean(axis=0)
        z = (values - mean)[:, varying] / scale[varying]
        _, sizes, axes = np.linalg.svd(z[known[own]], full_matrices=False)
        kept = (sizes > 1e-6 * sizes[0]) & (np.arange(len(sizes)) < (n_components or len(sizes)))
        components = z @ axes[kept].T / sizes[kept]
        grade[own] = np.abs(components @ maxvol(components[known[own]])).max(axis=1)
    return grade


def maxvol(rows: Array) -> Array:
    """(r, r) inverse of the r rows of (n, r) that span about the largest volume.

    S. A. Goreinov et al., in Matrix Methods: Theory, Algorithms and Applications (2010), p. 247.
    """
    n_rows, rank = rows.shape
    orthonormal, triangle = qr(rows, mode="economic")
    order = np.argmax(lu(orthonormal, permute_l=False, p_indices=False)[0], axis=0)[:rank]
    coefficients = np.linalg.solve(orthonormal[order].T, orthonormal.T).T
    for _ in range(MOST_SWAPS):
        i, j = divmod(int(np.abs(coefficients).argmax()), rank)
        if abs(coefficients[i, j]) <= GAIN:
            break
        row = coefficients[i].copy()
        row[j] -= 1.0
        coefficients -= np.outer(coefficients[:, j], row) / coefficients[i, j]
        order[j] = i
    assert n_rows >= rank
    return np.asarray(solve_triangular(triangle, np.linalg.inv(orthonormal[order])))
