"""The properties of `examples/metals` are those that the package computes in other cells."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from mlip_rs.validate.properties.zone_boundary import zone_boundary_phonons

FILE = Path(__file__).parents[2] / "examples" / "metals" / "properties.py"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the package without its examples")


@pytest.fixture(scope="module")
def module() -> ModuleType:
    specification = importlib.util.spec_from_file_location("metals_properties", FILE)
    assert specification is not None
    assert specification.loader is not None
    found = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(found)
    return found


@pytest.fixture(scope="module")
def copper(module: ModuleType) -> dict[str, Any]:
    found: dict[str, Any] = module.properties("Cu", EMT(), 11.6, {}, lambda known: None)
    return found


def test_the_bulk_modulus_is_that_of_the_elastic_constants(copper: dict[str, Any]) -> None:
    assert copper["B"] == pytest.approx((copper["C11"] + 2.0 * copper["C12"]) / 3.0, rel=0.01)


def test_phonons_of_fcc_are_those_of_the_two_atom_cells_of_the_package(copper: dict[str, Any]) -> None:
    expected = zone_boundary_phonons(EMT(), "Cu", copper["a0"])
    named = {
        "X longitudinal": expected.x_long,
        "X transverse": expected.x_trans,
        "L longitudinal": expected.l_long,
        "L transverse": expected.l_trans,
    }
    assert copper["phonons"] == pytest.approx(named, rel=0.01)


def test_phonons_of_bcc_are_those_of_a_chain_of_springs(module: ModuleType) -> None:
    """At H the two simple cubic sublattices move against each other: eight springs k to first neighbours only."""

    class Springs(EMT):  # type: ignore[misc]  # ASE has no types
        def calculate(self, atoms: Any = None, properties: Any = (), system_changes: Any = ()) -> None:
            from ase.neighborlist import neighbor_list

            self.atoms = atoms.copy()
            length = 2.5 * np.sqrt(3.0) / 2.0
            i, distances, vectors = neighbor_list("idD", atoms, 1.1 * length)
            pull = 2.0 * (distances - length)[:, None] * vectors / distances[:, None]
            forces = np.zeros((len(atoms), 3))
            np.add.at(forces, i, pull)
            self.results = {"energy": 0.0, "free_energy": 0.0, "forces": forces, "stress": np.zeros(6)}

    found = module.zone_boundary("Fe", "bcc", 2.5, Springs())
    # eight springs of 2 eV/Å² along ⟨111⟩ give each sublattice 16/3 eV/Å², and H twice that
    expected = np.sqrt(2.0 * 16.0 / 3.0 / bulk("Fe").get_masses()[0]) * module.THZ
    assert found["H"] == pytest.approx(expected, rel=0.01)


def test_what_is_known_is_not_computed_again(module: ModuleType, copper: dict[str, Any]) -> None:
    known: dict[str, Any] = {}
    module.properties("Cu", EMT(), 11.6, known, lambda now: None)
    again = module.properties("Cu", None, 11.6, known, lambda now: pytest.fail("computed"))
    assert again == copper
