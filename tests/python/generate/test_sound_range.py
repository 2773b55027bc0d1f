"""Labels are asked for only where the crystals of a teacher stiffen under compression."""

from typing import Any, ClassVar

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from mlip_rs.generate import sound_range
from mlip_rs.generate.sound_range import SoundRange
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA

V0 = 12.0
MODULUS = 0.8
"""eV/Å³"""


class Softening(Calculator):
    """A modulus that grows under compression down to a volume, below which the crystal caves in."""

    implemented_properties: ClassVar[list[str]] = ["energy"]

    def __init__(self, edge: float) -> None:
        super().__init__()
        self.edge = edge

    def calculate(self, atoms: Atoms, properties: Any = (), changes: Any = ()) -> None:
        super().calculate(atoms, properties, changes)
        x = atoms.get_volume() / len(atoms) / V0
        energy = MODULUS * V0 * (max(x, self.edge) - 1.0 - np.log(max(x, self.edge)))
        slope = MODULUS * V0 * (1.0 - 1.0 / self.edge)
        self.results = {"energy": len(atoms) * (energy + slope * min(x - self.edge, 0.0))}


def crystal() -> Atoms:
    return bulk("Cu", "fcc", a=(4.0 * V0) ** (1.0 / 3.0))


@pytest.mark.parametrize("edge", [0.9, 0.8, 0.7])
def test_the_range_ends_where_the_pressure_stops_to_grow(edge: float) -> None:
    found = SoundRange.of([crystal()], Softening(edge))
    assert found.pressure == pytest.approx(MODULUS * (1.0 / edge - 1.0), rel=0.15)
    assert f"{found.pressure * EV_PER_ANGSTROM3_IN_GPA:.0f} GPa" in found.sentence()


def test_where_a_crystal_stiffens_everywhere_only_closer_atoms_are_left_out() -> None:
    found = SoundRange.of([crystal()], Softening(0.1))
    assert found.pressure is None
    assert found.force is None
    dense = crystal()
    dense.calc = SinglePointCalculator(
        dense, energy=0.0, forces=np.full((1, 3), 500.0), stress=np.full(6, -50.0)
    )
    assert found.holds(dense)
    assert f"closer or denser than there (Cu {found.diameters['Cu']:.2f} Å, " in found.sentence()


def test_the_weakest_crystal_decides() -> None:
    alone = SoundRange.of([crystal()], Softening(0.8))
    assert SoundRange.of([bulk("Ni"), crystal()], EMT()).pressure is None
    assert alone == SoundRange(**alone.to_dict())


def test_a_calculator_that_fails_ends_the_range() -> None:
    class Failing(Softening):
        def calculate(self, atoms: Atoms, properties: Any = (), changes: Any = ()) -> None:
            if atoms.get_volume() < 0.75 * V0:
                raise RuntimeError("too dense")
            super().calculate(atoms, properties, changes)

    assert SoundRange.of([crystal()], Failing(0.1)).pressure == pytest.approx(0.3 * MODULUS, rel=0.2)


@pytest.mark.parametrize(
    ("pressure", "force", "held"), [(0.1, 1.0, True), (0.3, 1.0, False), (0.1, 9.0, False), (-5.0, 1.0, True)]
)
def test_pressures_and_forces_beyond_it_are_left_out(pressure: float, force: float, held: bool) -> None:
    atoms = crystal()
    stress = np.array([-pressure] * 3 + [0.0] * 3)
    atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=np.array([[force, 0.0, 0.0]]), stress=stress)
    assert SoundRange(0.2, 5.0).holds(atoms) is held


def test_atoms_closer_than_in_the_most_compressed_sound_crystal_are_left_out() -> None:
    found = SoundRange.of([crystal()], Softening(0.7))
    nearest = crystal().cell.cellpar()[0]
    assert found.diameters["Cu"] == pytest.approx(0.8 * 0.7 ** (1.0 / 3.0) * nearest, rel=0.02)
    assert f"Cu {found.diameters['Cu']:.2f} Å, {found.volumes['Cu']:.1f} Å³ per atom" in found.sentence()
    for factor, kept in ((1.01, True), (0.99, False)):
        pair = Atoms("Cu2", positions=[[0.0, 0.0, 0.0], [factor * found.diameters["Cu"], 0.0, 0.0]])
        pair.calc = SinglePointCalculator(pair, energy=0.0, forces=np.zeros((2, 3)))
        assert found.holds(pair) == kept


def test_a_crystal_that_has_caved_in_is_left_out_though_its_pressure_is_low() -> None:
    found = SoundRange.of([crystal()], Softening(0.7))
    for ratio, kept in ((0.6, False), (0.75, True)):
        atoms = crystal()
        atoms.set_cell(atoms.cell * ratio ** (1.0 / 3.0), scale_atoms=True)
        atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=np.zeros((1, 3)), stress=np.full(6, 0.1))
        assert found.holds(atoms) == kept


def test_a_bump_near_equilibrium_does_not_end_the_range(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bumpy(Softening):
        def calculate(self, atoms: Atoms, properties: Any = (), changes: Any = ()) -> None:
            super().calculate(atoms, properties, changes)
            x = atoms.get_volume() / len(atoms) / V0
            self.results["energy"] += len(atoms) * 0.01 * np.exp(-(((x - 0.96) / 0.05) ** 2))

    assert SoundRange.of([crystal()], Bumpy(0.1)).pressure is None
    monkeypatch.setattr(sound_range, "BUMPS", 0.0)
    assert SoundRange.of([crystal()], Bumpy(0.1)).pressure is not None
