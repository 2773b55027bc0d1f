"""The sparse paths on real normal equations: time, accuracy and peers; planted models and false discoveries.

    pip install scikit-learn skglm celer     # beside mlip_rs, or in an environment of its own, given as --peer-python
    python benches/regression.py equations DATA --sizes standard large -o OUT
    python benches/regression.py paths OUT [--peer-python PYTHON] [--ratio 1e-3]
    python benches/regression.py planted

DATA is the folder that holds `mlearn/Mo_train.xyz` (Zuo et al., J. Phys. Chem. A 124, 731 (2020)). `equations` sums
the rows of energies, forces and stresses of the 194 structures once per size, on features of unit norm. `paths`
follows 100 points from λ_max to a fraction of it, with a small ridge penalty: ours on one and on two threads; the
peers, which want rows, get the Cholesky factor of the same matrix, whose rows have the same normal equations, and one
thread. `planted` draws Gaussian designs with 10 true features among 200, chooses by the lowest error of five folds and
by the one-standard-error rule, and counts what is false. Each prints Markdown rows.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

N_POINTS = 100
ATOMIC_ENERGY = {"Mo": -4.58763796}  # isolated atom (PBE, eV)
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "MLIP_RS_NUM_THREADS",
    ),
    "1",
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
    verb.add_argument("--ridge", type=float, default=1e-6)
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
    from mlip_rs.fitting.estimators.scaled import Scaled, feature_scale
    from mlip_rs.fitting.normal_equations import NormalEquations, System, accumulate, symmetrize

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
            accumulate(sums, basis.core, dataset.frames[part], reference, of_rows[part])
        symmetrize(sums)
        system = System(sums.gram[0], sums.xty[0], float(sums.yty[0]), int(sums.n_rows[0]))
        scaled = Scaled.of(system, feature_scale(system), np.ones(basis.n_features))
        np.save(args.output / f"gram-{size}.npy", scaled.gram)
        groups = basis.core.groups()
        np.savez(args.output / f"rest-{size}.npz", xty=scaled.xty, yty=system.yty, groups=groups)
        print(
            f"{size}: {basis.n_features} features, {system.n_rows} rows, {time.perf_counter() - begin:.0f} s"
        )


# ---- paths -------------------------------------------------------------------------------------------------------


def load(problem: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Gram matrix and the rest of `gram-SIZE.npy`."""
    rest = np.load(problem.with_name(problem.name.replace("gram-", "rest-")).with_suffix(".npz"))
    return np.load(problem), dict(rest)


