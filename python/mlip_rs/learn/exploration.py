"""Molecular dynamics by the potential of a loop: what it meets outside the data joins the pool."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.md.langevin import Langevin
from ase.units import fs

from mlip_rs.data import Dataset
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress
from mlip_rs.validate.molecular_dynamics import with_velocities

WALKS: int = 3
"""Runs at each temperature."""

STEPS: int = 300
"""Of a run, at most."""

LEFT: float = 1.3
"""Index of anomaly at which a structure is outside."""

LOST: float = 10.0
"""Index at which the run ends."""

TIME_STEP: float = 2.0
"""fs."""

MOST_ATOMS: int = 64
"""Runs begin from structures that are no larger, for labels to be affordable."""


def explored(
    potential: Potential, labelled: Dataset, temperatures: Sequence[float], seed: int, progress: Progress
) -> list[Atoms]:
    """Structures outside the data that dynamics from labelled structures meet.

    Of each run, the first one outside and the last one before it is lost, if that is another.

    Parameters
    ----------
    potential
        With an index.
    labelled
        Structures to begin with.
    temperatures
        K.
    seed
        Of the choice and of the velocities.
    progress
        Receives the advance.
    """
    rng = np.random.default_rng(seed)
    small = [k for k, frame in enumerate(labelled) if frame.pbc.all() and frame.n_atoms <= MOST_ATOMS]
    if not small:
        return []
    progress.start("dynamics: runs", WALKS * len(temperatures))
    found: list[Atoms] = []
    for temperature in temperatures:
        for _ in range(WALKS):
            frame = labelled[int(rng.choice(small))]
            atoms = Atoms(frame.symbols, frame.positions, cell=frame.cell, pbc=frame.pbc)
            found += _walk(atoms, potential, temperature, rng)
            progress.advance()
    return found


def _walk(atoms: Atoms, potential: Potential, temperature: float, rng: np.random.Generator) -> list[Atoms]:
    """Structures outside the data on one run."""
    calculator = potential.calculator(warn_above=None)
    atoms = with_velocities(calculator, atoms, temperature, int(rng.integers(2**31)))
    dynamics = Langevin(
        atoms, TIME_STEP * fs, temperature_K=temperature, friction=0.01 / fs, fixcm=False, rng=rng
    )
    outside: list[Atoms] = []
    for _ in range(STEPS):
        dynamics.run(1)  # a poor potential is lost within a few steps
        largest = float(np.max(atoms.calc.results["index"]))
        if not np.isfinite(largest) or largest > LOST:
            break
        if largest > LEFT:
            here = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
            here.info["config_type"] = f"dynamics_{temperature:.0f}K"
            outside = [outside[0], here] if outside else [here]
    return outside
