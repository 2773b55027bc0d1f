"""Names of labels, weights and charges as people have them."""

import numpy as np
import pytest
from ase.build import bulk

from mlip_rs.data import LabelKeys, dataset_from_atoms
from mlip_rs.data.label_names import label_name
from mlip_rs.errors import ConfigError, DataError, StructureError
from mlip_rs.fitting import Weights

STRESS = np.array([[0.03, 0.001, 0.002], [0.001, 0.02, 0.003], [0.002, 0.003, 0.01]])
VOIGT = [0.03, 0.02, 0.01, 0.003, 0.002, 0.001]


def crystal(forces="forces", **info):
    atoms = bulk("Al", cubic=True)
    atoms.info.update(info)
    if forces:
        atoms.arrays[forces] = np.full((4, 3), 0.25)
    return atoms


@pytest.mark.parametrize(
    ("key", "label"),
    [
        *((key, "energy") for key in ("Energy", "ENERGY", "TotEnergy", "total_energy", "Etot", "REF_energy")),
        *((key, "energy") for key in ("dft_energy", "DFTenergy", "energy_ref", "reference_energy", "E_tot")),
        *((key, "free energy") for key in ("free_energy", "Free_Energy", "REF_free_energy", "TOTEN")),
        *((key, "energy per atom") for key in ("energy_per_atom", "E_per_atom")),
        *((key, "forces") for key in ("Forces", "force", "dft_force", "REF_forces", "forces_dft")),
        *((key, "stress") for key in ("Stress", "stresses", "ref_stress")),
        *((key, "virial") for key in ("Virial", "virials", "VIRIAL", "dft_virial")),
    ],
)
def test_spellings_that_are_taken(key, label):
    name = label_name(key)
    assert name is not None
    assert (name.label, name.is_taken) == (label, True)


@pytest.mark.parametrize(
    "key",
    [
        "kinetic_energy",
        "energy_weight",
        "energy_sigma",
        "force_mask",
        "formation_energy",
        "max_force",
        "energies",
        "name",
        "fmax",
    ],
)
def test_names_of_other_things_are_no_labels(key):
    assert label_name(key) is None


@pytest.mark.parametrize("key", ["pbe_energy", "mace_forces", "energy_raw"])
def test_labels_of_others_are_not_taken_unasked(key):
    assert not label_name(key).is_taken


@pytest.mark.parametrize(
    ("values", "components"),
    [
        (STRESS, None),
        (STRESS.ravel(), None),
        (VOIGT, None),
        ([VOIGT[k] for k in (0, 1, 2, 5, 3, 4)], "xx yy zz xy yz zx"),
        ([VOIGT[k] for k in (0, 1, 2, 5, 4, 3)], "xx,yy,zz,xy,xz,yz"),
    ],
)
@pytest.mark.parametrize(("key", "sign"), [("stress", 1), ("virial", -1), ("Virials", -1), ("stresses", 1)])
def test_stresses_and_virials_of_six_or_nine_numbers(values, components, key, sign):
    atoms = crystal(energy=-14.0)
    factor = sign * (atoms.get_volume() if sign < 0 else 1.0)
    atoms.info[key] = factor * np.asarray(values)
    keys = LabelKeys() if components is None else LabelKeys(components=components)
    data = dataset_from_atoms([atoms], keys=keys)
    np.testing.assert_allclose(data[0].stress, VOIGT)
    if np.size(values) == 6:
        assert any("six numbers" in notice for notice in data.notices)


def test_components_that_are_not_the_six_are_refused():
    with pytest.raises(ConfigError, match="components is 'xx yy zz'"):
        LabelKeys(components="xx yy zz")


def test_energies_per_atom_are_multiplied_and_told():
    data = dataset_from_atoms([crystal(energy_per_atom=-3.5)])
    assert data[0].energy == -14.0
    assert "'energy_per_atom' is an energy per atom" in "".join(data.notices)


