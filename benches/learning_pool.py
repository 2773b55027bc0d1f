"""Snapshots of dynamics, many alike: the redundant part of a pool of aluminium for `learning_curve.py`.

    mlip-rs generate Al -n 400 -o generated.extxyz
    python benches/learning_pool.py -o dynamics.extxyz
    mlip-rs label generated.extxyz dynamics.extxyz -c 7net-0 -o al_pool.extxyz

Driven by EMT of ASE (about a minute), labelled by a universal potential (about ten minutes on one core), so that
neither has the form of the potentials that learn.
"""

import argparse
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms, units
from ase.build import bulk, fcc100
from ase.calculators.emt import EMT
from ase.md.langevin import Langevin

from mlip_rs.validate.molecular_dynamics import with_velocities

A0: float = 4.04
"""Å."""

TIME_STEP: float = 3.0
"""fs."""

SNAPSHOTS, BETWEEN, MELTING_STEPS = 60, 10, 200
"""Of a run; steps between two; steps at 3000 K that melt a crystal."""


def runs() -> dict[str, tuple[Atoms, float, bool]]:
    """Cells of about 16 atoms, temperatures (K), and whether the cell is melted first."""
    fcc = bulk("Al", a=A0, cubic=True).repeat((2, 2, 1))
    vacancy = fcc.copy()
    del vacancy[3]
    hcp = bulk("Al", "hcp", a=A0 / np.sqrt(2.0), c=1.65 * A0 / np.sqrt(2.0)).repeat((2, 2, 2))
    bcc = bulk("Al", "bcc", a=3.24, cubic=True).repeat((2, 2, 2))
    slab = fcc100("Al", (2, 2, 4), a=A0, vacuum=5.0, periodic=True)
    return {
        "fcc_300K": (fcc, 300.0, False),
        "fcc_600K": (fcc, 600.0, False),
        "fcc_900K": (fcc, 900.0, False),
        "fcc_900K_expanded": (_expanded(fcc, 1.06), 900.0, False),
        "vacancy_900K": (vacancy, 900.0, False),
        "hcp_600K": (hcp, 600.0, False),
        "bcc_600K": (bcc, 600.0, False),
        "slab_600K": (slab, 600.0, False),
        "liquid_1200K": (_expanded(fcc, 1.1), 1200.0, True),
        "liquid_2000K": (_expanded(fcc, 1.15), 2000.0, True),
    }


def _expanded(atoms: Atoms, ratio: float) -> Atoms:
    larger = atoms.copy()
    larger.set_cell(atoms.cell * ratio ** (1.0 / 3.0), scale_atoms=True)
    return larger


def snapshots(name: str, atoms: Atoms, calculator: EMT, temperature: float, melted: bool) -> list[Atoms]:
    """Structures of one run at constant volume."""
    rng = np.random.default_rng(len(name))
    found = []
    for kelvin, steps in ((3000.0, MELTING_STEPS * melted), (temperature, SNAPSHOTS * BETWEEN)):
        atoms = with_velocities(calculator, atoms, kelvin, int(rng.integers(2**31)))
        dynamics = Langevin(
            atoms, TIME_STEP * units.fs, temperature_K=kelvin, friction=0.02 / units.fs, fixcm=False, rng=rng
        )
        for _ in range(steps // BETWEEN):
            dynamics.run(BETWEEN)
            here = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
            here.info["config_type"] = name
            found.append(here)
    return found[-SNAPSHOTS:]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    frames: list[Atoms] = []
    calculator = EMT()
    for name, (atoms, temperature, melted) in runs().items():
        frames += snapshots(name, atoms, calculator, temperature, melted)
        print(name, len(frames), flush=True)
    ase.io.write(arguments.output, frames)


if __name__ == "__main__":
    main()
