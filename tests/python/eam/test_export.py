"""Files that LAMMPS runs as it comes say the same as the potential."""

import re

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from lammps_case import lammps_calculator

from mlip_rs import Basis, Potential
from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.eam.export import TARGETS, export_potential
from mlip_rs.errors import ConfigError, DataError

TABLE_FORCE = 1e-6
"""eV/Å that interpolation of the tables may change; the project asks for 1e-4."""
SAME_FORCE = 1e-9
"""eV/Å between LAMMPS and our own reading of the tables."""

ELEMENTS = ("Al", "Ni")
ENERGIES = {"Al": -3.1, "Ni": -5.2}
REPULSION = {"inner": ((1.2, 1.3), (1.3, 1.4)), "outer": ((1.9, 2.0), (2.0, 2.1))}


def random_potential(hierarchy, elements=ELEMENTS, seed=3, **settings):
    """Random coefficients, with a close-range repulsion; those of squares are of both signs."""
    from mlip_rs.basis import Repulsion

    n = len(elements)
    repulsion = Repulsion(**{key: tuple(row[:n] for row in rows[:n]) for key, rows in REPULSION.items()})
    basis = Basis(
        elements, cutoff=5.0, r_min=1.8, hierarchy=hierarchy, n_radial=4, repulsion=repulsion, **settings
    )
    degrees = np.tile(basis.core.degrees(), n)
    weights = np.random.default_rng(seed).uniform(-1, 1, basis.n_features) * 0.1 ** np.maximum(degrees, 1)
    return Potential.from_coefficients(basis, weights, {s: ENERGIES[s] for s in elements})


def quadratic(elements=ELEMENTS, **settings):
    return random_potential("pair-poly", elements, pair_degree=2, pair_cross_degree=2, **settings)


def alloy(seed=5, strain=1.0):
    atoms = bulk("Al", cubic=True, a=3.9 * strain).repeat((2, 2, 2))
    atoms.set_chemical_symbols(np.random.default_rng(seed).choice(ELEMENTS, len(atoms)))
    atoms.set_cell(atoms.cell.array @ np.array([[1, 0, 0], [0.1, 1, 0], [0, -0.1, 1.1]]), scale_atoms=True)
    atoms.rattle(0.15, seed=seed)
    return atoms


def structures(elements):
    """Crystals, one of them with close atoms, and a dimer inside the repulsion."""
    found = [alloy(strain=strain) for strain in (1.0, 0.8, 1.2)]
    pair = bulk(elements[0], cubic=True, a=12.0)[:2]
    pair.positions[1] = pair.positions[0] + [0.0, 0.3, 1.6]
    for atoms in (*found, pair):
        if len(elements) == 1:
            atoms.set_chemical_symbols(list(elements) * len(atoms))
    return [*found, pair]


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("elements", [("Al",), ELEMENTS])
def test_pair_potential_in_lammps(tmp_path, to, elements):
    potential = random_potential("pair", elements)
    compare(potential, export_potential(potential, tmp_path / "p", to), structures(elements))


def test_squares_of_one_element_in_lammps(tmp_path):
    potential = quadratic(("Al",))
    compare(potential, export_potential(potential, tmp_path / "p", "eam/alloy"), structures(("Al",)))


def test_squares_of_two_elements_in_lammps(tmp_path):
    potential = quadratic()
    compare(potential, export_potential(potential, tmp_path / "p", "eam/fs"), structures(ELEMENTS))


@pytest.mark.parametrize("hierarchy", ["pair-poly", "angular"])
def test_projections_state_their_differences_and_run_in_lammps(tmp_path, hierarchy):
    potential = random_potential(hierarchy, ("Al",), **({"max_l": 2} if hierarchy == "angular" else {}))
    data = read_dataset(DATA_PATH, index="::20")
    export = export_potential(potential, tmp_path / "p", "eam/fs", data=data, n_terms=2, spacing=0.01)
    assert not export.exact
    assert any("projected" in line for line in export.files[-1].read_text().splitlines())
    calculator = lammps_calculator(export.input_lines, potential.elements)
    for atoms, stated in zip(ase.io.read(DATA_PATH, "::20"), export.differences, strict=True):
        expected = potential.predict(atoms)
        atoms.calc = calculator
        assert abs(np.abs(atoms.get_forces() - expected.forces).max() - stated.force_max) < SAME_FORCE
        gap = 1e3 * (atoms.get_potential_energy() - expected.energy) / len(atoms)
        assert abs(gap - stated.energy_mev_per_atom) < 1e-5
    calculator.lmp.close()


def compare(potential, export, atoms_list):
    """Energies and forces in LAMMPS against the potential."""
    left_out = dict.fromkeys(potential.elements, 0.0)
    if export.to == "table":
        left_out = potential.reference_energies
    calculator = lammps_calculator(export.input_lines, potential.elements)
    for atoms in atoms_list:
        expected = potential.predict(atoms)
        atoms.calc = calculator
        energy = atoms.get_potential_energy() + sum(left_out[s] for s in atoms.symbols)
        assert abs(energy - expected.energy) < 1e-6 * len(atoms)
        np.testing.assert_allclose(atoms.get_forces(), expected.forces, rtol=1e-6, atol=TABLE_FORCE)
    calculator.lmp.close()


