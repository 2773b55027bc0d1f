"""The verb `import`."""

import json
from pathlib import Path

from cli_case import invoke
from conftest import REPOSITORY

from mlip_rs.potential import Potential

MODEL = REPOSITORY / "tests" / "python" / "importers" / "polymlp_pair_cubic.yaml"


def test_import_writes_a_potential_and_says_what_it_lacks(tmp_path):
    path = tmp_path / "al-ni.mlip.json"
    result = invoke("import", MODEL, "-o", path)
    assert result.exit_code == 0, result.stderr
    assert "imported from   pypolymlp (polymlp_pair_cubic.yaml)" in result.stdout
    assert "error bars      none" in result.stdout
    assert Potential.load(path).elements == ("Al", "Ni")


def test_elements_of_a_moment_tensor_potential_are_given(tmp_path):
    model, path = MODEL.with_name("mtp_two.mtp"), tmp_path / "al-ni.mlip.json"
    result = invoke("import", model, "--elements", "Al", "Ni", "-o", path)
    assert result.exit_code == 0, result.stderr
    assert Potential.load(path).elements == ("Al", "Ni")
    result = invoke("import", model, "-o", tmp_path / "none.mlip.json")
    assert result.exit_code == 1
    assert "as in --elements Al Ni" in result.stderr
    assert not (tmp_path / "none.mlip.json").exists()


def test_import_as_json(tmp_path):
    path = tmp_path / "al-ni.mlip.json"
    document = json.loads(invoke("import", MODEL, "-o", path, "--json").stdout)
    assert document["potential"] == str(path)
    assert document["info"]["imported_from"]["program"] == "pypolymlp"


def test_a_file_that_cannot_be_imported_is_one_line_and_nothing_is_written(tmp_path):
    torn: Path = tmp_path / "polymlp.yaml"
    torn.write_text(MODEL.read_text(encoding="utf-8")[:-100], encoding="utf-8")
    result = invoke("import", torn, "-o", tmp_path / "out.mlip.json")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: {torn}: is damaged")
    assert not (tmp_path / "out.mlip.json").exists()


def test_the_file_to_import_is_not_written_over(tmp_path):
    model = tmp_path / "al-ni.mtp"
    model.write_bytes(MODEL.with_name("mtp_two.mtp").read_bytes())
    result = invoke("import", model, "--elements", "Al", "Ni", "-o", model)
    assert result.exit_code == 1
    assert "is the file to import" in result.stderr
    assert model.read_bytes() == MODEL.with_name("mtp_two.mtp").read_bytes()


def test_a_moment_tensor_potential_that_lost_its_beginning_is_called_so(tmp_path):
    torn = tmp_path / "al-ni.mtp"
    torn.write_bytes(MODEL.with_name("mtp_two.mtp").read_bytes().split(b"\n", 1)[1])
    result = invoke("import", torn, "--elements", "Al", "Ni", "-o", tmp_path / "out.mlip.json")
    assert result.exit_code == 1
    assert "does not begin with MTP" in result.stderr
