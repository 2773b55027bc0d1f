import gzip

import ase.db
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import write

from mlip_rs.data import LabelKeys, dataset_from_atoms, read_dataset
from mlip_rs.errors import DataError

HEADER = 'Lattice="4 0 0 0 4 0 0 0 4" pbc="T T T"'


def labelled(rng, n=3, **extra):
    made = []
    for index in range(n):
        atoms = bulk("Al", cubic=True)
        atoms.rattle(0.1, seed=index)
        labels = {
            "energy": -14.0 - index,
            "forces": rng.normal(size=(4, 3)),
            "stress": rng.normal(size=6) * 0.01,
            **extra,
        }
        atoms.calc = SinglePointCalculator(atoms, **{k: v for k, v in labels.items() if v is not None})
        atoms.info["config_type"] = "rattled"
        made.append(atoms)
    return made


def xyz(path, *frames):
    path.write_text("".join(frames))
    return path


def one_atom(comment, columns="species:S:1:pos:R:3:forces:R:3", row="Al 0 0 0 0 0 0"):
    return f"1\n{HEADER} Properties={columns} {comment}\n{row}\n"


@pytest.mark.parametrize("name", ["a.xyz", "a.extxyz", "a.xyz.gz", "a.traj", "a.db", "a.json"])
def test_labels_survive_every_format(tmp_path, rng, name):
    frames = labelled(rng, free_energy=None)
    write(tmp_path / name, frames)
    data = read_dataset(tmp_path / name)
    assert len(data) == 3
    assert data.energy_source == "energy"
    for frame, atoms in zip(data, frames, strict=True):
        assert frame.energy == pytest.approx(atoms.calc.results["energy"], abs=1e-7)
        np.testing.assert_allclose(frame.forces, atoms.calc.results["forces"], atol=1e-7)
        np.testing.assert_allclose(frame.stress, atoms.calc.results["stress"], atol=1e-7)


def test_database_entries_carry_config_type_and_group(tmp_path, rng):
    with ase.db.connect(tmp_path / "a.db") as database:
        for atoms in labelled(rng):
            database.write(atoms, config_type="liquid", group="run1")
    data = read_dataset(tmp_path / "a.db", index="1:")
    assert [(f.index, f.config_type, f.group) for f in data] == [(1, "liquid", "run1"), (2, "liquid", "run1")]


@pytest.mark.parametrize("index", [":", "1:", "::2", "-1", 1, "-2:", slice(None, None, -1)])
def test_index_counts_frames_in_the_file(tmp_path, rng, index):
    write(tmp_path / "a.xyz", labelled(rng, 5))
    expected = np.arange(5)[slice(None, None, -1) if isinstance(index, slice) else slice(None)]
    if isinstance(index, str):
        parts = [int(part) if part else None for part in index.split(":")]
        expected = np.arange(5)[slice(*parts)] if ":" in index else [4]
    elif index == 1:
        expected = [1]
    data = read_dataset(tmp_path / "a.xyz", index=index)
    assert [frame.index for frame in data] == list(expected)
    assert [-14.0 - frame.energy for frame in data] == list(expected)


def test_patterns_and_lists_are_read_in_order(tmp_path, rng):
    write(tmp_path / "b.xyz", labelled(rng, 2))
    write(tmp_path / "a.xyz", labelled(rng, 1))
    assert [f.location for f in read_dataset(str(tmp_path / "*.xyz"))] == [
        "frame 0 of a.xyz",
        "frame 0 of b.xyz",
        "frame 1 of b.xyz",
    ]
    assert len(read_dataset([tmp_path / "b.xyz", tmp_path / "a.xyz"])) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"hello world\nthis is not a structure\n", "cannot be read|not recognised"),
        (bytes(range(256)) * 20, "cannot be read|not recognised"),
        (b"3\n" + HEADER.encode() + b"\nAl 0 0 0\n", "frame 0 of .*cannot be read"),
    ],
)
@pytest.mark.parametrize(
    "name", ["bad.xyz", "bad.dat", "bad.traj", "bad.db", "vasprun.xml", "OUTCAR", "bad.xyz.gz"]
)
def test_damaged_files_are_named(tmp_path, name, content, message):
    file = tmp_path / name
    file.write_bytes(content)
    if name != "bad.xyz":
        message = r"empty|cannot be read|not recognised|no structures"
    with pytest.raises(DataError, match=message) as caught:
        read_dataset(file)
    assert name in str(caught.value)


