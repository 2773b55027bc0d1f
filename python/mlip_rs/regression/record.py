"""The front of a finished run, from its `run.json` alone: choose a potential, draw the front, copy the file."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlip_rs.errors import ConfigError, DataError
from mlip_rs.files import write_atomically
from mlip_rs.potential import Potential
from mlip_rs.regression.run import read_record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Point = dict[str, Any]


def front_points(directory: str | os.PathLike[str]) -> list[Point]:
    """The points of the Pareto front of a run directory, cheapest first.

    Raises
    ------
    DataError
        Not a complete run directory.
    """
    record = read_record(directory)
    try:
        return [record["points"][k] for k in record["front"]]
    except (KeyError, IndexError, TypeError) as error:
        raise DataError(f"{directory}/run.json: damaged ({error!r}); repeat the fit, it resumes") from None


def choose(directory: str | os.PathLike[str], wish: str) -> Point:
    """Choose from the front: "knee", "best", "max-cost=µs per atom" or "max-nonzero=number".

    Raises
    ------
    ConfigError
        A wish that is not understood or that no potential fulfils; the message names the cheapest.
    DataError
        Not a complete run directory.
    """
    points = front_points(directory)
    if wish in ("knee", "best"):
        record = read_record(directory)
        point: Point = record["points"][record[wish]]
        return point
    found = re.fullmatch(r"(max-cost|max-nonzero)=(\d+\.?\d*|\.\d+)", wish)
    if not found:
        raise ConfigError(
            f"selection {wish!r} is not understood; give knee, best, max-cost=MICROSECONDS or max-nonzero=NUMBER"
        )
    key, limit = {"max-cost": "us_per_atom", "max-nonzero": "n_nonzero"}[found[1]], float(found[2])
    allowed = [point for point in points if point[key] <= limit]
    if not allowed:
        least = min(points, key=lambda point: float(point[key]))
        raise ConfigError(
            f"{wish}: no potential on the front is that small; the cheapest takes "
            f"{least['us_per_atom']:.3g} µs/atom with {least['n_nonzero']} coefficients"
        )
    return min(allowed, key=lambda point: float(point["score"]))


def export(
    directory: str | os.PathLike[str], wish: str, output: str | os.PathLike[str]
) -> tuple[Point, Potential]:
    """Copy the potential that is chosen to a file of its own.

    Raises
    ------
    ConfigError, DataError
        As `choose`.
    PotentialFileError
        The potential in the run directory is damaged, or the output cannot be written.
    """
    point = choose(directory, wish)
    name = point["potential"] or f"{wish}.mlip.json"  # the knee may be a little off the front
    source = Path(directory) / name
    potential = Potential.load(source)
    write_atomically(output, source.read_text(encoding="utf-8"))
    return point, potential


def front_figure(directory: str | os.PathLike[str]) -> "Figure":
    """Error against cost of all candidates, the front, the knee and the best.

    Raises
    ------
    DataError
        Not a complete run directory.
    """
    from mlip_rs.validate.path_figures import ModelPoint, pareto

    record = read_record(directory)
    points = [ModelPoint.from_dict(point) for point in record["points"]]
    return pareto(points, selected={name: record[name] for name in ("knee", "best")})
