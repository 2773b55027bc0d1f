"""Connection to a scheduler of Dask, whose workers may be on any machine."""

import logging
import os
from functools import cache
from pathlib import Path
from typing import Any

from mlip_rs.errors import ConfigError

CURE: str = "pip install 'mlip-rs[distributed]'"
"""How Dask is installed."""

CONNECT: float = 30.0
"""Seconds to wait for a scheduler."""

LOCAL: str = "local"
"""In place of an address: processes of this machine, one for each core, that are started for this process."""

Scheduler = str | os.PathLike[str] | Any
"""Address of a scheduler, the file that it writes, `LOCAL`, or a client of Dask."""


def connected(scheduler: Scheduler) -> tuple[Any, bool]:
    """A client of Dask, and whether it was made here and is to be closed.

    Parameters
    ----------
    scheduler
        Address, such as "tcp://head:8786", the file that the scheduler writes, "local", or a client.

    Raises
    ------
    ConfigError
        Dask is not installed, or the scheduler cannot be reached.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError(f"a scheduler needs Dask: {CURE}") from None

    if isinstance(scheduler, Client):
        return scheduler, False
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what is lost is told by an error
    text = os.fspath(scheduler)
    if text == LOCAL:
        return _local(), False
    try:
        if Path(text).is_file():
            return Client(scheduler_file=text, timeout=CONNECT), True
        return Client(text, timeout=CONNECT), True
    except (OSError, ValueError, TimeoutError) as error:
        why = " ".join(str(error).split())[:200]
        raise ConfigError(f"scheduler {text}: cannot be reached ({why}); is it running?") from None


@cache
def _local() -> Any:  # noqa: ANN401 (no types)
    """A client with workers of its own, which end with this process."""
    from distributed import Client

    return Client(threads_per_worker=1, memory_limit=0, dashboard_address=":0", silence_logs=50)
