"""Files of other programs: what is read, and what is refused with the way out."""

import os
import pickle
import threading

import ase.io
import numpy as np
import pytest
from ase.build import bulk

from mlip_rs.data import read_dataset, read_structures
from mlip_rs.errors import DataError

DUMP = """ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp pp
0 4
0 4
0 4
ITEM: ATOMS id type{extra} x y z
1 1{first} 0 0 0
2 2{second} 2 2 2
"""
LAMMPS_DATA = """copper

2 atoms
2 atom types
0 4 xlo xhi
0 4 ylo yhi
0 4 zlo zhi
{masses}
Atoms # atomic

1 1 0 0 0
2 2 2 2 2
"""
MASSES = "\nMasses\n\n1 63.546\n2 91.224\n"


def symbols(path, **options):
    return read_structures(path, **options)[0].atoms.get_chemical_symbols()


def test_lammps_dump_of_types_needs_elements(tmp_path):
    path = tmp_path / "md.lammpstrj"
    path.write_text(DUMP.format(extra="", first="", second=""))
    with pytest.raises(DataError, match=r"md.lammpstrj: the atoms have types of LAMMPS .*--types"):
        read_structures(path)
    assert symbols(path, types=["Cu", "Zr"]) == ["Cu", "Zr"]
    assert symbols(path, types=["2=Cu", "1=Zr"]) == ["Zr", "Cu"]
    path.write_text(DUMP.format(extra=" element", first=" Zr", second=" Cu"))
    assert symbols(path) == ["Zr", "Cu"]


@pytest.mark.parametrize("name", ["md.lammpstrj", "md.dump", "dump.all"])
def test_lammps_dumps_have_forces_and_no_energy(tmp_path, name):
    text = DUMP.format(extra=" element", first=" Zr", second=" Cu")
    text = (
        text.replace("x y z", "x y z fx fy fz")
        .replace("0 0 0\n2", "0 0 0 1 0 0\n2")
        .replace("2 2 2\n", "2 2 2 -1 0 0\n")
    )
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match="no frame has an energy"):
        read_dataset(tmp_path / name)
    (frame,) = read_dataset(tmp_path / name, require_energies=False)
    assert frame.energy is None
    np.testing.assert_allclose(frame.forces, [[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])


@pytest.mark.parametrize("name", ["start.lmp", "start.data", "data.start"])
def test_lammps_data_file_is_recognised(tmp_path, name):
    path = tmp_path / name
    path.write_text(LAMMPS_DATA.format(masses=MASSES))
    assert symbols(path) == ["Cu", "Zr"]
    path.write_text(LAMMPS_DATA.format(masses=""))
    with pytest.raises(DataError, match="types of LAMMPS"):
        read_structures(path)
    assert symbols(path, types=["Zr", "Cu"]) == ["Zr", "Cu"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.cfg", b"BEGIN_CFG\n Size\n  2\nEND_CFG\n", "configuration file of MTP"),
        ("input.data", b"begin\ncomment x\nlattice 1 0 0\natom 0 0 0 Cu\nend\n", "input.data of n2p2"),
        ("train.pckl.gzip", pickle.dumps({"energy": [1.0]}, protocol=4), "pickle"),
        ("train.dat", pickle.dumps({"energy": [1.0]}, protocol=4), "pickle"),
        ("vaspout.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "vasprun.xml or OUTCAR of the same run"),
        ("a.xyz.zst", b"\x28\xb5\x2f\xfd" + bytes(40), "zstd"),
        ("train.npz", b"PK\x03\x04" + bytes(40), "NumPy"),
    ],
)
def test_formats_that_are_not_read_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_dataset(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: is ")


def test_folder_of_deepmd_is_named(tmp_path):
    (tmp_path / "type.raw").write_text("0 0 1")
    with pytest.raises(DataError, match="DeePMD"):
        read_dataset(tmp_path)


def test_folder_of_runs_suggests_a_pattern(tmp_path):
    (tmp_path / "run1").mkdir()
    (tmp_path / "run1" / "OUTCAR").touch()
    with pytest.raises(DataError, match=r"such as '.*/\*/OUTCAR'"):
        read_dataset(tmp_path)


def test_unknown_format_names_the_option(tmp_path):
    (tmp_path / "a.unknown").write_text("nothing known\n" * 3)
    with pytest.raises(DataError, match="the format is not recognised; name it \\(--format"):
        read_dataset(tmp_path / "a.unknown")
    with pytest.raises(DataError, match="'extxzy' is not the name of a format"):
        read_dataset(tmp_path / "a.unknown", format="extxzy")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_read(tmp_path):
    atoms = bulk("Cu")
    atoms.info["energy"] = -3.5
    ase.io.write(tmp_path / "a.xyz", atoms, format="extxyz")
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(
        target=lambda: (tmp_path / "pipe").write_bytes((tmp_path / "a.xyz").read_bytes())
    )
    writer.start()
    data = read_dataset(tmp_path / "pipe")
    writer.join()
    assert data[0].energy == -3.5
    np.testing.assert_allclose(data[0].cell, atoms.cell.array)


def test_test_data_need_no_energies(tmp_path):
    atoms = bulk("Cu")
    atoms.arrays["forces"] = np.zeros((1, 3))
    ase.io.write(tmp_path / "a.xyz", atoms, format="extxyz")
    data = read_dataset(tmp_path / "a.xyz", require_energies=False)
    assert (data.labels.energies, data.labels.forces, data.energy_source) == (0, 1, "none")
