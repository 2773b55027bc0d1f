"""The compiled core: arrays in, arrays out, the interpreter released while it works.

Arrays are C-contiguous `float64` unless stated otherwise. Letters in shapes: N atoms, S structures, F
features (columns of a design matrix, all centre elements), P vectors of coefficients, L values of λ.
`threads=0` takes `default_threads()`; results are the same bits for any number of threads. Errors are those
of `mlip_rs.errors`.
"""

from collections.abc import Callable, Sequence
from typing import Literal, final, overload

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Basis",
    "Evaluator",
    "HeldRows",
    "Labels",
    "Potential",
    "RidgeInverse",
    "Structure",
    "__version__",
    "accumulate",
    "default_threads",
    "elastic_net_path",
    "forward_selection",
    "group_lambda_max",
    "group_lasso_path",
    "lambda_max",
    "langevin",
    "neighbor_list",
    "predict",
    "solve_ridge",
    "solve_ridge_adjoint",
    "solve_ridge_in_place",
    "solve_ridge_nested",
    "symmetrize",
]

__version__: str

@final
class Structure:
    """Atomic numbers, positions and cell of one structure, validated once.

    Parameters
    ----------
    numbers : (N,) uint8
        Atomic numbers, 1 to 118.
    positions : (N, 3)
        Cartesian positions, Å.
    cell : (3, 3)
        Lattice vectors as rows, Å.
    pbc : three bool
        Periodicity along each lattice vector.

    Raises
    ------
    StructureError
        A number that is not finite or absurdly large, an atomic number that no element has, a flat cell,
        lengths that differ.
    ConfigError
        An array of the wrong shape.
    """

    def __new__(
        cls,
        numbers: NDArray[np.uint8],
        positions: NDArray[np.float64],
        cell: NDArray[np.float64],
        pbc: Sequence[bool],
    ) -> Structure: ...
    def __len__(self) -> int:
        """Return the number of atoms."""

    @property
    def volume(self) -> float:
        """Volume of the cell, Å³; zero if it has none."""

