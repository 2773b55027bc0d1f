"""Fits without a class of structures: the product's own selection and committee, from design rows that are kept.

The rows of a data set are computed once. The places where a fit would compute them again (sums of the equations,
residuals of a fold, equations of a cluster) read the kept ones instead; everything else is the code of `mlip-rs fit`.
Anchor rows are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk

from mlip_rs import Basis, FitSettings, _core
from mlip_rs.arrays import Array, Mask
from mlip_rs.data import folds, nearest_neighbor_distance, read_dataset
from mlip_rs.data.core_structures import core_structure
from mlip_rs.evaluate.errors import ErrorSums
from mlip_rs.fitting.committee_fits import CommitteeFits
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.fold_store import FoldEquations, Sums
from mlip_rs.fitting.normal_equations import NormalEquations
from mlip_rs.fitting.problem import Problem, build_problem, check_data
from mlip_rs.fitting.residuals import Residuals
from mlip_rs.fitting.result import KNEE_TOLERANCE
from mlip_rs.fitting.selection import Selection, selection
from mlip_rs.fitting.unseen_errors import Fits, sampled
from mlip_rs.progress import Silent
from mlip_rs.uncertainty.index_forms import TrainingAtoms

PROPERTIES = ("energy", "forces", "stress")

MLEARN = {"Ge": (5.4, "medium"), "Li": (6.5, "medium"), "Mo": (4.2, "medium"), "Si": (5.2, "medium")}
MLEARN2 = {"Cu": (5.6, "medium"), "W": (4.8, "medium")}
SETS: dict[str, tuple[str, str | None, float, str]] = {
    "Al": ("al_dft/al_dft.extxyz", None, 6.1, "medium"),
    **{k: (f"mlearn/{k}_train.xyz", f"mlearn/{k}_test.xyz", *own) for k, own in MLEARN.items()},
    "Cu": ("mlearn2/Cu_train.xyz", "mlearn2/Cu_test.xyz", *MLEARN2["Cu"]),
    "W": ("mlearn2/W_train.xyz", None, *MLEARN2["W"]),
    "AgAu": ("agau/AgAu_train.xyz", "agau/AgAu_test.xyz", 4.34, "small"),
}
"""Training and test data, angular cutoff (Å, chosen by a fit to all data) and size; every fifth structure of Ag-Au."""

TEST_FOLDS = 6
"""Where no test data are published, or not by class, one of so many random blocks is set aside."""

AL_CLASSES = {
    "fcc": "rattle_fcc eos_fcc strain_fcc md_solid",
    "bcc": "rattle_bcc strain_bcc eos_bcc",
    "hcp": "rattle_hcp strain_hcp eos_hcp rattle_dhcp strain_dhcp eos_dhcp",
    "sc": "rattle_sc eos_sc strain_sc",
    "dia": "rattle_dia eos_dia strain_dia",
    "bsn": "rattle_bsn eos_bsn strain_bsn",
    "tcp": "rattle_omega eos_omega strain_omega rattle_a15 eos_a15 strain_a15",
    "liquid": "md_liquid",
    "slab": "slab_fcc111 slab_fcc100 slab_fcc110",
    "vacancy": "vacancy",
    "fault": "stacking_fault",
}
CLASS_OF = {own: name for name, types in AL_CLASSES.items() for own in types.split()} | {"AIMD-NVT": "AIMD"}


@dataclass(frozen=True, eq=False)
class Rows:
    """Design rows of all structures of a set, training and test.

    Parameters
    ----------
    problem
        Of all structures; its folds are not used.
    classes, testing
        (S,) class of each structure, and whether it is never trained on.
    design
        (n, F) rows without weights, energies per atom.
    target
        (n,) labels without isolated atoms and repulsion; NaN without a label.
    weights, kind, structure
        (n,) weight, position among `PROPERTIES` and structure of each row.
    """

    problem: Problem
    classes: NDArray[np.str_]
    testing: Mask
    design: Array
    target: Array
    weights: Array
    kind: NDArray[np.int64]
    structure: NDArray[np.int64]

    @cached_property
    def atoms(self) -> TrainingAtoms:
        """Features of all atoms."""
        frames, basis = list(self.problem.dataset), self.problem.basis
        numbers = {symbol: k for k, symbol in enumerate(basis.elements)}
        species = [np.array([numbers[symbol] for symbol in frame.symbols]) for frame in frames]
        nearest = nearest_neighbor_distance(self.problem.dataset)
        return TrainingAtoms.of(basis.core, [core_structure(f) for f in frames], species, nearest)

    @cached_property
    def structure_of_atom(self) -> NDArray[np.int64]:
        """(N,) structure of each atom."""
        return np.repeat(np.arange(len(self.classes)), [f.n_atoms for f in self.problem.dataset])

    @cached_property
    def mean_features(self) -> Array:
        """(S, E f) as `structure_clusters.mean_features`."""
        n_elements = len(self.problem.basis.elements)
        sums = np.zeros((len(self.classes), n_elements, self.atoms.features.shape[1]))
        np.add.at(sums, (self.structure_of_atom, self.atoms.species), self.atoms.features)
        n_atoms = np.bincount(self.structure_of_atom)
        return np.asarray((sums / n_atoms[:, None, None]).reshape(len(sums), -1))

    def of(self, structures: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of some structures that have labels."""
        return np.flatnonzero(np.isin(self.structure, structures) & np.isfinite(self.target))

    def equations(self, structures: NDArray[np.int64]) -> tuple[Array, Sums]:
        """Weighted equations of some structures."""
        own = self.of(structures)
        own = own[self.weights[own] > 0.0]
        x = self.design[own] * np.sqrt(self.weights[own])[:, None]
        y = self.target[own] * np.sqrt(self.weights[own])
        gram = dsyrk(1.0, x.T, lower=1)
        gram += np.tril(gram, -1).T
        return np.ascontiguousarray(gram), Sums(x.T @ y, float(y @ y), len(own))

    def residuals(self, structures: NDArray[np.int64], coefficients: Array) -> Residuals:
        """Of P coefficient vectors (P, F), only the weighted squares."""
        own = self.of(structures)
        error = self.design[own] @ coefficients.T - self.target[own][:, None]
        return Residuals(ErrorSums.zeros(len(coefficients)), (self.weights[own] @ error**2)[None])


