"""The sparse paths on real normal equations: time, accuracy and peers; planted models and false discoveries.

    pip install scikit-learn skglm celer     # beside mlip_rs, or in an environment of its own, given as --peer-python
    python benches/regression.py equations DATA --sizes standard large -o OUT
    python benches/regression.py paths OUT [--peer-python PYTHON] [--ratio 1e-3]
    python benches/regression.py planted

DATA is the folder that holds `mlearn/Mo_train.xyz` (Zuo et al., J. Phys. Chem. A 124, 731 (2020)). `equations` sums
the rows of energies, forces and stresses of the 194 structures once per size, on features of unit norm. `paths` follows
100 points from λ_max to a fraction of it, with a ridge penalty of 1e-6: ours on one and on two threads; the peers, which
want rows, get the Cholesky factor of the same matrix, whose rows have the same normal equations, and one thread. `planted`
draws Gaussian designs with 10 true features among 200, chooses by the lowest error of five folds and by the
one-standard-error rule, and counts what is false. Each prints Markdown rows.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

RIDGE = 1e-6
N_POINTS = 100
ATOMIC_ENERGY = {"Mo": -4.58763796}  # isolated atom (PBE, eV)
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "MLIP_RS_NUM_THREADS"), "1"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("equations")
    verb.add_argument("data", type=Path)
    verb.add_argument("--sizes", nargs="+", default=["standard", "large"])
    verb.add_argument("-o", "--output", type=Path, default=Path("benches/out"))
    verb = verbs.add_parser("paths")
    verb.add_argument("output", type=Path)
    verb.add_argument("--sizes", nargs="+", default=["standard", "large"])
    verb.add_argument("--solvers", nargs="+", choices=[*OURS, *PEERS], default=[*OURS, *PEERS])
    verb.add_argument("--peer-python", default=sys.executable)
    verb.add_argument("--ratio", type=float, default=1e-3, help="last λ over the first")
    verb.add_argument("--max-nonzero", type=int, default=1500)
    verb.add_argument("--seconds", type=float, default=170.0, help="after which a peer is stopped")
    verb = verbs.add_parser("peer")
    verb.add_argument("problem", type=Path)
    verb.add_argument("solver", choices=PEERS)
    verb = verbs.add_parser("planted")
    verb.add_argument("--draws", type=int, default=50)
    args = parser.parse_args()
    VERBS[args.verb](args)


# ---- equations ---------------------------------------------------------------------------------------------------


def equations(args: argparse.Namespace) -> None:
    """`OUT/gram-SIZE.npy` and `OUT/rest-SIZE.npz` of features of unit norm."""
    import mlip_rs as mlip
    from mlip_rs.data import read_dataset, reference_energies
    from mlip_rs.regression.equations import NormalEquations, System, accumulate, symmetrize
    from mlip_rs.regression.estimators import Scaled, feature_scale

    args.output.mkdir(parents=True, exist_ok=True)
    dataset = read_dataset(args.data / "mlearn" / "Mo_train.xyz")
    reference, weights = reference_energies(dataset, ATOMIC_ENERGY), mlip.Weights()
    of_rows = weights.of_structures(dataset, reference) * weights.of_properties()
    for size in args.sizes:
        begin = time.perf_counter()
        basis = mlip.Basis(size=size).resolved(dataset)
        sums = NormalEquations.zeros(basis.n_features, 1)
        for start in range(0, len(dataset), 16):
            part = slice(start, start + 16)
            accumulate(sums, basis, dataset.frames[part], reference, of_rows[part])
        symmetrize(sums)
        system = System(sums.gram[0], sums.moment[0], float(sums.yty[0]), int(sums.n_rows[0]))
        scaled = Scaled.of(system, feature_scale(system), np.ones(basis.n_features))
        np.save(args.output / f"gram-{size}.npy", scaled.gram)
        groups = basis.core.groups()
        np.savez(args.output / f"rest-{size}.npz", moment=scaled.moment, yty=system.yty, groups=groups)
        print(f"{size}: {basis.n_features} features, {system.n_rows} rows, {time.perf_counter() - begin:.0f} s")