@final
class Basis:
    """A validated basis with its features enumerated.

    Parameters
    ----------
    spec : str
        The specification as JSON, of version 2 or 1; `docs/potential-file.md` lists its keys.

    Raises
    ------
    ConfigError
        The specification is malformed, inconsistent or has too many features; the message names the entry.
    """

    def __new__(cls, spec: str) -> Basis: ...
    @property
    def spec(self) -> str:
        """The specification as JSON, of version 2."""

    @property
    def elements(self) -> list[str]:
        """Chemical symbols, in the order of the features."""

    @property
    def cutoff(self) -> float:
        """Cutoff radius, Å."""

    @property
    def hierarchy(self) -> str:
        """`pair`, `pair-poly`, `angular`, `angular-poly` or `invariants`."""

    @property
    def n_features(self) -> int:
        """F: features per centre × number of elements."""

    @property
    def features_per_center(self) -> int:
        """Features of one centre element."""

    @property
    def n_invariants(self) -> int:
        """Invariants of one centre."""

    def requirements(
        self,
    ) -> tuple[
        list[str],
        NDArray[np.float64],
        NDArray[np.int64],
        NDArray[np.float64],
        NDArray[np.int64],
        NDArray[np.int64],
    ]:
        """Return the operations that each feature of one centre needs in the compiled evaluator.

        Returns
        -------
        kinds : (I,)
            Names of unit costs: `column` of a radial table, `harmonic` and `sum` over neighbours for those of one l,
            `row` (prefix) and `term` (monomial) of the merged polynomial.
        amounts : (I,)
            Harmonics or sums of an item; 1 for the other kinds.
        species : (I,)
            Number of the neighbours' element; 0 for prefixes and monomials.
        shells : (I, 2)
            Distances from and up to which neighbours are paid for, Å; 0 for prefixes and monomials. What grows with the
            reach of the features has an item for each shell between two cutoffs.
        starts : (F' + 1,), items
            `items[starts[k]:starts[k + 1]]` are those of feature k of a centre.
        """

    def labels(self) -> list[str]:
        """Return the labels of the features of one centre, in order."""

    def degrees(self) -> list[int]:
        """Return the total degree of each feature of one centre, in order."""

    def feature_degrees(self) -> NDArray[np.int64]:
        """Return degree, order, sum of l and sum of n of each feature of one centre.

        Returns
        -------
        (F, 5): degree (invariants multiplied), order (order parameters multiplied), sum of their l, largest order of an
        invariant, sum of the positions n of their radial functions within their sets.
        """

    def groups(self) -> NDArray[np.int64]:
        """Return the group of each feature of one centre, (F,), numbered from 0 in order of appearance.

        Features of a group have the same largest order of an invariant and multiply order parameters of the same set of
        (n, l), in whatever powers and couplings and of whatever neighbours.
        """

    def design(self, structure: Structure) -> NDArray[np.float64]:
        """Return the design rows of one structure, without weights.

        Returns
        -------
        (1 + 3N + 6, F)
            ∂E/∂w in eV, then ∂F/∂w in eV/Å ordered x, y, z per atom, then ∂σ/∂w in eV/Å³ ordered xx yy zz yz
            xz xy (zero for a structure without volume).

        Raises
        ------
        StructureError
            An element that is not in the basis, or two atoms on one spot.
        """

    def features(self, structure: Structure) -> NDArray[np.float64]:
        """Return the features of every atom, those that belong to its own element, in the order of `labels`.

        They are what the coefficients multiply far from any repulsion: the switching of the repulsion is left out.

        Returns
        -------
        (N, features_per_center)
            φ_f of each atom; summed over the atoms of an element they are its part of the first row of `design`
            (where no atoms repel each other).

        Raises
        ------
        StructureError
            An element that is not in the basis, or two atoms on one spot.
        ConfigError
            A number of threads in `MLIP_RS_NUM_THREADS` that cannot be started.
        """

@final
class Labels:
    """Labels and weights of the structures of one call to `accumulate`.

    Parameters
    ----------
    energy_per_atom : (S,)
        Energies per atom relative to the reference energies, eV.
    forces : (Σ N, 3)
        Forces of the atoms of all structures, one structure after the other, eV/Å.
    stress : (S, 6)
        Stresses xx yy zz yz xz xy, positive under tension, eV/Å³.
    weights : (S, 3)
        Weights of the squared residuals of energy per atom, force and stress components. Zero leaves the
        property out; its labels may then be NaN.

    Raises
    ------
    ConfigError
        An array of the wrong shape.
    """

    def __new__(
        cls,
        energy_per_atom: NDArray[np.float64],
        forces: NDArray[np.float64],
        stress: NDArray[np.float64],
        weights: NDArray[np.float64],
    ) -> Labels: ...

@final
class HeldRows:
    """Design rows that stay in memory for the sums and predictions of a fit, which are the same bits without them.

    Parameters
    ----------
    basis : Basis
        The features.
    most_bytes : int
        Room; rows for which there is none are computed whenever they are needed.
    """

    def __new__(cls, basis: Basis, most_bytes: int) -> HeldRows: ...
    @property
    def bytes(self) -> int:
        """Bytes of the rows that are held."""