def rows_of(data: Path, name: str, size: str | None = None) -> Rows:
    """Read a set and compute its rows."""
    train, test, cutoff, usual = SETS[name]
    index = "::5" if name == "AgAu" else None
    settings = FitSettings(threads=1, anchor_weight=0.0)
    options = {} if index is None else {"index": index}
    parts = [read_dataset(str(data / path), **options) for path in (train, test) if path]
    basis = Basis(**({} if size == "default" else {"size": size or usual}), angular_cutoff=cutoff)
    checked = check_data(parts[0], basis, settings)
    n_train = len(checked.dataset)
    dataset = checked.dataset
    if test:
        dataset = dataset + parts[1]
        testing = np.arange(len(dataset)) >= n_train
    else:
        testing = folds(dataset, TEST_FOLDS, 1) == 0
    problem = build_problem(replace(checked, dataset=dataset), settings, persistent=False)
    classes = np.array([CLASS_OF.get(frame.config_type, frame.config_type) for frame in dataset])
    return Rows(problem, classes, testing, *_design(problem))


def _design(problem: Problem) -> tuple[Array, Array, Array, NDArray[np.int64], NDArray[np.int64]]:
    core, n_features = problem.basis.core, problem.basis.n_features
    counts = [3 * frame.n_atoms + 7 for frame in problem.dataset]
    starts = np.cumsum([0, *counts])
    design, target = np.empty((starts[-1], n_features)), np.full(starts[-1], np.nan)
    kind = np.ones(starts[-1], dtype=np.int64)
    zero = np.zeros((n_features, 1))
    for frame, first, last in zip(problem.dataset, starts, starts[1:], strict=False):
        structure = core_structure(frame)
        design[first:last] = core.design(structure)
        (repulsion,) = _core.predict(core, [structure], zero, 1)
        if frame.energy is not None:
            target[first] = frame.energy - problem.reference.of(frame)
        if frame.forces is not None:
            target[first + 1 : last - 6] = frame.forces.ravel()
        if frame.stress is not None:
            target[last - 6 : last] = frame.stress
        target[first:last] -= repulsion[:, 0]
        design[first] /= frame.n_atoms
        target[first] /= frame.n_atoms
        kind[first], kind[last - 6 : last] = 0, 2
    structure_of_row = np.repeat(np.arange(len(counts)), counts)
    weights = (problem.structure_weights * problem.property_weights)[structure_of_row, kind]
    return design, target, weights, kind, structure_of_row


