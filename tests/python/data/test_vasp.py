import gzip
import lzma
import re

import numpy as np
import pytest
from ase.units import GPa

from mlip_rs.data import read_dataset, summarize
from mlip_rs.data.vasp import unconverged_steps, vasp_format
from mlip_rs.errors import DataError

BASIS = '<varray name="basis" ><v> 4.0 0.0 0.0 </v><v> 0.0 4.0 0.0 </v><v> 0.0 0.0 {c} </v></varray>'
POSITIONS = '<varray name="positions" ><v> 0.0 0.0 0.0 </v><v> 0.5 0.5 0.5 </v></varray>'
STEP = f""" <calculation>
{{scsteps}}  <structure><crystal>{BASIS}</crystal>{POSITIONS}</structure>
  <varray name="forces" ><v> 0.1 0.0 0.0 </v><v> -0.1 0.0 0.0 </v></varray>
  <varray name="stress" ><v> 10.0 1.0 2.0 </v><v> 1.0 20.0 3.0 </v><v> 2.0 3.0 30.0 </v></varray>
  <energy><i name="e_fr_energy"> {{energy}} </i><i name="e_0_energy"> 0.0 </i></energy>
 </calculation>
"""
SCSTEP = """  <scstep>
   <energy><i name="e_fr_energy"> -7.0 </i><i name="e_0_energy"> -6.9 </i></energy>
  </scstep>
"""
HEAD = f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <kpoints>
  <varray name="kpointlist" ><v> 0.0 0.0 0.0 </v></varray><varray name="weights" ><v> 1.0 </v></varray>
 </kpoints>
 <parameters><i type="int" name="NELM">     3</i></parameters>
 <atominfo>
  <array name="atoms" ><set><rc><c>Al</c><c>1</c></rc><rc><c>Al</c><c>1</c></rc></set></array>
 </atominfo>
 <structure name="initialpos" ><crystal>{BASIS.format(c=4.0)}</crystal>{POSITIONS}</structure>
"""


def relaxation(iterations):
    """A minimal vasprun.xml of an ionic relaxation, with so many electronic iterations per step."""
    steps = [
        STEP.format(scsteps=count * SCSTEP, c=4.0 + 0.1 * step, energy=-7.0 - step)
        for step, count in enumerate(iterations)
    ]
    return HEAD + "".join(steps) + "</modeling>\n"


def test_stress_in_kilobar_becomes_tension_positive(tmp_path):
    (tmp_path / "vasprun.xml").write_text(relaxation([2]))
    frame = read_dataset(tmp_path)[0]
    np.testing.assert_allclose(frame.stress / GPa, [-1.0, -2.0, -3.0, -0.3, -0.2, -0.1])


def test_all_ionic_steps_are_read_and_doubtful_ones_reported(tmp_path):
    (tmp_path / "vasprun.xml").write_text(relaxation([2, 3, 1]))
    data = read_dataset(tmp_path / "vasprun.xml")
    assert [frame.energy for frame in data] == pytest.approx([-7.0, -8.0, -9.0])
    assert data.energy_source == "free_energy"
    assert "did not converge (NELM reached) in 1 of 3 ionic steps: 1" in data.notices[0]
    assert read_dataset(tmp_path / "vasprun.xml", index="2:").notices == ()


def test_interrupted_run_keeps_its_finished_steps(tmp_path):
    text = relaxation([2, 2])
    (tmp_path / "vasprun.xml").write_text(text[: text.rindex("<energy>")])
    assert [frame.energy for frame in read_dataset(tmp_path / "vasprun.xml")] == pytest.approx([-7.0])


def test_interrupted_run_without_a_finished_step_is_refused(tmp_path):
    (tmp_path / "vasprun.xml").write_text(HEAD[:200])
    with pytest.raises(DataError, match=r"vasprun.xml: cannot be read"):
        read_dataset(tmp_path / "vasprun.xml")


@pytest.mark.parametrize(
    ("name", "opener"), [("vasprun.xml.gz", gzip.open), ("vasprun.xml-003.xz", lzma.open)]
)
def test_compressed_and_numbered_files_are_recognised(tmp_path, name, opener):
    with opener(tmp_path / name, "wt") as file:
        file.write(relaxation([3]))
    assert len(read_dataset(tmp_path / name)) == 1
    assert unconverged_steps(tmp_path / name) == (0,)


def test_outcar_names_are_recognised(tmp_path):
    assert [vasp_format(tmp_path / name) for name in ("OUTCAR.gz", "OUTCAR-7", "vasprun.xml", "a.xyz")] == [
        "vasp-out",
        "vasp-out",
        "vasp-xml",
        None,
    ]


def test_outcar_loop_that_ends_at_the_last_iteration_counts_as_converged(tmp_path):
    iteration = "------- Iteration    1(   1)  -------\n"
    reached = "------- aborting loop because EDIFF is reached -------\n"
    end = "  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)\n"
    text = (
        "   NELM   =      2;   NELMIN=  2\n"
        + 2 * iteration
        + reached
        + end
        + 2 * iteration
        + end
        + iteration
        + end
    )
    (tmp_path / "OUTCAR").write_text(text)
    assert unconverged_steps(tmp_path / "OUTCAR") == (1,)


def test_real_vasprun_stress_agrees_with_its_kilobars_and_with_its_energies(test_data):
    data = read_dataset(str(test_data / "vasp" / "*.xz"))
    assert data.energy_source == "free_energy"
    plain = read_dataset(str(test_data / "vasp" / "*.xz"), energy="energy")
    assert all(a.energy > b.energy + 1e-4 for a, b in zip(data, plain, strict=True))
    for frame in data:
        with lzma.open(frame.file, "rt") as file:
            text = file.read()
        block = re.findall(r'<varray name="stress" >(.*?)</varray>', text, re.DOTALL)[-1]
        kilobar = np.array([row.split() for row in re.findall(r"<v>(.*?)</v>", block)], dtype=float)
        np.testing.assert_allclose(frame.stress[:3] / GPa, -0.1 * np.diag(kilobar), atol=1e-6)
    slope = (data[2].energy - data[0].energy) / (data[2].volume - data[0].volume) / GPa
    mean = data[1].stress[:3].mean() / GPa
    assert mean < 0.0
    assert slope < 0.0
    assert abs(slope - mean) < 2.5  # GPa: Pulay stress of the finite basis
    assert not summarize(data).outliers
