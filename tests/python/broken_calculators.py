"""Calculators each of which is wrong in one way, around one that is right."""

import mmap

import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.morse import MorsePotential
from ase.neighborlist import neighbor_list
from potentials import ARGON_CUTOFF, ARGON_EPSILON, ARGON_SIGMA, argon_potential

from mlip_rs.calculators import MLIPCalculator

ARGON = argon_potential()


class Good(Calculator):
    """Lennard-Jones argon; those below spoil what goes in or comes out."""

    implemented_properties = ("energy", "forces", "stress")

    def __init__(self):
        super().__init__()
        self.inner = MLIPCalculator(ARGON, threads=1)

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        changed = self.changed(atoms.copy())
        self.inner.calculate(changed)
        self.results = {
            key: self.inner.results[key] for key in self.implemented_properties if key in self.inner.results
        }
        if len(atoms):
            self.spoil(atoms, self.results)

    def changed(self, atoms):
        return atoms

    def spoil(self, atoms, results):
        pass


class WrongSignOfAForce(Good):
    def spoil(self, atoms, results):
        results["forces"][-1, 1] *= -1.0


class ScaledForces(Good):
    def spoil(self, atoms, results):
        results["forces"] *= 1.0001


class NoVirial(Good):
    implemented_properties = ("energy", "forces")


class ZeroVirial(Good):
    def spoil(self, atoms, results):
        if "stress" in results:
            results["stress"][:] = 0.0


class PressureForStress(Good):
    def spoil(self, atoms, results):
        if "stress" in results:
            results["stress"] *= -1.0


class OrderOfLammps(Good):
    def spoil(self, atoms, results):
        if "stress" in results:
            results["stress"] = results["stress"][[0, 1, 2, 5, 4, 3]]


class PinnedToTheOrigin(Good):
    """A weak field along x, with its force."""

    def spoil(self, atoms, results):
        results["energy"] += 1e-4 * atoms.positions[:, 0].sum()
        results["forces"][:, 0] -= 1e-4


class SeesDirections(Good):
    """Forces and stress are larger along z; zero forces stay zero, and sums as well."""

    def spoil(self, atoms, results):
        results["forces"][:, 2] *= 1.001


class FirstAtomIsSpecial(Good):
    def spoil(self, atoms, results):
        results["energy"] += 1e-3 * np.linalg.norm(results["forces"][0])


class DoesNotWrap(Good):
    """An atom that has left its cell is not put back."""

    def spoil(self, atoms, results):
        if atoms.pbc.any():
            scaled = atoms.cell.scaled_positions(atoms.positions)[:, atoms.pbc]
            results["energy"] += 1e-3 * np.count_nonzero(np.abs(scaled - 0.5) > 1.0)


class NotExtensive(Good):
    def spoil(self, atoms, results):
        results["energy"] *= 1.0 + 1e-4 / len(atoms)


class OnlyNearestImages(Good):
    """The minimum image convention, in cells that are too small for it."""

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        Calculator.calculate(self, atoms, properties, system_changes)
        first, second, distances, vectors = neighbor_list("ijdD", atoms, ARGON_CUTOFF)
        order = np.argsort(distances, kind="stable")
        pairs = np.stack([first, second], axis=1)[order]
        _, nearest = np.unique(pairs, axis=0, return_index=True)
        chosen = order[nearest]
        scaled = (ARGON_SIGMA / distances[chosen]) ** 6
        energy = 2.0 * ARGON_EPSILON * float(np.sum(scaled**2 - scaled))
        slopes = 4.0 * ARGON_EPSILON * (6.0 * scaled - 12.0 * scaled**2) / distances[chosen]
        forces = np.zeros((len(atoms), 3))
        np.add.at(forces, first[chosen], (slopes / distances[chosen])[:, None] * vectors[chosen])
        self.results = {"energy": energy, "forces": forces, "stress": np.zeros(6)}


class EverythingIsPeriodic(Good):
    def changed(self, atoms):
        if atoms.cell.rank == 3:
            atoms.pbc = True
        return atoms


class TakesEverythingForArgon(Good):
    def changed(self, atoms):
        atoms.numbers[:] = 18
        return atoms


class DoesNotKnowArgon(Good):
    def changed(self, atoms):
        if len(atoms) == 2:
            atoms.numbers[:] = 10
        return atoms


class FreeAtomsAreForgotten(Good):
    def spoil(self, atoms, results):
        if len(atoms) == 1 and not atoms.pbc.any():
            results["energy"] = 0.0


class NothingIsNotANumber(Good):
    def changed(self, atoms):
        atoms.positions[:] = np.nan_to_num(atoms.positions, posinf=0.0)
        return atoms


class EmptinessHasEnergy(Good):
    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if not len(atoms):
            self.results["energy"] = 1.0


class Noisy(Good):
    rng = np.random.default_rng(0)

    def spoil(self, atoms, results):
        results["energy"] += 1e-12 * self.rng.normal()


class Remembers(Good):
    """Every call adds to the next energy."""

    calls = 0

    def spoil(self, atoms, results):
        self.calls += 1
        results["energy"] += 1e-4 * self.calls


class Leaks(Good):
    """Keeps the forces of every call."""

    def __init__(self):
        super().__init__()
        self.kept = []

    def spoil(self, atoms, results):
        self.kept.append(results["forces"].copy())


class LeaksWithoutPython(Good):
    """Keeps pages of the system that Python does not count."""

    def __init__(self):
        super().__init__()
        self.kept = []

    def spoil(self, atoms, results):
        page = mmap.mmap(-1, mmap.PAGESIZE)
        page[:1] = b"x"
        self.kept.append(page)


class SharesItsScratch(Good):
    """All calculators compute in the same memory."""

    scratch = ()

    def changed(self, atoms):
        SharesItsScratch.scratch = atoms
        for _ in range(100):
            SharesItsScratch.scratch.wrap()
        return SharesItsScratch.scratch


class StepOfTheEnergy(Good):
    """Pairs closer than 4 Å have a little more energy, which no force tells of."""

    def spoil(self, atoms, results):
        results["energy"] += 2e-5 * len(neighbor_list("i", atoms, 4.0))


class NotANumber(Good):
    def spoil(self, atoms, results):
        results["forces"][0, 0] = np.nan


class SmoothMorse(MorsePotential):
    """ASE's Morse potential with its C² cutoff function, for argon only."""

    cutoff = 7.0

    def __init__(self):
        r0 = 3.8
        super().__init__(epsilon=0.05, r0=r0, rho0=5.0, rcut1=5.5 / r0, rcut2=self.cutoff / r0)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        others = set(atoms.symbols) - {"Ar"}
        if others:
            raise NotImplementedError(f"no parameters for {', '.join(sorted(others))}")
        super().calculate(atoms, properties, system_changes)
