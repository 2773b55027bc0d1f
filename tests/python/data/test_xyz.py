"""Extended XYZ as people write it."""

import gzip
import re
import zipfile

import numpy as np
import pytest

from mlip_rs.data import LabelKeys, read_dataset, read_structures
from mlip_rs.errors import DataError

LATTICE = 'Lattice="4 0 0 0 4 0 0 0 4"'
COLUMNS = "species:S:1:pos:R:3:forces:R:3"


def frame(
    comment="energy=-3.5",
    *,
    lattice=LATTICE,
    properties="Properties=" + COLUMNS,
    rows=("Cu 0 0 0 0.1 0 0", "Cu 2 2 2 -0.1 0 0"),
):
    return "\n".join([str(len(rows)), " ".join((lattice, properties, comment)), *rows]) + "\n"


def read(tmp_path, text, name="a.xyz", **options):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_dataset(tmp_path / name, **options)


@pytest.mark.parametrize(
    "text",
    [
        frame() + "\n" + frame(),
        "\n\n" + frame() + "\n \n\n" + frame() + "\n\n",
        frame() + "# second run\n" + frame(),
        (frame() + frame()).replace("\n", "\r\n"),
        (frame() + frame()).replace("\n", "   \n"),
        (frame() + frame()).replace(" 0.1 ", "\t1.0D-01  "),
        (frame() + frame()).replace("-3.5", "-3.5d0"),
        ("\ufeff" + frame() + frame()).encode("utf-8"),
        (frame() + frame()).encode("utf-16"),
        (frame() + frame()).encode("utf-16-le"),
        gzip.compress((frame() + frame()).encode()),
    ],
    ids=[
        "blank",
        "blanks",
        "comment",
        "crlf",
        "trailing",
        "fortran",
        "fortran-head",
        "bom",
        "utf-16",
        "utf-16-without-mark",
        "gz-by-content",
    ],
)
def test_two_frames_are_read(tmp_path, text):
    data = read(tmp_path, text)
    assert [f.energy for f in data] == [-3.5, -3.5]
    assert [f.forces[0, 0] for f in data] == [0.1, 0.1]


def test_blank_line_between_frames_is_told(tmp_path):
    (notice,) = read(tmp_path, frame() + "\n" + frame()).notices
    assert notice == "a.xyz: a blank or comment line before the frame was skipped (1 frame, first frame 1)"


def test_too_many_rows_name_the_place(tmp_path):
    with pytest.raises(DataError, match=r"frame 1 of a\.xyz: cannot be read: 'Cu 1 1 1 0 0 0' stands where"):
        read(tmp_path, frame() + "Cu 1 1 1 0 0 0\n" + frame())


@pytest.mark.parametrize(
    ("header", "pbc"),
    [
        ('lattice="4 0 0 0 4 0 0 0 4"', [True] * 3),
        ('LATTICE="4 0 0 0 4 0 0 0 4" pbc="1 1 0"', [True, True, False]),
        ('cell="4 0 0 0 4 0 0 0 4" pbc="true True TRUE"', [True] * 3),
        ('cell="4 4 4" PBC=T', [True] * 3),
        ('cell="4 4 4 90 90 90" pbc=[T,T,F]', [True, True, False]),
        ('Lattice="4.0D0 0 0 0 4 0 0 0 4" pbc=TTF', [True, True, False]),
        ('Lattice="4 0 0 0 4 0 0 0 4" pbc="p p f"', [True, True, False]),
    ],
)
def test_spellings_of_cell_and_periodicity(tmp_path, header, pbc):
    data = read(tmp_path, frame(lattice=header))
    np.testing.assert_allclose(data[0].cell, 4 * np.eye(3), atol=1e-12)
    assert data[0].pbc.tolist() == pbc


@pytest.mark.parametrize(
    "properties",
    [
        "properties=species:s:1:pos:r:3:force:r:3",
        "PROPERTIES=Species:S:1:Pos:R:3:Forces:R:3",
        "Properties=element:S:1:positions:R:3:dft_forces:R:3",
    ],
)
def test_spellings_of_columns(tmp_path, properties):
    data = read(tmp_path, frame(properties=properties))
    assert data[0].forces[0, 0] == 0.1


