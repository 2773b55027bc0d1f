"""Where tasks run: on threads of this process, or on workers of Dask, anywhere."""

import concurrent.futures
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from mlip_rs.dask_client import NO_WORKERS, Scheduler, connected
from mlip_rs.errors import ConfigError, LabelError
from mlip_rs.label.tasks import close_children

T = TypeVar("T")

MOST_AHEAD: int = 1000
"""Tasks that a scheduler knows of at a time, more than it has workers so that clusters can grow to the work."""


class Workers(Protocol):
    """Something that runs tasks."""

    ahead: int

    def submit(self, function: Callable[..., T], *arguments: object) -> "concurrent.futures.Future[T]":
        """Run a function; a worker that dies while it does raises `WorkerLost` from the future."""

    def check(self) -> None:
        """Raise `LabelError` if no result will ever come."""

    def close(self, run: str) -> None:
        """Stop everything that runs for a run."""


class LocalWorkers:
    """Threads of this process, each with one calculation, in a process of its own, at a time.

    Parameters
    ----------
    count
        Calculations at a time.
    """

    def __init__(self, count: int) -> None:
        self.ahead = count
        self._executor = ThreadPoolExecutor(count, "label")

    def submit(self, function: Callable[..., T], *arguments: object) -> "concurrent.futures.Future[T]":
        """Run a function."""
        return self._executor.submit(function, *arguments)

    def check(self) -> None:
        """Nothing can be lost."""

    def close(self, run: str) -> None:
        """Stop what runs."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        close_children(run)
        self._executor.shutdown(wait=True)


class DaskWorkers:
    """Workers of Dask.

    Parameters
    ----------
    client
        Client of Dask.
    own
        Whether the client is closed at the end.
    note
        Receives a notice if there are no workers.
    """

    ahead: int = MOST_AHEAD

    def __init__(
        self,
        client: Any,  # noqa: ANN401 (no types)
        own: bool = True,
        note: Callable[[str], None] = lambda remark: None,
    ) -> None:
        self._client, self._own, self._note, self._told = client, own, note, False
        self._executor = client.get_executor(pure=False)

    def submit(self, function: Callable[..., T], *arguments: object) -> "concurrent.futures.Future[T]":
        """Run a function on a worker."""
        future: concurrent.futures.Future[T] = self._executor.submit(function, *arguments)
        return future

    def check(self) -> None:
        """That the scheduler is there.

        Raises
        ------
        LabelError
            It is not.
        """
        with suppress(OSError):  # of the connection
            if not self._told and self._client.status == "running" and not self._client.nthreads():
                self._told = True
                self._note(NO_WORKERS)
        if self._client.status != "running" and self._client.status != "connecting":
            raise LabelError(
                "the scheduler of Dask is gone; the labels so far are kept, run the same command again to resume"
            )

    def close(self, run: str) -> None:
        """Stop what runs on workers, which stay."""
        with suppress(Exception):
            self._executor.shutdown(wait=False)
            if self._client.status == "running":
                self._client.run(close_children, run)
        if self._own:
            with suppress(Exception):
                self._client.close()


def workers_for(
    scheduler: Scheduler | None,
    n_workers: int | None,
    threads: int,
    note: Callable[[str], None] = lambda remark: None,
) -> Workers:
    """Where the tasks of a run go.

    Parameters
    ----------
    scheduler
        Address, file or client; None: this machine.
    n_workers
        Calculations at a time on this machine; None: as many as it has cores for.
    threads
        Threads of each.
    note
        Receives a notice if a scheduler has no workers.

    Raises
    ------
    ConfigError
        Dask is not installed, or the scheduler cannot be reached.
    """
    if scheduler is not None:
        if n_workers is not None:
            raise ConfigError("workers of a scheduler are started beside it; leave out n_workers (--workers)")
        return DaskWorkers(*connected(scheduler), note)
    return LocalWorkers(n_workers or max(1, _cores() // threads))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