@final
class Potential:
    """A fitted potential, made by `from_json` or `from_coefficients`."""

    @staticmethod
    def from_json(text: str) -> Potential:
        """Read the text of a potential file.

        Raises
        ------
        PotentialFileError
            The text is cut short, edited, of a newer version or not a potential at all.
        """

    @staticmethod
    def from_coefficients(
        basis: Basis | str,
        coefficients: NDArray[np.float64],
        reference_energies: Sequence[float],
        info: str,
    ) -> Potential:
        """Assemble a potential.

        Parameters
        ----------
        basis : Basis or str
            The basis, or its specification as JSON.
        coefficients : (F,)
            One per column of a design matrix, eV per unit of the feature; zeros are left out of the file.
        reference_energies : sequence of float
            Energy of the isolated atom of each element of the basis, eV.
        info : str
            Metadata that travels with the potential, as JSON.

        Raises
        ------
        ConfigError
            The specification is invalid.
        StructureError
            `coefficients` or `reference_energies` have the wrong length.
        PotentialFileError
            `info` is not JSON, or a number is not finite.
        """

    def to_json(self) -> str:
        """Return the text of the potential file, floats exact, with a checksum."""

    def with_info(self, info: str) -> Potential:
        """Return the same potential with other metadata, given as JSON.

        Raises
        ------
        PotentialFileError
            `info` is not JSON.
        """

    def with_index(self, index: str) -> Potential:
        """Return the same potential with an index of anomaly, given as JSON, in place of any that it has.

        `docs/potential-file.md` lists its keys. Energies and forces stay the same to the last bit, unless neighbours
        are averaged over beyond the radial functions in use.

        Raises
        ------
        PotentialFileError
            The index is malformed, or does not fit the potential: a shell beyond the cutoff, other elements, a feature
            that has no coefficient, another number of forms, a number that is not finite. The message names the entry.
        """

    @property
    def index(self) -> str | None:
        """The index of anomaly as JSON, as `with_index` takes it; None if the potential has none."""

    @property
    def checksum(self) -> str:
        """SHA-256 of the content of the potential file, computed once."""

    @property
    def basis(self) -> Basis:
        """The basis of the features."""

    @property
    def spec(self) -> str:
        """The basis specification as JSON."""

    @property
    def info(self) -> str:
        """Metadata as JSON."""

    @property
    def elements(self) -> list[str]:
        """Chemical symbols."""

    @property
    def cutoff(self) -> float:
        """Largest cutoff of what has a coefficient, of the repulsion and of the index of anomaly, Å."""

    @property
    def hierarchy(self) -> str:
        """`pair`, `pair-poly`, `angular`, `angular-poly` or `invariants`."""

    @property
    def n_features(self) -> int:
        """Number of candidate features F of the basis."""

    @property
    def n_nonzero(self) -> int:
        """Number of coefficients that are not zero."""

    @property
    def reference_energies(self) -> list[tuple[str, float]]:
        """Energy of the isolated atom by element, eV."""

    def coefficients(self, element: str) -> list[tuple[str, float]]:
        """Return the non-zero coefficients of a centre by feature label; none for an unknown element."""

    def plans(self) -> str:
        """Return the plan of the compiled evaluator for each centre element, as JSON.

        By species of the neighbours: columns of the radial table, sums over neighbours, largest l, angular cutoff (Å)
        and number of columns outside it; bytes of the tables; nodes, rows and terms of the polynomial; multiply-adds
        for one neighbour by species, and for the polynomial of an atom.
        """

    def evaluate_reference(
        self, structure: Structure, threads: int = 0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Evaluate by the reference evaluator: exact functions, no tables; the oracle of the compiled one.

        Returns
        -------
        energies, forces, virials
            As of `evaluate_many`.

        Raises
        ------
        StructureError
            An unknown element or two atoms on one spot.
        """

    def evaluate_many(
        self, structures: Sequence[Structure], threads: int = 0
    ) -> list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]:
        """Evaluate structures, in parallel over structures.

        Returns
        -------
        list of (energies, forces, virials)
            Energies of the atoms (N,) in eV, reference energies included; forces (N, 3) in eV/Å; virials of
            the atoms −dE_i/dε (N, 6) in eV, xx yy zz yz xz xy.

        Raises
        ------
        StructureError
            An unknown element or two atoms on one spot. `args[1]` is the index of the structure.
        """

    def index_many(self, structures: Sequence[Structure], threads: int = 0) -> list[NDArray[np.float64]]:
        """Return the index of anomaly of the atoms of structures, in parallel over structures.

        Returns
        -------
        list of (N,)
            Index of each atom, averaged over its neighbours; 1 is the 99 % quantile of the atoms of the training data.

        Raises
        ------
        ConfigError
            The potential has no index.
        StructureError
            An unknown element or two atoms on one spot. `args[1]` is the index of the structure.
        """

def langevin(
    potential: Potential,
    structures: Sequence[Structure],
    floors: Sequence[float],
    noises: Sequence[NDArray[np.float64]],
    step: float,
    thermal_energy: float,
    friction: float,
    longest_step: float,
    threads: int = 0,
) -> list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]:
    """Follow structures by Langevin dynamics with equal masses (BAOAB), parallel over structures.

    Parameters
    ----------
    potential : Potential
        What moves them.
    structures : sequence of Structure
        Where they start.
    floors : sequence of float
        The dynamics of a structure ends where its energy per atom lies below, eV.
    noises : sequence of ((n_steps + 1) N, 3)
        Standard normal numbers: of the first velocities, and of each step.
    step : float
        Standard deviation of the displacement in one step and direction at the temperature, Å.
    thermal_energy : float
        kT, eV.
    friction : float
        Part of the velocities that is exchanged with the thermostat in each step, about.
    longest_step : float
        No coordinate changes by more in one step, Å.
    threads : int
        Number of threads; 0 takes the default.

    Returns
    -------
    energies : (K,)
        eV per atom, before each step and at the end; the last is NaN where a structure cannot be evaluated.
    temperatures : (K,)
        Kinetic, in that of the thermostat.
    positions : (N, 3)
        At the end, Å.

    Raises
    ------
    ConfigError
        Numbers of floors, noises and structures that differ, or noise that is not that of whole steps.
    """

@final
class Evaluator:
    """A potential with a neighbour list that is kept from call to call. Safe to call from several threads.

    Parameters
    ----------
    potential : Potential
        What to evaluate.
    skin : float
        Distance beyond the cutoff up to which neighbours are listed, Å. The list is rebuilt when an atom
        could have come in from beyond it.
    threads : int
        Number of threads; 0 takes the default.

    Raises
    ------
    ConfigError
        The skin is negative or not finite.
    """

    def __new__(cls, potential: Potential, skin: float = 0.5, threads: int = 0) -> Evaluator: ...
    @overload
    def compute(
        self,
        numbers: NDArray[np.uint8],
        positions: NDArray[np.float64],
        cell: NDArray[np.float64],
        pbc: Sequence[bool],
        index: Literal[False] = False,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Evaluate one structure, given as to `Structure`.

        Returns
        -------
        energies, forces, virials
            As one entry of `Potential.evaluate_many`.
        virial : (6,)
            Sum of the virials, eV.
        anomalies : (N,)
            With `index`, the index of anomaly of each atom, as one entry of `Potential.index_many`; everything else has
            the same bits as without.

        Raises
        ------
        StructureError
            As `Structure`; also an unknown element or two atoms on one spot.
        ConfigError
            An array of the wrong shape; the index of a potential that has none.
        """

    @overload
    def compute(
        self,
        numbers: NDArray[np.uint8],
        positions: NDArray[np.float64],
        cell: NDArray[np.float64],
        pbc: Sequence[bool],
        index: Literal[True],
    ) -> tuple[
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
    ]: ...
    @property
    def n_builds(self) -> int:
        """How often the neighbour list was built."""

def neighbor_list(
    structure: Structure, cutoff: float, threads: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Return all pairs within the cutoff, both i–j and j–i, periodic images included.

    Returns
    -------
    i, j, shifts, vectors
        Atoms (n,) and (n,), images S (n, 3), and r_ij = r_j + S·H − r_i (n, 3) in Å.

    Raises
    ------
    ConfigError
        The cutoff (Å) is not positive or absurdly large.
    """

def accumulate(
    basis: Basis,
    structures: Sequence[Structure],
    labels: Labels,
    gram: NDArray[np.float64],
    moment: NDArray[np.float64],
    threads: int = 0,
    columns: Sequence[int] | None = None,
    held: HeldRows | None = None,
) -> list[tuple[float, int]]:
    """Add structures to normal equations, in place.

    Parameters
    ----------
    basis : Basis
        The features.
    structures : sequence of Structure
        S structures.
    labels : Labels
        Their labels and weights.
    gram : (G, F, F)
        XᵀWX of energy, forces and stress (G = 3), or of all together (G = 1). Only the lower triangles are
        updated: finish with `symmetrize`.
    moment : (G, F)
        XᵀWy of the same.
    threads : int
        Number of threads; 0 takes the default.
    columns : sequence of int, optional
        Features of the equations, ascending; F is their number then. None: all.
    held : HeldRows, optional
        Rows that need not be computed; takes up new ones.

    Returns
    -------
    list of G (float, int)
        yᵀWy and the number of rows added.

    Raises
    ------
    StructureError
        An unknown element or two atoms on one spot. `args[1]` is the index of the structure; `gram` and
        `moment` are then unusable.
    ConfigError
        An array of the wrong shape; rows of another basis.
    """

def symmetrize(gram: NDArray[np.float64], threads: int = 0) -> None:
    """Copy the lower triangle of a square matrix (F, F) to its upper one, in place."""

def predict(
    basis: Basis,
    structures: Sequence[Structure],
    coefficients: NDArray[np.float64],
    threads: int = 0,
    held: HeldRows | None = None,
) -> list[NDArray[np.float64]]:
    """Return the predictions of several vectors of coefficients (F, P) at once.

    `held` has rows that need not be computed, and takes up new ones.

    Returns
    -------
    list of (1 + 3N + 6, P)
        One array per structure: energy relative to the reference energies in eV, forces in eV/Å, stress in
        eV/Å³.

    Raises
    ------
    StructureError
        An unknown element or two atoms on one spot. `args[1]` is the index of the structure.
    ConfigError
        `coefficients` has the wrong shape; rows of another basis.
    """

def solve_ridge(
    gram: NDArray[np.float64],
    moment: NDArray[np.float64],
    penalties: NDArray[np.float64],
    support: Sequence[int] | None = None,
    threads: int = 0,
) -> list[NDArray[np.float64] | None]:
    """Solve (G_SS + diag(d_S)) w_S = b_S for each vector of penalties d.

    Parameters
    ----------
    gram : (F, F)
        G, both triangles.
    moment : (F,)
        b.
    penalties : (K, F)
        Vectors d.
    support : sequence of int, optional
        S, distinct indices of features; all if absent.
    threads : int
        Number of threads; 0 takes the default.

    Returns
    -------
    list of (|S|,) or None
        One solution per vector of penalties; None where the system cannot be solved (not positive definite).

    Raises
    ------
    FitError
        Wrong lengths, indices out of range or repeated, numbers that are not finite.
    """

def solve_ridge_adjoint(
    gram: NDArray[np.float64],
    moment: NDArray[np.float64],
    penalties: NDArray[np.float64],
    seed: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    threads: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Solve (G + diag(d)) w = b and (G + diag(d)) z = r for each row r of seed(w) with one factorisation.

    Parameters
    ----------
    gram : (F, F)
        Both triangles; work space, comes back unchanged.
    moment : (F,)
    penalties : (F,)
        d.
    seed
        Takes w (F,), gives the other right-hand sides (K, F).

    Returns
    -------
    w (F,) and z (K, F), or None if the matrix is not positive definite.
    """

@final
class RidgeInverse:
    """P = (G_AA + diag(d_A))⁻¹ and w = P b_A of some features A, kept up to date while features leave.

    Features are addressed by their positions in A; of those that have left nothing is left but rounding errors. The
    same bits for any number of threads.

    Parameters
    ----------
    gram : (F, F)
        G, symmetric; not changed.
    moment : (F,)
        b.
    penalties : (F,)
        d.
    features : (A,)
        Distinct.
    threads
        0: as many as there are.

    Raises
    ------
    FitError
        The matrix is not positive definite, or numbers are not finite.
    """

    def __new__(
        cls,
        gram: NDArray[np.float64],
        moment: NDArray[np.float64],
        penalties: NDArray[np.float64],
        features: Sequence[int] | NDArray[np.int64],
        threads: int = 0,
    ) -> RidgeInverse: ...
    def coefficients(self) -> NDArray[np.float64]:
        """(A,) w."""

    def diagonal(self) -> NDArray[np.float64]:
        """(A,) diagonal of P."""

    def losses(
        self, positions: NDArray[np.int64], starts: NDArray[np.int64], limits: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(K,) what each group loses in the objective when it leaves, wᵀ_g (P_gg)⁻¹ w_g; ∞ where it exceeds its limit.

        Parameters
        ----------
        positions : (N,)
            Members of all groups, one group after the other.
        starts : (K + 1,)
            Where each begins, and the end.
        limits : (K,)

        Raises
        ------
        ValueError
            Positions out of range, starts that do not ascend.
        """

    def remove(self, positions: NDArray[np.int64]) -> bool:
        """Take features out; False, and nothing changed, if rounding errors forbid it.

        Raises
        ------
        ValueError
            Positions out of range.
        """

def solve_ridge_in_place(
    gram: NDArray[np.float64],
    moment: NDArray[np.float64],
    penalties: NDArray[np.float64],
    threads: int = 0,
) -> list[NDArray[np.float64] | None]:
    """Solve as `solve_ridge` on all features, without a copy of the matrix.

    Parameters
    ----------
    gram : (F, F)
        G, both triangles, writeable. Work space: it has the same bits again when the call returns.
    moment : (F,)
        b.
    penalties : (K, F)
        Vectors d.
    threads : int
        Number of threads; 0 takes the default.

    Returns
    -------
    list of (F,) or None
        As `solve_ridge`.

    Raises
    ------
    FitError
        Wrong lengths, numbers that are not finite.
    """

def solve_ridge_nested(
    gram: NDArray[np.float64],
    moment: NDArray[np.float64],
    penalties: NDArray[np.float64],
    order: Sequence[int],
    sizes: Sequence[int],
    threads: int = 0,
) -> list[NDArray[np.float64]] | None:
    """Solve as `solve_ridge` on several supports, each of which contains the smaller ones, by one factorisation.

    Parameters
    ----------
    gram : (F, F)
        G, both triangles.
    moment : (F,)
        b.
    penalties : (F,)
        d.
    order : sequence of int
        Distinct indices of features: those that all supports have, then those that fewer and fewer have.
    sizes : sequence of int
        Number of features of each support, the first ones of `order`.
    threads : int
        Number of threads; 0 takes the default.

    Returns
    -------
    list of arrays or None
        Solution of each support, in the order of `order`; None if the matrix is not positive definite.

    Raises
    ------
    FitError
        Numbers that are not finite, indices out of range or repeated, sizes larger than `order`.
    """

def elastic_net_path(
    gram: NDArray[np.float64],
    moment: NDArray[np.float64],
    l1: NDArray[np.float64],
    l2: NDArray[np.float64],
    lambdas: Sequence[float],
    tolerance: float,
    max_active: int,
    progress: Callable[[int, int], object] | None = None,
    threads: int = 0,
    growth: float = 0.0,
) -> tuple[NDArray[np.float64], float]:
    """Minimise ½ wᵀGw − bᵀw + λ Σ p (|w| + ½ h w²) + ½ Σ q w² for one λ after the other, each from the last.

    Parameters
    ----------
    gram : (F, F)
        G, both triangles.
    moment : (F,)
        b.
    l1 : (F,)
        p ≥ 0; 0 leaves a feature unpenalised, ∞ excludes it.
    l2 : (F,)
        q ≥ 0.
    lambdas : sequence of float
        λ, best decreasing from `lambda_max`.
    tolerance : float
        Relative violation of the optimality conditions left; 1e-6 is a good choice.
    max_active : int
        The path ends where more features than this would be needed.
    progress : callable, optional
        `progress(k, n_active)` is called after each λ; it ends the path by returning False.
    threads : int
        Number of threads; 0 takes the default.
    growth : float
        h ≥ 0.

    Returns
    -------
    coefficients, violation
        Coefficients (L, F), L at most `len(lambdas)`, exact zeros where a feature is not selected; the
        largest relative violation of the optimality conditions.

    Raises
    ------
    FitError
        Lengths that do not match, numbers that are not finite, negative penalties, a matrix that is not
        symmetric.
    """

def lambda_max(
    gram: NDArray[np.float64],
    moment: NDArray[np.float64],
    l1: NDArray[np.float64],
    l2: NDArray[np.float64],
) -> float:
    """Return the smallest λ at which every penalised coefficient is zero; arguments as `elastic_net_path`."""

def group_lasso_path(
    gram: NDArray[np.float64],
    moment: NDArray[np.float64],
    groups: Sequence[int],
    weights: NDArray[np.float64],
    l2: NDArray[np.float64],
    lambdas: Sequence[float],
    tolerance: float,
    max_active: int,
    progress: Callable[[int, int], object] | None = None,
    threads: int = 0,
) -> tuple[NDArray[np.float64], float]:
    """Minimise ½ wᵀGw − bᵀw + λ Σ_g p_g ‖w_g‖ + ½ Σ q w²; what is not listed is as in `elastic_net_path`.

    Parameters
    ----------
    groups : sequence of F int
        Number of the group of each feature; numbers may be left out.
    weights : (n_groups,)
        p ≥ 0 of each group; 0 leaves it unpenalised, ∞ excludes it.
    """

def group_lambda_max(
    gram: NDArray[np.float64],
    moment: NDArray[np.float64],
    groups: Sequence[int],
    weights: NDArray[np.float64],
    l2: NDArray[np.float64],
) -> float:
    """Return the smallest λ at which every penalised group is zero; arguments as `group_lasso_path`."""

def forward_selection(
    gram: NDArray[np.float64],
    moment: NDArray[np.float64],
    groups: Sequence[int],
    costs: NDArray[np.float64],
    l2: NDArray[np.float64],
    max_features: int,
    screen: int = 0,
    progress: Callable[[int, int], object] | None = None,
    threads: int = 0,
) -> list[tuple[int, float, list[int]]]:
    """Take the group with the largest gain per cost, one after the other.

    Parameters
    ----------
    gram : (F, F)
        G, both triangles.
    moment : (F,)
        b.
    groups : sequence of F int
        Number of the group of each feature.
    costs : (n_groups,)
        0 is in from the start, ∞ never.
    l2 : (F,)
        Ridge penalties q ≥ 0.
    max_features : int
        Groups that would make more than this are passed over.
    screen : int
        Groups whose gain is computed, those of the largest correlations per cost; 0: all.
    progress : callable, optional
        `progress(k, n_features)` is called after each pick; it ends the selection by returning False.
    threads : int
        Number of threads; 0 takes the default.

    Returns
    -------
    list of (group, gain, features)
        Gain: decrease of yᵀWy − bᵀw by the ridge fit to what is chosen; features: those of the group that are not
        combinations of the ones before.

    Raises
    ------
    FitError
        Lengths that do not match, numbers that are not finite, negative penalties or costs.
    """

def default_threads() -> int:
    """Return the number of threads used where none is given.

    It is the environment variable MLIP_RS_NUM_THREADS if that is a positive number, else the number of cores; at
    most 1024.
    """
