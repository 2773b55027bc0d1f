"""What `fit` takes as data, and labels that cannot be right."""

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from cli_case import BASIS, SETTINGS, labelled_frames

import mlip_rs
from mlip_rs.data import dataset_from_atoms, summarize
from mlip_rs.errors import DataError
from mlip_rs.fitting import fit


def test_a_generator_of_atoms_is_data(finished):
    run = fit((atoms for atoms in labelled_frames()), BASIS, SETTINGS)
    best = mlip_rs.Potential.load(finished / "best.mlip.json")
    assert run.best().coefficients("Al") == best.coefficients("Al")


@pytest.mark.parametrize("data", [None, 3, [3]])
def test_data_of_a_wrong_kind_are_refused(data):
    with pytest.raises(DataError, match="give files, a dataset, or ASE Atoms"):
        fit(data, BASIS, SETTINGS)


def test_one_structure_alone_is_too_few_but_understood():
    with pytest.raises(DataError, match="only one structure"):
        fit(labelled_frames()[0], BASIS, SETTINGS)


@pytest.mark.parametrize("label", ["energy", "forces", "stress"])
def test_labels_beyond_all_physics_are_refused(label):
    frames = labelled_frames()
    frames[7].calc.results[label] = np.full_like(frames[7].calc.results[label], 1e200)
    with pytest.raises(DataError, match=r"frame 7 of atoms: \w+ exceeds 1e\+15, which nothing has"):
        fit(frames, BASIS, SETTINGS)


@pytest.mark.parametrize("per_atom", [False, True])
def test_energies_per_atom_are_noticed(per_atom):
    frames = labelled_frames()
    for k, atoms in enumerate(frames):
        atoms *= (1 + k % 4, 1, 1)
        energy = -57.0 + 0.1 * (k % 7)
        atoms.calc = SinglePointCalculator(atoms, energy=energy if per_atom else energy * len(atoms))
    text = " ".join(summarize(dataset_from_atoms(frames)).lines())
    assert ("they look like energies per atom" in text) == per_atom