def test_every_frame_has_its_own_names():
    frames = [
        crystal(energy=-14.0, stress=STRESS),
        crystal("REF_forces", REF_energy=-14.5, virial=-STRESS * crystal().get_volume()),
    ]
    data = dataset_from_atoms(frames)
    assert [frame.energy for frame in data] == [-14.0, -14.5]
    assert data.labels.forces == 2
    for frame in data:
        np.testing.assert_allclose(frame.stress, VOIGT)
    assert any("'energy' in 1 frame, 'REF_energy' in 1 frame" in notice for notice in data.notices)


def test_frames_with_the_labels_of_the_model_only_are_refused():
    frames = [crystal(energy=-14.0, REF_energy=-13.0), crystal(energy=-14.0)]
    with pytest.raises(DataError, match=r"frame 0 of atoms: forces only under 'forces'"):
        dataset_from_atoms(frames)
    for atoms in frames:
        del atoms.arrays["forces"]
    with pytest.raises(DataError, match=r"frame 1 of atoms: energy only under 'energy'.*--energy-key"):
        dataset_from_atoms(frames)


def test_two_references_that_differ_are_refused():
    with pytest.raises(DataError, match=r"'REF_energy' and 'dft_energy' differ.*--energy-key"):
        dataset_from_atoms([crystal(REF_energy=-13.0, dft_energy=-14.0)])


def test_the_origin_of_a_key_that_is_given_holds_for_the_other_labels():
    atoms = crystal(pbe_energy=-14.0, pbe_stress=STRESS, energy=-3.0)
    atoms.arrays["pbe_forces"] = np.full((4, 3), 0.5)
    data = dataset_from_atoms([atoms], keys=LabelKeys(energy="PBE_energy"))
    assert (data[0].energy, data[0].forces[0, 0], data[0].stress[0]) == (-14.0, 0.5, 0.03)


def test_labels_under_foreign_names_are_named():
    (notice,) = dataset_from_atoms([crystal("pbe_forces", energy=-14.0)]).notices
    assert notice == "atoms: no forces taken; 'pbe_forces' may be meant: pass --forces-key pbe_forces"
    with pytest.raises(DataError, match=r"perhaps you mean --energy-key pbe_energy --forces-key pbe_forces"):
        dataset_from_atoms([crystal("pbe_forces", pbe_energy=-14.0)])


def test_weights_of_the_file_count():
    frames = [
        crystal(energy=-14.0, config_weight=2.0),
        crystal(energy=-14.1, Weight=0.0),
        crystal(energy=-14.2, energy_weight=0.0, config_forces_weight=3.0),
        crystal(energy=-14.3),
    ]
    data = dataset_from_atoms(frames)
    assert [frame.energy for frame in data] == [-14.0, None, -14.3]
    assert [frame.weights for frame in data] == [(2.0, 2.0, 2.0), (0.0, 3.0, 1.0), (1.0, 1.0, 1.0)]
    assert "1 frame left out, for the file gives them the weight 0" in data.notices
    alike = Weights(stress=None, force_scale=None)
    factors = alike.of_structures(data, type("Zero", (), {"of": lambda self, frame: 0.0})())
    assert factors[:, :2].tolist() == [[2.0, 2.0], [0.0, 3.0], [1.0, 1.0]]
    plain = dataset_from_atoms([crystal(energy=-14.0)])
    assert plain.fingerprint() != dataset_from_atoms(frames[:1]).fingerprint()
    again = dataset_from_atoms([frame.to_atoms() for frame in data])
    assert [frame.weights for frame in again] == [frame.weights for frame in data]


def test_weights_that_do_not_count_are_told():
    data = dataset_from_atoms([crystal(energy=-14.0, energy_sigma=0.01)])
    assert data.notices == ("atoms: weights of the file do not count: 'energy_sigma' in 1 frame",)
    with pytest.raises(DataError, match="frame 0 of atoms: 'weight' is -1"):
        dataset_from_atoms([crystal(energy=-14.0, weight=-1.0)])


