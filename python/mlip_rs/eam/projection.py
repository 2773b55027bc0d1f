"""The embedded-atom potential that comes closest to a potential on data: E = ½ Σ φ + Σ_k Σ_i F_k(ρ_k).

Densities are sums of Gaussians with positive weights, embedding functions sums of powers of the density, which vanish
without neighbours. For given densities, everything else is linear; the densities follow from nonlinear least squares in
which the linear part is solved anew at each step (variable projection, G. H. Golub and V. Pereyra, SIAM J. Numer.
Anal. 10, 413 (1973), with L. Kaufman's derivative).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from mlip_rs.arrays import Array
from mlip_rs.data import Dataset
from mlip_rs.eam.density_rows import DensityRows, RadialTables
from mlip_rs.eam.exact import DENSITY_POINTS, crowded_density, with_constants
from mlip_rs.eam.structures import compressed_crystals
from mlip_rs.eam.tables import EamTables, EmbeddedTerm
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent

N_TERMS: int = 3
"""Densities of a projection unless another number is asked for."""

POWERS: tuple[float, ...] = (0.5, 1.5, 2.0, 2.5, 3.0)
"""Powers of the density; the first power is a pair function."""

ENERGY_PRECISION: float = 0.005
"""eV per atom: residual that counts as one."""

FORCE_PRECISION: float = 0.1
"""eV/Å."""

RIDGE: float = 1e-5
"""Of the linear coefficients, in the norm of a column of a pair function."""

SMALLEST_WEIGHT: float = -12.0
LARGEST_WEIGHT: float = 6.0
"""Limits of the logarithms of the weights of Gaussians in densities."""

STEPS: int = 30
"""Steps of the search for densities."""

STARTS: int = 2
"""Densities from which each search starts; the better result counts."""

BUMP: float = 0.02
"""Weight of the other Gaussians in the densities from which searches start."""

BEYOND: float = 1.02
"""Embedding functions go on along their slope from this multiple of the largest density of the data."""


@dataclass(frozen=True, eq=False)
class EamModel:
    """A fitted embedded-atom potential of K densities.

    Parameters
    ----------
    radial
        Radial functions.
    pair
        (E, E, n) φ = Σ c f, eV, symmetric.
    weights
        (K, E, E, n) densities by centre and neighbour; the mean density of the data is 1.
    embedding
        (K, E, M) coefficients of the powers, eV.
    largest
        (K, E) largest density in the data.
    constants
        (E,) energy of an atom without neighbours, eV.
    """

    radial: RadialTables
    pair: Array
    weights: Array
    embedding: Array
    largest: Array
    constants: Array

    def tables(self, potential: Potential) -> EamTables:
        """Tables of the model; the potential says how far densities reach."""
        r = self.radial.distances
        pair = np.einsum("abn,abnr->abr", self.pair, self.radial.values) * r + self.radial.repulsion
        terms = tuple(self._term(potential, k) for k in range(len(self.weights)))
        tables = EamTables(self.radial.elements, float(r[-1]), pair, terms)
        return with_constants(tables, self.constants.tolist())

    def _term(self, potential: Potential, k: int) -> EmbeddedTerm:
        density = np.einsum("abn,abnr->abr", self.weights[k], self.radial.values)
        largest = crowded_density(potential, density, self.radial.distances)
        grid = np.linspace(0.0, max(largest, 2.0 * float(self.largest[k].max())), DENSITY_POINTS)
        embedding = [
            embedded(grid, c, BEYOND * top) for c, top in zip(self.embedding[k], self.largest[k], strict=True)
        ]
        return EmbeddedTerm(density, np.array(embedding), float(grid[1]))


def embedded(density: Array, coefficients: Array, largest: float) -> Array:
    """Σ c ρ^p up to a largest density, and on along the slope there.

    >>> embedded(np.array([4.0, 8.0]), np.array([0.0, 0.0, 1.0, 0.0, 0.0]), 4.0).tolist()
    [16.0, 48.0]
    """
    powers = np.array(POWERS)
    inside = np.minimum(density, largest)
    value = inside[:, None] ** powers @ coefficients
    slope = float((powers * largest ** (powers - 1.0)) @ coefficients) if largest > 0.0 else 0.0
    return np.asarray(value + slope * (density - inside))


@dataclass(frozen=True, eq=False)
class Projection:
    """A model with what it gives for the structures that it was fitted to.

    Parameters
    ----------
    model
        The embedded-atom potential.
    energies, forces
        (S,) eV per atom and (N, 3) eV/Å, comparable with those of `DensityRows`.
    """

    model: EamModel
    energies: Array
    forces: Array


def project(
    rows: DensityRows, n_terms: int, potential: Potential, progress: Progress | None = None
) -> list[Projection]:
    """Fit models of 0, 1, … `n_terms` densities, each starting from the last one.

    Parameters
    ----------
    rows
        Structures, and what the potential gives for them.
    potential
        Gives the energies of single atoms; where they are arbitrary, constants are fitted.
    progress
        Told of each number of densities.
    """
    progress = progress or Silent()
    search = _Search(rows, potential)
    models, logarithms = [search.model(np.zeros((0, *search.shape)))], np.zeros((0, *search.shape))
    progress.start("projecting: densities", n_terms)
    for _ in range(n_terms):
        found = [search.refined(start) for start in search.extended(logarithms)]
        logarithms = min(found, key=search.residual)
        models.append(search.model(logarithms))
        progress.advance()
    return models


def projected_tables(
    potential: Potential, data: Dataset, n_terms: int, spacing: float, progress: Progress | None = None
) -> EamTables:
    """Tables of the best model of `n_terms` densities on data, and in compressed and stretched crystals.

    Raises
    ------
    StructureError
        A structure that the potential cannot evaluate.
    """
    radial = RadialTables.of(potential, spacing=spacing)
    rows = DensityRows.of(potential, data, radial, anchors=compressed_crystals(potential))
    return project(rows, n_terms, potential, progress)[-1].model.tables(potential)


class _Search:
    """The least-squares problem of one data set."""

    def __init__(self, rows: DensityRows, potential: Potential) -> None:
        self.rows, n = rows, len(rows.radial.elements)
        self.shape = (n, n, rows.values.shape[1])
        self.single = np.array([potential.reference_energies[s] for s in rows.radial.elements])
        self.free = [rows.radial.elements.index(s) for s in potential.undetermined_atoms]
        of_forces = np.repeat(rows.weights, 3 * rows.counts) / FORCE_PRECISION
        scales = np.concatenate([rows.weights / ENERGY_PRECISION, of_forces])
        self.scales = scales / np.sqrt(len(scales))
        self.target = np.concatenate([rows.energies, rows.forces.ravel()]) * self.scales
        self.fixed = self._pair_columns()
        self.counts = [rows.atoms @ ((rows.kinds == k)[:, None] * rows.values) for k in range(n * n)]
        self.ridge = RIDGE * float(np.sqrt((self.fixed**2).sum(axis=0).mean()))

    # ---- columns ---------------------------------------------------------------------------------------------

    def _pair_columns(self) -> Array:
        """(rows, pairs · n + free) pair functions and constants."""
        rows, n = self.rows, self.shape[0]
        columns = []
        for a in range(n):
            for b in range(a + 1):
                own = ((rows.kinds == n * a + b) | (rows.kinds == n * b + a)).astype(float)[:, None]
                energies = rows.structures @ (rows.atoms @ (0.5 * own * rows.values))
                forces = rows.gather @ (0.5 * own * rows.slopes)
                columns.append(np.concatenate([energies, forces]))
        for element in self.free:
            share = rows.structures @ (rows.pairs.species == element).astype(float)
            columns.append(np.concatenate([share, np.zeros(rows.forces.size)])[:, None])
        return np.asarray(np.hstack(columns) * self.scales[:, None])

    def densities(self, logarithms: Array) -> tuple[Array, Array, Array]:
        """Weights (K, kinds, n), densities (K, N), and slopes of pairs (K, P)."""
        rows = self.rows
        weights = np.exp(logarithms).reshape(len(logarithms), self.shape[0] ** 2, self.shape[2])
        one = (np.arange(len(rows.kinds)), rows.kinds)
        shares = np.array([(rows.values @ own.T)[one] for own in weights]).reshape(-1, len(rows.kinds))
        slopes = np.array([(rows.slopes @ own.T)[one] for own in weights]).reshape(-1, len(rows.kinds))
        return weights, (rows.atoms @ shares.T).T, slopes

    def _embedding_columns(self, rho: Array, slopes: Array) -> Array:
        """(rows, K · E · M)."""
        rows, columns = self.rows, [np.zeros((len(self.target), 0))]
        for own_rho, own_slopes in zip(rho, slopes, strict=True):
            positive = np.maximum(own_rho, 1e-12)[:, None]
            values, falls = (
                positive ** np.array(POWERS),
                np.array(POWERS) * positive ** (np.array(POWERS) - 1.0),
            )
            for element in range(self.shape[0]):
                of = (rows.pairs.species == element).astype(float)[:, None]
                energies = rows.structures @ (of * values)
                forces = rows.gather @ (own_slopes[:, None] * (of * falls)[rows.pairs.centers])
                columns.append(np.concatenate([energies, forces]) * self.scales[:, None])
        return np.hstack(columns)

    # ---- linear part -----------------------------------------------------------------------------------------

    def solved(self, logarithms: Array) -> tuple[Array, Array, Array]:
        """Coefficients, residuals of the rows and of the ridge, and an orthonormal basis of the columns."""
        _, rho, slopes = self.densities(logarithms)
        columns = np.hstack([self.fixed, self._embedding_columns(rho, slopes)])
        whole = np.vstack([columns, self.ridge * np.eye(columns.shape[1])])
        target = np.concatenate([self.target, np.zeros(columns.shape[1])])
        basis, upper = np.linalg.qr(whole)
        coefficients = np.linalg.lstsq(upper, basis.T @ target, rcond=None)[0]
        return coefficients, whole @ coefficients - target, basis

    def _jacobian(self, logarithms: Array) -> Array:
        """(rows + columns, K · kinds · n) derivative of the residuals, the part along the columns taken out."""
        rows = self.rows
        coefficients, residuals, basis = self.solved(logarithms)
        weights, rho, slopes = self.densities(logarithms)
        embedding = self._coefficients(coefficients)[2]
        powers, columns = np.array(POWERS), []
        for k, own_rho in enumerate(rho):
            positive = np.maximum(own_rho, 1e-12)[:, None]
            c = embedding[k][rows.pairs.species]
            first = (c * powers * positive ** (powers - 1.0)).sum(axis=1)
            second = (c * powers * (powers - 1.0) * positive ** (powers - 2.0)).sum(axis=1)
            for kind in range(weights.shape[1]):
                counts, own = self.counts[kind], (rows.kinds == kind).astype(float)[:, None]
                energies = rows.structures @ (first[:, None] * counts)
                pull = (second[:, None] * counts)[rows.pairs.centers] * slopes[k][:, None]
                forces = rows.gather @ (own * rows.slopes * first[rows.pairs.centers][:, None] + pull)
                columns.append(np.concatenate([energies, forces]) * self.scales[:, None] * weights[k, kind])
        slope = np.vstack(
            [np.hstack(columns), np.zeros((len(residuals) - len(self.target), logarithms.size))]
        )
        return np.asarray(slope - basis @ (basis.T @ slope))

    # ---- densities -------------------------------------------------------------------------------------------

    def extended(self, logarithms: Array) -> list[Array]:
        """One density more: the Gaussians, with a little of the others, that lower the residual most."""
        starts = []
        for n in range(self.shape[2]):
            own = np.full(self.shape, np.log(BUMP))
            own[:, :, n] = 0.0
            trial = np.concatenate([logarithms, own[None]])
            starts.append((self.residual(trial), n, trial))
        return [trial for _, _, trial in sorted(starts, key=lambda start: start[:2])[:STARTS]]

    def residual(self, logarithms: Array) -> float:
        """Norm of what the best linear part leaves."""
        return float(np.linalg.norm(self.solved(logarithms)[1]))

    def refined(self, logarithms: Array) -> Array:
        """Densities of the smallest residual that is found from here."""
        shape = logarithms.shape
        found = least_squares(
            lambda x: self.solved(x.reshape(shape))[1],
            np.clip(logarithms.ravel(), SMALLEST_WEIGHT + 1e-3, LARGEST_WEIGHT - 1e-3),
            jac=lambda x: self._jacobian(x.reshape(shape)),
            bounds=(SMALLEST_WEIGHT, LARGEST_WEIGHT),
            max_nfev=STEPS,
            ftol=1e-4,
            xtol=1e-6,
        )
        return np.asarray(found.x).reshape(shape)

    def model(self, logarithms: Array) -> Projection:
        """The model of given densities."""
        coefficients, residuals, _ = self.solved(logarithms)
        fitted = (residuals[: len(self.target)] + self.target) / self.scales
        energies, forces = fitted[: len(self.rows.energies)], fitted[len(self.rows.energies) :]
        pair, constants, embedding = self._coefficients(coefficients)
        weights, rho, _ = self.densities(logarithms)
        means = np.maximum(rho.mean(axis=1), 1e-300).reshape(
            -1, 1, 1
        )  # a density of 1 is the mean of the data
        weights, rho, embedding = weights / means, rho / means[:, :, 0], embedding * means ** np.array(POWERS)
        n, species = self.shape[0], self.rows.pairs.species
        largest = np.array([[own[species == e].max(initial=0.0) for e in range(n)] for own in rho]).reshape(
            -1, n
        )
        weights = weights.reshape(len(weights), *self.shape)
        model = EamModel(self.rows.radial, pair, weights, embedding, largest, self.single + constants)
        return Projection(model, energies, forces.reshape(-1, 3))

    def _coefficients(self, coefficients: Array) -> tuple[Array, Array, Array]:
        """Pair functions (E, E, n), constants (E,), embedding functions (K, E, M)."""
        n, _, m = self.shape
        pair, constants, start = np.zeros(self.shape), np.zeros(n), 0
        for a in range(n):
            for b in range(a + 1):
                pair[a, b] = pair[b, a] = coefficients[start : start + m]
                start += m
        for element in self.free:
            constants[element], start = coefficients[start], start + 1
        return pair, constants, coefficients[start:].reshape(-1, n, len(POWERS))