@dataclass(frozen=True, eq=False)
class Case:
    """A fit that knows nothing of a class.

    Parameters
    ----------
    rows
        Of the set.
    name
        Of the class.
    training
        Structures of the fit.
    fold
        (S_training,) fold of each.
    made, place
        The selection, and the position of the knee among its candidates.
    fits
        Behind the committee of the knee.
    cluster
        (S_training,) cluster of each structure.
    """

    rows: Rows
    name: str
    training: NDArray[np.int64]
    fold: NDArray[np.int64]
    made: Selection
    place: int
    fits: Fits
    cluster: NDArray[np.int64]

    @property
    def coefficients(self) -> Array:
        """(F,) of the knee."""
        return self.fits.own[0]

    @property
    def support(self) -> Mask:
        """(F,) features of the knee."""
        return self.coefficients != 0.0

    @property
    def known(self) -> Mask:
        """(N,) atoms of which the index is made, those that a fit would take."""
        problem = self.rows.problem
        chosen = self.training[sampled(replace(problem, dataset=problem.dataset.subset(self.training)))]
        return np.isin(self.rows.structure_of_atom, chosen)

    def parts(self) -> dict[str, NDArray[np.int64]]:
        """Structures of the class, and test structures of the others."""
        own = self.rows.classes == self.name
        return {"ood": np.flatnonzero(own), "id": np.flatnonzero(self.rows.testing & ~own)}


def case_of(rows: Rows, name: str) -> Case:
    """Fit without a class, choose the knee, make its committee."""
    training = np.flatnonzero((rows.classes != name) & ~rows.testing)
    dataset = rows.problem.dataset.subset(training)
    settings = FitSettings(threads=1, anchor_weight=0.0)
    fold = folds(dataset, settings.n_folds, settings.seed)
    problem = replace(
        rows.problem, dataset=dataset, structure_weights=rows.problem.structure_weights[training], folds=fold
    )
    equations = _Kept([rows.equations(training[fold == k]) for k in range(settings.n_folds)])

    class KeptRows(CrossValidation):
        def residuals(self, fold_: int, coefficients: Array) -> Residuals:
            return rows.residuals(training[fold == fold_], coefficients)

    def of_cluster(_problem: Problem, members: NDArray[np.int64], _threads: int | None) -> NormalEquations:
        gram, sums = rows.equations(training[members])
        return NormalEquations(gram[None], sums.xty[None], np.array([sums.yty]), np.array([sums.n_rows]))

    module = "mlip_rs.fitting"
    with (
        patch(f"{module}.selection.CrossValidation", KeptRows),
        patch(f"{module}.committee_fits.equations_of", of_cluster),
        patch(f"{module}.committee_fits.mean_features", lambda *_: rows.mean_features[training]),
        equations.totalled(),
    ):
        made = selection(problem, equations, settings, Silent())
        place = knee(made)
        committee = CommitteeFits(made, [place], Silent())
        return Case(rows, name, training, fold, made, place, committee.fits(), committee.labels)


def knee(made: Selection) -> int:
    """The cheapest candidate within the tolerance of the lowest score; no stress test, no test of the repulsion."""
    found = made.candidates
    assert found.costs is not None
    cost = np.array([found.costs.cost(own != 0.0) for own in found.coefficients])
    good = found.scores <= (1.0 + KNEE_TOLERANCE) * found.scores.min()
    return int(np.flatnonzero(good)[np.argmin(cost[good])])


class _Kept(FoldEquations):
    """Equations of the folds, in memory."""

    def __init__(self, parts: Sequence[tuple[Array, Sums]]) -> None:
        super().__init__(Path(), len(parts), len(parts[0][0]), np.ones(1), persistent=False)
        self._held = {k: gram for k, (gram, _) in enumerate(parts)}
        self._sums = {k: sums for k, (_, sums) in enumerate(parts)}

    @property
    def small(self) -> bool:
        return True
