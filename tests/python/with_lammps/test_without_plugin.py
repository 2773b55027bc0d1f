"""`python -m mlip_rs.lammps`, for inputs without the plugin; what cannot be run is said before LAMMPS starts."""

import pytest
from ase.build import bulk
from ase.io.lammpsdata import write_lammps_data
from potentials import random_potential

from mlip_rs.errors import ConfigError, LammpsError
from mlip_rs.lammps.__main__ import main
from mlip_rs.lammps.without_plugin import commands

COEFFICIENTS = "pair_coeff * * al.mlip.json Al\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pair_style lj/cut 3\n", "line 1: pair_style lj/cut needs no potential of ours; run the input with lmp"),
        ("\npair_style\n", "line 2: pair_style names no style; write `pair_style mlip/rs`"),
        ("pair_style hybrid mlip/rs lj/cut 3\n", "line 1: mlip/rs beside other .*pip install mlip-rs-lammps"),
        ("pair_style mlip/rs threads x\n" + COEFFICIENTS, "line 1: .*from 1 to 1024, not 'x'; write, for"),
        ("pair_style mlip/rs threads\n" + COEFFICIENTS, "line 1: threads lacks its number; write, for example"),
        ("pair_style mlip/rs threads 0\n" + COEFFICIENTS, "line 1: threads takes one whole number .*not '0'"),
        ("pair_style mlip/rs threads 2 2\n" + COEFFICIENTS, "line 1: threads takes one whole .*not '2 2'"),
        ("pair_style mlip/rs fast\n" + COEFFICIENTS, "line 1: mlip/rs does not know 'fast'; all it takes"),
        ("units metal\npair_style mlip/rs\n", "line 2: no pair_coeff follows; add `pair_coeff"),
        (COEFFICIENTS + "pair_style mlip/rs\n", "line 1: pair_coeff stands before the pair style"),
        ("pair_style mlip/rs\npair_coeff 1 1 a.json Al\n", "line 2: expected `pair_coeff"),
        ("pair_style mlip/rs\npair_coeff\n", "line 2: expected `pair_coeff .*not 'pair_coeff'"),
        ("pair_style mlip/rs\npair_coeff * * a.json\n", "line 2: expected `pair_coeff"),
        ("pair_style mlip/rs\npair_coeff * * &\n  a.json # Al\n", "line 2: expected `pair_coeff"),
        ("units metal\njump SELF\n", "line 2: jump is not understood without the plugin; pip install"),
        ("units metal\n", "in: there is no `pair_style mlip/rs`"),
        ("", "in: there is no `pair_style mlip/rs`"),
        ("units metal\nrun 0 &\n", "line 2: the file ends within this command: & continues it; complete it"),
        ("&", "line 1: the file ends within this command: & continues"),
        ('units metal\nprint """a\nb\n', "line 2: the file ends .*quotes .* are not closed; close them"),
        (b"units metal\n# 3 \xc5\n", "line 2: the byte 0xc5 is no UTF-8 text; save the input as UTF-8"),
        (b"\xff\xfeu\0n\0", "line 1: the byte 0xff is no UTF-8 text"),
        (b"units metal\r\n\0\0\r\n", "line 2: there are NUL bytes"),
    ],
)  # fmt: skip
def test_inputs_that_attach_cannot_run_are_one_line_with_the_cure(
    tmp_path, monkeypatch, capsys, text, message
):
    path = tmp_path / "in"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=message):
        commands(path)
    monkeypatch.chdir(tmp_path)
    assert main(["in"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(("ERROR: in, line ", "ERROR: in: there is no"))


def test_inputs_are_split_into_commands(tmp_path):
    path = tmp_path / "in"
    lines = ["units metal # of course", "", "fix 1 all &", " nve", 'print """a', "# b", '"""']
    text = "\r\n".join([*lines, "pair_style mlip/rs", 'pair_coeff * * "al.mlip.json" Al']) + "\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [(command.line, command.words) for command in commands(path)] == [
        (1, ["units", "metal"]),
        (3, ["fix", "1", "all", "nve"]),
        (5, ["print", "a\n# b\n"]),
        (8, ["pair_style", "mlip/rs"]),
        (9, ["pair_coeff", "*", "*", "al.mlip.json", "Al"]),
    ]
    for place, message in ((tmp_path / "other", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(LammpsError, match=f"{message}.*check the path"):
            commands(place)


@pytest.fixture
def crystal(tmp_path, monkeypatch):
    """A folder with a potential and a crystal, for LAMMPS where it is installed."""
    pytest.importorskip("lammps", reason="LAMMPS is not installed")
    monkeypatch.chdir(tmp_path)
    random_potential(("Al",)).save("al potential.mlip.json")
    atoms = bulk("Al", a=4.05, cubic=True).repeat(3)
    write_lammps_data("al.data", atoms, masses=True, units="metal", atom_style="atomic")

    def run(*lines):
        (tmp_path / "in").write_text("\n".join(["units metal", "read_data al.data", *lines]) + "\n")
        return main(["in", "-log", "none", "-screen", "none"])

    return run


def test_variables_quotes_and_comments_are_understood_as_by_lammps(crystal, tmp_path):
    code = crystal(
        'variable file string "al potential"',
        "variable n equal 1",
        "pair_style mlip/rs threads ${n}",
        "pair_coeff * * '${file}.mlip.json' Al # it's of today",
        "run 0",
        "variable e equal pe",
        'print "of # ${e}" file energy',
    )
    assert code == 0
    assert float((tmp_path / "energy").read_text().removeprefix("of # ")) != 0


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["variable n equal -1", "pair_style mlip/rs threads $n", COEFFICIENTS], "in, line 4: threads takes"),
        (["pair_style mlip/rs", "pair_coeff * * no.json Al"], "in, line 4: no.json: there is no such file"),
        (["pair_style mlip/rs", "pair_coeff * * 'al potential.mlip.json' Cu"], "in, line 4: element Cu of"),
        (["pair_style mlip/rs", "pair_coeff * * 'al potential.mlip.json' Al Al"], "in, line 4: 2 elements"),
    ],
)
def test_what_is_wrong_in_a_potential_is_told_with_the_line(crystal, capsys, lines, message):
    assert crystal(*lines) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
