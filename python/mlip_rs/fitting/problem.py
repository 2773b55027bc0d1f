"""The regression problem of a fit: basis, data, weights and folds, checked before any row is computed."""

import hashlib
import json
import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.basis import Basis
from mlip_rs.data import (
    Dataset,
    ReferenceEnergies,
    absent_pairs,
    check_elements,
    folds,
    nearest_neighbor_distance,
    reference_energies,
    suggest_cutoff,
)
from mlip_rs.data.core_structures import core_structure
from mlip_rs.data.suggest import REACH
from mlip_rs.errors import ConfigError, DataError, FitError
from mlip_rs.fitting.data_domain import Domain, domain
from mlip_rs.fitting.settings import FitSettings

SUMMED_BYTES: int = 4 << 30
"""Where three Gram matrices take more than this, there is one, summed over the properties, in their place."""


SUMMED_BYTES_ONCE: int = 256 << 20
"""Limit in place of `SUMMED_BYTES` for equations that do not outlive the fit: no other weights will be asked for."""


@dataclass(frozen=True)
class Problem:
    """Everything that the normal equations are made from; final.

    Parameters
    ----------
    basis
        Candidate features.
    dataset
        Labelled structures.
    reference
        Energies of the isolated atoms.
    structure_weights
        (S, 3).
    property_weights
        (3,).
    folds
        (S,) fold of each structure.
    domain
        Distances and local densities of the data; None if the repulsion is not to be chosen from them.
    persistent
        Whether the equations outlive the fit, so that later ones may weight the properties anew.
    held_rows
        Design rows of the structures that are in memory; None holds none.
    """

    basis: Basis
    dataset: Dataset
    reference: ReferenceEnergies
    structure_weights: Array
    property_weights: Array
    folds: NDArray[np.int64]
    domain: Domain | None = None
    persistent: bool = True
    held_rows: _core.HeldRows | None = field(default=None, repr=False, compare=False)

    @property
    def summed(self) -> bool:
        """Whether there is one sum over the properties, because three would be too large."""
        return 3 * 8 * self.basis.n_features**2 > (SUMMED_BYTES if self.persistent else SUMMED_BYTES_ONCE)

    @property
    def group_weights(self) -> Array:
        """(G,) weight of each Gram matrix: of the three properties, or one."""
        return np.ones(1) if self.summed else self.property_weights

    @property
    def row_weights(self) -> Array:
        """(S, 3) weights of the rows in the sums; in one sum over the properties, their weights are included."""
        return self.structure_weights * (self.property_weights if self.summed else 1.0)

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return int(self.folds.max()) + 1

    def members(self, fold: int) -> list[int]:
        """Structures of a fold, in order."""
        return [int(i) for i in np.flatnonzero(self.folds == fold)]

    def fingerprint(self) -> str:
        """SHA-256 of everything that the equations depend on."""
        digest = hashlib.sha256(_core.__version__.encode())
        digest.update(json.dumps(self.basis.to_dict(), sort_keys=True).encode())
        digest.update(self.dataset.fingerprint().encode())
        digest.update(json.dumps(dict(self.reference.values), sort_keys=True).encode())
        digest.update(np.ascontiguousarray(self.row_weights).tobytes())
        digest.update(b"summed" if self.summed else b"")
        digest.update(b"by elements" if len(self.basis.elements) > 1 else b"")  # the order of the sums
        digest.update(np.ascontiguousarray(self.folds).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class CheckedData:
    """Basis and data of a fit, checked against each other.

    Parameters
    ----------
    basis
        Elements, cutoff, shortest distance, size and repulsion are settled; the angular cutoff may be open.
    dataset
        Labelled structures, with notices of features that they do not determine.
    reference
        Energies of the isolated atoms.
    domain
        Distances and local densities of the data; None if the repulsion is not to be chosen from them.
    """

    basis: Basis
    dataset: Dataset
    reference: ReferenceEnergies
    domain: Domain | None

    def with_angular_cutoff(self, cutoff: float) -> "CheckedData":
        """Copy with an angular cutoff, Å."""
        return replace(self, basis=replace(self.basis, angular_cutoff=cutoff))


def check_data(training: Dataset, basis: Basis, settings: FitSettings) -> CheckedData:
    """Take the open settings of the basis from the data, and check the two against each other.

    Parameters
    ----------
    training
        Labelled structures.
    basis
        Candidate features. Elements, cutoff, shortest distance, size and repulsion left open are taken from the data.
    settings
        Reference energies.

    Raises
    ------
    DataError
        Data that cannot be used; names file, frame, atom.
    ConfigError
        A basis that contradicts the data.
    """
    basis = basis.resolved(training)
    check_elements(training, basis.elements)
    _check_cutoff(training, basis)
    training = _with_absent_pairs(training, basis)
    reference = reference_energies(training, settings.reference_energies)
    if reference.source == "fitted":
        basis = replace(basis, constant=True)
    if basis.repulsion != "zbl":
        return CheckedData(basis, training, reference, None)
    measured = domain(training, basis.elements, basis.core.cutoff)
    return CheckedData(replace(basis, repulsion=measured.repulsion()), training, reference, measured)


def build_problem(checked: CheckedData, settings: FitSettings, *, persistent: bool) -> Problem:
    """The regression problem; no rows are computed.

    Parameters
    ----------
    checked
        Basis and data.
    settings
        Weights and folds.
    persistent
        Whether the equations outlive the fit.

    Raises
    ------
    DataError
        No label carries weight.
    FitError
        More features than rows.
    """
    dataset = checked.dataset
    problem = Problem(
        checked.basis,
        dataset,
        checked.reference,
        settings.weights.of_structures(dataset, checked.reference),
        settings.weights.of_properties(),
        folds(dataset, settings.n_folds, settings.seed),
        checked.domain,
        persistent,
    )
    _check_rows(problem, settings)
    return problem


def check_types(basis: object, settings: object) -> None:
    """Refuse a basis or settings of another type.

    Raises
    ------
    ConfigError
        Names the types.
    """
    if not isinstance(basis, Basis) or not isinstance(settings, FitSettings):
        raise ConfigError(
            "basis must be a Basis and settings FitSettings; see mlip_rs.workflows.config for files"
        )


def check_test_elements(testing: Dataset, basis: Basis) -> None:
    """Refuse test data with elements outside the basis.

    Raises
    ------
    DataError
        Names file, frame and atom.
    """
    check_elements(testing, [element for element in basis.elements if element in testing.elements])


def _with_absent_pairs(dataset: Dataset, basis: Basis) -> Dataset:
    """The dataset with a notice of pairs of elements that never occur, so that nothing determines their features."""
    pairs = absent_pairs(dataset, basis.elements, basis.core.cutoff)
    if not pairs:
        return dataset
    names = ", ".join(f"{a}–{b}" for a, b in pairs)
    notice = (
        f"{names}: never within the cutoff of {basis.core.cutoff:g} Å in the data; features of such pairs are "
        "undetermined and stay zero"
    )
    return replace(dataset, notices=(*dataset.notices, notice))


def _check_cutoff(dataset: Dataset, basis: Basis) -> None:
    """Nearest neighbours lie within the cutoff, and no open structure ends far inside it."""
    cutoff = basis.core.cutoff  # a cutoff that is no number at all is refused here
    _check_nearest(dataset, basis)
    shortest, longest = np.inf, 0.0
    for frame in dataset:
        if frame.pbc.any():
            longest = np.inf
        if np.isfinite(shortest) and np.isinf(longest):
            return  # whatever follows, pairs reach from within the cutoff to infinity
        if frame.n_atoms < 2 and not frame.pbc.any():
            continue
        _, _, _, vectors = _core.neighbor_list(core_structure(frame), cutoff, 1)
        if len(vectors):
            distances = np.linalg.norm(vectors, axis=1)
            shortest, longest = min(shortest, distances.min()), max(longest, distances.max())
        elif not frame.pbc.any():
            longest = max(longest, float(np.ptp(frame.positions, axis=0).max()))
    if not np.isfinite(shortest):
        raise ConfigError(f"cutoff {cutoff} Å: no two atoms of the data are that close; raise the cutoff")
    if cutoff > REACH * longest:
        most = math.floor(10.0 * REACH * longest) / 10.0
        raise ConfigError(
            f"cutoff {cutoff} Å: the longest distance in the data is {longest:.2f} Å, so nothing would "
            f"determine the potential beyond it; lower the cutoff, to {most:g} Å at most"
        )


def _check_nearest(dataset: Dataset, basis: Basis) -> None:
    """The cutoffs reach the nearest neighbours, and the shortest distance lies below them."""
    if not any(np.isfinite(distances).any() for distances in dataset.nearest_distances):
        return
    nearest = nearest_neighbor_distance(dataset)
    cutoffs = {"cutoff": basis.core.cutoff, "angular_cutoff": basis.angular_cutoff}
    for name, cutoff in cutoffs.items():
        if cutoff is not None and cutoff < nearest:
            raise ConfigError(
                f"{name} {cutoff} Å: nearest neighbours in the data are {nearest:.2f} Å apart; raise the {name}, "
                f"to about {suggest_cutoff(dataset):g} Å"
            )
        if cutoff is not None and basis.r_min is not None and basis.r_min >= cutoff:
            raise ConfigError(
                f"basis.r_min is {basis.r_min:g} Å; it must be shorter than the {name}, {cutoff:g} Å"
            )


def _check_rows(problem: Problem, settings: FitSettings) -> None:
    weights = problem.structure_weights * settings.weights.of_properties()
    per_structure = [(1, 3 * frame.n_atoms, 6) for frame in problem.dataset]
    rows = int(((weights > 0) * np.array(per_structure)).sum())
    if rows == 0:
        raise DataError(
            "no label carries weight; check the weights and that the data have energies, forces or stresses"
        )
    if problem.basis.n_features > rows and not settings.allow_underdetermined:
        raise FitError(
            f"{problem.basis.n_features} features but only {rows} rows of data ({len(problem.dataset)} structures); "
            "use a smaller basis or more data, or allow an underdetermined fit (--allow-underdetermined; in Python, "
            "allow_underdetermined=True)"
        )
