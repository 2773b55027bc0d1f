"""Errors of energies, forces and stresses as functions of their weights."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlip_rs.basis import Basis
from mlip_rs.data.convert import Data, as_dataset
from mlip_rs.errors import ConfigError, DataError, FitError
from mlip_rs.evaluate.errors import ENERGY_KEY, FORCE_KEY, STRESS_KEY, Errors
from mlip_rs.fitting.assemble import assemble
from mlip_rs.fitting.label_review import review_labels
from mlip_rs.fitting.pareto import pareto_front
from mlip_rs.fitting.phases import Phases
from mlip_rs.fitting.pipeline import prepare, remove_other_run
from mlip_rs.fitting.problem import Problem, check_types
from mlip_rs.fitting.result_cache import ResultCache
from mlip_rs.fitting.selection import select
from mlip_rs.fitting.settings import RUN_ONLY, FitSettings
from mlip_rs.fitting.stored_pieces import remove_pieces
from mlip_rs.fitting.weights import Weights
from mlip_rs.progress import Progress, Silent, Steps
from mlip_rs.settings import check_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FACTORS: tuple[float, ...] = (0.3, 1.0, 3.0)
"""Factors on the precisions of energies and stresses; only the ratios to the precision of forces matter."""

KEYS: tuple[str, ...] = (ENERGY_KEY, FORCE_KEY, STRESS_KEY)


@dataclass(frozen=True)
class WeightedErrors:
    """Cross-validated errors of the dense fit with one choice of weights."""

    weights: Weights
    validation: Errors

    @property
    def rmse(self) -> dict[str, float]:
        """RMSE by key (meV/atom, eV/Å, GPa) of the properties that have labels."""
        found = {key: self.validation.summary(key) for key in KEYS}
        return {key: summary.rmse for key, summary in found.items() if summary is not None}

    def to_dict(self) -> dict[str, Any]:
        """Record of numbers, lists and strings."""
        precisions = {name: getattr(self.weights, name) for name in ("energy", "forces", "stress")}
        return {"weights": precisions, "validation": self.validation.to_dict()}


@dataclass(frozen=True)
class WeightScan:
    """Errors by weights; the use of the potential decides which compromise is right.

    Examples
    --------
    >>> from mlip_rs import Weights
    >>> from mlip_rs.evaluate.errors import Errors, ErrorSummary
    >>> from mlip_rs.fitting.weight_scan import WeightedErrors
    >>> points = []
    >>> for precision, energy, force in ((0.001, 2.0, 0.12), (0.01, 5.0, 0.09), (0.1, 9.0, 0.10)):
    ...     errors = Errors(ErrorSummary(energy, energy, energy), ErrorSummary(force, force, force), None)
    ...     points.append(WeightedErrors(Weights(energy=precision), errors))
    >>> WeightScan(tuple(points)).front  # the third loses to the second in both energy and forces
    (0, 1)
    """

    points: tuple[WeightedErrors, ...]

    @property
    def front(self) -> tuple[int, ...]:
        """Positions of the points that no other one beats in the errors of all properties."""
        return tuple(sorted(pareto_front([list(point.rmse.values()) for point in self.points])))

    @property
    def drawable(self) -> bool:
        """Whether there are errors of both energies and forces."""
        return all(ENERGY_KEY in point.rmse and FORCE_KEY in point.rmse for point in self.points)

    def to_dict(self) -> dict[str, Any]:
        """Record of numbers, lists and strings."""
        return {"points": [point.to_dict() for point in self.points], "front": list(self.front)}

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows of a table: precisions asked for, cross-validated RMSE."""
        header = ["energy eV/atom", "forces eV/Å", "stress GPa"]
        header += ["energy RMSE meV/atom", "force RMSE eV/Å", "stress RMSE GPa", ""]
        rows = []
        for k, point in enumerate(self.points):
            asked = (point.weights.energy, point.weights.forces, point.weights.stress)
            errors = [
                f"{point.rmse[key]:.{digits}f}" if key in point.rmse else "–"
                for key, digits in zip(KEYS, (2, 4, 3), strict=True)
            ]
            cells = ["off" if value is None else f"{value:.3g}" for value in asked]
            rows.append([*cells, *errors, "not beaten" if k in self.front else ""])
        return header, rows

    def figure(self) -> "Figure":
        """Error of energies against that of forces, a line for each precision of the stress.

        Raises
        ------
        DataError
            There are no labels of energies, or none of forces.
        """
        from mlip_rs.plot import style

        if not self.drawable:
            raise DataError("only data with energies and forces have errors to draw against each other")
        figure = style.new_figure(style.COLUMN_WIDTH, 2.8)
        axes = figure.subplots()
        asked = dict.fromkeys(point.weights.stress for point in self.points)
        for k, stress in enumerate(asked):
            line = [point for point in self.points if point.weights.stress == stress]
            x, y = ([point.rmse[key] for point in line] for key in (FORCE_KEY, ENERGY_KEY))
            label = "" if stress is None else f"{stress:.3g} GPa"
            axes.plot(x, y, f"{style.marker(k)}-", color=style.color(k), ms=style.MARKER_SIZE, label=label)
            if k == 0:
                for point, right, top in zip(line, x, y, strict=True):
                    text = f"{1e3 * point.weights.energy:.3g} meV/atom" if point.weights.energy else ""
                    axes.annotate(
                        text, (right, top), (5, 4), textcoords="offset points", fontsize=style.SMALL_SIZE - 1
                    )
        axes.set_xmargin(0.6)  # room for the last text
        axes.set_ymargin(0.15)
        axes.locator_params("x", nbins=5)
        style.dress(axes, x="force RMSE (eV/Å)", y="energy RMSE (meV/atom)")
        if len(asked) > 1:
            style.legend(axes)
            axes.set_title("by precision of the stress", fontsize=style.SMALL_SIZE, loc="left")
        return figure


