"""The number of threads: one rule for every function that takes `threads`."""

import operator
from typing import SupportsIndex

from mlip_rs import _core
from mlip_rs.errors import ConfigError

MAX_THREADS: int = 1024
"""More threads than any shared-memory machine has use for here."""


def number_of_threads(threads: SupportsIndex | None) -> int:
    """Return the threads to use: as given, or by default `MLIP_RS_NUM_THREADS`, or all cores.

    Raises
    ------
    ConfigError
        Not an integer from 1 to `MAX_THREADS`.
    """
    if threads is None:
        # Asking costs tens of microseconds (the system is asked for its cores): callers keep the answer.
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
