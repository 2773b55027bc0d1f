"""A potential file is read whole or refused with the reason, and written whole or not at all."""

import contextlib
import gzip
import hashlib
import json
import lzma
import os
import subprocess
import sys

import numpy as np
import pytest
from potentials import (
    alloy,
    random_potential,
    spec,
)

from mlip_rs.errors import PotentialFileError
from mlip_rs.files import atomic_file, write_atomically
from mlip_rs.potential import Potential, file_text


def test_file_gives_the_same_potential_and_the_same_bits(path, potential):
    back = Potential.load(str(path))
    assert back == potential
    assert back.coefficients("Ni") == potential.coefficients("Ni")
    np.testing.assert_array_equal(back.predict(alloy()).forces, potential.predict(alloy()).forces)
    assert path.read_text(encoding="utf-8") == back.to_json()


COMPRESSORS = {".gz": gzip.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_compressed_file_is_read_and_refused_when_cut_short(path, potential, suffix):
    packed = COMPRESSORS[suffix](path.read_bytes())
    target = path.with_suffix(f".json{suffix}")
    target.write_bytes(packed)
    assert Potential.load(target) == potential
    target.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(PotentialFileError, match=r"cannot be unpacked .*; was it cut short\? Copy it again"):
        Potential.load(target)


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_a_file_is_compressed_where_its_name_says_so(tmp_path, potential, suffix):
    potential.save(tmp_path / "al.mlip.json")
    potential.save(tmp_path / f"al.mlip.json{suffix}")
    plain = (tmp_path / "al.mlip.json").read_bytes()
    packed = (tmp_path / f"al.mlip.json{suffix}").read_bytes()
    assert {".gz": gzip, ".xz": lzma}[suffix].decompress(packed) == plain
    assert Potential.load(tmp_path / f"al.mlip.json{suffix}") == potential


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(path, monkeypatch):
    monkeypatch.setattr(file_text, "MAX_FILE_BYTES", 1 << 20)
    path.write_bytes(lzma.compress(b" " * (2 << 20)))
    with pytest.raises(PotentialFileError, match="is larger than 1 MB"):
        Potential.load(path)


def resealed(path, change):
    """Change the content of a file as somebody would who also mends the checksum."""
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document["content"])
    text = json.dumps(document["content"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    document["checksum"] = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture
def plain_path(tmp_path):
    """A file whose floats Python and the core write alike, so that it can be sealed again."""
    target = tmp_path / "plain.mlip.json"
    Potential.from_coefficients(spec(hierarchy="pair"), [0.5, 1.0, 1.5, -2.0], {"Al": -1.5}).save(target)
    return target


def test_a_resealed_file_is_read(plain_path):
    resealed(plain_path, lambda content: content["centers"][0]["features"].update({"1": 7.5}))
    assert Potential.load(plain_path).coefficients("Al")["1"] == 7.5


def set_at(*keys, value):
    def change(content):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_at("centers", 0, "features", "d[W,0]", value=1.0), "not a feature of its basis"),
        (set_at("centers", 0, "features", "d[Al,99]", value=1.0), "not a feature of its basis"),
        (set_at("centers", 0, "features", "1", value="one"), "malformed"),
        (set_at("centers", 0, "features", value=[]), "malformed"),
        (set_at("centers", 0, "element", value="Ni"), "do not match"),
        (set_at("centers", value=[]), "do not match"),
        (lambda content: content["centers"].append(content["centers"][0]), "do not match"),
        (set_at("basis", "elements", value=["Al", "Al"]), "twice"),
        (set_at("basis", "elements", value=[]), "no elements"),
        (set_at("basis", "cutoff", value=-1.0), "cutoff"),
        (set_at("basis", "cutoff", value=500.0), "cutoff"),
        (set_at("basis", "radial", value=[]), "radial"),
        (set_at("basis", "surprise", value=1), "malformed"),
        (set_at("units", "energy", value="Hartree"), "unknown units"),
        (set_at("units", value=None), "malformed"),
        (
            set_at("basis", "radial", 0, "function", value={"family": "polynomial", "p": [10**9]}),
            "power|malformed",
        ),
    ],
)
def test_wrong_content_under_a_right_checksum_is_refused(plain_path, change, message):
    resealed(plain_path, change)
    with pytest.raises(PotentialFileError, match=f"plain.mlip.json: .*({message})"):
        Potential.load(plain_path)


def test_a_basis_too_large_to_enumerate_is_refused_at_once(plain_path):
    def change(content):
        grid = {"family": "bessel", "n": list(range(1, 101))}
        content["basis"]["radial"] = [{"function": grid}] * 10
        content["basis"]["pair"] = {"degree": 3, "cross_degree": 3}
        content["basis"]["angular"] = {"max_l": 8, "radial": "free", "degree": 3, "cross_degree": 3}
        content["basis"]["mixed_degree"] = 3

    resealed(plain_path, change)
    with pytest.raises(PotentialFileError, match=r"plain\.mlip\.json"):
        Potential.load(plain_path)


def test_every_cut_of_a_file_is_refused(path):
    content = path.read_bytes()
    for length in np.linspace(1, len(content) - 1, 60).astype(int):
        path.write_bytes(content[:length])
        with pytest.raises(PotentialFileError, match=r"al\.mlip\.json: the file is cut short"):
            Potential.load(path)


