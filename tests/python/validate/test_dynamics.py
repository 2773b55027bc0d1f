"""Molecular dynamics: energy kept, runs that explode or collapse found out, coordination numbers counted."""

import numpy as np
import pytest
from ase.calculators.emt import EMT

from mlip_rs.errors import ConfigError, PropertyError
from mlip_rs.validate import cubic_fcc_supercell
from mlip_rs.validate.figures.energy_conservation import total_energy
from mlip_rs.validate.figures.melt_quench import melt_and_quench
from mlip_rs.validate.properties.energy_conservation import energy_conservation
from mlip_rs.validate.properties.melt_quench import melt_quench, radial_distribution

VOLUME = 3.61**3 / 4


class NotConservative(EMT):
    """Forces that are not those of the energy: work comes from nowhere."""

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["forces"] = self.results["forces"] + 0.5 * np.sin(10 * self.atoms.positions)


class WrongSign(EMT):
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["forces"] = -self.results["forces"]


@pytest.fixture(scope="module")
def crystal():
    return cubic_fcc_supercell("Cu", VOLUME)


def test_verlet_keeps_the_energy_of_a_potential_and_not_of_wrong_forces(crystal):
    good = energy_conservation(EMT(), crystal, temperature=300.0, steps=200)
    assert abs(good.drift) < 1.0
    assert good.fluctuation < 1.0
    bad = energy_conservation(NotConservative(), crystal, temperature=300.0, steps=200)
    assert bad.fluctuation > 5 * good.fluctuation
    assert len(total_energy(good, bad).axes) == 1


def test_smaller_steps_fluctuate_by_the_square_of_their_length(crystal):
    coarse = energy_conservation(EMT(), crystal, temperature=300.0, timestep=4.0, steps=150)
    fine = energy_conservation(EMT(), crystal, temperature=300.0, timestep=2.0, steps=300)
    assert coarse.fluctuation / fine.fluctuation == pytest.approx(4.0, rel=0.3)


def test_a_run_that_explodes_or_collapses_is_a_failed_property(crystal):
    with pytest.raises(PropertyError, match=r"exploded|collapse"):
        energy_conservation(WrongSign(), crystal, temperature=300.0, steps=2000)
    with pytest.raises(ConfigError, match="at least 100"):
        energy_conservation(EMT(), crystal, steps=10)
    with pytest.raises(ConfigError, match="from hot to cold"):
        melt_quench(EMT(), crystal, 200.0)


def test_melt_is_disordered_and_hot(crystal):
    found = melt_quench(EMT(), crystal, 4000.0, steps=400)
    late = found.temperatures[len(found.temperatures) // 4 : len(found.temperatures) // 2]
    assert np.mean(late) == pytest.approx(4000, rel=0.25)
    assert found.temperatures[-1] < 1000
    assert found.closest < 2.3
    assert found.energies[10] > 0.2
    assert max(found.melt) < max(radial_distribution(crystal)[0])
    assert len(melt_and_quench(found, found).axes) == 4


def test_radial_distribution_holds_the_coordination_number():
    atoms = cubic_fcc_supercell("Cu", VOLUME, 3)
    value, distances = radial_distribution(atoms, bins=200)
    width = distances[1] - distances[0]
    first = distances < 3.0
    shells = 4 * np.pi * distances**2 * width * value / VOLUME
    assert shells[first].sum() == pytest.approx(12, rel=0.02)
