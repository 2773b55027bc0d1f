"""A melt is one only if atoms diffuse and the order of the crystal is gone; all else did not melt."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from mlip_rs.generate.prototypes import binary_prototype
from mlip_rs.report.html import page
from mlip_rs.report.validation import validation_report
from mlip_rs.validate.figures.melt_quench import melt_and_quench
from mlip_rs.validate.judgement import property_result
from mlip_rs.validate.melting import MOBILE, ORDER, MeltingWatch
from mlip_rs.validate.molecular_dynamics import melting_estimate
from mlip_rs.validate.properties.melt_quench import PROPERTY, melt_quench
from mlip_rs.validate.property import Computation
from mlip_rs.validate.result import Validation

CRYSTALS = {
    "fcc": bulk("Al", cubic=True).repeat(2),
    "bcc": bulk("Mo", cubic=True).repeat(3),
    "diamond": bulk("Si", cubic=True).repeat(2),
    "hcp": bulk("Mg").repeat((4, 4, 2)),
    "B2": binary_prototype("B2", "Al", "Ni", 12.0).repeat(3),
}


@pytest.fixture(scope="module")
def solid():
    """A crystal at a third of its melting temperature, however often it is heated by half."""
    cell = bulk("Al", a=3.99, cubic=True).repeat(2)
    return melt_quench(EMT(), cell, 200.0, steps=200, attempts=2, final_temperature=50.0)


@pytest.fixture(scope="module")
def liquid():
    cell = bulk("Al", a=3.99, cubic=True).repeat(2)
    return melt_quench(EMT(), cell, 4000.0, steps=300)


def test_a_melt_diffuses_and_has_no_order(liquid):
    assert liquid.melted
    assert min(liquid.orders) < 0.1
    assert liquid.diffusion > 0.3
    assert len(liquid.quenched) == len(liquid.distances)
    result = property_result(PROPERTY, Computation(liquid))
    assert (result.status, result.passed) == ("pass", True)


def test_a_crystal_that_stays_one_did_not_melt(solid):
    assert not solid.melted
    assert solid.quenched == ()
    assert min(solid.orders) > 2 * ORDER
    assert solid.melt_temperature == pytest.approx(1.4 * 200.0)
    result = property_result(PROPERTY, Computation(solid))
    assert (result.status, result.passed) == ("did not melt", False)
    validation = Validation("p", "", "fcc Al", "", True, (result,))
    assert not validation.passed
    (row,) = validation.table()[1]
    assert row[1] == "did not melt"
    assert "higher temperatures" in row[-1]
    assert result.to_dict()["verdict"] == "did not melt"
    assert "1 did not melt" in page(validation_report(validation))
    assert len(melt_and_quench({"a": solid}).axes) == 4


def test_a_crystal_that_does_not_melt_at_first_is_heated_more():
    cell = bulk("Al", a=3.99, cubic=True).repeat(2)
    found = melt_quench(EMT(), cell, 700.0, steps=200, attempts=6)
    assert found.melted
    assert found.melt_temperature > 700.0
    assert len(found.times) > 2 * 10  # more than one melt and the quench


@pytest.mark.parametrize("name", list(CRYSTALS))
def test_order_of_every_crystal_survives_thermal_motion_and_not_disorder(name):
    atoms = CRYSTALS[name].copy()
    watch = MeltingWatch(atoms)
    assert watch.order() == pytest.approx(1.0)
    rng = np.random.default_rng(4)
    ideal = atoms.positions.copy()
    # At Lindemann's limit: 0.15 of the nearest distance, rms over three directions; and all of it adrift.
    atoms.positions = (
        ideal + 0.15 * watch.nearest / np.sqrt(3) * rng.normal(size=ideal.shape) + [1.0, 2.0, 0.5]
    )
    assert watch.order() > ORDER
    assert watch.mean_square_displacement(ideal) < (MOBILE * watch.nearest) ** 2
    atoms.positions = rng.uniform(size=ideal.shape) @ atoms.cell.array
    assert watch.order() < 0.5 * ORDER


def test_a_lattice_that_shifts_as_a_whole_neither_diffuses_nor_loses_order():
    atoms = CRYSTALS["fcc"].copy()
    watch, start = MeltingWatch(atoms), atoms.positions.copy()
    atoms.positions += [5.0, -3.0, 1.0]
    assert watch.mean_square_displacement(start) == pytest.approx(0.0, abs=1e-20)
    assert watch.order() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("symbol", "a", "melting"), [("Cu", 3.59, 1358), ("Al", 3.99, 933), ("Au", 4.06, 1337)]
)
def test_melting_temperatures_are_estimated_within_a_third(symbol, a, melting):
    found = melting_estimate(EMT(), bulk(symbol, a=a, cubic=True).repeat(3))
    assert found == pytest.approx(melting, rel=1 / 3)


def test_a_crystal_that_pushes_atoms_off_their_sites_is_refused():
    from mlip_rs.errors import PropertyError

    class Pushing(SinglePointCalculator):
        def __init__(self):
            super().__init__(bulk("Al"))

        def get_property(self, name, atoms=None, allow_calculation=True):
            return atoms.positions - CRYSTALS["fcc"].positions

    with pytest.raises(PropertyError, match="not pushed back"):
        melting_estimate(Pushing(), CRYSTALS["fcc"])
