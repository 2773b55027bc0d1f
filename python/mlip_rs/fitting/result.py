"""Result of a fit: candidates from sparse to dense, the front among them, and the run directory."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mlip_rs._core import __version__
from mlip_rs.basis.specification import with_current_basis
from mlip_rs.errors import ConfigError, DataError
from mlip_rs.evaluate.errors import Errors
from mlip_rs.files import write_atomically
from mlip_rs.fitting.limits import cost_of, rounded, within_limits
from mlip_rs.fitting.pareto import pareto_front
from mlip_rs.potential import Potential
from mlip_rs.potential.stress_record import failed_stress_test
from mlip_rs.text import table_lines

KNEE_TOLERANCE: float = 0.1
"""The knee is the cheapest potential whose validation score exceeds the lowest by at most this fraction."""

ALIKE: float = 0.005
"""The best potential is the cheapest whose validation score exceeds the lowest by at most this fraction: the standard
error of a score is some 5 %."""

LOSS: float = 1.5
"""Potentials that failed their stress test give way to the others unless the lowest score grows by more than this."""

USEFUL: float = 10.0
"""Potentials whose score is more than this times the lowest, and more than 1, are not on the front."""

RUN_FILES: tuple[str, ...] = (
    "run.json",
    "best.mlip.json",
    "knee.mlip.json",
    "one-standard-error.mlip.json",
    "report.html",
    "weights.json",
    "weights.png",
    "equations/unit-costs.json",
    "equations/weight-scan.json",
)
"""Files of a run directory beside the front and the normal equations."""


@dataclass(frozen=True)
class Point:
    """One candidate.

    Parameters
    ----------
    potential
        Ready to use.
    us_per_atom
        Measured time of energy, forces and stress on one thread; shown, but no choice depends on it.
    score
        Root mean squared residual of the cross-validation, in units of the precisions asked for.
    penalty
        ℓ1 penalty; zero for the dense candidate.
    training, validation, test
        Errors on the data fitted to, in the cross-validation, and on test data if given.
    predicted_us_per_atom
        Time predicted by the cost model, the same on every machine; None in runs of earlier versions.
    score_error
        Standard error of the score, from its scatter over the folds.
    number
        Among the candidates of the fit, by which its file is named; None: that of its place in the run.

    Examples
    --------
    >>> from mlip_rs import Basis, Potential
    >>> from mlip_rs.evaluate.errors import Errors, ErrorSummary
    >>> basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=4)
    >>> potential = Potential.from_coefficients(basis, [2.0, -0.2, 0.0, 0.0], {"Al": 0.0})
    >>> errors = Errors(energy=ErrorSummary(rmse=3.1, mae=2.4, max=9.0), forces=None, stress=None)
    >>> point = Point(potential, us_per_atom=1.2, score=3.0, penalty=0.1, training=errors, validation=errors)
    >>> point.potential.n_nonzero, point.validation.energy.rmse  # meV/atom
    (2, 3.1)
    """

    potential: Potential
    us_per_atom: float
    score: float
    penalty: float
    training: Errors
    validation: Errors
    test: Errors | None = None
    predicted_us_per_atom: float | None = None
    score_error: float = 0.0
    number: int | None = None

    @property
    def cost(self) -> float:
        """Time (µs/atom) that choices go by, in `DIGITS` digits: predicted; measured only where that is not known."""
        predicted = self.predicted_us_per_atom
        return rounded(self.us_per_atom if predicted is None else predicted)

    @cached_property
    def repels(self) -> bool:
        """Whether the energy of dimers and crystals rises at short range; true if not checked."""
        return bool(self.potential.info.get("short_range", {}).get("monotonic", True))

    @cached_property
    def failed_stress_test(self) -> bool:
        """Whether it failed its stress test; false if it was not tested."""
        return failed_stress_test(self.potential.info)

    def to_dict(self, name: str) -> dict[str, Any]:
        """The point as `mlip-rs pareto --json` prints it."""
        return {
            "potential": name,
            "n_features": self.potential.n_features,
            "n_nonzero": self.potential.n_nonzero,
            "us_per_atom": self.us_per_atom,
            "predicted_us_per_atom": self.predicted_us_per_atom,
            "score": self.score,
            "score_error": self.score_error,
            "penalty": self.penalty,
            "stress_test": self.potential.info.get("stress_test"),
            "training": self.training.to_dict(),
            "validation": self.validation.to_dict(),
            "test": None if self.test is None else self.test.to_dict(),
        }


@dataclass(frozen=True)
class Run:
    """A finished fit.

    Parameters
    ----------
    points
        All candidates, sparsest first.
    record
        Settings, data, times: everything of `run.json` but the points.

    Examples
    --------
    >>> from mlip_rs import Basis, Potential
    >>> from mlip_rs.evaluate.errors import Errors
    >>> basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=4)
    >>> none = Errors(energy=None, forces=None, stress=None)
    >>> points = []
    >>> for n, score in ((1, 50.0), (2, 13.0), (4, 12.5)):
    ...     potential = Potential.from_coefficients(basis, [1.0] * n + [0.0] * (4 - n), {"Al": 0.0})
    ...     points.append(Point(potential, 0.5 * n, score, penalty=0.0, training=none, validation=none))
    >>> run = Run(tuple(points), record={})
    >>> run.best().n_nonzero, run.knee().n_nonzero, run.front
    (4, 2, (0, 1, 2))
    """

    points: tuple[Point, ...]
    record: dict[str, Any]

    def best(self) -> Potential:
        """The cheapest potential by predicted time whose validation score is within 0.5 % of the lowest."""
        return self.points[self.best_index].potential

    def knee(self) -> Potential:
        """The cheapest potential by predicted time whose validation score is within 10 % of the lowest."""
        return self.points[self.knee_index].potential

    def one_standard_error(self) -> Potential:
        """The sparsest potential whose validation score is within one standard error of the best.

        Additional coefficients that do not improve the validation significantly are not worth having (L. Breiman et
        al., Classification and Regression Trees, 1984).
        """
        return self.points[self.one_standard_error_index].potential

    @property
    def best_index(self) -> int:
        """Position of `best` among the points.

        A potential that failed its stress test gives way to one that did not, unless that one is useless beside it; one
        that does not repel at short range gives way to one that does, within the tolerance of the knee.
        """
        lowest, limit = self._lowest, self._knee_limit
        good = [k for k in self._held if self.points[k].repels and self.points[k].score <= limit]
        if good and not any(self.points[k].score <= (1.0 + ALIKE) * lowest for k in good):
            lowest = min(self.points[k].score for k in good)
        good = [k for k in good or self._held if self.points[k].score <= (1.0 + ALIKE) * lowest]
        return min(good, key=lambda k: (self.points[k].cost, rounded(self.points[k].score)))

    @property
    def knee_index(self) -> int:
        """Position of `knee` among the points: of equally cheap ones the best, one that repels if there is any."""
        good = [k for k in self._held if self.points[k].score <= self._knee_limit]
        good = [k for k in good if self.points[k].repels] or good
        return min(good, key=lambda k: (self.points[k].cost, rounded(self.points[k].score)))

    @property
    def _held(self) -> list[int]:
        """Positions of the points that did not fail their stress test; of all if these lose more than `LOSS`."""
        every = range(len(self.points))
        held = [k for k in every if not self.points[k].failed_stress_test]
        lowest = LOSS * min(point.score for point in self.points)
        return held if any(self.points[k].score <= lowest for k in held) else list(every)

    @property
    def _knee_limit(self) -> float:
        """Highest score within the tolerance of the knee."""
        return (1.0 + KNEE_TOLERANCE) * self._lowest

    @property
    def _lowest(self) -> float:
        """Lowest score."""
        return min(self.points[k].score for k in self._held)

    @property
    def one_standard_error_index(self) -> int:
        """Position of `one_standard_error` among the points; one that repels at short range if there is any."""
        lowest = min((self.points[k] for k in self._held), key=lambda point: point.score)
        limit = lowest.score + lowest.score_error
        good = [k for k in self._held if self.points[k].score <= limit]
        good = [k for k in good if self.points[k].repels] or good
        return min(good, key=lambda k: (self.points[k].potential.n_nonzero, self.points[k].score))

    @property
    def front(self) -> tuple[int, ...]:
        """Positions of the points up to the best that none beats in both predicted cost and score, cheapest first.

        A point that failed its stress test is not among them, unless all did that are of use; nor one beyond `USEFUL`.
        """
        held = [k for k in self._held if self.points[k].score <= max(1.0, USEFUL * self._lowest)]
        costs = [(self.points[k].cost, rounded(self.points[k].score)) for k in held]
        most = self.points[self.best_index].cost
        return tuple(held[place] for place in pareto_front(costs) if costs[place][0] <= most)

    def select(
        self,
        *,
        max_cost: float | None = None,
        max_nonzero: int | None = None,
        max_energy: float | None = None,
        max_force: float | None = None,
    ) -> Potential:
        """Choose from the front by limits: with one of an error the cheapest, else that of the lowest score.

        Parameters
        ----------
        max_cost
            Predicted µs/atom.
        max_nonzero
            Coefficients.
        max_energy, max_force
            RMSE of the validation, meV/atom and eV/Å.

        Raises
        ------
        ConfigError
            None keeps the limits; the message names the lowest values.
        """
        limits = {
            "max-cost": max_cost,
            "max-nonzero": max_nonzero,
            "max-energy": max_energy,
            "max-force": max_force,
        }
        front = [self.points[k] for k in self.front]
        given = {name: limit for name, limit in limits.items() if limit is not None}
        return front[within_limits([point.to_dict("") for point in front], given)].potential

    def pareto(self) -> "Front":
        """Records of the points of the front, cheapest first; `potential` is the file in a run directory."""
        return Front(self.points[k].to_dict(self._file(k)) for k in self.front)

    def _file(self, k: int) -> str:
        """File of a potential of the front in a run directory."""
        number = self.points[k].number
        return f"front/{k if number is None else number:02d}-{self.points[k].potential.n_nonzero}.mlip.json"

    def with_seconds(self, seconds: Mapping[str, float]) -> "Run":
        """Copy with wall seconds by phase in the record."""
        return replace(self, record=self.record | {"seconds": dict(seconds)})

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write potentials and record into a run directory; `run.json` comes last and marks it as complete.

        Raises
        ------
        OSError
            The directory cannot be written to.
        """
        self.save_potentials(directory)
        self.save_record(directory)

    def save_potentials(self, directory: str | os.PathLike[str]) -> None:
        """Write the potentials of the front and those with a name; without `run.json` the directory is incomplete."""
        directory = Path(directory)
        (directory / "run.json").unlink(missing_ok=True)
        (directory / "front").mkdir(parents=True, exist_ok=True)
        names = self._files()
        for old in _front_files(directory):
            if f"front/{old.name}" not in names:
                old.unlink()
        for k in self.front:
            self.points[k].potential.save(directory / names[k])
        self.best().save(directory / "best.mlip.json")
        self.knee().save(directory / "knee.mlip.json")
        self.one_standard_error().save(directory / "one-standard-error.mlip.json")

    def save_record(self, directory: str | os.PathLike[str]) -> None:
        """Write `run.json`, atomically."""
        record = self.record | {
            "best": self.best_index,
            "knee": self.knee_index,
            "one_standard_error": self.one_standard_error_index,
            "front": list(self.front),
            "points": [point.to_dict(name) for point, name in zip(self.points, self._files(), strict=True)],
        }
        write_atomically(Path(directory) / "run.json", json.dumps(record, indent=1) + "\n")

    def _files(self) -> list[str]:
        """File of each point in a run directory; empty off the front."""
        front = set(self.front)
        return [self._file(k) if k in front else "" for k in range(len(self.points))]


