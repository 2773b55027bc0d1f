"""Fit the same models with mlip_rs and with the peer pypolymlp: core time, peak memory, test errors.

    apt-get install libeigen3-dev        # or the like: pypolymlp compiles against Eigen, for several minutes
    pip install pypolymlp ase            # beside mlip_rs, or in an environment of its own, given as --peer-python
    python benches/fit_peers.py DATA [--cases Mo:g2 ...] [--peer-python PYTHON]

DATA is the folder that holds `mlearn/{Mo,Si}_{train,test}.xyz` (Zuo et al., J. Phys. Chem. A 124, 731 (2020)). Every
fit runs in a process of its own on one thread, the two sides in turn; cheap ones are repeated and the median is shown.
The clock (core time, of all threads of the process) runs from labelled structures in memory to the fitted potential,
without reading files or importing; the peak memory is that of the process up to there. Prints one Markdown row per
model, ratios as peer / mlip_rs.

Inside that time mlip_rs chooses its ridge penalty among 7 by five-fold cross-validation and computes training,
validation and test errors; pypolymlp chooses its among 11 by the error on the *test* set, as it does by itself, which
flatters its test errors.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from isolated_atoms import ATOMIC_ENERGY

# The parent imports nothing heavy: the peak memory of a process counts that of the one that it was forked from.

# Of each side: number of radial functions and largest l of order 2, 3. The peer has l = 0 among its invariants of order
# 2, which is the square of the pairwise one; one more l instead gives mlip_rs the same number of features.
CASES = {
    "Mo:g2": dict(model_type=4, cutoff=5.0, peer=(6, [4]), ours=(6, [5])),
    "Mo:g3s": dict(model_type=4, cutoff=5.0, peer=(6, [4, 4]), ours=(6, [5, 4])),
    "Mo:m3_88": dict(model_type=3, cutoff=5.0, peer=(8, [8, 8]), ours=(8, [9, 8])),
    "Si:g3m": dict(model_type=4, cutoff=6.0, peer=(10, [8, 4]), ours=(10, [9, 4])),
}
DEGREE = 2
CHEAP_SECONDS = 30.0
"""Fits below that are repeated."""
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "MLIP_RS_NUM_THREADS",
    ),
    "1",
)
HEADER = (
    "| set | model | features, pypolymlp | mlip_rs | core s, pypolymlp | mlip_rs | ratio "
    "| peak MiB, pypolymlp | mlip_rs | ratio | energy meV/atom, pypolymlp | mlip_rs | force eV/Å, pypolymlp | mlip_rs |"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--repeats", type=int, default=3, help="of the fits below 30 s")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has pypolymlp")
    parser.add_argument("--worker", choices=WORKERS, help=argparse.SUPPRESS)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        args.result.write_text(json.dumps(WORKERS[args.worker](args.cases[0], args.data)))
        return
    interpreters = {"pypolymlp": args.peer_python, "mlip_rs": sys.executable}
    for module, interpreter in interpreters.items():
        if subprocess.run([interpreter, "-c", f"import {module}"], capture_output=True).returncode:
            sys.exit(
                f"{interpreter} cannot import {module}; the head of {Path(__file__).name} says how to install"
            )
    print(HEADER)
    print("|" + "---|" * (HEADER.count("|") - 1), flush=True)
    for case in args.cases:
        print(row(case, *compare(case, args.data, interpreters, args.repeats)), flush=True)


def compare(case: str, data: Path, interpreters: dict[str, str], repeats: int) -> list[dict]:
    """The medians of both sides, measured in turn."""
    runs = {side: [run(side, case, data, python)] for side, python in interpreters.items()}
    for _ in range(repeats - 1):
        for side, python in interpreters.items():
            if runs[side][0]["core_s"] < CHEAP_SECONDS:
                runs[side].append(run(side, case, data, python))
    return [
        found[0] | {key: statistics.median(r[key] for r in found) for key in ("core_s", "peak_mib")}
        for found in runs.values()
    ]


def run(side: str, case: str, data: Path, python: str) -> dict:
    with tempfile.TemporaryDirectory() as place:
        result = Path(place) / "result.json"
        command = [python, __file__, str(data), "--cases", case, "--worker", side, "--result", str(result)]
        done = subprocess.run(command, env=os.environ | ONE_THREAD, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{side}, {case}: {done.stderr.strip() or f'ended with {done.returncode}'}")
        return json.loads(result.read_text())


def row(case: str, peer: dict, ours: dict) -> str:
    def both(key: str, digits: int) -> list[str]:
        return [
            *(f"{side[key]:.{digits}f}" for side in (peer, ours)),
            f"{peer[key] / ours[key]:.1f}",
        ]

    def errors(key: str, digits: int) -> list[str]:
        return [f"{s[key]['mae']:.{digits}f} ({s[key]['rmse']:.{digits}f})" for s in (peer, ours)]

    cells = [
        *case.split(":"),
        *(str(side["n_features"]) for side in (peer, ours)),
        *both("core_s", 1),
        *both("peak_mib", 0),
        *errors("energy_mev_per_atom", 2),
        *errors("force_ev_per_angstrom", 4),
    ]
    return f"| {' | '.join(cells)} |"


def paths(case: str, data: Path) -> list[Path]:
    return [data / "mlearn" / f"{case.split(':')[0]}_{part}.xyz" for part in ("train", "test")]


class Meter:
    """Core time of a block and peak memory of the process up to its end."""

    def __enter__(self):
        import time

        self.begin = time.process_time()
        return self

    def __exit__(self, *_):
        import resource
        import time

        unit = 1 if sys.platform == "darwin" else 2**10
        self.figures = {
            "core_s": time.process_time() - self.begin,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20,
        }


def fit_ours(case: str, data: Path) -> dict:
    import mlip_rs as mlip
    from mlip_rs.data import read_dataset

    element, setting = case.split(":")[0], CASES[case]
    training, test = (read_dataset(path) for path in paths(case, data))
    n_radial, max_l = setting["ours"]
    basis = mlip.Basis.polynomial_model(
        [element],
        setting["cutoff"],
        model_type=setting["model_type"],
        degree=DEGREE,
        n_radial=n_radial,
        max_l=max_l,
    )
    settings = mlip.FitSettings(
        method="ridge", prior="flat", threads=1, reference_energies={element: ATOMIC_ENERGY[element]}
    )
    with Meter() as meter:
        fitted = mlip.fit(training, basis, settings, test=test)
    errors = fitted.points[fitted.best_index].test.to_dict()
    return meter.figures | errors | {"n_features": basis.n_features}


def fit_peer(case: str, data: Path) -> dict:
    from ase.io import read
    from peer_runs import errors
    from pypolymlp.mlp_dev.pypolymlp import Pypolymlp
    from pypolymlp_runs import load, peer_data

    element, setting = case.split(":")[0], CASES[case]
    training, test = (read(path, ":") for path in paths(case, data))
    n_radial, max_l = setting["peer"]
    sets = peer_data(training, "train", [element]) | peer_data(test, "test", [element])
    with Meter() as meter:
        peer = Pypolymlp()
        peer.set_params(
            elements=[element],
            atomic_energy=[ATOMIC_ENERGY[element]],
            feature_type="gtinv",
            model_type=setting["model_type"],
            max_p=DEGREE,
            cutoff=setting["cutoff"],
            n_gaussians=n_radial,
            gtinv_order=1 + len(max_l),
            gtinv_maxl=max_l,
            reg_alpha_params=[-4, 1, 11],
        )
        peer.set_datasets_structures(**sets)
        peer.fit()
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "potential.yaml"
        peer.save_mlp(filename=str(file))
        found = errors(load(file, [element]), test)
    return meter.figures | found | {"n_features": int(peer.n_features)}


WORKERS = {"pypolymlp": fit_peer, "mlip_rs": fit_ours}

if __name__ == "__main__":
    main()
