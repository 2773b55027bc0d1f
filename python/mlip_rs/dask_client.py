"""Connection to a scheduler of Dask, whose workers may be on any machine."""

import json
import logging
import os
import re
import socket
import time
from functools import cache
from pathlib import Path
from typing import Any

from mlip_rs.errors import ConfigError

CURE: str = "pip install 'mlip-rs[distributed]'"
"""How Dask is installed."""

CONNECT: float = 30.0
"""Seconds to wait for a scheduler."""

RETRY: float = 0.5
"""Seconds between two attempts."""

LOCAL: str = "local"
"""In place of an address: processes of this machine, one for each core, that are started for this process."""

NO_WORKERS: str = "notice: the scheduler has no workers; waiting for them (dask worker ADDRESS)"

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
        return Client(_listening(text), timeout=CONNECT), True
    except ConfigError:
        raise
    except (OSError, ValueError, OverflowError) as error:
        why = " ".join(str(error).split())[:200]
        raise ConfigError(f"scheduler {text}: cannot be reached ({why}); is it running?") from None


def check_address(scheduler: Scheduler | None) -> None:
    """Refuse what can be no scheduler, before any work is done for it; whether one is there is not asked.

    Raises
    ------
    ConfigError
        Text that is neither an address nor a file of a scheduler.

    Examples
    --------
    >>> check_address("tcp://head:8786")
    >>> check_address("dask.jsn")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    mlip_rs.errors.ConfigError: scheduler dask.jsn: is neither its address, such as tcp://head:8786, nor the file ...
    """
    if isinstance(scheduler, str | os.PathLike) and os.fspath(scheduler) != LOCAL:
        _address(os.fspath(scheduler))


def _address(text: str) -> tuple[str, str, str, int]:
    """Address of a scheduler, with protocol, host and port."""
    address = text
    if Path(text).is_file():
        try:
            address = str(json.loads(Path(text).read_text(encoding="utf-8"))["address"])
        except (OSError, ValueError, KeyError, TypeError):
            raise ConfigError(f"scheduler {text}: is no file that `dask scheduler` has written") from None
    found = re.fullmatch(r"(?:(\w+)://)?\[?([^/\]\s]+)\]?:(\d{1,5})", address)
    if found is None:
        raise ConfigError(
            f"scheduler {text}: is neither its address, such as tcp://head:8786, nor the file that it writes, nor "
            f"{LOCAL!r}"
        )
    return address, found[1] or "tcp", found[2], int(found[3])


def _listening(text: str) -> str:
    """Address of a scheduler, where something listens: a client of Dask that fails may hang when Python ends.

    Raises
    ------
    ConfigError
        Neither an address nor a file of a scheduler.
    OSError
        Nothing listens there.
    """
    address, protocol, host, port = _address(text)
    end = time.monotonic() + CONNECT
    while protocol in ("tcp", "tls"):
        try:
            socket.create_connection((host, port), timeout=CONNECT).close()
            break
        except ConnectionRefusedError:  # it may be about to start
            if time.monotonic() > end:
                raise
            time.sleep(RETRY)
    return address


@cache
def _local() -> Any:  # noqa: ANN401 (no types)
    """A client with workers of its own, which end with this process."""
    from distributed import Client

    return Client(threads_per_worker=1, memory_limit=0, dashboard_address=":0", silence_logs=50)
