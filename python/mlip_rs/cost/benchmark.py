"""How fast potentials are, against the number of atoms and threads, and how much memory they take."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from mlip_rs.cost.plan import predicted_us_per_atom
from mlip_rs.cost.timing import Timing, measure, measure_list
from mlip_rs.errors import ConfigError
from mlip_rs.generate.prototypes import crystal, enlarged
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent
from mlip_rs.threads import number_of_threads

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES: tuple[int, ...] = (100, 1000, 10000)
"""Numbers of atoms."""

MAX_ATOMS: int = 10_000_000
"""Larger structures fill the memory of most machines, which then end the process without a word."""

STEPS_PER_LIST: int = 15
"""Steps of 1 fs that a neighbour list lasts in Al at 600 K (`benches/nve.py`); cold crystals keep theirs for good."""


@dataclass(frozen=True)
class TimedPotential:
    """A potential that is timed.

    Parameters
    ----------
    name
        In tables and figures.
    potential
        What is timed.
    structure
        Formula of the structure that is repeated.
    predicted_us_per_atom
        Predicted cost on one core; see `mlip_rs.cost.plan.predicted_us_per_atom`.
    """

    name: str
    potential: Potential
    structure: str
    predicted_us_per_atom: float

    def to_dict(self) -> dict[str, Any]:
        """Plain record."""
        return {
            "potential": self.name,
            "hierarchy": self.potential.hierarchy,
            "n_features": self.potential.n_features,
            "n_nonzero": self.potential.n_nonzero,
            "structure": self.structure,
            "predicted_us_per_atom": self.predicted_us_per_atom,
        }


@dataclass(frozen=True)
class Measurement:
    """Time and memory of one potential, size and number of threads.

    Parameters
    ----------
    timed
        What was timed.
    timing
        Of the evaluation, its neighbour list being reused.
    ratio
        Its time over that of the first potential, at the same size asked for and the same number of threads.
    list_us_per_atom
        Time of building the neighbour list anew, µs.
    peak_rss_mb
        Largest memory of the process meanwhile, MB; since its start where the system cannot forget (not Linux).
    """

    timed: TimedPotential
    timing: Timing
    ratio: float
    list_us_per_atom: float
    peak_rss_mb: float | None

    @property
    def list_share(self) -> float:
        """Share of the neighbour list in the time of a run whose list lasts `STEPS_PER_LIST` steps."""
        per_step = self.list_us_per_atom / STEPS_PER_LIST
        return per_step / (per_step + self.timing.us_per_atom)

    def to_dict(self) -> dict[str, Any]:
        """Plain record."""
        return (
            self.timed.to_dict()
            | self.timing.to_dict()
            | {
                "ratio": self.ratio,
                "list_us_per_atom": self.list_us_per_atom,
                "list_share": self.list_share,
                "peak_rss_mb": self.peak_rss_mb,
            }
        )


@dataclass(frozen=True)
class Benchmark:
    """Times of potentials.

    Parameters
    ----------
    timed_potentials
        What was timed.
    measurements
        By potential, then size, then threads.
    """

    timed_potentials: tuple[TimedPotential, ...]
    measurements: tuple[Measurement, ...]

    def to_dict(self) -> dict[str, Any]:
        """What `mlip-rs bench --json` prints; its first entries are those of the first potential."""
        return self.timed_potentials[0].to_dict() | {
            "potentials": [timed.to_dict() for timed in self.timed_potentials],
            "steps_per_list": STEPS_PER_LIST,
            "measurements": [m.to_dict() for m in self.measurements],
        }

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows; names and ratios only where there are several potentials."""
        header = ["atoms", "threads", "µs/atom", "predicted", "list µs/atom", "list %", "peak memory MB"]
        several = len(self.timed_potentials) > 1
        if several:
            header = ["potential", *header[:3], "ratio", *header[3:]]
        rows = []
        for m in self.measurements:
            row = [
                str(m.timing.n_atoms),
                str(m.timing.threads),
                f"{m.timing.us_per_atom:.3f}",
                f"{m.timed.predicted_us_per_atom:.3f}" if m.timing.threads == 1 else "–",
                f"{m.list_us_per_atom:.3f}",
                f"{100 * m.list_share:.1f}",
                "–" if m.peak_rss_mb is None else f"{m.peak_rss_mb:.0f}",
            ]
            rows.append([m.timed.name, *row[:3], f"{m.ratio:.2f}", *row[3:]] if several else row)
        return header, rows

    def figure(self) -> "Figure":
        """Time per atom against size, a line for each potential and number of threads."""
        from mlip_rs.plot.style import (
            COLUMN_WIDTH,
            LINE_WIDTH,
            MARKER_SIZE,
            color,
            dress,
            label_decades,
            legend,
            marker,
            new_figure,
            plain,
        )

        several = len(self.timed_potentials) > 1
        figure = new_figure(COLUMN_WIDTH * (1.4 if several else 1.0), 2.7)
        axes = figure.subplots()
        counts = sorted({m.timing.threads for m in self.measurements})
        for i, timed in enumerate(self.timed_potentials):
            for k, threads in enumerate(counts):
                points = [
                    m.timing for m in self.measurements if m.timed is timed and m.timing.threads == threads
                ]
                label = f"{threads} thread{'s' if threads > 1 else ''}"
                axes.plot(
                    [point.n_atoms for point in points],
                    [point.us_per_atom for point in points],
                    f"{marker(k)}{('-', '--', '-.', ':')[k % 4]}",
                    color=color(i if several else k),
                    linewidth=LINE_WIDTH,
                    ms=MARKER_SIZE,
                    label=plain(f"{timed.name}, {label}" if several else label),
                )
        axes.set_xscale("log")
        label_decades(axes.xaxis)
        if several:
            axes.set_yscale("log")
            label_decades(axes.yaxis)
        else:
            axes.set_ylim(bottom=0.0)
        dress(axes, x="number of atoms", y="time per atom and evaluation (µs)")
        if several:
            axes.legend(fontsize=6.5, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        else:
            legend(axes)
        return figure


def benchmark(
    potentials: Potential | Mapping[str, Potential],
    *,
    sizes: Sequence[int] = SIZES,
    threads: Sequence[int] | None = None,
    like: Atoms | None = None,
    progress: Progress | None = None,
) -> Benchmark:
    """Time energy, forces and stress together, the neighbour list being reused as along a run.

    Parameters
    ----------
    potentials
        What to time: one, or several by name.
    sizes
        Numbers of atoms; periodic structures are repeated until they have at least as many.
    threads
        Numbers of threads; one and all cores if None.
    like
        Structure to repeat; a crystal of the elements if None.

    Raises
    ------
    ConfigError
        No potential, sizes or threads below one.
    StructureError
        A potential cannot evaluate the structure.
    """
    progress = progress or Silent()
    named = {"potential": potentials} if isinstance(potentials, Potential) else potentials
    if not named:
        raise ConfigError("give at least one potential to time")
    if not sizes or min(sizes) < 1 or max(sizes) > MAX_ATOMS:
        raise ConfigError(f"sizes must be numbers of atoms, at least 1 and at most {MAX_ATOMS}")
    counts = sorted({1, number_of_threads(None)} if threads is None else set(map(number_of_threads, threads)))
    ordered = sorted(set(sizes))
    timed_potentials: list[TimedPotential] = []
    measurements: list[Measurement] = []
    first: dict[tuple[int, int], float] = {}
    progress.start("timing", len(named) * len(ordered) * len(counts))
    for name, potential in named.items():
        start = crystal(potential.elements) if like is None else like
        timed = TimedPotential(
            name, potential, start.get_chemical_formula(), predicted_us_per_atom(potential, like)
        )
        timed_potentials.append(timed)
        timings: dict[tuple[int, int], Timing] = {}
        for size in ordered:
            atoms = enlarged(start, size)
            if like is None and len(potential.elements) > 1:
                atoms.symbols[:] = np.random.default_rng(0).choice(potential.elements, len(atoms))
            for count in counts:
                key = len(atoms), count
                known = key in timings
                if not known:
                    forget_peak_memory()
                    timings[key] = measure(potential, atoms, threads=count)
                ratio = timings[key].us_per_atom / first.setdefault((size, count), timings[key].us_per_atom)
                if not known:
                    building = measure_list(potential, atoms, threads=count)
                    measurements.append(Measurement(timed, timings[key], ratio, building, peak_memory()))
                progress.advance()
    return Benchmark(tuple(timed_potentials), tuple(measurements))


def peak_memory() -> float | None:
    """Largest resident memory of this process, MB, since `forget_peak_memory`; None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def forget_peak_memory() -> None:
    """Let `peak_memory` begin anew, where the system can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return
