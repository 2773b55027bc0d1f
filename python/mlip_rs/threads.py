"""Number of threads.

Every function takes `threads: int | None = None`; None stands for `MLIP_RS_NUM_THREADS` or all cores.
"""

import operator
from typing import SupportsIndex

from mlip_rs import _core
from mlip_rs.errors import ConfigError

MAX_THREADS: int = 1024
"""Largest accepted number of threads."""


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
