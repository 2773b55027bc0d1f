"""Error bars and index of anomaly on classes of structures that the fit has not seen, beside other methods.

    python benches/error_bars.py run SHARED_DATA -o OUT [--sets Al Mo ...] [--classes ...] [--size SIZE]
    python benches/error_bars.py tables OUT

Each class of each set is left out of everything but the choice of the angular cutoff: prior, elimination, refits,
committee and index are made without it. The knee potential then predicts the class ("ood") and the test data of the
other classes ("id"). One file for each case is kept in OUT; those that are there are not computed again. Needs
`pip install popsregression`.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from error_bars_cases import PROPERTIES, SETS, Rows, case_of, rows_of
from error_bars_index import indices
from error_bars_methods import Bars
from error_bars_tables import tables
from numpy.typing import NDArray

from mlip_rs.arrays import Array
from mlip_rs.files import atomic_file

Arrays = dict[str, NDArray[Any]]


def run(data: Path, out: Path, name: str, classes: list[str], size: str | None) -> None:
    """All cases of one set that are not there yet."""
    out.mkdir(parents=True, exist_ok=True)
    rows = rows_of(data, name, size)
    for own in classes or np.unique(rows.classes).tolist():
        path = out / f"{name}-{own}.npz"
        if not path.exists():
            arrays = case(rows, own)
            with atomic_file(path, "wb") as file:
                np.savez_compressed(file, **arrays)
            texts = [f"{own:.0f}" for own in arrays["seconds"]]
            print(f"{name} {own}: {arrays['n_kept']} kept; fit, bars, index {', '.join(texts)} s", flush=True)


def case(rows: Rows, left_out: str) -> Arrays:
    """Everything that the tables need of one case."""
    times = [time.perf_counter()]
    found = case_of(rows, left_out)
    times.append(time.perf_counter())
    bars = Bars(found)
    times.append(time.perf_counter())
    by_index = indices(found)
    times.append(time.perf_counter())
    arrays: Arrays = {
        "n_kept": np.asarray(found.support.sum()),
        "support": found.support,
        "known": found.known,
        "training": found.training,
        "fold": found.fold,
        "cluster": found.cluster,
        "own": found.fits.own,
        "without_folds": found.fits.without_folds,
        "without_clusters": found.fits.without_clusters,
        "dense": found.fits.dense,
        "draws": found.fits.draws,
        "factors": found.fits.factors,
        "seconds": np.diff(times),
    }
    for tag, structures in found.parts().items():
        own = rows.of(structures)
        kind, error = rows.kind[own], rows.target[own] - rows.design[own] @ found.coefficients
        sigma = bars.committee(own)
        widths = dict(bars.half_widths(own))
        for k, name in enumerate(PROPERTIES):
            here = kind == k
            columns = {"error": error, "sigma": sigma} | widths
            arrays |= {f"{tag}/{name}/{key}": values[here] for key, values in columns.items()}
        forces = kind == 1
        arrays |= of_atoms(rows, own[forces], error[forces], sigma[forces], by_index, tag)
    return arrays


def of_atoms(
    rows: Rows, own: NDArray[np.int64], error: Array, sigma: Array, by_index: dict[str, Array], tag: str
) -> Arrays:
    """Error, bar and size of the force on each atom with a label, and its indices."""
    structures = np.unique(rows.structure[own])
    atoms = np.flatnonzero(np.isin(rows.structure_of_atom, structures))
    frames = [rows.problem.dataset[int(k)] for k in structures]
    columns = {
        "error": np.linalg.norm(error.reshape(-1, 3), axis=1),
        "bar": np.linalg.norm(sigma.reshape(-1, 3), axis=1),
        "force": np.linalg.norm(np.concatenate([frame.forces for frame in frames]), axis=1),
        "atom": atoms,
    }
    columns |= {key: values[atoms] for key, values in by_index.items()}
    return {f"{tag}/atoms/{key}": values for key, values in columns.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    fits = verbs.add_parser("run")
    fits.add_argument("data", type=Path)
    fits.add_argument("-o", "--output", type=Path, required=True)
    fits.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    fits.add_argument("--classes", nargs="+", default=[])
    fits.add_argument("--size")
    shown = verbs.add_parser("tables")
    shown.add_argument("output", type=Path)
    shown.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    if arguments.verb == "tables":
        tables(arguments.output, arguments.figure)
        return
    for name in arguments.sets:
        run(arguments.data, arguments.output, name, arguments.classes, arguments.size)


if __name__ == "__main__":
    main()