@pytest.mark.parametrize("to", ["eam/alloy", "eam/fs"])
def test_stated_differences_are_those_of_lammps(tmp_path, to):
    potential = quadratic(("Al",))
    data = read_dataset(DATA_PATH, index="::60")
    export = export_potential(potential, tmp_path / "p", to, data=data, spacing=0.02)
    calculator = lammps_calculator(export.input_lines, potential.elements)
    for atoms, stated in zip(ase.io.read(DATA_PATH, "::60"), export.differences, strict=True):
        expected = potential.predict(atoms).forces
        atoms.calc = calculator
        largest = np.abs(atoms.get_forces() - expected).max()
        assert abs(largest - stated.force_max) < SAME_FORCE
    calculator.lmp.close()


def test_exact_forms_state_small_differences_without_lammps(tmp_path):
    data = read_dataset(DATA_PATH, index="::40")
    for potential, to in ((random_potential("pair", ("Al",)), "table"), (quadratic(("Al",)), "eam/fs")):
        export = export_potential(potential, tmp_path / "p", to, data=data)
        assert export.exact
        assert all(own.force_max < TABLE_FORCE for own in export.differences)
        assert all(abs(own.energy_mev_per_atom) < 1e-3 for own in export.differences)


def test_files_can_be_moved_and_read_back(tmp_path):
    export = export_potential(quadratic(), tmp_path / "AlNi.eam.fs", "eam/fs")
    names = [path.name for path in export.files]
    assert names == [f"AlNi.{k}.eam.fs" for k in range(1, len(names))] + ["AlNi.lammps"]
    text = export.files[-1].read_text()
    assert [line for line in text.splitlines() if not line.startswith("#")] == list(export.input_lines)
    for line in export.files[0].read_text().splitlines()[5:]:
        assert not re.search("nan|inf", line)


def test_no_density_is_negative(tmp_path):
    from mlip_rs.eam.exact import ExactForm

    for term in ExactForm(quadratic(), spacing=0.01).tables().terms:
        assert (term.density >= 0.0).all()


@pytest.mark.parametrize(
    ("potential", "to", "message"),
    [
        (quadratic(("Al",)), "table", "no pair potential .*eam/alloy or eam/fs"),
        (quadratic(), "eam/alloy", "depends on the centre .*eam/fs"),
        (random_potential("pair-poly", ("Al",)), "eam/fs", "three pairwise sums .*--data"),
        (random_potential("angular", ("Al",), max_l=2), "eam/fs", r"the feature p\[.*angles.*--data"),
        (random_potential("pair"), "eam", "'eam' is no form of export; choose table, eam/alloy, eam/fs"),
    ],
    ids=["squares in a table", "alloy", "cubes", "angles", "unknown"],
)
def test_what_a_form_cannot_hold_is_refused_by_name(tmp_path, potential, to, message):
    with pytest.raises(ConfigError, match=message):
        export_potential(potential, tmp_path / "p", to)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", TARGETS)
def test_structures_of_other_elements_are_named_and_nothing_is_written(tmp_path, to):
    from eam_case import rattled

    data = rattled(2, elements=("Al", "Ni"))
    with pytest.raises(DataError, match=r"frame 0 of memory: .*Ni"):
        export_potential(random_potential("pair", ("Al",)), tmp_path / "p", to, data=data)
    assert not list(tmp_path.iterdir())


def test_files_in_a_folder_are_named_after_the_elements(tmp_path):
    export = export_potential(random_potential("pair"), f"{tmp_path}/a folder/", "eam/fs")
    assert [path.name for path in export.files] == ["AlNi.eam.fs", "AlNi.lammps"]
    assert export.input_lines[1] == f'pair_coeff * * "{tmp_path}/a folder/AlNi.eam.fs" Al Ni'


def test_crowded_crystals_keep_the_energy_of_the_potential(small_run):
    """The switching by density is far from the data; in compressed fcc crystals the files have it, too."""
    from mlip_rs.data.core_structures import arrays_from_atoms
    from mlip_rs.eam.exact import ExactForm
    from mlip_rs.eam.switch import switch_term

    potential = Potential.load(small_run / "best.mlip.json")
    assert re.search("density", potential.core.spec)
    tables = ExactForm(potential).tables()
    term = switch_term(potential, tables)
    both = type(tables)(tables.elements, tables.cutoff, tables.pair, (*tables.terms, term))
    for a in (4.05, 3.2, 2.6, 2.2):
        atoms = bulk("Al", a=a)
        energy, _ = both.evaluate(arrays_from_atoms(atoms))
        expected = potential.predict(atoms).energy
        assert abs(float(energy[0]) - expected) < 1e-3 * max(1.0, abs(expected))
