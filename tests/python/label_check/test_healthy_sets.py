"""Sets of many kinds of structures whose labels are right raise nothing; what is not compared is said."""

from dataclasses import replace

import healthy_sets as h
import numpy as np
import pytest
from ase.units import Bohr

from mlip_rs.data import Dataset
from mlip_rs.label_check import check_labels
from mlip_rs.label_check.comparable import comparable
from mlip_rs.label_check.control import CONTROLS, with_control_labels
from mlip_rs.label_check.posterior import compare

SETS = {
    "dimers beside hot crystals": lambda: h.joined((h.dimer, 14), (h.crystal, 15), one_file=True),
    "free atoms, dimers and crystals": lambda: h.joined((h.free_atom, 3), (h.dimer, 8), (h.crystal, 20)),
    "dimers beside an equation of state": lambda: h.joined((h.dimer, 14), (h.equation_of_state, 15)),
    "dimers beside crystals, Morse": lambda: h.joined((h.dimer, 14), (h.crystal, 15), calculator=h.morse),
    "many free atoms": lambda: h.joined((h.free_atom, 20), (h.crystal, 15), (h.dimer, 10)),
    "trimers and clusters": lambda: h.joined((h.trimer, 15), (h.cluster, 12), (h.crystal, 12)),
    "alloy, slabs, clusters": lambda: h.joined((h.alloy, 15), (h.slab, 10), (h.cluster, 10)),
    "molecules alone": lambda: h.joined((h.water, 20), (h.methane, 20)),
    "molecules beside crystals": lambda: h.joined((h.water, 20), (h.crystal, 16), one_file=True),
    "stretched hydrogen": lambda: h.joined((h.stretched_hydrogen, 30)),
    "an equation of state": lambda: h.joined((h.equation_of_state, 16)),
    "energies alone": lambda: h.joined((h.crystal, 20), (h.dimer, 10), with_forces=False),
    "five structures": lambda: h.joined((h.crystal, 5)),
}


@pytest.mark.parametrize("name", SETS)
def test_healthy_sets_raise_nothing(name):
    check = check_labels(SETS[name]())
    assert check.findings == ()


def test_structures_apart_from_the_others_are_said_not_to_be_checked():
    check = check_labels(h.joined((h.dimer, 14), (h.crystal, 15)))
    (sentence,) = [s for s in check.unchecked if "surroundings" in s]
    assert sentence.startswith("14 structures (dimer.xyz), because their surroundings have nothing in common")
    assert not any("of no unit" in s for s in check.unchecked)


def test_faults_of_the_others_are_found_beside_dimers_and_reach_all_of_their_file():
    right = h.joined((h.dimer, 10), (h.crystal, 20), one_file=True)
    wrong = Dataset(tuple(replace(f, forces=-f.forces) for f in right))
    (found,) = check_labels(wrong).errors
    assert (found.kind, len(found.frames)) == ("forces: sign", 30)
    apart = h.joined((h.dimer, 10), (h.crystal, 20))
    wrong = Dataset(tuple(replace(f, forces=-f.forces) if f.file == "crystal.xyz" else f for f in apart))
    (found,) = check_labels(wrong).errors
    assert found.files == ("crystal.xyz",)  # nothing is known of the dimers


def test_surroundings_decide_what_is_compared():
    data = h.joined((h.dimer, 4), (h.slab, 3), (h.crystal, 5), (h.free_atom, 2))
    kinds = comparable(data, 5.4, 3)
    assert kinds.rest == (0, 1, 2, 3, 12, 13)


def test_dense_crystals_in_bohr_are_found_in_one_file():
    def in_bohr(frame):
        return replace(
            frame, positions=frame.positions / Bohr, cell=frame.cell / Bohr, stress=None, file="other.xyz"
        )

    right = h.joined((h.crystal, 30))
    wrong = Dataset(tuple(in_bohr(f) if k % 3 == 0 else f for k, f in enumerate(right)))
    (found,) = check_labels(wrong).errors
    assert (found.kind, found.files) == ("positions: bohr", ("other.xyz",))


@pytest.mark.parametrize("control", CONTROLS)
def test_control_labels_are_those_of_one_energy(control):
    data = h.joined((h.alloy, 2))
    frame, step = data[0], 1e-5

    def energy(change, cell=None):
        cell = frame.cell if cell is None else cell
        moved = replace(frame, positions=change, cell=cell)
        return with_control_labels(Dataset((moved, *data.frames[1:])), 6.0, control)

    labels = with_control_labels(data, 6.0, control)[0]
    shift = np.zeros_like(frame.positions)
    shift[3, 1] = step
    ahead, behind = (energy(frame.positions + s * shift)[0].energy for s in (1, -1))
    assert labels.forces[3, 1] == pytest.approx(-(ahead - behind) / (2 * step), abs=1e-4)
    strains = (np.eye(3) + s * step * np.outer([1, 0, 0], [1, 0, 0]) for s in (1, -1))
    ahead, behind = (energy(frame.positions @ s, frame.cell @ s)[0].energy for s in strains)
    assert labels.stress[0] * frame.volume == pytest.approx((ahead - behind) / (2 * step), abs=2e-3)


def test_control_labels_are_missing_where_labels_are():
    data = h.joined((h.crystal, 1), (h.slab, 1), with_forces=False)
    labels = with_control_labels(data, 6.0, CONTROLS[0])
    assert [f.forces is None for f in labels] == [True, True]
    assert [f.stress is None for f in labels] == [False, True]


def test_large_energies_of_free_atoms_leave_the_comparison_alone(rng):
    fractions = rng.dirichlet([1.0, 1.0], 40)
    columns = np.column_stack([rng.normal(size=40), fractions])
    doubt, labels = 1e-3 * rng.normal(size=(40, 3)), columns[:, 0] + 0.01 * rng.normal(size=40)
    small = compare(labels, columns, doubt)
    large = compare(labels + fractions @ [-45000.0, -517000.0], columns, doubt)
    assert large.sigma == small.sigma
    assert large.coefficients[0] == pytest.approx(small.coefficients[0], abs=1e-6)
