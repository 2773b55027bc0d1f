"""Connection to a scheduler of Dask, whose workers may be on any machine."""

import os
from pathlib import Path
from typing import Any

from mlip_rs.errors import ConfigError

CURE: str = "pip install 'mlip-rs[distributed]'"
"""How Dask is installed."""

CONNECT: float = 30.0
"""Seconds to wait for a scheduler."""

Scheduler = str | os.PathLike[str] | Any
"""Address of a scheduler, the file that it writes, or a client of Dask."""


def connected(scheduler: Scheduler) -> tuple[Any, bool]:
    """A client of Dask, and whether it was made here and is to be closed.

    Parameters
    ----------
    scheduler
        Address, such as "tcp://head:8786", the file that the scheduler writes, or a client.

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
    text = os.fspath(scheduler)
    try:
        if Path(text).is_file():
            return Client(scheduler_file=text, timeout=CONNECT), True
        return Client(text, timeout=CONNECT), True
    except (OSError, ValueError, TimeoutError) as error:
        why = " ".join(str(error).split())[:200]
        raise ConfigError(f"scheduler {text}: cannot be reached ({why}); is it running?") from None
