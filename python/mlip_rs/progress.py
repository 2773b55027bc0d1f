"""How long work reports: silent in a library, a bar on a terminal, plain lines in a log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO


class Progress(Protocol):
    """Receives the advance of named phases."""

    def start(self, phase: str, total: int) -> None:
        """A phase of `total` steps begins."""

    def advance(self, steps: int = 1) -> None:
        """Some steps of the current phase are done."""

    def note(self, message: str) -> None:
        """Something worth a line."""


class Silent:
    """Says nothing."""

    def start(self, phase: str, total: int) -> None:
        """Nothing."""

    def advance(self, steps: int = 1) -> None:
        """Nothing."""

    def note(self, message: str) -> None:
        """Nothing."""


class Lines:
    """Plain lines with the time, at most one every `interval` seconds within a phase."""

    def __init__(self, stream: TextIO, interval: float = 10.0) -> None:
        self._stream = stream
        self._interval = interval
        self._begin = self._last = time.monotonic()
        self._phase, self._total, self._done = "", 0, 0

    def start(self, phase: str, total: int) -> None:
        """One line."""
        self._phase, self._total, self._done = phase, total, 0
        self._last = time.monotonic()
        self._write(f"{phase} ({total})")

    def advance(self, steps: int = 1) -> None:
        """A line if the last is old enough."""
        self._done += steps
        if time.monotonic() - self._last >= self._interval:
            self._last = time.monotonic()
            self._write(f"{self._phase}: {self._done} of {self._total}")

    def note(self, message: str) -> None:
        """One line."""
        self._write(message)

    def _write(self, message: str) -> None:
        elapsed = time.monotonic() - self._begin
        self._stream.write(f"[{elapsed:7.1f} s] {message}\n")
        self._stream.flush()


class Bars:
    """Progress bars of rich on a terminal."""

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
        """Take the terminal."""
        self._bars.start()

    def close(self) -> None:
        """Give the terminal back."""
        self._bars.stop()

    def start(self, phase: str, total: int) -> None:
        """A new bar."""
        self._task = self._bars.add_task(phase, total=total)

    def advance(self, steps: int = 1) -> None:
        """Move the newest bar."""
        if self._task is not None:
            self._bars.advance(self._task, steps)

    def note(self, message: str) -> None:
        """A line above the bars."""
        self._bars.console.print(message, markup=False, highlight=False)


@contextmanager
def on_stream(stream: TextIO) -> Iterator[Progress]:
    """Bars if the stream is a terminal, else lines."""
    if not stream.isatty():
        yield Lines(stream)
        return
    bars = Bars(stream)
    bars.open()
    try:
        yield bars
    finally:
        bars.close()