def test_every_flipped_bit_is_refused_or_harmless(plain_path):
    original = Potential.load(plain_path)
    content = plain_path.read_bytes()
    random = np.random.default_rng(4)
    for position in random.integers(0, len(content), 300):
        damaged = bytearray(content)
        damaged[position] ^= 1 << random.integers(8)
        plain_path.write_bytes(bytes(damaged))
        with contextlib.suppress(PotentialFileError):
            assert Potential.load(plain_path) == original


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\x00" * 100, "not a JSON document"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "not UTF-8"),
        ('{"format": "mlip_rs potential"}'.encode("utf-16"), "not UTF-8"),
        (b"[" * 100_000, "not a JSON document"),
        (b'{"a":' * 100_000, "not a JSON document"),
        (b"null", "not a potential file"),
        (b"[]", "not a potential file"),
        (b"3", "not a potential file"),
        (b'{"format": 3}', "not a potential file"),
        (b'{"format": "mlip_rs potential"}', "version"),
        (b'{"format": "mlip_rs potential", "version": "1"}', "version"),
        (b'{"format": "mlip_rs potential", "version": -1}', "version"),
        (b'{"format": "mlip_rs potential", "version": 1e999}', "not a JSON document"),
        (b'{"format": "mlip_rs potential", "version": NaN}', "not a JSON document"),
        (b'{"format": "mlip_rs potential", "version": 3, "news": 1}', "newer.*update the package"),
        (b'{"format": "mlip_rs potential", "version": 1}', "missing field"),
        (b'{"format": "mlip_rs potential", "version": 2, "checksum": 1, "content": {}}', "version 2"),
        (b'{"format": "mlip_rs potential", "version": 1, "checksum": "", "content": {}}', "checksum"),
        (b"ITEM: TIMESTEP\n0\n", "not a JSON document"),
    ],
)
def test_files_that_are_no_potential_are_refused_with_the_reason(path, content, message):
    path.write_bytes(content)
    with pytest.raises(PotentialFileError, match=rf"al\.mlip\.json: .*{message}"):
        Potential.load(path)


def test_edited_coefficients_and_overflowing_numbers_are_refused(path):
    text = path.read_text(encoding="utf-8")
    for old, new, message in [
        ('"cutoff": 4.5', '"cutoff": 4.6', "edited or damaged"),
        ('"cutoff": 4.5', '"cutoff": 1e999', "not a JSON document"),
        ('"cutoff": 4.5', '"cutoff": NaN', "not a JSON document"),
        ('"cutoff": 4.5', '"cutoff": null', "edited or damaged"),
    ]:
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(PotentialFileError, match=message):
            Potential.load(path)


def test_a_missing_file_a_directory_and_a_pipe_are_refused(tmp_path):
    with pytest.raises(PotentialFileError, match=r"nowhere\.json: there is no such file"):
        Potential.load(tmp_path / "nowhere.json")
    with pytest.raises(PotentialFileError, match="is a directory"):
        Potential.load(tmp_path)
    with pytest.raises(PotentialFileError, match="cannot be read"):
        Potential.load("a\0b")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PotentialFileError, match="not a regular file"):
        Potential.load(tmp_path / "pipe")


def test_a_huge_file_is_refused_unread(tmp_path):
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(PotentialFileError, match="larger than 256 MB"):
        Potential.load(huge)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_refused(path):
    path.chmod(0o000)
    with pytest.raises(PotentialFileError, match="may not be read"):
        Potential.load(path)


def test_saving_replaces_the_file_and_leaves_nothing_else(path):
    other = random_potential(seed=5)
    other.save(path)
    assert Potential.load(path) == other
    assert list(path.parent.iterdir()) == [path]


def test_saving_follows_links_and_keeps_permissions(path, tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to(path)
    path.chmod(0o640)
    random_potential(seed=5).save(link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert Potential.load(path) == random_potential(seed=5)


def test_new_files_have_the_permissions_of_the_umask(tmp_path, potential):
    old = os.umask(0o027)
    try:
        potential.save(tmp_path / "p.json")
    finally:
        os.umask(old)
    assert (tmp_path / "p.json").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("target", ["missing/p.json", "file/p.json", ".", "n" * 300 + ".json", "a\0b"])
def test_places_that_cannot_be_written_are_named(tmp_path, potential, target):
    (tmp_path / "file").write_text("")
    with pytest.raises(PotentialFileError, match=rf"{tmp_path}.*cannot be written"):
        potential.save(tmp_path / target)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_forbidden_folder_is_named(tmp_path, potential):
    tmp_path.chmod(0o500)
    with pytest.raises(PotentialFileError, match="Permission denied"):
        potential.save(tmp_path / "p.json")


def test_the_old_file_stays_when_the_disk_is_full(path, potential):
    resource = pytest.importorskip("resource")
    before = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(
            PotentialFileError, match=r"al\.mlip\.json: cannot be written.*old file is as before"
        ):
            random_potential(seed=5).save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_array_that_is_not_written_whole_names_the_file_and_the_disk(tmp_path):
    path = tmp_path / "gram.npy"
    with pytest.raises(OSError, match="is the disk full") as caught, atomic_file(path, "wb"):
        raise OSError("8192 requested and 4096 written")  # as numpy says it, without a number of the error
    assert caught.value.filename == str(path)
    assert not list(tmp_path.iterdir())


def test_the_old_file_stays_when_the_process_dies_while_writing(path):
    before = path.read_bytes()
    script = (
        "import os, sys\nfrom mlip_rs.files import write_atomically\n"
        "os.fsync = lambda descriptor: os._exit(7)\nwrite_atomically(sys.argv[1], 'half')\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == 7
    assert path.read_bytes() == before


def test_interrupted_writing_leaves_nothing_behind(path, monkeypatch):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "half")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
