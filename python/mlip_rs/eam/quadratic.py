"""Quadratic forms of pairwise sums as sums of ± squares of densities, none of them negative."""

import numpy as np

from mlip_rs.arrays import Array

NEGLIGIBLE: float = 1e-12
"""Eigenvalues below this fraction of the largest are rounding."""

SMOOTH: float = 0.1
"""Part of the shift of densities that does not vanish where they all do."""


def diagonal_form(quadratic: Array, metric: Array) -> tuple[Array, Array]:
    """Write d·Q·d as Σ_k s_k (v_k·d)², s_k = ±1, the largest first.

    Parameters
    ----------
    quadratic
        (V, V) Q, symmetric.
    metric
        (V, V) positive definite M: the v_k are orthogonal in it, and |v_k·M·v_k| is the size of a term.

    Returns
    -------
    signs, vectors
        (K,) and (K, V), K the rank of Q.

    Examples
    --------
    >>> signs, vectors = diagonal_form(np.array([[0.0, 1.0], [1.0, 0.0]]), np.eye(2))
    >>> signs.tolist(), bool(np.allclose(vectors.T @ np.diag(signs) @ vectors, [[0, 1], [1, 0]]))
    ([-1.0, 1.0], True)
    """
    values, axes = np.linalg.eigh(metric)
    values = np.maximum(values, NEGLIGIBLE * values.max(initial=0.0))
    root, inverse = (axes * np.sqrt(values)) @ axes.T, (axes / np.sqrt(values)) @ axes.T
    strengths, rotation = np.linalg.eigh(root @ quadratic @ root)
    order = np.argsort(-np.abs(strengths), kind="stable")
    order = order[np.abs(strengths[order]) > NEGLIGIBLE * np.abs(strengths).max(initial=0.0)]
    vectors = (inverse @ rotation[:, order]).T * np.sqrt(np.abs(strengths[order]))[:, None]
    return np.sign(strengths[order]), vectors


def positive_form(signs: Array, densities: Array, envelope: Array) -> tuple[Array, Array]:
    """Write Σ_k s_k ρ_k² as such a sum in which no density is negative anywhere, with at most two terms more.

    Where g_k changes its sign, it is replaced by g_k + h with one h ≥ |g_k| for all of them. With ρ and η the sums of g
    and h over neighbours, Σ s ρ² = Σ s (ρ + η)² + η m, where m = −2 Σ s ρ − (Σ s) η, and
    η m = ((c η + m / c) / 2)² − ((c η − m / c) / 2)² with c² ≥ |m| / η.

    Parameters
    ----------
    signs
        (K,) s.
    densities
        (K, …) g_k at points.
    envelope
        (…) a function that vanishes nowhere but at the cutoff, and no faster than the g_k there.

    Examples
    --------
    >>> signs, densities = positive_form(np.array([1.0]), np.array([[1.0, -2.0]]), np.ones(2))
    >>> len(signs), bool((densities >= 0.0).all()), (signs @ densities**2).round(9).tolist()
    (3, True, [1.0, 4.0])
    """
    points = tuple(range(1, densities.ndim))
    shape = (-1,) + (1,) * len(points)
    fixed = np.where((densities <= 0.0).all(axis=points).reshape(shape), -densities, densities)
    changing = (fixed < 0.0).any(axis=points)
    if not changing.any():
        return signs, fixed
    s, g = signs[changing], fixed[changing]
    ground = SMOOTH**2 * (g**2).sum() / max((envelope**2).sum(), np.finfo(float).tiny)
    shift = np.sqrt((g**2).sum(axis=0) + ground * envelope**2)
    rest = -2.0 * np.tensordot(s, g, axes=1) - s.sum() * shift
    c = np.sqrt(abs(s.sum()) + 2.0 * np.sqrt(len(s)))
    both = np.array([0.5 * (c * shift + rest / c), 0.5 * (c * shift - rest / c)])
    kept = np.concatenate([fixed[~changing], g + shift, both])
    return np.concatenate([signs[~changing], s, [1.0, -1.0]]), np.maximum(kept, 0.0)
