"""Stopwatch of a computation: wall time by phase, without gaps."""

import time

from mlip_rs.progress import Progress


class Phases:
    """Wall seconds of consecutive phases; each begins where the one before ends.

    Parameters
    ----------
    progress
        Receives the time of each phase.

    Examples
    --------
    >>> from mlip_rs.progress import Silent
    >>> phases = Phases(Silent())
    >>> phases.enter("assemble")
    >>> phases.enter("select")
    >>> list(phases.stop())
    ['assemble', 'select']
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self._seconds: dict[str, float] = {}
        self._current: str | None = None
        self._begin = 0.0

    def enter(self, name: str) -> None:
        """End the current phase and begin another; a phase may be entered more than once, the current one goes on."""
        if name == self._current:
            return
        self.stop()
        self._current, self._begin = name, time.perf_counter()

    def stop(self) -> dict[str, float]:
        """End the current phase; seconds of all phases by name, in the order in which they began."""
        if self._current is not None:
            elapsed = time.perf_counter() - self._begin
            self._seconds[self._current] = self._seconds.get(self._current, 0.0) + elapsed
            self.progress.note(f"time: {self._current.replace('_', ' ')} {elapsed:.2f} s")
            self._current = None
        return self.so_far()

    def so_far(self) -> dict[str, float]:
        """Seconds of the phases that have ended, by name."""
        return dict(self._seconds)
