"""Progress reports of long computations: silent, bars on a terminal, or lines in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

HEAD_START: float = 0.5
"""Seconds after the start of a phase in which steps count as done before, by a run that was interrupted."""

FEW_LINES: float = 0.1
"""Time between two lines of a phase, in the time since it began, if that is longer than the interval."""


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


class Steps:
    """Steps of one phase: how many are done, never more than there are, and about how long the rest takes.

    Parameters
    ----------
    total
        Number of steps.
    now
        Seconds at the start, of any clock.

    Examples
    --------
    >>> steps = Steps(10, now=0.0)
    >>> steps.advance(4, now=60.0)
    >>> steps.text(now=60.0)
    '4 of 10, about 90 s left'
    """

    def __init__(self, total: int, now: float) -> None:
        self.total = total
        self.done = 0
        self._begin, self._before = now, 0
        self._pace_from = now

    def advance(self, steps: int, now: float) -> None:
        """Count steps as done; those beyond the total are not counted."""
        self.done = min(self.done + steps, self.total)
        if now - self._begin < HEAD_START:
            self._before, self._pace_from = self.done, now

    def seconds_left(self, now: float) -> float | None:
        """Time for the other steps at the pace so far; None as long as there is no telling."""
        timed = self.done - self._before
        if timed <= 0 or self.done >= self.total:
            return None
        return (now - self._pace_from) / timed * (self.total - self.done)

    def text(self, now: float) -> str:
        """Steps done and the time left, as people read it."""
        left = self.seconds_left(now)
        return f"{self.done} of {self.total}" + ("" if left is None else f", about {duration(left)} left")


def duration(seconds: float) -> str:
    """A length of time in the unit that suits it.

    >>> [duration(seconds) for seconds in (3.2, 90.0, 600.0, 9000.0)]
    ['3 s', '90 s', '10 min', '2.5 h']
    """
    if seconds < 120.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 7200.0 else f"{seconds / 3600.0:.1f} h"


class Lines:
    """Receiver that writes lines with the time, and ever more rarely within a phase.

    Parameters
    ----------
    stream
        Text stream to write to.
    interval
        Least time between two lines of a phase, seconds.
    clock
        Gives the time in seconds.
    """

    def __init__(
        self, stream: TextIO, interval: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._interval = interval
        self._clock = clock
        self._begin = self._phase_begin = self._last = clock()
        self._phase, self._steps = "", Steps(0, self._begin)

    def start(self, phase: str, total: int) -> None:
        """Write a line."""
        self._phase_begin = self._last = self._clock()
        self._phase, self._steps = phase, Steps(total, self._last)
        self._write(f"{phase} ({total})")

    def advance(self, steps: int = 1) -> None:
        """Write a line if the interval has passed."""
        now = self._clock()
        self._steps.advance(steps, now)
        if now - self._last >= max(self._interval, FEW_LINES * (now - self._phase_begin)):
            self._last = now
            self._write(f"{self._phase}: {self._steps.text(now)}")

    def note(self, message: str) -> None:
        """Write a line."""
        self._write(message)

    def _write(self, message: str) -> None:
        elapsed = self._clock() - self._begin
        self._stream.write(f"[{elapsed:7.1f} s] {message}\n")
        self._stream.flush()


class Bars:
    """Receiver that draws a progress bar for the current phase on a terminal, and a line for each that has ended.

    Parameters
    ----------
    stream
        Terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[steps]}"),
            TimeElapsedColumn(),
            console=Console(file=stream),
        )
        self._task: TaskID | None = None
        self._phase, self._steps = "", Steps(0, 0.0)

    def open(self) -> None:
        """Start drawing."""
        self._bars.start()

    def close(self) -> None:
        """Stop drawing and restore the terminal."""
        self._end_phase()
        self._bars.stop()

    def start(self, phase: str, total: int) -> None:
        """Draw a bar in place of that of the phase before."""
        self._end_phase()
        self._phase, self._steps = phase, Steps(total, time.monotonic())
        self._task = self._bars.add_task(phase, total=total, steps=f"0 of {total}")

    def advance(self, steps: int = 1) -> None:
        """Advance the bar."""
        if self._task is not None:
            now = time.monotonic()
            self._steps.advance(steps, now)
            self._bars.update(self._task, completed=self._steps.done, steps=self._steps.text(now))

    def note(self, message: str) -> None:
        """Print a line above the bar."""
        self._bars.console.print(message, markup=False, highlight=False)

    def _end_phase(self) -> None:
        """Leave a line in place of the bar: many bars would push the newest off the screen."""
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
            self.note(f"{self._phase}: {self._steps.done} of {self._steps.total}")


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