def test_missing_files_and_directories_are_named(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.xyz: no such file"):
        read_dataset(tmp_path / "nothing.xyz")
    with pytest.raises(DataError, match="no file matches"):
        read_dataset(str(tmp_path / "*.xyz"))
    with pytest.raises(DataError, match="is a directory without"):
        read_dataset(tmp_path)
    with pytest.raises(DataError, match="no files given"):
        read_dataset([])


def test_truncated_file_names_the_frame(tmp_path, rng):
    write(tmp_path / "a.xyz", labelled(rng, 3))
    text = (tmp_path / "a.xyz").read_text().splitlines(keepends=True)
    (tmp_path / "a.xyz").write_text("".join(text[:-2]))
    with pytest.raises(DataError, match=r"frame 2 of .*a\.xyz: cannot be read"):
        read_dataset(tmp_path / "a.xyz")


def test_row_without_all_forces_names_the_frame(tmp_path):
    file = xyz(tmp_path / "a.xyz", one_atom("energy=-3"), one_atom("energy=-3", row="Al 0 0 0 0 0"))
    with pytest.raises(DataError, match=r"frame 1 of .*a\.xyz"):
        read_dataset(file)


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_non_finite_entries_of_a_file_name_frame_and_atom(tmp_path, value):
    for comment, row, message in (
        (f"energy={value}", "Al 0 0 0 0 0 0", "energy is not finite"),
        ("energy=-3", f"Al 0 {value} 0 0 0 0", "atom 0: position is not finite"),
        ("energy=-3", f"Al 0 0 0 0 0 {value}", "atom 0: force is not finite"),
        (f'energy=-3 stress="{value} 0 0 0 0 0 0 0 0"', "Al 0 0 0 0 0 0", "stress is not finite"),
    ):
        file = xyz(tmp_path / "a.xyz", one_atom("energy=-3"), one_atom(comment, row=row))
        with pytest.raises(DataError, match=f"^frame 1 of a.xyz: {message}"):
            read_dataset(file)


def test_dataset_without_any_energy_is_refused(tmp_path, rng):
    write(tmp_path / "a.xyz", labelled(rng, energy=None))
    with pytest.raises(DataError, match="none of the 3 frames has an energy"):
        read_dataset(tmp_path / "a.xyz")


def test_missing_labels_stay_missing(tmp_path, rng):
    frames = labelled(rng, 1) + labelled(rng, 1, forces=None) + labelled(rng, 1, stress=None)
    frames += labelled(rng, 1, energy=None)
    write(tmp_path / "a.xyz", frames)
    data = read_dataset(tmp_path / "a.xyz")
    assert [f.energy is None for f in data] == [False, False, False, True]
    assert [f.forces is None for f in data] == [False, True, False, False]
    assert [f.stress is None for f in data] == [False, False, True, False]


def test_free_energy_is_preferred():
    atoms = bulk("Al")
    atoms.calc = SinglePointCalculator(atoms, energy=-3.0, free_energy=-3.5)
    assert dataset_from_atoms([atoms])[0].energy == -3.5
    assert dataset_from_atoms([atoms]).energy_source == "free_energy"
    assert dataset_from_atoms([atoms], energy="energy")[0].energy == -3.0


def test_energies_are_not_mixed(rng):
    both = labelled(rng, 1, free_energy=-14.1)
    plain = labelled(rng, 1)
    free = labelled(rng, 1, energy=None, free_energy=-14.1)
    mixed = dataset_from_atoms(both + plain)
    assert mixed.energy_source == "energy"
    assert [frame.energy for frame in mixed] == [-14.0, -14.0]
    assert "25.00 meV/atom" in mixed.notices[0]
    with pytest.raises(DataError, match="1 frame with only a free energy, 1 with only an energy"):
        dataset_from_atoms(plain + free)
    chosen = dataset_from_atoms(plain + free, energy="free_energy")
    assert chosen.labels.energies == len(chosen) - 1
    with pytest.raises(DataError, match="not known"):
        dataset_from_atoms(plain, energy="enthalpy")


def custom(volume_factor=1.0):
    atoms = bulk("Al", cubic=True)
    stress = np.array([[0.03, 0.001, 0.002], [0.001, 0.02, 0.003], [0.002, 0.003, 0.01]])
    atoms.info["virial"] = -stress * atoms.get_volume() * volume_factor
    atoms.info["dft_energy"] = -14.0
    atoms.arrays["dft_force"] = np.full((4, 3), 0.25)
    return atoms, np.array([0.03, 0.02, 0.01, 0.003, 0.002, 0.001])


def test_custom_keys_are_found_and_reported():
    atoms, stress = custom()
    data = dataset_from_atoms([atoms], source="gap.xyz")
    assert data[0].energy == -14.0
    assert (data[0].forces == 0.25).all()
    np.testing.assert_allclose(data[0].stress, stress)
    text = "\n".join(data.notices)
    for key in ("dft_energy", "dft_force", "virial"):
        assert key in text


def test_virial_of_a_compressed_crystal_gives_negative_stress():
    atoms = bulk("Al", a=3.8)
    atoms.calc = EMT()
    expected = atoms.get_stress()
    atoms.info["virial"] = list(-expected * atoms.get_volume())
    atoms.info["energy"] = atoms.get_potential_energy()
    assert atoms.info["virial"][0] > 0.0
    atoms.calc = None
    stress = dataset_from_atoms([atoms])[0].stress
    assert stress[0] < 0.0
    np.testing.assert_allclose(stress, expected)


def test_keys_named_by_the_user_win():
    atoms, _ = custom()
    atoms.info.update(my_energy=-1.0, my_stress=[1e-3] * 6, my_virial=np.ones(9))
    atoms.arrays["my_forces"] = np.zeros((4, 3))
    data = dataset_from_atoms([atoms], keys=LabelKeys("my_energy", "my_forces", "my_stress"))
    assert (data[0].energy, data.energy_source) == (-1.0, "my_energy")
    assert not data[0].forces.any()
    assert data[0].stress[3] == 1e-3
    virial = dataset_from_atoms([atoms], keys=LabelKeys(virial="my_virial"))
    np.testing.assert_allclose(virial[0].stress, -1.0 / atoms.get_volume())
    with pytest.raises(DataError, match=r"no frame has the energy key 'absent'; keys present: .*dft_energy"):
        dataset_from_atoms([atoms], keys=LabelKeys(energy="absent"))
    with pytest.raises(DataError, match="not both"):
        LabelKeys(stress="a", virial="b")


def test_labels_of_the_reference_win_over_bare_ones_that_differ(rng):
    atoms = labelled(rng, 1)[0]
    atoms.info["REF_energy"] = -20.0
    with pytest.raises(
        DataError, match=r"forces only under 'forces'.*--forces-key forces.*--forces-key none"
    ):
        dataset_from_atoms([atoms])
    left_out = LabelKeys(forces="none", stress="none")
    data = dataset_from_atoms([atoms], keys=left_out)
    assert (data[0].energy, data[0].forces, data[0].stress) == (-20.0, None, None)
    assert "not from 'energy', which differ by up to 1.5" in data.notices[0]
    bare = dataset_from_atoms([atoms], keys=LabelKeys(energy="energy"))
    assert bare[0].energy == -14.0
    assert bare[0].forces is not None
    atoms.info["REF_energy"] = -14.0
    assert dataset_from_atoms([atoms])[0].forces is not None


def test_a_virial_that_contradicts_the_stress_is_reported(rng):
    atoms = labelled(rng, 1)[0]
    atoms.info["virial"] = np.eye(3)
    (notice,) = dataset_from_atoms([atoms]).notices
    assert "stress 'stress' and virial 'virial' disagree" in notice


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({"energy": "low"}, "'energy' is not a number"),
        ({"energy": [1.0, 2.0]}, "has 2 numbers, not 1"),
        ({"energy": 1.0, "stress": [1.0, 2.0]}, "has 2 numbers, not 6 or 9"),
    ],
)
def test_labels_of_the_wrong_kind_are_refused(info, message):
    atoms = bulk("Al")
    atoms.info.update(info)
    with pytest.raises(DataError, match=message):
        dataset_from_atoms([atoms])


