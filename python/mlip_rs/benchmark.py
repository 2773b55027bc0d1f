"""How fast a potential is, against the number of atoms and threads, and how much memory it takes."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers, covalent_radii, reference_states

from mlip_rs.errors import ConfigError
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent
from mlip_rs.threads import number_of_threads
from mlip_rs.timing import Timing, enlarged, measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES: tuple[int, ...] = (100, 1000, 10000)
"""Numbers of atoms."""

MAX_ATOMS: int = 10_000_000
"""Larger structures fill the memory of most machines, which then end the process without a word."""

_LATTICES = frozenset(("fcc", "bcc", "hcp", "diamond", "sc"))


@dataclass(frozen=True)
class Measurement:
    """Time of one size and number of threads, and the largest memory of the process until then, in MB."""

    timing: Timing
    peak_rss_mb: float | None


@dataclass(frozen=True)
class Benchmark:
    """Times of a potential.

    Parameters
    ----------
    potential
        What was timed.
    structure
        Formula of the structure that was repeated.
    measurements
        By size, then threads.
    """

    potential: Potential
    structure: str
    measurements: tuple[Measurement, ...]

    def to_dict(self) -> dict[str, Any]:
        """What `mlip-rs bench --json` prints."""
        model = {
            "hierarchy": self.potential.hierarchy,
            "n_features": self.potential.n_features,
            "n_nonzero": self.potential.n_nonzero,
        }
        points = [m.timing.to_dict() | {"peak_rss_mb": m.peak_rss_mb} | model for m in self.measurements]
        return model | {"structure": self.structure, "measurements": points}

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows."""
        rows = []
        for m in self.measurements:
            memory = "–" if m.peak_rss_mb is None else f"{m.peak_rss_mb:.0f}"
            rows.append([str(m.timing.n_atoms), str(m.timing.threads), f"{m.timing.us_per_atom:.3f}", memory])
        return ["atoms", "threads", "µs/atom", "peak memory MB"], rows

    def figure(self) -> "Figure":
        """Time per atom against size, a line for each number of threads."""
        from mlip_rs.validate.style import (
            COLUMN_WIDTH,
            LINE_WIDTH,
            MARKER_SIZE,
            color,
            dress,
            legend,
            marker,
            new_figure,
        )

        figure = new_figure(COLUMN_WIDTH, 2.7)
        axes = figure.subplots()
        for k, threads in enumerate(sorted({m.timing.threads for m in self.measurements})):
            points = [m.timing for m in self.measurements if m.timing.threads == threads]
            axes.plot(
                [point.n_atoms for point in points],
                [point.us_per_atom for point in points],
                f"{marker(k)}-",
                color=color(k),
                linewidth=LINE_WIDTH,
                ms=MARKER_SIZE,
                label=f"{threads} thread{'s' if threads > 1 else ''}",
            )
        axes.set_xscale("log")
        axes.set_ylim(bottom=0.0)
        dress(axes, x="atoms", y="time per atom and evaluation (µs)")
        legend(axes)
        return figure


def benchmark(
    potential: Potential,
    *,
    sizes: Sequence[int] = SIZES,
    threads: Sequence[int] | None = None,
    like: Atoms | None = None,
    progress: Progress | None = None,
) -> Benchmark:
    """Time energy, forces and stress together, the neighbour list being reused as along a run.

    Parameters
    ----------
    potential
        What to time.
    sizes
        Numbers of atoms; periodic structures are repeated until they have at least as many.
    threads
        Numbers of threads; one and all cores if None.
    like
        Structure to repeat; a crystal of the elements if None.

    Raises
    ------
    ConfigError
        Sizes or threads below one.
    StructureError
        The potential cannot evaluate the structure.
    """
    progress = progress or Silent()
    if not sizes or min(sizes) < 1 or max(sizes) > MAX_ATOMS:
        raise ConfigError(f"sizes must be numbers of atoms, at least 1 and at most {MAX_ATOMS}")
    counts = sorted({1, number_of_threads(None)} if threads is None else set(map(number_of_threads, threads)))
    start = crystal(potential.elements) if like is None else like
    measured: dict[tuple[int, int], Measurement] = {}
    progress.start("timing", len(sizes) * len(counts))
    for size in sorted(sizes):
        atoms = enlarged(start, size)
        if like is None and len(potential.elements) > 1:
            atoms.symbols[:] = np.random.default_rng(0).choice(potential.elements, len(atoms))
        for count in counts:
            timing = measure(potential, atoms, threads=count)
            measured[timing.n_atoms, count] = Measurement(timing, peak_memory())
            progress.advance()
    return Benchmark(potential, start.get_chemical_formula(), tuple(measured.values()))


def crystal(elements: Sequence[str]) -> Atoms:
    """The crystal of the first element, as wide as the mean size of all elements wants it."""
    first = elements[0]
    number = atomic_numbers[first]
    state = reference_states[number] or {}
    if state.get("symmetry") in _LATTICES and state.get("a"):
        atoms = bulk(first)
    else:  # molecules, complicated crystals: close-packed spheres that touch
        atoms = bulk(first, "fcc", a=2.0 * np.sqrt(2.0) * float(covalent_radii[number]))
    radii = [float(covalent_radii[atomic_numbers[symbol]]) for symbol in elements]
    atoms.set_cell(atoms.cell * (np.mean(radii) / radii[0]), scale_atoms=True)
    return atoms


def peak_memory() -> float | None:
    """Largest resident memory of this process so far, MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