def paths(args: argparse.Namespace) -> None:
    """One row per problem and solver; differences are from our LASSO path, ‖w − w'‖ in the norm of the fit and max."""
    print("| candidates | solver | points | non-zero at the end | seconds | objective above ours | Δw |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for size in args.sizes:
        problem = args.output / f"gram-{size}.npy"
        gram, rest = load(problem)
        reference = None
        for solver in args.solvers:
            if solver in OURS:
                seconds, lambdas, w = OURS[solver](gram, rest, args)
                if solver == "lasso":
                    reference = lambdas, w
                    np.savez(args.output / "peer-problem.npz", lambdas=lambdas, ridge=args.ridge)
                print(
                    f"| {len(gram)} | mlip_rs {solver} | {len(w)} | {count(w)} | {seconds:.2f} | | |",
                    flush=True,
                )
            elif reference is not None:
                print(
                    f"| {len(gram)} | {peer_row(solver, problem, gram, rest, reference, args)} |", flush=True
                )


def count(w: np.ndarray) -> int:
    return int(np.count_nonzero(w[-1])) if len(w) else 0


def lasso(gram: np.ndarray, rest: dict, args: argparse.Namespace, threads: int = 1) -> tuple:
    from mlip_rs.fitting.estimators.scaled import PathOptions

    scaled, ones = our_problem(gram, rest), np.ones(len(gram))
    begin = time.perf_counter()
    lambdas = scaled.lambda_max(ones, args.ridge) * np.geomspace(1.0, args.ratio, N_POINTS)
    w = scaled.path(lambdas, ones, PathOptions(args.ridge, args.max_nonzero, threads))
    return time.perf_counter() - begin, lambdas, w


def lasso_two(gram: np.ndarray, rest: dict, args: argparse.Namespace) -> tuple:
    return lasso(gram, rest, args, threads=2)


def elastic_net(gram: np.ndarray, rest: dict, args: argparse.Namespace) -> tuple:
    from mlip_rs.fitting.estimators.scaled import PathOptions

    scaled, ones = our_problem(gram, rest), np.ones(len(gram))
    begin = time.perf_counter()
    lambdas = scaled.lambda_max(ones, args.ridge) * np.geomspace(1.0, args.ratio, N_POINTS)
    w = scaled.path(lambdas, ones, PathOptions(args.ridge, args.max_nonzero, 1), l1_ratio=0.5)
    return time.perf_counter() - begin, lambdas, w


def group_lasso(gram: np.ndarray, rest: dict, args: argparse.Namespace) -> tuple:
    from mlip_rs.fitting.estimators.scaled import PathOptions, group_weights

    scaled, groups = our_problem(gram, rest), rest["groups"]
    begin = time.perf_counter()
    weights = group_weights(groups, np.ones(len(gram)))
    lambdas = scaled.group_lambda_max(groups, weights, args.ridge) * np.geomspace(1.0, args.ratio, N_POINTS)
    w = scaled.group_path(lambdas, groups, weights, PathOptions(args.ridge, args.max_nonzero, 1))
    return time.perf_counter() - begin, lambdas, w


def forward(gram: np.ndarray, rest: dict, args: argparse.Namespace) -> tuple:
    """Not a path: one row of 500 picks."""
    from mlip_rs.fitting.estimators.scaled import PathOptions

    scaled, n = our_problem(gram, rest), len(gram)
    begin = time.perf_counter()
    picks = scaled.forward(np.arange(n), np.ones(n), PathOptions(args.ridge, 500, 1))
    seconds = time.perf_counter() - begin
    w = np.zeros((1, n))
    w[0, [pick.group for pick in picks]] = 1.0
    return seconds, np.zeros(1), w


def our_problem(gram: np.ndarray, rest: dict):
    from mlip_rs.fitting.estimators.scaled import Scaled

    return Scaled(gram, rest["xty"], np.ones(len(gram)), np.ones(len(gram)))


def peer_row(
    solver: str, problem: Path, gram: np.ndarray, rest: dict, reference: tuple, args: argparse.Namespace
) -> str:
    command = [args.peer_python, __file__, "peer", str(problem), solver]
    try:
        done = subprocess.run(
            command, env=os.environ | ONE_THREAD, capture_output=True, text=True, timeout=args.seconds + 60
        )
    except subprocess.TimeoutExpired:
        return f"{solver} | | | > {args.seconds:.0f} | | "
    if done.returncode:
        sys.exit(f"{solver}: {done.stderr.strip()}")
    found = json.loads(done.stdout.splitlines()[-1])
    w = np.load(problem.with_name("peer-solution.npy"))
    lambdas, ours = reference[0][: len(w)], reference[1][: len(w)]
    w = w[: len(ours)]

    def value(lam: float, w: np.ndarray) -> float:
        """½ wᵀGw − bᵀw + λ ‖w‖₁ + ½ q ‖w‖²."""
        on = np.flatnonzero(w)
        own = w[on]
        quadratic = own @ (gram[np.ix_(on, on)] @ own) + args.ridge * own @ own
        return float(0.5 * quadratic - rest["xty"][on] @ own + lam * np.abs(own).sum())

    above = max(
        (value(lam, a) - value(lam, b)) / abs(value(lam, b))
        for lam, a, b in zip(lambdas, w, ours, strict=False)
        if b.any()
    )
    difference = np.abs(w - ours).max() / np.abs(ours).max()
    return f"{solver} | {len(w)} | {count(w)} | {found['seconds']:.2f} | {above:.0e} | {difference:.0e} "


OURS = {
    "lasso": lasso,
    "lasso, two threads": lasso_two,
    "elastic net, ratio 0.5": elastic_net,
    "group lasso": group_lasso,
    "forward, 500 picks": forward,
}


# ---- peers, in processes of their own ----------------------------------------------------------------------------


def peer(args: argparse.Namespace) -> None:
    """Write the coefficients beside the problem; print the seconds."""
    gram, rest = load(args.problem)
    path = np.load(args.problem.with_name("peer-problem.npz"))
    gram += float(path["ridge"]) * np.eye(len(gram))
    seconds, w = PEERS[args.solver](gram, rest["xty"], path["lambdas"])
    np.save(args.problem.with_name("peer-solution.npy"), w)
    print(json.dumps({"seconds": seconds}))


def rows(gram: np.ndarray, xty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """X, F×F, and y with XᵀX = G and Xᵀy = b."""
    from scipy.linalg import cholesky, solve_triangular

    upper = cholesky(gram)
    return np.asfortranarray(upper), solve_triangular(upper, xty, trans="T")


def scikit_learn(gram: np.ndarray, xty: np.ndarray, lambdas: np.ndarray) -> tuple[float, np.ndarray]:
    """`enet_path` on the Gram matrix; the ridge penalty is in it, so that l1_ratio is 1."""
    from sklearn.linear_model import enet_path

    n = len(gram)
    x, y = rows(gram, xty)
    options = dict(precompute=gram, Xy=xty, tol=PEER_TOLERANCE, max_iter=PEER_ITERATIONS, check_input=False)
    begin = time.perf_counter()
    _, w, _ = enet_path(x, y, l1_ratio=1.0, alphas=lambdas / n, **options)
    return time.perf_counter() - begin, w.T


def celer(gram: np.ndarray, xty: np.ndarray, lambdas: np.ndarray) -> tuple[float, np.ndarray]:
    from celer import celer_path

    x, y = rows(gram, xty)
    options = dict(tol=PEER_TOLERANCE, max_iter=1000, max_epochs=PEER_ITERATIONS)
    celer_path(x[:, :50], y, "lasso", n_alphas=2, eps=0.5)  # compiled, imported
    begin = time.perf_counter()
    _, w, _ = celer_path(x, y, "lasso", alphas=lambdas / len(gram), **options)
    return time.perf_counter() - begin, w.T


def skglm(gram: np.ndarray, xty: np.ndarray, lambdas: np.ndarray) -> tuple[float, np.ndarray]:
    from skglm.datafits import Quadratic
    from skglm.penalties import L1
    from skglm.solvers import AndersonCD

    x, y = rows(gram, xty)
    n = len(gram)
    solver = AndersonCD(
        tol=1e-6 * lambdas[-1] / n,
        max_iter=1000,
        max_epochs=PEER_ITERATIONS,
        fit_intercept=False,
        warm_start=True,
    )
    solver.solve(x[:, :50], y, Quadratic(), L1(lambdas[0] / n))  # compiled
    w, found = np.zeros(n), []
    begin = time.perf_counter()
    for lam in lambdas:
        w = solver.solve(x, y, Quadratic(), L1(lam / n), w_init=w, Xw_init=x @ w)[0]
        found.append(w.copy())
    return time.perf_counter() - begin, np.array(found)


PEER_TOLERANCE = 1e-10
PEER_ITERATIONS = 20_000
PEERS = {"scikit-learn": scikit_learn, "celer": celer, "skglm": skglm}


# ---- planted models ----------------------------------------------------------------------------------------------

N_ROWS, N_FEATURES, N_TRUE, N_FOLDS = 400, 200, 10, 5


def planted(args: argparse.Namespace) -> None:
    """False discoveries: share of what is chosen that is not among the true features, mean over the draws."""
    print("| method | choice | false-discovery rate | true features found | chosen with pure noise |")
    print("|---|---|---|---|---|", flush=True)
    for method in ("lasso", "adaptive-lasso", "elastic-net", "omp"):
        counts = {choice: np.zeros((args.draws, 3)) for choice in ("best", "one standard error")}
        for draw in range(args.draws):
            rng = np.random.default_rng(draw)
            x = rng.normal(size=(N_ROWS, N_FEATURES))
            noise = rng.normal(size=N_ROWS)
            signal = x[:, :N_TRUE] @ (rng.choice([-1.0, 1.0], N_TRUE) * rng.uniform(0.3, 1.0, N_TRUE))
            for choice, support in chosen(method, x, signal + noise).items():
                false = support[N_TRUE:].sum()
                counts[choice][draw, :2] = false / max(support.sum(), 1), support[:N_TRUE].sum() / N_TRUE
            for choice, support in chosen(method, x, noise).items():
                counts[choice][draw, 2] = support.sum()
        for choice, found in counts.items():
            rate, power, noise_only = found.mean(axis=0)
            print(f"| {method} | {choice} | {rate:.3f} | {power:.3f} | {noise_only:.2f} |", flush=True)


def chosen(method: str, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Supports of the path with the lowest error of the folds, and the sparsest within one standard error of it."""
    from mlip_rs.evaluate.errors import ErrorSums
    from mlip_rs.fitting.residuals import Residuals

    fold = np.arange(len(y)) % N_FOLDS
    full, lambdas = sparse_path(method, x, y, None)
    parts = []
    for k in range(N_FOLDS):
        kept = fold != k
        supports, _ = sparse_path(
            method, x[kept], y[kept], None if lambdas is None else lambdas * kept.mean()
        )
        errors = [((y - x @ refit(x[kept], y[kept], s))[~kept] ** 2).sum() for s in supports]
        parts.append(errors)
    n = min(len(full), *map(len, parts))
    validation = Residuals(ErrorSums.zeros(n), np.array([part[:n] for part in parts]))
    scores = np.sqrt(validation.squares / len(y))
    error = validation.standard_error(np.bincount(fold).astype(float))
    best = int(scores.argmin())
    within = np.flatnonzero(scores <= scores[best] + error[best])
    sparsest = min(within, key=lambda k: full[k].sum())
    return {"best": full[best], "one standard error": full[sparsest]}


def sparse_path(
    method: str, x: np.ndarray, y: np.ndarray, lambdas: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Supports (L, F), the empty one first; and the penalties where there are any."""
    from mlip_rs.fitting.estimators.lasso import adaptive_weights
    from mlip_rs.fitting.estimators.scaled import PathOptions, Scaled, feature_scale
    from mlip_rs.fitting.normal_equations import System

    n = x.shape[1]
    system = System(x.T @ x, x.T @ y, float(y @ y), len(y))
    scaled = Scaled.of(system, feature_scale(system), np.ones(n))
    if method == "omp":
        picks = scaled.forward(np.arange(n), np.ones(n), PathOptions(0.0, 40, 1))
        supports = np.zeros((len(picks) + 1, n), dtype=bool)
        for k, pick in enumerate(picks):
            supports[k + 1 :, pick.group] = True
        return supports, None
    coefficients = scaled.ridge(np.array([1e-2]))[0]
    weights = adaptive_weights(scaled, coefficients, 0.5 if method == "adaptive-lasso" else 0.0)
    if lambdas is None:
        lambdas = scaled.lambda_max(weights, 0.0) * np.geomspace(1.0, 0.02, 40)
    ratio = 0.5 if method == "elastic-net" else 1.0
    return scaled.path(lambdas, weights, PathOptions(0.0, 100, 1), ratio) != 0.0, lambdas


def refit(x: np.ndarray, y: np.ndarray, support: np.ndarray) -> np.ndarray:
    w = np.zeros(x.shape[1])
    if support.any():
        own = x[:, support]
        w[support] = np.linalg.solve(own.T @ own, own.T @ y)
    return w


VERBS = {"equations": equations, "paths": paths, "peer": peer, "planted": planted}

if __name__ == "__main__":
    main()
