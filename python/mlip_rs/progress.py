"""Progress reports of long computations: silent, bars on a terminal, or lines in a log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO


class Progress(Protocol):
    """Receiver of progress reports."""

    def start(self, phase: str, total: int) -> None:
        """Begin a phase of `total` steps."""

    def advance(self, steps: int = 1) -> None:
        """Report that steps of the current phase are done."""

    def note(self, message: str) -> None:
        """Report a message."""


class Silent:
    """Receiver that ignores all reports."""

    def start(self, phase: str, total: int) -> None:
        """Ignore it."""

    def advance(self, steps: int = 1) -> None:
        """Ignore it."""

    def note(self, message: str) -> None:
        """Ignore it."""


class Lines:
    """Receiver that writes lines with the time, at most one every `interval` seconds within a phase.

    Parameters
    ----------
    stream
        Text stream to write to.
    interval
        Seconds.
    """

    def __init__(self, stream: TextIO, interval: float = 10.0) -> None:
        self._stream = stream
        self._interval = interval
        self._begin = self._last = time.monotonic()
        self._phase, self._total, self._done = "", 0, 0

    def start(self, phase: str, total: int) -> None:
        """Write a line."""
        self._phase, self._total, self._done = phase, total, 0
        self._last = time.monotonic()
        self._write(f"{phase} ({total})")

    def advance(self, steps: int = 1) -> None:
        """Write a line if the interval has passed."""
        self._done += steps
        if time.monotonic() - self._last >= self._interval:
            self._last = time.monotonic()
            self._write(f"{self._phase}: {self._done} of {self._total}")

    def note(self, message: str) -> None:
        """Write a line."""
        self._write(message)

    def _write(self, message: str) -> None:
        elapsed = time.monotonic() - self._begin
        self._stream.write(f"[{elapsed:7.1f} s] {message}\n")
        self._stream.flush()


class Bars:
    """Receiver that draws progress bars on a terminal.

    Parameters
    ----------
    stream
        Terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TaskID,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(file=stream),
        )
        self._task: TaskID | None = None

    def open(self) -> None:
        """Start drawing."""
        self._bars.start()

    def close(self) -> None:
        """Stop drawing and restore the terminal."""
        self._bars.stop()

    def start(self, phase: str, total: int) -> None:
        """Add a bar."""
        self._task = self._bars.add_task(phase, total=total)

    def advance(self, steps: int = 1) -> None:
        """Advance the newest bar."""
        if self._task is not None:
            self._bars.advance(self._task, steps)

    def note(self, message: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(message, markup=False, highlight=False)


@contextmanager
def on_stream(stream: TextIO) -> Iterator[Progress]:
    """Yield a receiver for a stream: bars on a terminal, else lines."""
    if not stream.isatty():
        yield Lines(stream)
        return
    bars = Bars(stream)
    bars.open()
    try:
        yield bars
    finally:
        bars.close()
