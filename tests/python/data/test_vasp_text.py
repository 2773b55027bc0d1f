"""OUTCAR and vasprun.xml with van-der-Waals columns, steps of a force field, and charges."""

import pytest

from mlip_rs.data import read_dataset
from mlip_rs.data.vasp_text import cell_charge
from mlip_rs.errors import DataError

HEAD = """ vasp.6.4.2
 POTCAR:    PAW_PBE Ge 05Jan2001
 POTCAR:    PAW_PBE Ge 05Jan2001
   POMASS =   72.610; ZVAL   =    4.000    mass and valenz
   ISPIN  =      1    spin polarized calculation?
   ions per type =               2
   k-points           NKPTS =      1   k-points in BZ     NKDIM =      1   number of bands    NBANDS=      8
   NELECT =    {electrons:.4f}    total number of electrons
 k-points in reciprocal lattice and weights: Gamma
   0.00000000  0.00000000  0.00000000       1.000
"""
STEP = """--------------------------------------- Iteration {i:6d}(   1)  ---------------------------------------
  {ml}FORCE on cell =-STRESS in cart. coord.  units (eV):
  in kB       1.00000     1.10000     1.20000     0.10000     0.20000     0.30000

  VOLUME and BASIS-vectors are now :
      direct lattice vectors                 reciprocal lattice vectors
     0.000000000  2.830000000  2.830000000    -0.176678445  0.176678445  0.176678445
     2.830000000  0.000000000  2.830000000     0.176678445 -0.176678445  0.176678445
     2.830000000  2.830000000  0.000000000     0.176678445  0.176678445 -0.176678445

 POSITION                                       TOTAL-FORCE (eV/Angst){tail}
 -----------------------------------------------------------------------------------
      0.00000      0.00000      0.00000         0.010000      0.020000      0.030000{more}
      1.41500      1.41500      1.41500        -0.010000     -0.020000     -0.030000{more}
 -----------------------------------------------------------------------------------
    total drift:                                0.000000      0.000000      0.000000

 {ml}FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)
  ---------------------------------------------------
  free  energy {ml}  TOTEN  =       {e:.8f} eV{vdw}

 {ml} energy  without entropy=       {e:.8f}{vdw_ev} {ml} energy(sigma->0) =       {e:.8f}

"""


def step(i, *, ml=False, vdw=False):
    text = "    w/o vdW =       -8.31000000 eV" if vdw else ""
    return STEP.format(
        i=i,
        e=-8.34 + 0.01 * i,
        ml="ML " if ml else "",
        tail=" (ML)" if ml else ",                                   FORCE-w/o vdW (eV/Angst)" if vdw else "",
        more="         9.0      9.0      9.0" if vdw else "",
        vdw=text,
        vdw_ev=" eV" + text if vdw else "",
    )


def outcar(path, *steps, electrons=8.0):
    path.write_text(HEAD.format(electrons=electrons) + "".join(steps))
    return path


def test_columns_without_van_der_waals_are_left_out(tmp_path):
    data = read_dataset(outcar(tmp_path / "OUTCAR", step(1, vdw=True), step(2, vdw=True)))
    assert [round(frame.energy, 6) for frame in data] == [-8.33, -8.32]
    assert data[1].forces[0].tolist() == [0.01, 0.02, 0.03]
    assert data[0].location == f"frame 0 of {tmp_path}/OUTCAR"


@pytest.mark.parametrize("first", [1, 2, 3])
def test_steps_of_the_force_field_are_left_out_and_told(tmp_path, first):
    steps = [step(i, ml=i == first) for i in (1, 2, 3)]
    data = read_dataset(outcar(tmp_path / "OUTCAR", *steps))
    assert [round(f.energy, 6) for f in data] == [-8.34 + 0.01 * i for i in (1, 2, 3) if i != first]
    assert "1 ionic steps are predictions of the machine-learned force field" in data.notices[0]


def test_a_run_of_the_force_field_alone_is_refused(tmp_path):
    with pytest.raises(
        DataError, match="all 2 ionic steps are predictions of the machine-learned force field"
    ):
        read_dataset(outcar(tmp_path / "OUTCAR", step(1, ml=True), step(2, ml=True)))


def test_an_interrupted_run_keeps_its_finished_steps(tmp_path):
    path = outcar(tmp_path / "OUTCAR", step(1, vdw=True), step(2, vdw=True)[:900])
    assert [round(frame.energy, 6) for frame in read_dataset(path)] == [-8.33]


def test_the_charge_follows_from_the_number_of_electrons(tmp_path):
    neutral, charged = tmp_path / "OUTCAR-1", tmp_path / "OUTCAR-2"
    outcar(neutral, step(1))
    outcar(charged, step(2), electrons=7.0)
    assert (cell_charge(neutral), cell_charge(charged)) == (0.0, 1.0)
    data = read_dataset([neutral, charged])
    assert [frame.charge for frame in data] == [0.0, 1.0]
    assert "different total charge are mixed" in data.notices[-1]
