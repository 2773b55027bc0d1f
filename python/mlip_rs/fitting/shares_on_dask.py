"""Shares of folds summed by workers of Dask; their sums come back in order."""

import json
import pkgutil
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.dask_client import NO_WORKERS
from mlip_rs.data import Frame, ReferenceEnergies
from mlip_rs.errors import ConfigError, FitError, MlipError
from mlip_rs.fitting.normal_equations import NormalEquations, accumulate
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.resources import TO_LOWER, worker_memory
from mlip_rs.fitting.shares import Share
from mlip_rs.progress import Progress
from mlip_rs.text import counted

LOOK: float = 2.0
"""Seconds between looks at the scheduler while a share or a worker is awaited."""

AHEAD: int = 2
"""Shares for each worker that the scheduler knows of: one that is summed and one that waits."""

MOST_REFUSALS: int = 2
"""How often the scheduler may give a share up before the fit does; it loses about four workers each time."""

RESUME: str = "what was summed is kept with -o; run the same command again to resume"

VERSION: str = _core.__version__
"""Of the package here."""

VERSION_THERE = (pkgutil.resolve_name, "mlip_rs._core:__version__")
"""A function of any Python, and its argument, that tells the version of the package elsewhere."""

GONE: str = f"the scheduler of Dask is gone; {RESUME}"

_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Task:
    """All that a worker needs to sum a share; small.

    Parameters
    ----------
    version
        Of the package of the client.
    basis
        Its document, as JSON.
    reference
        Energies of the isolated atoms.
    n_groups
        Number of sums.
    batches
        Structures, batch by batch, with weights (S, 3) of their rows.
    """

    version: str
    basis: str
    reference: ReferenceEnergies
    n_groups: int
    batches: tuple[tuple[tuple[Frame, ...], Array], ...]


