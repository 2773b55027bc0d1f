"""Data-driven radial contraction: from many primitive radial functions to the few combinations per l that matter.

A linear fit of second order gives for every l the form `Σ_nn' C_nn' Σ_m a_nlm a_n'lm`, the data the covariance
`S_nn' = ⟨Σ_m a_nlm a_n'lm⟩` of the order parameters. The combinations `u_k S^−½` with u_k the eigenvectors of
`S^½ C S^½` of largest |eigenvalue| are those that carry the energy (supervised); the eigenvectors of S those that carry
the variance (principal components). Since radial functions become tables, combinations cost nothing at run time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.basis import Basis, RadialSet, radial_grid
from mlip_rs.data import Frame
from mlip_rs.data.convert import Data, as_dataset
from mlip_rs.data.core_structures import core_structure
from mlip_rs.errors import ConfigError
from mlip_rs.fitting.pipeline import fit
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.settings import check_integer

METHODS: tuple[str, ...] = ("supervised", "principal")
"""Ways to choose the combinations."""

SAMPLED: int = 200
"""Structures that the covariance is taken from, evenly spread over the data."""

NEGLIGIBLE: float = 1e-10
"""Relative variance below which a combination of primitives is taken for constant zero."""

_LABEL = re.compile(r"p\[(\w+)\.(\d+),(\w+)\.(\d+),l=(\d+)\]")


@dataclass(frozen=True)
class Contraction:
    """Combinations of radial functions.

    Parameters
    ----------
    radial
        The contracted set, to be used in a `Basis` for orders 2 and more.
    importance
        (L + 1, N) |eigenvalues| by l, largest first, of dropped combinations, too: the contribution of each one to
        the form of second order (supervised, eV) or its variance (principal).
    """

    radial: RadialSet
    importance: Array


def contract(
    data: Data,
    elements: Sequence[str],
    radial: RadialSet,
    n_functions: int,
    *,
    max_l: int = 6,
    method: str = "supervised",
    settings: FitSettings | None = None,
) -> Contraction:
    """Find the combinations of the functions of a set that matter for each l.

    Parameters
    ----------
    data
        Training data.
    elements
        Chemical symbols.
    radial
        Primitives, with a cutoff.
    n_functions
        Combinations for each l.
    max_l
        Largest l.
    method
        One of `METHODS`.
    settings
        Of the fit of second order; the estimator is ridge.

    Returns
    -------
    The contracted set with the orders and cutoff of `radial`.

    Raises
    ------
    ConfigError
        More functions than primitives, an unknown method, a set without cutoff.
    DataError, FitError
        As `fit`.

    Examples
    --------
    >>> from mlip_rs import RadialSet
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> dataset = read_dataset(DATA_PATH, index="::16")
    >>> primitives = RadialSet("gaussian", {"beta": [2.0], "mu": [2.0, 3.0, 4.0]}, cutoff=5.0)
    >>> contraction = contract(dataset, ["Al"], primitives, 2, max_l=1, method="principal")
    >>> np.shape(contraction.radial.contraction)  # l, combinations, primitives
    (2, 2, 3)
    """
    check_integer("n_functions", n_functions, 1)
    check_integer("max_l", max_l, 0)
    if method not in METHODS:
        raise ConfigError(f"contraction method {method!r} does not exist; choose {' or '.join(METHODS)}")
    if radial.cutoff is None:
        raise ConfigError("give the radial set a cutoff; a contraction belongs to the range it was made for")
    if radial.contraction is not None:
        raise ConfigError("the radial set is contracted already; start from its primitives")
    dataset = as_dataset(data)
    basis = Basis(
        elements,
        cutoff=radial.cutoff,
        hierarchy="angular",
        radial=[
            radial_grid("gaussian", 16, radial.cutoff, orders=(1,)),
            replace(radial, orders=(2,), max_l=None, products=None),
        ],
        max_l=max_l,
        radial_coupling="free",
    )
    forms = _Forms(basis, max_l)
    if not 1 <= n_functions <= forms.n_primitives:
        raise ConfigError(
            f"{n_functions} combinations of {forms.n_primitives} radial functions; keep between 1 and all of them"
        )
    picked = np.unique(np.linspace(0, len(dataset) - 1, min(SAMPLED, len(dataset))).astype(int))
    covariance = forms.covariance(np.mean([_energy_row(basis, dataset[i]) for i in picked], axis=0))
    if method == "principal":
        matrices = [[s] for s in covariance]
    else:
        potential = fit(dataset, basis, replace(settings or FitSettings(), method="ridge")).best()
        matrices = forms.quadratic({e: potential.coefficients(e) for e in potential.elements})
    rows, importance = zip(
        *(_combinations(s, m, n_functions, method) for s, m in zip(covariance, matrices, strict=True)),
        strict=True,
    )
    contraction = [[[float(c) for c in row] for row in table] for table in rows]
    return Contraction(replace(radial, contraction=contraction, max_l=max_l), np.array(importance))


def _combinations(s: Array, matrices: list[Array], n_functions: int, method: str) -> tuple[Array, Array]:
    """Rows (K, N) of combinations with unit variance, and all |eigenvalues|, for one l."""
    values, vectors = np.linalg.eigh(s)
    significant = values > NEGLIGIBLE * max(values[-1], 1e-300)
    roots = np.where(significant, np.sqrt(np.maximum(values, 0.0)), 0.0)
    inverse_roots = np.divide(1.0, roots, out=np.zeros_like(roots), where=significant)
    if method == "principal":
        order = np.argsort(-values)
        return (inverse_roots[:, None] * vectors.T)[order[:n_functions]], np.abs(values[order])
    root, inverse = ((vectors * diagonal) @ vectors.T for diagonal in (roots, inverse_roots))
    # Squares add over centres and pairs of species, and keep the eigenvectors of a single form.
    total = sum((root @ c @ root) @ (root @ c @ root).T for c in matrices)
    squares, directions = np.linalg.eigh(np.asarray(total))
    order = np.argsort(-squares)
    return (directions.T @ inverse)[order[:n_functions]], np.sqrt(np.maximum(squares[order], 0.0))


class _Forms:
    """Finds the angular features of a basis by label, and gathers them as matrices over the primitives."""

    def __init__(self, basis: Basis, max_l: int) -> None:
        self.places: list[tuple[int, str, str, int, int, int]] = []
        self.max_l = max_l
        self.labels = basis.labels()
        radial = sorted(
            {int(found[k]) for found in map(_LABEL.fullmatch, self.labels) if found for k in (2, 4)}
        )
        self.rank = {n: k for k, n in enumerate(radial)}
        for index, found in enumerate(map(_LABEL.fullmatch, self.labels)):
            if found:
                first, n, second, m, l_ = found.groups()
                self.places.append((index, first, second, self.rank[int(n)], self.rank[int(m)], int(l_)))

    @property
    def n_primitives(self) -> int:
        """Number of primitives N."""
        return len(self.rank)

    def covariance(self, energy_row: Array) -> Array:
        """(L + 1, N, N) sum of `Σ_m a_nlm a_n'lm` over atoms and over the species of the neighbours."""
        out = np.zeros((self.max_l + 1, self.n_primitives, self.n_primitives))
        per_center = energy_row.reshape(-1, len(self.labels)).sum(axis=0)
        for index, first, second, n, m, l_ in self.places:
            if first == second:
                out[l_, n, m] = out[l_, m, n] = out[l_, n, m] + per_center[index]
        return out

    def quadratic(self, features: dict[str, dict[str, float]]) -> list[list[Array]]:
        """For each l the symmetric forms (N, N) of every centre element and pair of neighbour species."""
        zero = (self.n_primitives, self.n_primitives)
        forms: list[list[Array]] = [[] for _ in range(self.max_l + 1)]
        for own in features.values():
            tables: dict[tuple[int, str, str], Array] = {}
            for index, first, second, n, m, l_ in self.places:
                c = own.get(self.labels[index], 0.0)
                table = tables.setdefault((l_, first, second), np.zeros(zero))
                table[n, m] += 0.5 * c
                table[m, n] += 0.5 * c
            for (l_, _, _), table in tables.items():
                forms[l_].append(table)
        return forms


def _energy_row(basis: Basis, frame: Frame) -> Array:
    """Features (F,) summed over the atoms of a structure."""
    row: Array = basis.core.design(core_structure(frame))[0]
    return row
