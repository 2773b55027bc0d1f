"""Constant-energy dynamics of 500 atoms of fcc Al through ASE: drift of the total energy, steps per second.

    python benches/nve.py al-demo/angular-poly/best.mlip.json [--steps 100000] [--threads 1]

The crystal is heated to 600 K and equilibrated for 2 ps by Langevin dynamics, then runs freely at 1 fs. The drift is
the slope of a straight line through the total energy. Steps per second in core time, those of ASE's EMT beside them.
"""

import argparse
import time

import numpy as np
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet

import mlip_rs as mlip

TEMPERATURE_K = 600.0
EQUILIBRATION = 2000
EVERY = 50


def crystal():
    atoms = bulk("Al", "fcc", 4.08, cubic=True).repeat(5)
    MaxwellBoltzmannDistribution(atoms, temperature_K=2 * TEMPERATURE_K, rng=np.random.default_rng(0))
    return atoms


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("potential")
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    emt = crystal()
    emt.calc = EMT()
    rate = steps_per_second(VelocityVerlet(emt, 1.0 * units.fs), 20)
    print(f"EMT: {rate:.0f} steps/s")

    atoms = crystal()
    atoms.calc = mlip.Potential.load(args.potential).calculator(threads=args.threads)
    rng = np.random.default_rng(1)
    friction = 0.02 / units.fs
    Langevin(atoms, 1.0 * units.fs, temperature_K=TEMPERATURE_K, friction=friction, rng=rng).run(
        EQUILIBRATION
    )
    dynamics = VelocityVerlet(atoms, 1.0 * units.fs)
    energies, temperatures = [], []

    def record() -> None:
        energies.append(atoms.get_total_energy() / len(atoms))
        temperatures.append(atoms.get_temperature())

    dynamics.attach(record, interval=EVERY)
    rate = steps_per_second(dynamics, args.steps)
    picoseconds = 1e-3 * EVERY * np.arange(len(energies))
    slope = 1e3 * np.polyfit(picoseconds, energies, 1)[0]
    spread = 1e3 * np.std(energies)
    print(
        f"mlip_rs: {rate:.0f} steps/s, {args.steps} steps at {np.mean(temperatures):.0f} K: drift {slope:.1e} "
        f"meV/atom/ps, fluctuation {spread:.1e} meV/atom, list built {atoms.calc.n_builds} times"
    )


def steps_per_second(dynamics, steps: int) -> float:
    begin = time.process_time()
    dynamics.run(steps)
    return steps / (time.process_time() - begin)


if __name__ == "__main__":
    main()