def remove_run(directory: Path) -> None:
    """Delete the results of a fit and of a scan of weights in a run directory; the normal equations stay.

    `run.json` goes first, so that an interruption leaves no directory that looks complete. Other files stay.
    """
    for name in RUN_FILES:
        (directory / name).unlink(missing_ok=True)
    for potential in _front_files(directory):
        potential.unlink()


def _front_files(directory: Path) -> list[Path]:
    """The potentials of the front in a run directory; files that a user has put beside them are not among them."""
    found = (directory / "front").glob("*.mlip.json")
    return [path for path in found if re.fullmatch(r"\d{2,}-\d+\.mlip\.json", path.name)]


def read_record(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """`run.json` of a run directory.

    Raises
    ------
    DataError
        Not a complete run directory.
    ConfigError
        A run of a newer version.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mlip_rs import Basis, FitSettings, fit
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=6, repulsion=None)
    >>> settings = FitSettings(method="ridge", n_folds=3, prior="flat")
    >>> run = fit(read_dataset(DATA_PATH, index="::16"), basis, settings)
    >>> with TemporaryDirectory() as directory:
    ...     run.save(directory)
    ...     record = read_record(directory)
    >>> record["points"][record["best"]]["n_nonzero"]
    7
    """
    path = Path(directory) / "run.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(record, dict):
            _refuse_newer(path, record)
        if not isinstance(record, dict) or not isinstance(record["points"], list):
            raise ValueError("no points")
        record["points"][record["best"]], record["points"][record["knee"]]
        for k in record["front"]:
            cost_of(record["points"][k])
        table(record["points"])
        record = with_current_basis(record)
    except OSError as error:
        raise DataError(
            f"{directory}: not a finished run directory ({error.strerror}: run.json); repeat the fit, it resumes"
        ) from None
    except ConfigError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        at = (
            f"no JSON from line {error.lineno} on"
            if isinstance(error, json.JSONDecodeError)
            else "parts are missing"
        )
        raise DataError(f"{path}: damaged ({at}); repeat the fit, it resumes") from None
    return record


def _refuse_newer(path: Path, record: Mapping[str, Any]) -> None:
    """Refuse the record of a newer version, which may mean other things by the same names."""
    theirs, own = (
        tuple(map(int, re.findall(r"\d+", str(version))[:3]))
        for version in (record.get("package_version", "0"), __version__)
    )
    if theirs > own:
        raise ConfigError(
            f"{path}: written by version {record['package_version']} of mlip_rs, this is {__version__}; "
            "update mlip_rs, or choose another directory"
        )


class Front(list[dict[str, Any]]):
    """Records of the points of a front; printed, they are a table."""

    def __str__(self) -> str:
        return "\n".join(table_lines(*table(self)))


def table(points: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table of points; µs/atom are predicted, those measured stand beside them.

    If a point failed its stress test, the last column says so.
    """
    header = [
        "coefficients",
        "µs/atom",
        "measured",
        "score",
        "energy meV/atom",
        "force eV/Å",
        "stress GPa",
        "potential",
    ]
    rows = []
    for point in points:
        validation = point["validation"]
        cells = [
            "–" if validation[key] is None else f"{validation[key]['rmse']:.{digits}f}"
            for key, digits in (("energy_mev_per_atom", 2), ("force_ev_per_angstrom", 4), ("stress_gpa", 3))
        ]
        rows.append(
            [
                str(point["n_nonzero"]),
                f"{cost_of(point):.2f}",
                f"{point['us_per_atom']:.2f}",
                f"{point['score']:.3f}",
                *cells,
                point["potential"],
            ]
        )
    failed = [failed_stress_test(point) for point in points]
    if any(failed):
        header.append("stress test")
        rows = [[*row, "failed" if own else ""] for row, own in zip(rows, failed, strict=True)]
    return header, rows
