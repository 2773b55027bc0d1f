"""A finished run as it was, read from its directory."""

import os
from collections.abc import Sequence
from pathlib import Path

from mlip_rs.errors import DataError, MlipError
from mlip_rs.evaluate.errors import Errors
from mlip_rs.fitting.result import Point, Run, read_record
from mlip_rs.fitting.run_directory import NAMED
from mlip_rs.potential import Potential


def stored_run(directory: str | os.PathLike[str]) -> Run:
    """A finished run with those of its points that have a file: the front, and those with a name.

    Raises
    ------
    DataError
        Not a complete run directory, or potentials that are not those of its record.
    ConfigError
        A run of a newer version.
    PotentialFileError
        A potential in the directory is missing or damaged.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mlip_rs import Basis, FitSettings, fit
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=6, repulsion=None)
    >>> run = fit(read_dataset(DATA_PATH, index="::16"), basis, FitSettings(n_folds=3, prior="flat"))
    >>> with TemporaryDirectory() as folder:
    ...     run.save(folder)
    ...     again = stored_run(folder)
    >>> again.knee().n_nonzero == run.knee().n_nonzero, len(again.front) == len(run.front)
    (True, True)
    """
    record = read_record(directory)
    points = record.pop("points")
    try:
        files = {k: [str(point["potential"])] for k, point in enumerate(points) if point["potential"]}
        for name, key in NAMED.items():
            files.setdefault(record.pop(key), []).append(f"{name}.mlip.json")
        dict(record["seconds"])
        del record["front"]
        found = tuple(
            Point(
                _potential([Path(directory) / file for file in own], points[k]["n_nonzero"]),
                us_per_atom=points[k]["us_per_atom"],
                score=points[k]["score"],
                penalty=points[k]["penalty"],
                training=Errors.from_dict(points[k]["training"]),
                validation=Errors.from_dict(points[k]["validation"]),
                test=points[k]["test"] and Errors.from_dict(points[k]["test"]),
                predicted_us_per_atom=points[k]["predicted_us_per_atom"],
                score_error=points[k]["score_error"],
                number=k,
            )
            for k, own in sorted(files.items())
        )
    except MlipError:
        raise
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"{directory}/run.json: damaged (parts are missing: {error}); repeat the fit, it resumes"
        ) from None
    return Run(found, record)


def _potential(files: Sequence[Path], n_nonzero: int) -> Potential:
    """The potential of a point from all its files, which must agree."""
    first, *others = [Potential.load(file) for file in files]
    if first.n_nonzero != n_nonzero or any(other != first for other in others):
        raise DataError(
            f"{', '.join(map(str, files))}: not the potential that run.json describes; repeat the fit, it resumes"
        )
    return first
