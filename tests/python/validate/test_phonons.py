"""Phonons against the analytic nearest-neighbour fcc crystal, frozen phonons, and thermodynamic identities."""

import contextlib
import io

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.data import atomic_masses, atomic_numbers

from mlip_rs.errors import ConfigError, DataError, PropertyError
from mlip_rs.generate import prototype
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA
from mlip_rs.validate import load_phonons, phonon_error, phonons, quasi_harmonic, zone_boundary_phonons
from mlip_rs.validate.figures.phonons import phonon_bands
from mlip_rs.validate.figures.quasi_harmonic import quasi_harmonic_curves
from mlip_rs.validate.properties.phonons import force_constants
from mlip_rs.validate.properties.zone_boundary import THZ_PER_SQRT_EV_PER_ANGSTROM2_AMU

EDGE = 3.59


@pytest.fixture(scope="module")
def copper():
    return phonons(EMT(), bulk("Cu", "fcc", a=EDGE), smallest_supercell=8.0)


def at(found, label):
    """Frequencies at a labelled point of the path."""
    segment = next(s for s in found.bands if label in (s.start, s.end))
    return np.array(segment.frequencies[0 if segment.start == label else -1])


def test_nearest_neighbour_crystal_has_the_frequencies_of_ashcroft_and_mermin():
    # Ashcroft and Mermin, problem 22.5, fcc along [100]: ω_L² = 8K/M sin²(ka/4), ω_T² = 4K/M sin²(ka/4)
    sigma = 2.5
    r0 = 2 ** (1 / 6) * sigma
    spring = 72 / (2 ** (1 / 3) * sigma**2)
    calculator = LennardJones(sigma=sigma, epsilon=1.0, rc=1.3 * sigma, smooth=False)
    found = phonons(calculator, bulk("Ar", "fcc", a=2**0.5 * r0), displacement=1e-3, smallest_supercell=8.0)
    unit = (spring / atomic_masses[atomic_numbers["Ar"]]) ** 0.5 * THZ_PER_SQRT_EV_PER_ANGSTROM2_AMU
    assert at(found, "X") == pytest.approx([2 * unit, 2 * unit, 8**0.5 * unit], rel=2e-3)
    assert at(found, "Γ") == pytest.approx([0, 0, 0], abs=1e-2)
    assert found.is_stable


def test_bands_agree_with_frozen_phonons(copper):
    frozen = zone_boundary_phonons(EMT(), "Cu", EDGE, displacement=0.01)
    assert at(copper, "X") == pytest.approx([frozen.x_trans, frozen.x_trans, frozen.x_long], abs=0.02)
    assert at(copper, "L") == pytest.approx([frozen.l_trans, frozen.l_trans, frozen.l_long], abs=0.02)


def test_a_conventional_cell_has_the_frequencies_of_the_primitive_one_without_a_warning_of_phonopy(copper):
    found = phonons(EMT(), bulk("Cu", a=EDGE, cubic=True), smallest_supercell=8.0)
    assert at(found, "X") == pytest.approx(at(copper, "X"), rel=0.02)


def test_density_of_states_holds_all_modes_and_heat_capacity_reaches_dulong_and_petit(copper):
    assert np.trapezoid(copper.dos, copper.dos_frequencies) == pytest.approx(3.0, rel=0.02)
    assert copper.heat_capacity[-1] == pytest.approx(3.0, rel=0.01)
    assert copper.heat_capacity[0] == 0.0
    # zero-point energy: half of h ν summed over the three branches
    mean = np.average(np.mean(copper.frequencies, axis=1), weights=copper.weights)
    assert copper.free_energy[0] == pytest.approx(1.5 * 4.135667e-3 * mean, rel=1e-3)


def test_unstable_bcc_copper_shows_imaginary_modes_and_no_thermal_properties():
    found = phonons(EMT(), prototype("bcc", "Cu", 11.6), smallest_supercell=8.0)
    assert not found.is_stable
    assert found.lowest < -0.5
    assert 0 < found.imaginary_fraction < 0.5
    assert found.free_energy is None
    with pytest.raises(PropertyError, match="imaginary"):
        quasi_harmonic(EMT(), prototype("bcc", "Cu", 11.6), smallest_supercell=8.0)


def test_error_is_zero_against_itself_and_scales_with_the_springs(copper):
    assert phonon_error(copper, copper).largest == 0.0
    stretched = phonons(EMT(), bulk("Cu", "fcc", a=1.01 * EDGE), smallest_supercell=8.0)
    error = phonon_error(stretched, copper)
    assert 0 < error.mean_absolute <= error.root_mean_square <= error.largest
    with pytest.raises(ConfigError, match="same mesh"):
        phonon_error(copper, phonons(EMT(), bulk("Cu", "fcc", a=EDGE), mesh=4, smallest_supercell=8.0))


def test_force_constants_of_a_phonopy_file_are_a_reference(copper, tmp_path):
    harmonic = force_constants(EMT(), bulk("Cu", "fcc", a=EDGE), 8.0)
    path = tmp_path / "phonopy_params.yaml"
    with contextlib.redirect_stdout(io.StringIO()):
        harmonic.save(path, settings={"force_constants": True})
    assert phonon_error(copper, load_phonons(path)).largest < 1e-3
    (tmp_path / "broken.yaml").write_text("nothing here")
    with pytest.raises(DataError, match=r"broken\.yaml"):
        load_phonons(tmp_path / "broken.yaml")


def test_quasi_harmonic_expansion_obeys_maxwell(copper):
    # β = (∂S/∂V)_T / B_T, a Maxwell relation, with the entropies of two harmonic crystals
    found = quasi_harmonic(
        EMT(), bulk("Cu", "fcc", a=EDGE), temperatures=range(0, 351, 25), smallest_supercell=8.0
    )
    low, high = (
        phonons(
            EMT(),
            bulk("Cu", "fcc", a=(4 * v) ** (1 / 3)),
            mesh=20,
            smallest_supercell=8.0,
            temperatures=(300.0,),
        )
        for v in (found.volume(300) * 0.99, found.volume(300) * 1.01)
    )
    slope = 8.617333e-5 * (high.entropy[0] - low.entropy[0]) / (0.02 * found.volume(300))
    modulus = np.interp(300, found.temperatures, found.bulk_moduli) / EV_PER_ANGSTROM3_IN_GPA
    assert 3 * found.linear_expansion(300) == pytest.approx(slope / modulus, rel=0.05)
    assert np.all(np.diff(found.gibbs_energies) < 0)
    assert found.heat_capacities[-1] > 2.5
    assert len(quasi_harmonic_curves(found, found).axes) == 3


def test_bands_are_drawn_with_the_labels_of_the_path(copper):
    figure = phonon_bands(copper, copper)
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["Γ", "X", "U|K", "Γ", "L", "W", "X"]