def scan_weights(
    data: Data,
    basis: Basis,
    settings: FitSettings | None = None,
    *,
    factors: Sequence[float] = FACTORS,
    directory: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> WeightScan:
    """Cross-validate dense fits with the precisions of energies and stresses multiplied by each of the factors.

    Each choice of weights finds its own ridge penalties; the normal equations are summed once.

    Parameters
    ----------
    data, basis, settings, overwrite, progress
        As for `fit`; the weights of the settings are the middle of the scan.
    factors
        Positive; those of energies are combined with those of stresses, while forces keep their precision.
    directory
        Run directory: results are stored there, so that an interrupted scan resumes. A later fit with other weights
        takes the equations from it.

    Raises
    ------
    ConfigError
        Factors that are not positive, a property that is switched off although it is the only one left.
    DataError, FitError
        As for `fit`; also equations that are too large to be stored for each property.

    Examples
    --------
    >>> from mlip_rs import Basis, FitSettings, Weights
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=6, repulsion=None)
    >>> settings = FitSettings(n_folds=3, prior="flat", weights=Weights(stress=None))
    >>> scan = scan_weights(read_dataset(DATA_PATH, index="::8"), basis, settings, factors=(1.0, 100.0))
    >>> [round(point.rmse["energy_mev_per_atom"], -1) for point in scan.points]  # precise energies, loose ones
    [60.0, 130.0]
    """
    for factor in factors:
        check_number("a factor of the precisions", factor)
    factors = sorted(set(factors))
    if not factors or factors[0] <= 0:
        raise ConfigError("factors of the precisions must be positive numbers, such as 0.3, 1, 3")
    settings = replace(settings or FitSettings(), method="ridge", anchor_weight=0.0, elastic_weight=0.0)
    progress = progress or Silent()
    check_types(basis, settings)
    training = review_labels(as_dataset(data), settings, progress).dataset
    problem = prepare(training, basis, settings, directory, Phases(progress), persistent=True)
    if problem.summed:
        raise FitError(
            f"{problem.basis.n_features} features: too many for sums by property; scan the weights with a smaller size"
        )
    choices = list(_choices(problem, settings.weights, factors))
    points = []
    if overwrite and directory is not None:
        remove_other_run(directory, problem)
    with nullcontext(directory) if directory is not None else tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "equations"
        equations = assemble(
            problem,
            folder,
            threads=settings.threads or None,
            progress=progress,
            overwrite=overwrite,
            scheduler=settings.scheduler,
        )
        relevant = {k: v for k, v in settings.to_dict().items() if k not in {*RUN_ONLY, "weights"}}
        cache = ResultCache(folder / "weight-scan.json", [problem.fingerprint(), relevant])
        steps = Steps(len(choices), time.monotonic())
        for k, weights in enumerate(choices):
            errors = _known(cache, weights)
            if errors is None:
                progress.note(f"weights {k + 1}: {steps.text(time.monotonic())}")
                weighted = replace(problem, property_weights=weights.of_properties())
                equations = equations.weighted(weighted.group_weights)
                errors = select(weighted, equations, settings, progress).validation.errors(0)
                cache.put(_name(weights), errors.to_dict())
            points.append(WeightedErrors(weights, errors))
            steps.advance(1, time.monotonic())
        remove_pieces(folder)
    return WeightScan(tuple(points))


def _choices(problem: Problem, middle: Weights, factors: Sequence[float]) -> Iterator[Weights]:
    """Weights of the scan; a property without labels or switched off is not varied."""
    labels = problem.dataset.labels
    varied = {"energy": labels.energies > 0, "stress": labels.stresses > 0}
    lists = {
        name: [getattr(middle, name)]
        if getattr(middle, name) is None or not varied[name]
        else [factor * getattr(middle, name) for factor in factors]
        for name in varied
    }
    for energy, stress in product(lists["energy"], lists["stress"]):
        yield replace(middle, energy=energy, stress=stress)


def _known(cache: ResultCache, weights: Weights) -> Errors | None:
    """Errors from the cache; None if it has none."""
    try:
        return Errors.from_dict(cache.get(_name(weights)))
    except (LookupError, TypeError, DataError):
        return None


def _name(weights: Weights) -> str:
    return " ".join(repr(value) for value in weights.of_properties().tolist())
