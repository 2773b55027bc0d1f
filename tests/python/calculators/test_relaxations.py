"""Relaxations that begin where those of a similar calculator ended."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from mlip_rs.calculators.calculations import potential_energy, relaxed
from mlip_rs.calculators.relaxations import Relaxations, RelaxingCalculator
from mlip_rs.errors import PropertyError

ENERGY_TOLERANCE = 1e-4
"""eV, of two relaxations to the same forces from different starts."""


class Counting(EMT):
    """Counts evaluations."""

    count = 0

    def calculate(self, *args, **kwargs):
        self.count += 1
        super().calculate(*args, **kwargs)


def defective(a):
    """A crystal without an atom, and its neighbour beside its site."""
    atoms = bulk("Cu", a=a, cubic=True).repeat(2)[1:]
    atoms.positions[0] += (0.0, 0.15, 0.1)
    return atoms


@pytest.fixture
def known():
    calculator = RelaxingCalculator(EMT())
    relaxed(calculator, defective(3.59))
    return calculator.relaxations


def test_the_same_relaxation_is_shorter_and_ends_in_the_same_place(known):
    plain, near = Counting(), Counting()
    start = defective(3.61)
    end = relaxed(plain, start)
    calculator = RelaxingCalculator(near, known)
    found = relaxed(calculator, start)
    assert near.count < 0.6 * plain.count
    assert potential_energy(EMT(), found) == pytest.approx(potential_energy(EMT(), end), abs=ENERGY_TOLERANCE)
    np.testing.assert_array_equal(found.cell[:], start.cell[:])
    assert calculator.relaxations is None
    assert len(known.pairs) == 1


@pytest.mark.parametrize("change", ["strain", "shift", "number", "element", "period", "no cell"])
def test_another_structure_begins_where_it_is(known, change):
    start = defective(3.9 if change == "strain" else 3.6)
    if change == "shift":
        start.positions[5] += 0.1
    if change == "number":
        del start[4]
    if change == "element":
        start.symbols[3] = "Ag"
    if change == "period":
        start.pbc = (True, True, False)
    if change == "no cell":
        start.cell = None
    assert known.begin(start) is start


def test_a_common_shift_of_all_atoms_is_the_same_structure(known):
    start = defective(3.6)
    start.positions += 0.3
    moved = known.begin(start)
    assert moved is not start
    first, last = known.pairs[0]
    expected = (last.positions - first.positions) * 3.6 / 3.59
    np.testing.assert_allclose(moved.positions - start.positions, expected, atol=1e-9)


def test_the_strain_of_the_cell_is_taken_over():
    known = Relaxations()
    first = bulk("Cu", a=3.6, cubic=True)
    last = first.copy()
    last.set_cell(first.cell[:] @ np.diag([1.0, 1.0, 1.2]), scale_atoms=True)
    known.add(first, last)
    moved = known.begin(bulk("Cu", a=3.7, cubic=True))
    np.testing.assert_allclose(moved.cell.lengths(), [3.7, 3.7, 1.2 * 3.7])
    np.testing.assert_allclose(moved.get_scaled_positions(), first.get_scaled_positions(), atol=1e-12)


def test_a_relaxation_that_fails_from_there_is_tried_from_its_own_start(known):
    first, last = known.pairs[0]
    broken = Relaxations([(first, last)])
    last.positions[0] = last.positions[1] + 0.01  # two atoms on one spot
    found = relaxed(RelaxingCalculator(EMT(), broken), defective(3.6), max_steps=30)
    assert potential_energy(EMT(), found) == pytest.approx(
        potential_energy(EMT(), relaxed(EMT(), defective(3.6))), abs=ENERGY_TOLERANCE
    )
    with pytest.raises(PropertyError, match="did not converge in 1 steps"):
        relaxed(RelaxingCalculator(EMT(), broken), defective(3.6), max_steps=1)
