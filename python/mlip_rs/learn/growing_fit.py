"""A fit that grows with its data: equations of new structures are added to those of the old ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlip_rs.arrays import Array
from mlip_rs.basis import Basis
from mlip_rs.data import Dataset, Frame
from mlip_rs.data.core_structures import core_structure
from mlip_rs.design.information import Information
from mlip_rs.fitting.committee import with_uncertainty
from mlip_rs.fitting.committee_fits import equations_of
from mlip_rs.fitting.fold_store import FoldEquations
from mlip_rs.fitting.normal_equations import NormalEquations
from mlip_rs.fitting.phases import Phases
from mlip_rs.fitting.pipeline import prepare
from mlip_rs.fitting.points import measured_points, predicted
from mlip_rs.fitting.result import Point
from mlip_rs.fitting.selection import selection
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.fitting.weights import Weights
from mlip_rs.progress import Progress, Silent


@dataclass(frozen=True)
class Fitted:
    """A fit in the loop.

    Parameters
    ----------
    point
        The potential of all features, with error bars and index, and its errors.
    information
        What the data tell about the features.
    """

    point: Point
    information: Information


class GrowingFit:
    """Equations of the labelled structures so far, and fits of all features to them.

    Basis, reference energies and prior family are those of the first structures. There is no selection, no anchor row
    and no stress test: a fit of this kind takes seconds and says what to label next. The potential for use comes from
    `mlip_rs.fit` in the end.

    Parameters
    ----------
    training
        The first labelled structures.
    basis
        Candidate features; settings left open are taken from these structures.
    settings
        Of the fit.
    progress
        Receives the advance.
    folds
        (S,) fold of each of these structures; structures that are correlated, of one run say, belong into one, whenever
        they are added. By default as `mlip_rs.fit` assigns them.

    Raises
    ------
    DataError, ConfigError, FitError
        As `mlip_rs.fit`.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> data = read_dataset(DATA_PATH, index="::8")
    >>> basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=6)
    >>> growing = GrowingFit(data.subset(range(20)), basis, FitSettings(n_folds=3, prior="flat"))
    >>> before = growing.fit()
    >>> growing.add(data.subset(range(20, len(data))))
    >>> after = growing.fit()
    >>> len(growing.problem.dataset) == len(data), before.point.validation.forces.rmse < 3.0  # eV/Å
    (True, True)
    """

    def __init__(
        self,
        training: Dataset,
        basis: Basis,
        settings: FitSettings,
        progress: Progress | None = None,
        folds: Sequence[int] | None = None,
    ) -> None:
        self.settings = replace(
            settings,
            method="ridge",
            weights=settings.weights.with_scale_of(training),
            anchor_weight=0.0,
            elastic_weight=0.0,
            hold_out_classes=False,
            allow_underdetermined=True,
            n_folds=max(2, min(settings.n_folds, len(training))),
        )
        self.progress = progress or Silent()
        self.basis = basis
        self.problem = prepare(training, basis, self.settings, None, Phases(self.progress), persistent=False)
        if folds is not None and len(np.unique(folds)) == self.problem.n_folds:
            self.problem = replace(self.problem, folds=np.array(folds))
        n_features = self.problem.basis.n_features
        self._sums = [NormalEquations.zeros(n_features, 1) for _ in range(self.problem.n_folds)]
        self._add(np.arange(len(training)))

    def add(self, dataset: Dataset, folds: Sequence[int] | None = None) -> None:
        """Add labelled structures of the elements of the basis.

        Parameters
        ----------
        dataset
            The structures.
        folds
            (S,) their folds; in turn by default.
        """
        old = self.problem
        joined = old.dataset + dataset
        numbers = np.arange(len(old.dataset), len(joined))
        weights = self.settings.weights.of_structures(dataset, old.reference)
        self.problem = replace(
            old,
            dataset=joined,
            structure_weights=np.concatenate([old.structure_weights, weights]),
            folds=np.concatenate([old.folds, (numbers if folds is None else np.array(folds)) % old.n_folds]),
        )
        self._add(numbers)

    def fit(self) -> Fitted:
        """Fit all features to the sums.

        Raises
        ------
        FitError
            No solution.
        """
        problem, settings, progress = self.problem, self.settings, self.progress
        equations = self._equations()
        with equations.totalled():
            chosen = selection(problem, equations, settings, progress)
            trained = predicted(problem.dataset, problem, chosen.candidates.coefficients, settings)
            points = measured_points(problem, chosen.candidates, settings, trained, None, progress)
            (point,) = with_uncertainty(chosen, points, progress)
            scaled, _ = chosen.folds.load(None)
            information = Information.of(scaled.gram, chosen.penalty, chosen.folds.scale)
        return Fitted(point, information)

    def rows(self, frame: Frame) -> Array:
        """As `weighted_rows`, in the basis and with the weights of the fit."""
        return weighted_rows(self.problem.basis, frame, self.settings.weights)

    def _add(self, numbers: NDArray[np.int64]) -> None:
        """Add the equations of some structures of the problem."""
        problem, threads = self.problem, self.settings.threads or None
        self.progress.start("normal equations: structures", len(numbers))
        for fold, sums in enumerate(self._sums):
            members = numbers[problem.folds[numbers] == fold]
            if len(members):
                own = equations_of(problem, members, threads)
                for total, part in ((sums.gram, own.gram), (sums.xty, own.xty), (sums.yty, own.yty)):
                    total += part
                sums.n_rows[:] += own.n_rows
            self.progress.advance(len(members))

    def _equations(self) -> FoldEquations:
        n_features = self.problem.basis.n_features
        equations = FoldEquations(Path(), len(self._sums), n_features, np.ones(1), persistent=False)
        for fold, sums in enumerate(self._sums):
            equations.save(fold, sums)
        return equations


def weighted_rows(basis: Basis, frame: Frame, weights: Weights) -> Array:
    """(1 + 3N + 6, F) design rows of a structure with the weights of labels; no stress unless it is periodic."""
    design = basis.core.design(core_structure(frame))
    design[0] /= frame.n_atoms
    own = np.repeat(weights.of_properties(), [1, 3 * frame.n_atoms, 6])
    if not frame.pbc.all():
        own[-6:] = 0.0
    return np.asarray(design * np.sqrt(own)[:, None])
