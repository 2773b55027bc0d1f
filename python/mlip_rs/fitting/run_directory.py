"""Read the front of a finished run from `run.json`: choose a potential, draw the front, copy the file."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlip_rs.errors import ConfigError, DataError
from mlip_rs.files import write_atomically
from mlip_rs.fitting.limits import LIMITS, cost_of, rounded, within_limits
from mlip_rs.fitting.pareto import pareto_front
from mlip_rs.fitting.result import KNEE_TOLERANCE, read_record
from mlip_rs.fitting.stress_warnings import stress_test_warnings
from mlip_rs.potential import Potential

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Point = dict[str, Any]

NAMED: dict[str, str] = {"knee": "knee", "best": "best", "one-standard-error": "one_standard_error"}
"""Choices by name, and the keys of their positions in `run.json`; see `Run`."""

Directories = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def front_points(directories: Directories) -> list[Point]:
    """The points of the Pareto front of a run directory, or of several together, cheapest first.

    Parameters
    ----------
    directories
        Fits to the same data with the same weights, so that their scores are comparable. Potentials of several runs
        have the run directory in their names.

    Raises
    ------
    DataError
        Not a complete run directory.
    ConfigError
        Runs that cannot be compared.
    """
    chosen = _several(directories)
    records = [read_record(directory) for directory in chosen]
    _check_comparable(chosen, records)
    points = []
    for directory, record in zip(chosen, records, strict=True):
        try:
            own = [record["points"][k] for k in record["front"]]
        except (KeyError, IndexError, TypeError):
            raise DataError(
                f"{directory}/run.json: damaged (parts are missing); repeat the fit, it resumes"
            ) from None
        if len(chosen) > 1:
            own = [point | {"potential": str(directory / point["potential"])} for point in own]
        points += own
    return [points[k] for k in pareto_front([(cost_of(point), rounded(point["score"])) for point in points])]


def front_warnings(directories: Directories) -> list[str]:
    """What those who take a potential of a run have to know of its stress tests; of several runs, by directory.

    Raises
    ------
    DataError
        Not a complete run directory.
    """
    chosen = _several(directories)
    found = []
    for directory in chosen:
        record = read_record(directory)
        named = {name: record[key] for name, key in NAMED.items() if key in record}
        prefix = f"{directory}: " if len(chosen) > 1 else ""
        found += [
            prefix + warning for warning in stress_test_warnings(record["points"], record["front"], named)
        ]
    return found


def _several(directories: Directories) -> list[Path]:
    one = isinstance(directories, str | os.PathLike)
    return [Path(directories)] if one else [Path(directory) for directory in directories]  # type: ignore[arg-type,union-attr]


def _check_comparable(directories: Sequence[Path], records: Sequence[dict[str, Any]]) -> None:
    """Refuse runs whose scores are not errors of the same structures with the same weights."""

    def basis_of_scores(record: dict[str, Any]) -> tuple[Any, ...]:
        return record["data"]["fingerprint"], record["settings"]["weights"], record["settings"]["n_folds"]

    for directory, record in zip(directories[1:], records[1:], strict=True):
        if basis_of_scores(record) != basis_of_scores(records[0]):
            raise ConfigError(
                f"{directory}: not comparable with {directories[0]}; "
                "runs of one front need the same data, weights and folds"
            )


def choose(directories: Directories, choice: str) -> Point:
    """Choose from the front: one of `NAMED`, or a limit, as "max-cost=5" (predicted µs/atom), "max-force=0.1" (eV/Å).

    Raises
    ------
    ConfigError
        A choice that is not understood, or limits that no potential keeps; the message names the lowest values.
    DataError
        Not a complete run directory.
    """
    points = front_points(directories)
    if choice in NAMED:
        chosen = _several(directories)
        if len(chosen) == 1:
            record = read_record(chosen[0])
            try:
                point: Point = record["points"][record[NAMED[choice]]]
            except (LookupError, TypeError):
                raise ConfigError(
                    f"{chosen[0]}: an earlier version has not noted {choice}; repeat the fit"
                ) from None
            return point
        lowest = points[-1]
        if choice == "one-standard-error":
            if "score_error" not in lowest:
                raise ConfigError(
                    f"{lowest['potential']}: an earlier version has not noted {choice}; repeat the fit"
                )
            limit = lowest["score"] + lowest["score_error"]
            return min((p for p in points if p["score"] <= limit), key=lambda point: point["n_nonzero"])
        limit = (1.0 + (KNEE_TOLERANCE if choice == "knee" else 0.0)) * lowest["score"]
        return next(point for point in points if point["score"] <= limit)
    return points[within_limits(points, _limit(choice))]


def _limit(choice: str) -> dict[str, float]:
    """The quantity and its largest value of a choice such as "max-cost=5".

    Raises
    ------
    ConfigError
        Not understood.
    """
    name, _, value = (part.strip() for part in choice.partition("="))
    try:
        limit = float(value)
    except ValueError:
        limit = math.nan
    if name in LIMITS and 0.0 <= limit < math.inf:
        return {name: limit}
    raise ConfigError(
        f"selection {choice!r} is not understood; give {', '.join(NAMED)}, or {', '.join(LIMITS)}=NUMBER"
    )


def export(directories: Directories, choice: str, output: str | os.PathLike[str]) -> tuple[Point, Potential]:
    """Copy the potential that is chosen to a file of its own.

    Raises
    ------
    ConfigError, DataError
        As `choose`.
    PotentialFileError
        The potential in the run directory is damaged, or the output cannot be written.
    """
    point = choose(directories, choice)
    chosen = _several(directories)
    name = point["potential"] or f"{choice}.mlip.json"  # the knee may be a little off the front
    source = chosen[0] / name if len(chosen) == 1 else Path(name)
    potential = Potential.load(source)
    for directory in chosen:
        if Path(output).exists() and Path(output).resolve().is_relative_to(directory.resolve()):
            raise ConfigError(f"{output}: is a file of the run and would be lost; choose another output (-o)")
    write_atomically(output, source.read_text(encoding="utf-8"))
    return point, potential


def front_figure(directories: Directories) -> "Figure":
    """Error against cost of all candidates, the front, the knee and the best; of several runs, the front of each.

    Raises
    ------
    DataError
        Not a complete run directory.
    """
    from mlip_rs.fitting.figures import ModelPoint, pareto, pareto_fronts

    chosen = _several(directories)
    records = [read_record(directory) for directory in chosen]
    points = [[ModelPoint.from_dict(point) for point in record["points"]] for record in records]
    fronts = [record["front"] for record in records]
    if len(chosen) == 1:
        selected = {name: records[0][name] for name in ("knee", "best")}
        return pareto(points[0], selected=selected, front=fronts[0])
    names = [str(directory) for directory in chosen]
    return pareto_fronts(dict(zip(names, points, strict=True)), fronts=dict(zip(names, fronts, strict=True)))
