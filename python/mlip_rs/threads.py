"""Number of threads.

Every function takes `threads: int | None = None`; None stands for `MLIP_RS_NUM_THREADS` or all cores.
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import SupportsIndex, TypeVar

from threadpoolctl import threadpool_limits

from mlip_rs import _core
from mlip_rs.errors import ConfigError

MAX_THREADS: int = 1024
"""Largest accepted number of threads."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Results of a function of each item, in the order of the items, several being computed at once.

    Each has one thread of BLAS, so that results have the same bits whatever the number. After an error, and where no
    more results are asked for, none is begun any more.

    >>> list(in_order(abs, [-2, 1, -3], 2))
    [2, 1, 3]
    """
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(function, item) for item in items]
        try:
            for own in waiting:
                yield own.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def number_of_threads(threads: SupportsIndex | None) -> int:
    """Return the number of threads to use: the given one, or that of `MLIP_RS_NUM_THREADS`, or all cores.

    >>> number_of_threads(2)
    2


    Raises
    ------
    ConfigError
        Not an integer from 1 to `MAX_THREADS`.
    """
    if threads is None:
        # This takes tens of microseconds, since the system counts its cores; callers store the result.
        return _core.default_threads()
    try:
        number = operator.index(threads)
    except TypeError:
        number = 0
    if isinstance(threads, bool) or not 1 <= number <= MAX_THREADS:
        raise ConfigError(
            f"threads = {threads!r} is not an integer from 1 to {MAX_THREADS}; None takes the default"
        )
    return number