def test_atomic_numbers_of_a_column_z(tmp_path):
    rows = ("29 0 0 0 0.1 0 0", "29 2 2 2 -0.1 0 0")
    assert read(tmp_path, frame(properties="Properties=Z:I:1:pos:R:3:forces:R:3", rows=rows)).elements == (
        "Cu",
    )


def test_columns_without_a_name_are_told(tmp_path):
    notices = read(tmp_path, frame(properties="Properties=species:S:1:pos:R:3")).notices
    assert "the last 3 are not named in Properties" in notices[0]


@pytest.mark.parametrize(
    ("label", "element"),
    [("Cu1", "Cu"), ("Cu_a", "Cu"), ("CU", "Cu"), ("cu", "Cu"), ("29", "Cu"), ("Cu2+", "Cu"), ("D", "H")],
)
def test_labels_of_sites_are_understood_and_told(tmp_path, label, element):
    data = read(tmp_path, frame().replace("Cu ", f"{label} "))
    assert data.elements == (element,)
    assert f"{label} is {element}" in data.notices[0]


@pytest.mark.parametrize("label", ["X", "Gh1", "Qq", "OW", "?"])
def test_labels_of_no_element_name_frame_atom_and_option(tmp_path, label):
    with pytest.raises(DataError, match=rf"frame 0 of a.xyz: atom 0: '{re.escape(label)}'.*--types"):
        read(tmp_path, frame().replace("Cu ", f"{label} "))
    assert read(tmp_path, frame().replace("Cu ", f"{label} "), types=[f"{label}=Cu"]).elements == ("Cu",)


def test_types_of_lammps_in_an_xyz_file_need_elements(tmp_path):
    text = frame(rows=("1 0 0 0 0.1 0 0", "2 2 2 2 -0.1 0 0"))
    with pytest.raises(DataError, match=r"may be types of LAMMPS or atomic numbers \(H, He\)"):
        read(tmp_path, text)
    assert read(tmp_path, text, types=["Cu", "Zr"]).elements == ("Cu", "Zr")
    assert read(tmp_path, text, types=["1=H", "2=He"]).elements == ("H", "He")


def test_a_zip_with_one_file_is_read_and_with_several_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.xyz.zip", "w") as archive:
        archive.writestr("a.xyz", frame())
    assert read_dataset(tmp_path / "a.xyz.zip")[0].location == "frame 0 of a.xyz.zip"
    with zipfile.ZipFile(tmp_path / "a.xyz.zip", "a") as archive:
        archive.writestr("b.xyz", frame())
    with pytest.raises(DataError, match="an archive of 2 files"):
        read_dataset(tmp_path / "a.xyz.zip")


@pytest.mark.parametrize("name", ["train", "train.txt", "train.dat", "a.xyz-2"])
def test_format_is_recognised_by_content(tmp_path, name):
    assert len(read(tmp_path, frame(), name)) == 1


def test_trajectory_of_cp2k_is_refused_with_the_reason(tmp_path):
    comment = " i =        0, time =        0.000, E =       -17.1643447508"
    (tmp_path / "pos-1.xyz").write_text(f"1\n{comment}\nCu 0 0 0\n")
    with pytest.raises(DataError, match=r"trajectory of CP2K.*Hartree"):
        read_dataset(tmp_path / "pos-1.xyz")
    with pytest.raises(DataError, match=r"no frame has the energy key 'E'.*Hartree"):
        read_dataset(tmp_path / "pos-1.xyz", keys=LabelKeys(energy="E"))
    assert len(read_structures(tmp_path / "pos-1.xyz")) == 1


@pytest.mark.parametrize("value", ["None", "null", '"N/A"'])
def test_values_that_say_none_are_no_labels_and_told(tmp_path, value):
    data = read(tmp_path, frame(f"energy=-3.5 stress={value} charge=None"))
    assert (data[0].energy, data[0].stress, data[0].charge) == (-3.5, None, None)
    assert "read as no stress (1 frame, first frame 0)" in data.notices[0]