@pytest.mark.parametrize("key", ["charge", "total_charge", "Charge"])
def test_mixed_charges_are_told(key):
    neutral, charged = crystal(energy=-14.0, **{key: 0}), crystal(energy=-11.0, **{key: 1})
    data = dataset_from_atoms([neutral, charged, charged])
    assert [frame.charge for frame in data] == [0.0, 1.0, 1.0]
    assert "different total charge are mixed (+0 e in 1, +1 e in 2 structures)" in data.notices[0]
    assert dataset_from_atoms([charged, charged]).notices == ()
    assert "not given in 1" in dataset_from_atoms([crystal(energy=-14.0), charged]).notices[0]


def test_columns_of_the_atoms_are_no_charge_group_or_weight_of_the_frame():
    atoms = crystal(energy=-14.0)
    atoms.arrays["group"] = np.arange(4)
    atoms.arrays["charge"] = np.ones(4)
    atoms.arrays["virial"] = np.ones((4, 9))
    frame = dataset_from_atoms([atoms])[0]
    assert (frame.group, frame.charge, frame.stress) == (None, None, None)


def test_a_bare_label_beside_one_of_a_functional_that_differs_is_refused():
    with pytest.raises(DataError, match=r"'energy' and 'pbe_energy' differ.*--energy-key pbe_energy"):
        dataset_from_atoms([crystal(energy=-14.0, pbe_energy=-13.0)])
    atoms = crystal(energy=-14.0, pbe_energy=-13.0)
    assert dataset_from_atoms([atoms], keys=LabelKeys(energy="energy"))[0].energy == -14.0
    assert dataset_from_atoms([crystal(energy=-14.0, pbe_energy=-14.0)])[0].energy == -14.0


def test_the_potential_energy_is_taken_before_the_total_one_of_a_run_of_dynamics():
    assert dataset_from_atoms([crystal(total_energy=-12.0, potential_energy=-14.0)])[0].energy == -14.0
    assert dataset_from_atoms([crystal(total_energy=-12.0)])[0].energy == -12.0


def test_labels_of_a_model_beside_bare_ones_are_told():
    (notice,) = dataset_from_atoms([crystal(energy=-14.0, mace_energy=-13.0)]).notices
    assert notice == "atoms: look like labels and were not taken: 'mace_energy'"


def test_data_to_compare_with_need_one_kind_of_label_only():
    data = dataset_from_atoms([crystal()], require_energies=False)
    assert (data.labels.energies, data.labels.forces) == (0, 1)
    with pytest.raises(
        DataError, match=r"no labels to compare with.*perhaps you mean --forces-key pbe_forces"
    ):
        dataset_from_atoms([crystal("pbe_forces")], require_energies=False)


def test_columns_named_f_are_forces_and_a_number_f_is_none():
    assert dataset_from_atoms([crystal("F", energy=-14.0)])[0].forces is not None
    assert dataset_from_atoms([crystal("atomic_forces", energy=-14.0)])[0].forces is not None
    data = dataset_from_atoms([crystal(None, energy=-14.0, F=-14.2)])
    assert data[0].forces is None
    assert data.notices == ()


def test_columns_of_three_numbers_are_named_where_forces_are_missing():
    data = dataset_from_atoms([crystal(energy=-14.0), crystal("pull", energy=-14.0)])
    (notice,) = data.notices
    assert "1 of 2 frames has no forces, but three numbers for each atom in 'pull'" in notice
    assert "--forces-key pull" in notice
    assert dataset_from_atoms([crystal("velocity", energy=-14.0)]).notices == ()


def test_a_frame_without_the_cell_of_the_others_is_named():
    bare = crystal(energy=-13.0)
    bare.set_cell(None)
    bare.set_pbc(False)
    (notice,) = dataset_from_atoms([crystal(energy=-14.0), crystal(energy=-14.0), bare]).notices
    assert notice.startswith("atoms: 1 of 3 frames has no Lattice (first frame 2) and is taken as a cluster")
    bare.set_pbc(True)
    with pytest.raises(StructureError, match="is periodic, but has no cell"):
        dataset_from_atoms([bare])
