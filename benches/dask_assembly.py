"""Normal equations summed by one process and by workers of Dask on one machine: wall and processor time, bytes moved.

    python benches/dask_assembly.py DATA/agau/AgAu_train.xyz [--size medium] [--index ::2] [--workers 1 2 4]

Each worker is a process with one thread, started and warm before the clock runs. Processor time is that
of the sum; bytes are those of tasks and sums. The bits of all runs are compared.
"""

import argparse
import pickle
import resource
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import distributed
import psutil

from mlip_rs.basis import Basis
from mlip_rs.data import read_dataset
from mlip_rs.fitting import FitSettings, shares, shares_on_dask
from mlip_rs.fitting import assemble as assembly
from mlip_rs.fitting.problem import Problem, build_problem, check_data
from mlip_rs.fitting.resources import worker_memory


def problem_of(args: argparse.Namespace) -> Problem:
    dataset = read_dataset([args.data], index=args.index)
    basis = Basis(size=args.size, cutoff=6.0, angular_cutoff=5.0)
    settings = FitSettings(allow_underdetermined=True)
    return build_problem(check_data(dataset, basis, settings), settings, persistent=True)


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def of_worker() -> tuple[float, float]:
    """Processor seconds and peak memory (GB) of a worker."""
    return processor_seconds(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-9


def digest(folder: Path) -> str:
    found = sha256()
    for file in sorted(folder.glob("fold-*.gram.npy")):
        found.update(file.read_bytes())
    return found.hexdigest()[:12]


class Counted(shares_on_dask.DaskShares):
    """Counts bytes that go out and come back."""

    out = back = 0

    def _submit(self, share: shares.Share) -> object:
        task = self._task(share)
        Counted.out += len(pickle.dumps(task))
        return super()._submit(share)

    def __next__(self) -> shares_on_dask.ShareSums:
        sums = super().__next__()
        Counted.back += len(pickle.dumps(sums))
        return sums


def run(problem: Problem, n_workers: int) -> list[str]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if n_workers == 0:
            wall, used = time.monotonic(), processor_seconds()
            assembly.assemble(problem, folder, threads=1)
            seconds = processor_seconds() - used
            return [f"{time.monotonic() - wall:.1f}", f"{seconds:.1f}", "", "", "", digest(folder)]
        Counted.out = Counted.back = 0
        with (
            distributed.LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                memory_limit=0,
                dashboard_address=None,
                silence_logs=50,
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            client.run(__import__, "mlip_rs.fitting.shares_on_dask")
            before = sum(seconds for seconds, _ in client.run(of_worker).values())
            wall, used = time.monotonic(), processor_seconds()
            assembly.assemble(problem, folder, threads=1, scheduler=cluster.scheduler_address)
            wall, used = time.monotonic() - wall, processor_seconds() - used
            after = client.run(of_worker).values()
        seconds = sum(own for own, _ in after) - before
        peak = max(memory for _, memory in after)
        moved = f"{Counted.out / 1e6:.0f} + {Counted.back / 1e6:.0f}"
        return [f"{wall:.1f}", f"{seconds:.1f}", f"{used:.1f}", moved, f"{peak:.2f}", digest(folder)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--size", default="medium")
    parser.add_argument("--index", default=":")
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2, 4])
    args = parser.parse_args()
    problem = problem_of(args)
    cut = [shares.shares(problem, problem.members(fold)) for fold in range(problem.n_folds)]
    rows = sum(shares.n_rows(problem, k) for k in range(len(problem.dataset)))
    print(
        f"{len(problem.dataset)} structures, {rows} rows, {problem.basis.n_features} features, "
        f"{sum(map(len, cut))} shares in {problem.n_folds} folds; load {psutil.getloadavg()[0]:.1f}, "
        f"{worker_memory(problem) / 1e9:.2f} GB for each worker by estimate"
    )
    print(
        "| workers | wall, s | workers or one process, s | client, s | MB out + back | peak of a worker, GB | bits |"
    )
    print("|---|---|---|---|---|---|---|")
    assembly.DaskShares = Counted
    for n_workers in (0, *args.workers):
        print(f"| {n_workers or 'none'} | {' | '.join(run(problem, n_workers))} |", flush=True)


if __name__ == "__main__":
    main()
