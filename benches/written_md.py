"""How much longer molecular dynamics takes when every step is written to an ASE trajectory.

    python benches/written_md.py [POTENTIAL] [--steps 400]

NVE of 32 Al atoms, one thread, with and without a trajectory that takes every step, in turns; prints the
medians of the time per step and their ratio. Without a potential, one with random coefficients on the standard basis is
taken.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from ase import units
from ase.build import bulk
from ase.io.trajectory import Trajectory
from ase.md.verlet import VelocityVerlet

import mlip_rs as mlip

REPEATS = 5


def random_potential() -> mlip.Potential:
    """A potential that costs as much as a fitted one of default size, with forces too small to matter."""
    basis = mlip.Basis(["Al"], cutoff=6.0, r_min=1.5, size="standard")
    coefficients = np.random.default_rng(0).normal(size=basis.n_features) * 1e-6
    return mlip.Potential.from_coefficients(basis, coefficients, {"Al": 0.0})


def milliseconds_per_step(potential: mlip.Potential, steps: int, path: Path | None) -> float:
    """Time of a step, written to `path` if that is given."""
    atoms = bulk("Al", cubic=True).repeat(2)
    atoms.set_momenta(np.random.default_rng(1).normal(size=(len(atoms), 3)))
    atoms.calc = potential.calculator(threads=1)
    with VelocityVerlet(atoms, 1.0 * units.fs) as dynamics:
        trajectory = None if path is None else Trajectory(path, "w", atoms)
        if trajectory is not None:
            dynamics.attach(trajectory.write, interval=1)
        dynamics.run(10)
        begin = time.process_time()
        dynamics.run(steps)
        elapsed = time.process_time() - begin
        if trajectory is not None:
            trajectory.close()
    return 1e3 * elapsed / steps


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("potential", nargs="?", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    args = parser.parse_args()
    potential = random_potential() if args.potential is None else mlip.Potential.load(args.potential)
    plain, written = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(REPEATS):
            plain.append(milliseconds_per_step(potential, args.steps, None))
            written.append(milliseconds_per_step(potential, args.steps, Path(folder) / "md.traj"))
    without, each = statistics.median(plain), statistics.median(written)
    print(f"{potential!r}: {without:.3f} ms a step, {each:.3f} ms written; ratio {each / without:.2f}")


if __name__ == "__main__":
    main()