def test_nested_lists_are_numbers(tmp_path):
    data = read(tmp_path, frame('energy=-3.5 stress="[[1, 0, 0], [0, 2, 0], [0, 0, 3.5]]"'))
    assert data[0].stress.tolist() == [1.0, 2.0, 3.5, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("more", ["", "2\nsecond\nCu 0 0 0\nCu 0 0 2.5\n"])
def test_lattice_vectors_after_the_atoms_are_named_with_their_cure(tmp_path, more):
    (tmp_path / "ams.xyz").write_text(
        "2\nfirst\nCu 0 0 0\nCu 0 0 2.5\nVEC1 3.6 0 0\nVEC2 0 3.6 0\nVEC3 0 0 3.6\n" + more
    )
    with pytest.raises(
        DataError, match=r"VEC1 3.6 0 0' is a lattice vector in the style of ADF and AMS.*Lattice="
    ):
        read_structures([str(tmp_path / "ams.xyz")])


@pytest.mark.parametrize("column", ["species:I:1", "species:S:1", "Z:I:1", "element:I:1"])
def test_atomic_numbers_are_elements_whatever_their_column_is_called(tmp_path, column):
    text = frame(properties=f"Properties={column}:pos:R:3:forces:R:3").replace("Cu ", "29 ")
    (read_frame,) = read(tmp_path, text)
    assert read_frame.symbols == ("Cu", "Cu")


@pytest.mark.parametrize("whole", [True, False])
def test_decimal_commas_are_named(tmp_path, whole):
    text = frame(rows=("Cu 0,0 0,0 0,0 0,1 0 0", "Cu 2 2 2 -0,1 0 0"))
    if whole:
        text = text.replace("4 0 0", "4,0 0 0").replace("-3.5", "-3,5")
    with pytest.raises(DataError, match=r"frame 0 of a.xyz: .*decimal commas; write decimal points"):
        read(tmp_path, text)


def test_comment_lines_of_bare_numbers_are_no_keys(tmp_path):
    text = "".join(f"1\n{energy}\nCu 0 0 0\n" for energy in ("-3.5", "-1e-2", "2."))
    with pytest.raises(
        DataError, match="keys present: none; comment lines hold bare numbers: write what they are"
    ):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "line", "kept"),
    [
        (frame() + frame() + "\0" * 500, 9, "keep its first 8 lines (2 whole frames), or copy"),
        (frame() + frame() + "\n" + "\0\0\n" * 3, 10, "keep its first 8 lines (2 whole frames), or copy"),
        (frame() + frame()[:-9] + "\0" * 5000, 8, "keep its first 4 lines (1 whole frame), or copy"),
        (
            frame() + frame().replace("energy", "ene\0\0\0") + frame(),
            6,
            "keep its first 4 lines (1 whole frame)",
        ),
        (
            frame().replace(" 0.1 0 0", "\0" * 7) + frame(),
            3,
            "text should be, as after a crash or on a full disk; copy",
        ),
        ("\0" * 9000, 1, "text should be, as after a crash or on a full disk; copy"),
    ],
    ids=["after", "lines", "in a row", "in a header", "in the first frame", "nothing else"],
)
@pytest.mark.parametrize("packed", [False, True])
def test_nul_bytes_of_a_torn_file_are_named_with_their_line_and_cure(tmp_path, text, line, kept, packed):
    content = gzip.compress(text.encode()) if packed else text
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)
    message = str(caught.value)
    assert re.match(rf"frame \d of a\.xyz: cannot be read: line {line} holds NUL bytes", message)
    assert kept in message
    assert "\0" not in message
    assert "\\x00" not in message


def test_whole_frames_before_nul_bytes_are_read_if_no_others_are_wanted(tmp_path):
    assert len(read(tmp_path, frame() + frame() + "\0" * 500, index=":2")) == 2


def test_torn_text_without_a_suffix_is_recognised(tmp_path):
    with pytest.raises(DataError, match="line 5 holds NUL bytes"):
        read(tmp_path, frame() + "\0" * 99, name="train.txt")
