"""The embedded-atom potential that comes closest to a potential on data: E = ½ Σ φ + Σ_k Σ_i F_k(ρ_k).

Densities are sums of Gaussians with positive weights, embedding functions sums of powers of the density, which vanish
without neighbours. For given densities, everything else is linear; the densities follow from nonlinear least squares in
which the linear part is solved anew at each step (variable projection, G. H. Golub and V. Pereyra, SIAM J. Numer.
Anal. 10, 413 (1973), with L. Kaufman's derivative).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from threadpoolctl import threadpool_limits

from mlip_rs.arrays import Array
from mlip_rs.data import Dataset
from mlip_rs.eam.density_rows import DensityRows, RadialTables
from mlip_rs.eam.exact import DENSITY_POINTS, crowded_density, with_constants
from mlip_rs.eam.pair_kinds import DensityForces, PairKinds
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
    progress.start("projecting: densities", STARTS * n_terms)
    with threadpool_limits(
        1, user_api="blas"
    ):  # the matrices are too small to share, above all on a busy machine
        for _ in range(n_terms):
            found = []
            for start in search.extended(logarithms):
                found.append(search.refined(start))
                progress.advance()
            logarithms = min(found, key=search.residual)
            models.append(search.model(logarithms))
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


@dataclass(frozen=True, eq=False)
class _Point:
    """The best linear part for given densities.

    Parameters
    ----------
    weights
        (K, E², n) of the Gaussians.
    rho
        (K, N) densities.
    forces
        Of each density.
    coefficients
        Of the pair functions and constants, and of the powers.
    residuals
        Of the rows, and of the ridge.
    basis
        Orthonormal one of what the powers span beyond pair functions and constants, with rows for the ridge.
    """

    weights: Array
    rho: Array
    forces: tuple[DensityForces, ...]
    coefficients: Array
    residuals: Array
    basis: Array


class _Search:
    """The least-squares problem of one data set."""

    def __init__(self, rows: DensityRows, potential: Potential) -> None:
        self.rows, n = rows, len(rows.radial.elements)
        self.shape = (n, n, rows.values.shape[1])
        self.single = np.array([potential.reference_energies[s] for s in rows.radial.elements])
        self.free = [rows.radial.elements.index(s) for s in potential.undetermined_atoms]
        self.pairs = PairKinds(rows)
        of_forces = np.repeat(rows.weights, 3 * rows.counts) / FORCE_PRECISION
        scales = np.concatenate([rows.weights / ENERGY_PRECISION, of_forces])
        self.scales = scales / np.sqrt(len(scales))
        self.target = np.concatenate([rows.energies, rows.forces.ravel()]) * self.scales
        self.fixed = self._pair_columns()
        self.ridge = RIDGE * float(np.sqrt((self.fixed**2).sum(axis=0).mean()))
        # The columns of pair functions never change: they are made orthonormal once.
        whole = np.vstack([self.fixed, self.ridge * np.eye(self.fixed.shape[1])])
        self.fixed_basis, self.fixed_upper = np.linalg.qr(whole)
        self._last: tuple[bytes, _Point] | None = None

    # ---- columns ---------------------------------------------------------------------------------------------

    def _pair_columns(self) -> Array:
        """(rows, pairs · n + free) pair functions and constants."""
        rows, n = self.rows, self.shape[0]
        kinds = {kind.number: kind for kind in self.pairs.kinds}
        ones, columns = np.ones(len(rows.pairs.species)), []
        for a in range(n):
            for b in range(a + 1):
                column = np.zeros((len(self.target), self.shape[2]))
                for kind in (kinds[k] for k in {n * a + b, n * b + a} & kinds.keys()):
                    column += 0.5 * self._rows_of(kind.counts, kind.forces(ones))
                columns.append(column)
        for element in self.free:
            share = (rows.pairs.species == element).astype(float)[:, None]
            columns.append(self._rows_of(share, np.zeros((rows.forces.size, 1))))
        return np.hstack(columns)

    def _rows_of(self, atoms: Array, forces: Array) -> Array:
        """(rows, m) from what atoms contribute to energies (N, m) and forces (3 N, m)."""
        return np.asarray(np.concatenate([self.rows.structures @ atoms, forces]) * self.scales[:, None])

    def _embedding_columns(self, rho: Array, forces: Sequence[DensityForces]) -> Array:
        """(rows, K · E · M)."""
        species, columns = self.rows.pairs.species, [np.zeros((len(self.target), 0))]
        powers = np.array(POWERS)
        for own_rho, own_forces in zip(rho, forces, strict=True):
            positive = np.maximum(own_rho, 1e-12)[:, None]
            values, falls = positive**powers, powers * positive ** (powers - 1.0)
            for element in range(self.shape[0]):
                of = (species == element).astype(float)[:, None]
                columns.append(self._rows_of(of * values, own_forces.times(of * falls)))
        return np.hstack(columns)

    # ---- linear part -----------------------------------------------------------------------------------------

    def solved(self, logarithms: Array) -> _Point:
        """The best linear part for given logarithms of weights; the last one is kept."""
        key = logarithms.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = key, self._solve(logarithms)
        return self._last[1]

    def _solve(self, logarithms: Array) -> _Point:
        weights = np.exp(logarithms).reshape(len(logarithms), self.shape[0] ** 2, self.shape[2])
        found = [self.pairs.density(own) for own in weights]
        rho = np.array([own for own, _ in found]).reshape(-1, len(self.rows.pairs.species))
        forces = tuple(own for _, own in found)
        columns = self._embedding_columns(rho, forces)
        (m, f), e = self.fixed.shape, columns.shape[1]
        rest = np.vstack([columns, np.zeros((f, e)), self.ridge * np.eye(e)])
        target = np.concatenate([self.target, np.zeros(f)])
        along = np.zeros((f, e))
        for _ in range(2):  # once more, for what rounding has left along the pair functions
            part = self.fixed_basis.T @ rest[: m + f]
            rest[: m + f] -= self.fixed_basis @ part
            along += part
        basis, upper = np.linalg.qr(rest)
        of_powers = np.linalg.lstsq(upper, basis[: m + f].T @ target, rcond=None)[0]
        of_pairs = np.linalg.lstsq(
            self.fixed_upper, self.fixed_basis.T @ target - along @ of_powers, rcond=None
        )[0]
        coefficients = np.concatenate([of_pairs, of_powers])
        misfit = self.fixed @ of_pairs + columns @ of_powers - self.target
        residuals = np.concatenate([misfit, self.ridge * coefficients])
        return _Point(weights, rho, forces, coefficients, residuals, basis)

    def _jacobian(self, logarithms: Array) -> Array:
        """(rows + columns, K · kinds · n) derivative of the residuals, the part along the columns taken out."""
        point, species = self.solved(logarithms), self.rows.pairs.species
        embedding = self._coefficients(point.coefficients)[2]
        powers, columns = np.array(POWERS), []
        for own_rho, forces, c, weights in zip(
            point.rho, point.forces, embedding, point.weights, strict=True
        ):
            positive = np.maximum(own_rho, 1e-12)[:, None]
            first = (c[species] * powers * positive ** (powers - 1.0)).sum(axis=1)
            second = (c[species] * powers * (powers - 1.0) * positive ** (powers - 2.0)).sum(axis=1)
            for kind in self.pairs.kinds:
                pull = forces.times(second[:, None] * kind.counts)
                column = self._rows_of(first[:, None] * kind.counts, kind.forces(first) + pull)
                columns.append(column * weights[kind.number])
        slope = np.hstack(columns)
        ridge = np.zeros((len(point.residuals) - len(slope), slope.shape[1]))
        slope = np.vstack([slope, ridge])
        m = len(self.fixed_basis)
        slope[:m] -= self.fixed_basis @ (self.fixed_basis.T @ slope[:m])
        return np.asarray(slope - point.basis @ (point.basis.T @ slope))

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
        return float(np.linalg.norm(self.solved(logarithms).residuals))

    def refined(self, logarithms: Array) -> Array:
        """Densities of the smallest residual that is found from here."""
        kinds, whole = self.pairs.numbers, logarithms.reshape(len(logarithms), -1, self.shape[2])

        def moved(x: Array) -> Array:  # pairs that do not occur have nothing to be found
            own = whole.copy()
            own[:, kinds] = x.reshape(len(own), len(kinds), -1)
            return own.reshape(logarithms.shape)

        found = least_squares(
            lambda x: self.solved(moved(x)).residuals,
            np.clip(whole[:, kinds].ravel(), SMALLEST_WEIGHT + 1e-3, LARGEST_WEIGHT - 1e-3),
            jac=lambda x: self._jacobian(moved(x)),
            bounds=(SMALLEST_WEIGHT, LARGEST_WEIGHT),
            max_nfev=STEPS,
            ftol=1e-4,
            xtol=1e-6,
        )
        return moved(np.asarray(found.x))

    def model(self, logarithms: Array) -> Projection:
        """The model of given densities."""
        point = self.solved(logarithms)
        fitted = (point.residuals[: len(self.target)] + self.target) / self.scales
        energies, forces = fitted[: len(self.rows.energies)], fitted[len(self.rows.energies) :]
        pair, constants, embedding = self._coefficients(point.coefficients)
        weights, rho = point.weights, point.rho
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
