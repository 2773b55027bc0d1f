"""The index of anomaly of the core against its definition."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from potentials import HIERARCHIES, alloy, random_index, random_potential

from mlip_rs import _core
from mlip_rs.data.core_structures import arrays_from_atoms, structure_from_atoms
from mlip_rs.errors import ConfigError, PotentialFileError, StructureError
from mlip_rs.potential import Potential

TOLERANCE = 1e-5
"""Relative error of the tables that the index looks up."""


def definition(potential, atoms):
    """Index of each atom from the features of the fit and the neighbours that ASE finds."""
    index, labels = potential.index, potential.core.basis.labels()
    features = potential.core.basis.features(structure_from_atoms(atoms))
    squared = np.empty(len(atoms))
    for center in index["centers"]:
        own = atoms.symbols == center["element"]
        columns = [labels.index(label) for label in center["forms"]]
        weights = np.array(list(center["forms"].values())).reshape(len(columns), -1)
        forms = features[own][:, columns] @ weights - center["offsets"]
        squared[own] = (forms**2).mean(axis=1)
    i, j, distances = neighbor_list("ijd", atoms, index["shell"])
    share = 0.5 * (1 + np.cos(np.pi * distances / index["shell"]))
    total = squared + np.bincount(i, share * squared[j], len(atoms))
    return np.sqrt(total / (1 + np.bincount(i, share, len(atoms))))


@pytest.mark.parametrize("hierarchy", HIERARCHIES)
def test_index_is_its_definition_and_leaves_everything_else_the_same_bits(hierarchy):
    plain = random_potential(("Al", "Ni"), hierarchy)
    potential = plain.with_index(random_index(plain))
    atoms = alloy()
    (found,) = potential.core.index_many([structure_from_atoms(atoms)], threads=1)
    np.testing.assert_allclose(found, definition(potential, atoms), rtol=TOLERANCE)
    arrays = arrays_from_atoms(atoms)
    without = _core.Evaluator(plain.core).compute(*arrays)
    *results, anomalies = _core.Evaluator(potential.core).compute(*arrays, index=True)
    np.testing.assert_allclose(anomalies, found, rtol=1e-12)
    for own, expected in zip(results, without, strict=True):
        np.testing.assert_array_equal(own, expected)


def test_lonely_atom_has_the_index_of_its_offsets():
    plain = random_potential(("Al",), "angular")
    index = random_index(plain)
    (center,) = index["centers"]
    (found,) = plain.with_index(index).core.index_many([structure_from_atoms(Atoms("Al"))])
    forms = np.array(center["forms"].get("1", 0.0)) - center["offsets"]
    np.testing.assert_allclose(found, np.sqrt((forms**2).mean()))


def test_index_travels_with_the_potential():
    plain = random_potential(("Al", "Ni"), "pair-poly")
    potential = plain.with_index(random_index(plain)).with_info({"note": "later"})
    again = Potential.from_json(potential.to_json())
    assert again == potential != plain
    assert again.index == potential.index == random_index(plain)
    assert plain.index is None


def test_errors_name_the_entry_or_say_how_to_make_an_index():
    plain = random_potential(("Al",), "pair")
    structure = structure_from_atoms(Atoms("Al"))
    with pytest.raises(ConfigError, match="no index of anomaly: fit it again"):
        plain.core.index_many([structure])
    with pytest.raises(ConfigError, match="no index of anomaly"):
        _core.Evaluator(plain.core).compute(*arrays_from_atoms(Atoms("Al")), index=True)
    with pytest.raises(ConfigError, match="the index of anomaly is a str; it must be a mapping"):
        plain.with_index("index.json")
    index = random_index(plain)
    with pytest.raises(PotentialFileError, match=r"shell is 5.5 Å.*cutoff"):
        plain.with_index(index | {"shell": 5.5})
    with pytest.raises(PotentialFileError, match="index of anomaly: malformed"):
        plain.core.with_index(json.dumps(index | {"shel": 3.0}))
    with pytest.raises(StructureError, match="Cu") as error:
        plain.with_index(index).core.index_many([structure, structure_from_atoms(Atoms("Cu"))])
    assert error.value.args[1] == 1
