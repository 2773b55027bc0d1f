"""Core time of a small fit to the shipped aluminium data, phase by phase: `python benches/small_fit.py`.

With `--old PATH`, fits with the package in PATH and with this one alternate, and the ratio of their times is printed.
Each fit is a process of its own with one thread; imports are not counted.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

FIT = """
import json, time
import mlip_rs
from mlip_rs.demo import DATA_PATH
basis = mlip_rs.Basis(size="small", angular_cutoff=4.2)
settings = mlip_rs.FitSettings(threads=1)
begin = time.process_time()
run = mlip_rs.fit(DATA_PATH, basis, settings)
print(json.dumps({"total": time.process_time() - begin, "phases": run.record["seconds"]}))
"""


def fit(path: str | None) -> dict:
    """Times of one fit with the package in a directory, or with the one that is installed."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    if path is not None:
        environment["PYTHONPATH"] = path
    done = subprocess.run(
        [sys.executable, "-c", FIT], env=environment, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def main() -> None:
    """Print core seconds of each repetition, and the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--old", help="directory that holds the package to compare with")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    ratios = []
    for _ in range(arguments.repeat):
        new = fit(None)
        line = f"{new['total']:6.2f} s"
        if arguments.old is not None:
            old = fit(arguments.old)
            ratios.append(old["total"] / new["total"])
            line += f", before {old['total']:6.2f} s, {ratios[-1]:.2f} times faster"
        print(line, flush=True)
    print("wall seconds of the phases:", json.dumps(new["phases"]))
    if ratios:
        print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