@dataclass(frozen=True)
class ShareSums:
    """Sums of a share, as they travel.

    Parameters
    ----------
    lower
        (G, F (F + 1) / 2) rows of the lower triangles of XᵀWX, one after the other.
    xty, yty, n_rows
        As in `NormalEquations`.
    worker
        Address of the worker.
    """

    lower: Array
    xty: Array
    yty: Array
    n_rows: NDArray[np.int64]
    worker: str

    @classmethod
    def of(cls, sums: NormalEquations, worker: str) -> "ShareSums":
        """Pack equations of which the lower triangles are filled."""
        n = sums.gram.shape[-1]
        lower = np.empty((len(sums.gram), n * (n + 1) // 2))
        for packed, gram in zip(lower, sums.gram, strict=True):
            for row, part in _rows(n):
                packed[part] = gram[row, : row + 1]
        return cls(lower, sums.xty, sums.yty, sums.n_rows, worker)

    def add_to(self, sums: NormalEquations) -> None:
        """Add to equations of which the lower triangles are filled, in place."""
        for packed, gram in zip(self.lower, sums.gram, strict=True):
            for row, part in _rows(len(gram)):
                gram[row, : row + 1] += packed[part]
        sums.xty[:] += self.xty
        sums.yty[:] += self.yty
        sums.n_rows[:] += self.n_rows


def _rows(n: int) -> Iterator[tuple[int, slice]]:
    """Rows of a lower triangle and where they are when it is packed."""
    return ((row, slice(row * (row + 1) // 2, (row + 1) * (row + 2) // 2)) for row in range(n))


# ---- on a worker ------------------------------------------------------------------------------------------


def sum_of_share(task: Task) -> ShareSums:
    """Sum a share with all threads of the worker, one share at a time, from zero, as it is done on one machine.

    Raises
    ------
    ConfigError
        Another version of the package.
    StructureError
        Naming file, frame and atom.
    """
    if task.version != VERSION:
        raise ConfigError(
            f"the workers have mlip_rs {VERSION}, this machine has {task.version}; install the same there"
        )
    from distributed import get_worker

    worker = get_worker()
    basis = _basis(task.basis)
    with _ONE_AT_A_TIME:
        sums = NormalEquations.zeros(basis.n_features, task.n_groups)
        for frames, weights in task.batches:
            accumulate(sums, basis, frames, task.reference, weights, worker.state.nthreads)
        return ShareSums.of(sums, worker.address)


@lru_cache(maxsize=2)
def _basis(document: str) -> _core.Basis:
    return _core.Basis(document)


# ---- on the client ----------------------------------------------------------------------------------------


class DaskShares:
    """Sums of shares from workers of Dask, in order.

    Few are under way at a time, so that neither the client nor the workers hold many matrices. A worker that is lost
    changes nothing: its shares go to others.

    Parameters
    ----------
    client
        Client of Dask.
    problem
        The shares belong to it.
    shares
        In the order in which their sums are wanted.
    progress
        Receives a notice if there are no workers.
    """

    def __init__(self, client: Any, problem: Problem, shares: Iterable[Share], progress: Progress) -> None:  # noqa: ANN401 (no types)
        self._client, self._problem, self._progress = client, problem, progress
        self._basis = json.dumps(problem.basis.to_dict())
        self._weights = problem.row_weights
        self._left = iter(shares)
        self._under_way: deque[tuple[Share, Any]] = deque()
        self._told = False
        self._checked: set[str] = set()
        self.workers: set[str] = set()
        try:
            self._check_versions({"the scheduler": client.run_on_scheduler(*VERSION_THERE)})
        except (ImportError, AttributeError) as error:
            self._check_versions({"the scheduler": error})

    def __next__(self) -> ShareSums:
        """Sums of the next share.

        Raises
        ------
        FitError
            The scheduler is gone, or every worker that sums this share is lost.
        ConfigError
            Workers without this version of the package.
        StructureError
            Naming file, frame and atom.
        """
        self._submit_ahead()
        share, future = self._under_way.popleft()
        for _ in range(MOST_REFUSALS):
            sums = self._result(share, future)
            if sums is not None:
                self.workers.add(sums.worker)
                return sums
            future = self._submit(share)
        raise FitError(self._lost(share))

    def _submit_ahead(self) -> None:
        while not (workers := set(self._addresses())):
            self._tell_that_there_are_none()
            time.sleep(LOOK)
        if new := workers - self._checked:
            self._check_versions(self._client.run(*VERSION_THERE, workers=list(new), on_error="return"))
            self._checked |= new
        ahead = AHEAD * max(1, len(workers))
        while len(self._under_way) < ahead and (share := next(self._left, None)) is not None:
            self._under_way.append((share, self._submit(share)))

    def _submit(self, share: Share) -> Any:  # noqa: ANN401 (no types)
        return self._client.submit(sum_of_share, self._task(share), pure=False)

    def _task(self, share: Share) -> Task:
        problem = self._problem
        batches = tuple(
            (tuple(problem.dataset[k] for k in batch), self._weights[list(batch)]) for batch in share.batches
        )
        n_groups = len(problem.group_weights)
        return Task(VERSION, self._basis, problem.reference, n_groups, batches)

    def _result(self, share: Share, future: Any) -> ShareSums | None:  # noqa: ANN401 (no types)
        """Sums from a worker; None if the scheduler gave the share up, because workers died of it."""
        from distributed import CancelledError, KilledWorker

        try:
            self._wait(future)
            sums: ShareSums = future.result()
            return sums
        except KilledWorker:
            return None
        except MlipError:
            raise
        except CancelledError:
            raise FitError(GONE) from None
        except MemoryError:
            raise FitError(self._lost(share)) from None
        except Exception as error:
            self._check_scheduler()
            words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            raise FitError(f"a worker of Dask failed at {self._name(share)} ({words}); {RESUME}") from error

    def _wait(self, future: Any) -> None:  # noqa: ANN401 (no types)
        from distributed import TimeoutError as NotYet
        from distributed import wait

        while not future.done():
            try:
                wait(future, timeout=LOOK)
            except NotYet:
                self._check_scheduler()
                if not self._addresses():
                    self._tell_that_there_are_none()

    def _addresses(self) -> list[str]:
        """Of the workers that there are."""
        try:
            return list(self._client.nthreads())
        except OSError:  # of the connection
            raise FitError(GONE) from None

    def _tell_that_there_are_none(self) -> None:
        if not self._told:
            self._told = True
            self._progress.note(NO_WORKERS)

    @staticmethod
    def _check_versions(versions: Mapping[str, object]) -> None:
        """The same package everywhere; a worker that cannot read a task would end, one after the other."""
        for place, found in versions.items():
            if isinstance(found, str | ImportError | AttributeError) and found != VERSION:
                theirs = f"mlip_rs {found}" if isinstance(found, str) else f"no mlip_rs ({found})"
                raise ConfigError(
                    f"{place} (Dask): has {theirs}, this machine has {VERSION}; install the same there"
                )

    def _check_scheduler(self) -> None:
        if self._client.status not in ("running", "connecting"):
            raise FitError(GONE) from None

    def _name(self, share: Share) -> str:
        frames = [self._problem.dataset[k] for batch in share.batches for k in batch]
        return f"the share of {counted(len(frames), 'structure')} from {frames[0].location} to {frames[-1].location}"

    def _lost(self, share: Share) -> str:
        need = worker_memory(self._problem) / 1e9
        return (
            f"every worker that summed {self._name(share)} was lost, most likely for want of memory: each needs "
            f"about {need:.2g} GB; start workers with more (dask worker --memory-limit), or fewer on a machine, or "
            f"lower {TO_LOWER}"
        )