def test_stress_of_a_cluster_or_slab_is_ignored_and_reported():
    atoms = molecule("H2O", vacuum=5.0, pbc=[True, True, False])
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0, stress=np.ones(6))
    data = dataset_from_atoms([atoms])
    assert data[0].stress is None
    assert "needs three periodic directions" in data.notices[0]


def test_forces_on_fixed_atoms_are_kept(rng):
    atoms = labelled(rng, 1)[0]
    forces = atoms.calc.results["forces"].copy()
    atoms.set_constraint(FixAtoms([0, 1, 2, 3]))
    np.testing.assert_array_equal(dataset_from_atoms([atoms])[0].forces, forces)


def test_labels_of_moved_atoms_are_refused(rng):
    frames = labelled(rng, 2)
    frames[1].positions[0] += 0.1
    with pytest.raises(DataError, match="frame 1 of atoms: the atoms were changed"):
        dataset_from_atoms(frames)


def test_things_that_are_not_atoms_are_refused():
    with pytest.raises(DataError, match="is a str"):
        dataset_from_atoms(["Al"])
    with pytest.raises(DataError, match="no structures"):
        dataset_from_atoms([])


def test_groups_are_read_from_known_keys():
    frames = []
    for key, value in (("group", "a"), ("trajectory", 7), ("group_id", 3), ("other", 1)):
        atoms = Atoms("Al", cell=[4, 4, 4], pbc=True, info={key: value, "energy": -1.0})
        frames.append(atoms)
    assert [frame.group for frame in dataset_from_atoms(frames)] == ["a", "7", "3", None]


def test_gzip_that_is_not_gzip_is_refused(tmp_path):
    (tmp_path / "a.xyz.gz").write_bytes(b"1\n\nAl 0 0 0\n")
    with pytest.raises(DataError, match=r"a.xyz.gz"):
        read_dataset(tmp_path / "a.xyz.gz")
    with gzip.open(tmp_path / "b.xyz.gz", "wt") as file:
        file.write(one_atom("energy=-3"))
    assert read_dataset(tmp_path / "b.xyz.gz")[0].energy == -3.0


@pytest.mark.parametrize(("format", "name"), [("cfg", "a.cfg"), ("xsf", "a.xsf"), ("cif", "a.cif")])
def test_nul_bytes_of_any_torn_text_are_named_with_their_line(tmp_path, format, name):
    write(tmp_path / name, bulk("Al", cubic=True), format=format)
    whole = (tmp_path / name).read_bytes().rstrip(b"\n")
    (tmp_path / name).write_bytes(whole[:-10] + b"\0" * 300)
    line = whole[:-10].count(b"\n") + 1
    with pytest.raises(DataError, match=f"cannot be read: line {line} holds NUL bytes .*; copy or write"):
        read_dataset(tmp_path / name)
