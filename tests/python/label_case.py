"""Calculators that fail in every way, for tests of labelling; a file with factories, as users write them."""

import os
import signal
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
from ase.build import bulk
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT

FILE = Path(__file__)
"""Name this with `:factory`."""


def cells(n, fault=None, seconds=0.0):
    """Different cells of aluminium, with fault 1 in the first, fault 2 in the second, …, that take some time."""
    structures = [bulk("Al", a=3.9 + 0.01 * k, cubic=True) for k in range(n)]
    for atoms in structures:
        atoms.info["seconds"] = seconds
    for k, name in enumerate(fault or ()):
        if name:
            structures[k].info["fault"] = name
    return structures


def read(path):
    return ase.io.read(path, ":")


def energies_are_right(frames):
    """Energies, forces and stresses of a file are those of EMT."""
    for atoms in frames:
        copy = atoms.copy()
        copy.calc = EMT()
        assert abs(atoms.get_potential_energy() - copy.get_potential_energy()) < 1e-6  # of eight decimals
        np.testing.assert_allclose(atoms.get_forces(), copy.get_forces(), atol=1e-6)
        np.testing.assert_allclose(atoms.get_stress(), copy.get_stress(), atol=1e-7)


class Spoilt(EMT):
    """EMT that does what `atoms.info["fault"]` says, and keeps a diary of its calculations."""

    def __init__(self, diary=None, grade=0):
        super().__init__()
        self.diary, self.grade, self.converged = diary, grade, True

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        time.sleep(atoms.info.get("seconds", 0.0))
        if self.diary:
            with Path(self.diary).open("a") as file:
                file.write(f"{os.getpid()} {atoms.get_volume():.6f}\n")
        fault = atoms.info.get("fault")
        if fault:
            getattr(self, fault)(atoms)

    def exits(self, atoms):
        sys.stderr.write("license server is gone\n")
        os._exit(3)

    def is_killed(self, atoms):
        os.kill(os.getpid(), signal.SIGSEGV)

    def hangs(self, atoms):
        time.sleep(1000.0)

    def eats_memory(self, atoms):
        self.eaten = np.ones(60_000_000)
        time.sleep(1000.0)

    def has_no_memory(self, atoms):
        raise MemoryError("of the calculator")

    def is_nan(self, atoms):
        self.results["forces"][0, 1] = np.nan

    def has_no_forces(self, atoms):
        del self.results["forces"]

    def has_half_the_forces(self, atoms):
        self.results["forces"] = self.results["forces"][:2]

    def is_huge(self, atoms):
        self.results["forces"][3, 2] = 1e4

    def moves(self, atoms):
        atoms.positions[0, 0] += 0.1

    def diverges(self, atoms):
        raise RuntimeError("SCF did not converge in 60 iterations")

    def says_that_it_has_not_converged(self, atoms):
        self.converged = False

    def writes_in_colour(self, atoms):
        raise RuntimeError("\x1b[31mStörung\x00 in line\n\n 5")

    def is_left_open(self, atoms):
        Path("scratch.out").write_text("step 1")
        raise RuntimeError("step 2 failed")


class Smeared(EMT):
    """Free energies below the energies."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results["free_energy"] = self.results["energy"]
        self.results["energy"] += 0.5


class WithoutStress(EMT):
    implemented_properties = ("energy", "forces")

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results.pop("stress", None)


class HartreePerBohr(EMT):
    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results["forces"] /= 51.42


class Minded(EMT):
    """Made for one structure, whose element it tells."""

    def __init__(self, atoms, **parameters):
        super().__init__(**parameters)
        assert set(atoms.symbols) == {"Al"}


def for_each(atoms):
    return Minded(atoms)


def forgets_to_return():
    EMT()


def returns_a_class():
    return EMT


def broken():
    raise ValueError("no pseudopotential for Al")


def wants_more(first, second):
    return EMT()
