"""The least squares behind projections, and the gauge of what they find."""

from types import SimpleNamespace

import numpy as np
import pytest
from eam_case import angular_potential, one_density_potential, rattled
from lammps_case import lammps_calculator, potential_file
from potentials import random_potential
from threadpoolctl import threadpool_info, threadpool_limits

from mlip_rs.data import Dataset
from mlip_rs.data.core_structures import arrays_from_atoms
from mlip_rs.eam import density_rows, projection
from mlip_rs.eam.density_rows import DensityRows, RadialTables
from mlip_rs.eam.gauge import ReferenceCrystal, effective_form
from mlip_rs.eam.pair_kinds import PairKinds
from mlip_rs.eam.projection import _Search
from mlip_rs.eam.published import read_eam
from mlip_rs.eam.radial_limit import radial_limit
from mlip_rs.eam.tables import EamTables, EmbeddedTerm

CRYSTAL = ReferenceCrystal("Al", "fcc", 2.86)


@pytest.fixture(scope="module")
def rows():
    potential = angular_potential()
    return potential, DensityRows.of(potential, rattled(4), RadialTables.of(potential, 6, spacing=0.01))


@pytest.mark.parametrize("case", ["rows", "alloy"])
def test_derivative_of_the_residual_by_densities(case, request):
    """Kaufman's derivative is approximate, but the gradient of the sum of squares that it gives is exact."""
    potential, prepared = request.getfixturevalue(case)
    search = _Search(prepared, potential)
    x = np.random.default_rng(0).normal(size=(2, *search.shape))
    gradient = search._jacobian(x).T @ search.solved(x).residuals
    step = 1e-5
    for k in (0, 3, 8, 11, x.size - 1):
        moved = [x.copy(), x.copy()]
        for sign, own in zip((1, -1), moved, strict=True):
            own.reshape(-1)[k] += sign * step
        values = [0.5 * float((search.solved(own).residuals ** 2).sum()) for own in moved]
        assert gradient[k] == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-3, abs=1e-9)


@pytest.fixture(scope="module")
def alloy():
    potential = random_potential(("Al", "Ni"))
    radial = RadialTables.of(potential, 5, spacing=0.01)
    return potential, DensityRows.of(potential, rattled(4, elements=("Al", "Ni")), radial)


def test_sums_by_kind_are_sums_over_all_pairs(alloy):
    _, prepared = alloy
    kinds, pairs = PairKinds(prepared), prepared.pairs
    assert kinds.numbers == [0, 1, 2, 3]
    rng = np.random.default_rng(1)
    weights, factors = rng.normal(size=(4, 5)), rng.normal(size=(len(pairs.species), 2))
    own = weights[prepared.kinds]
    rho, forces = kinds.density(weights)
    np.testing.assert_allclose(rho, prepared.atoms @ (own * prepared.values).sum(axis=1), atol=1e-12)
    expected = prepared.gather @ ((own * prepared.slopes).sum(axis=1)[:, None] * factors[pairs.centers])
    np.testing.assert_allclose(forces.times(factors), expected, atol=1e-12)
    for kind in kinds.kinds:
        own = (prepared.kinds == kind.number)[:, None]
        np.testing.assert_allclose(kind.counts, prepared.atoms @ (own * prepared.values), atol=1e-12)
        expected = prepared.gather @ (own * prepared.slopes * factors[pairs.centers, :1])
        np.testing.assert_allclose(kind.forces(factors[:, 0]), expected, atol=1e-12)


def test_the_linear_part_is_the_least_squares_solution(alloy):
    potential, prepared = alloy
    search = _Search(prepared, potential)
    point = search.solved(np.random.default_rng(2).normal(size=(2, *search.shape)))
    columns = np.hstack([search.fixed, search._embedding_columns(point.rho, point.forces)])
    whole = np.vstack([columns, search.ridge * np.eye(columns.shape[1])])
    target = np.concatenate([search.target, np.zeros(columns.shape[1])])
    expected = np.linalg.lstsq(whole, target, rcond=None)[0]
    np.testing.assert_allclose(
        point.residuals, whole @ expected - target, atol=1e-9 * np.abs(target).max(), rtol=0
    )


def test_projections_leave_the_other_cores_of_a_busy_machine_alone(alloy, monkeypatch):
    seen = []

    def search(function, start, **options):
        seen.extend(own["num_threads"] for own in threadpool_info() if own["user_api"] == "blas")
        return SimpleNamespace(x=start)

    monkeypatch.setattr(projection, "least_squares", search)
    with threadpool_limits(2, user_api="blas"):
        projection.project(alloy[1], 1, alloy[0])
    assert seen
    assert set(seen) == {1}


def test_thinning_keeps_structures_of_every_set_of_elements(monkeypatch):
    potential = random_potential(("Al", "Ni"))
    monkeypatch.setattr(density_rows, "MOST_PAIRS", 100)
    frames = [*rattled(6), *rattled(1, elements=("Ni",)), *rattled(6), *rattled(1, elements=("Al", "Ni"))]
    rows = DensityRows.of(potential, Dataset(tuple(frames)), RadialTables.of(potential, 5, spacing=0.01))
    assert [len(set(frame.symbols)) for frame in rows.frames] == [1, 1, 2]
    assert PairKinds(rows).numbers == [0, 1, 2, 3]


def test_rows_and_tables_of_a_model_agree(rows):
    potential, prepared = rows
    search = _Search(prepared, potential)
    found = search.model(search.extended(np.zeros((0, *search.shape)))[0])
    tables = found.model.tables(potential)
    starts = np.cumsum([0, *prepared.counts])
    for k, frame in enumerate(prepared.frames):
        energies, forces = tables.evaluate(arrays_from_atoms(frame.to_atoms()))
        single = float(
            found.model.constants.sum() - search.single.sum()
        )  # fitted: the potential names no origin
        mean = float(energies.mean()) - float(search.single[0])
        assert mean == pytest.approx(found.energies[k], abs=1e-6 * max(1.0, abs(single)))
        np.testing.assert_allclose(forces, found.forces[starts[k] : starts[k + 1]], rtol=0, atol=1e-4)


def test_radial_limit_recovers_a_polynomial_of_densities():
    potential = one_density_potential()
    rows = DensityRows.of(potential, rattled(30), RadialTables.of(potential, 6, spacing=0.01))
    limit = radial_limit(rows, potential)
    assert float(((limit.forces - rows.forces) ** 2).mean()) < 1e-3 * float((rows.forces**2).mean())


def square_root(scale=1.0, shift=0.0):
    """Finnis and Sinclair's form in another gauge: density scaled, a linear part moved to the pair function."""
    r = np.linspace(0.0, 5.0, 1001)
    density, pair = (5.0 - r) ** 2 / 10.0, 0.1 * r * (5.0 - r) ** 2
    rho = np.linspace(0.0, 60.0, 5001)
    embedding = -np.sqrt(rho) + shift * rho
    term = EmbeddedTerm(scale * density[None, None], embedding[None], scale * float(rho[1]))
    return EamTables(("Al",), 5.0, (pair - 2.0 * shift * r * density)[None, None], (term,))


@pytest.mark.parametrize(("scale", "shift"), [(3.0, 0.0), (1.0, 0.2), (0.5, -0.3)])
def test_the_gauge_does_not_matter(scale, shift):
    first = effective_form(square_root(), [CRYSTAL], "first")
    second = effective_form(square_root(scale, shift), [CRYSTAL], "second")
    np.testing.assert_allclose(second.pair[..., 1:], first.pair[..., 1:], atol=1e-9)
    np.testing.assert_allclose(second.density, first.density, atol=1e-12)
    np.testing.assert_allclose(second.embedding, first.embedding, atol=1e-6)
    assert np.gradient(first.embedding[0], first.densities)[100] == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("name", ["Cu_mishin1.eam.alloy", "Al_mm.eam.fs", "CuZr_mm.eam.fs", "Ag_u3.eam"])
def test_published_files_are_read_as_lammps_reads_them(name):
    file = potential_file(name)
    tables = read_eam(name)
    style = "eam" if name.endswith(".eam") else "eam/" + name.rsplit(".", 1)[1]
    elements = tables.elements
    symbols = "" if style == "eam" else " ".join(elements)
    calculator = lammps_calculator([f"pair_style {style}", f"pair_coeff * * {file} {symbols}"], elements)
    frame = rattled(2)[1]
    atoms = frame.to_atoms()
    atoms.set_chemical_symbols([elements[k % len(elements)] for k in range(len(atoms))])
    energies, forces = tables.evaluate(arrays_from_atoms(atoms))
    atoms.calc = calculator
    # LAMMPS interpolates files of the old form eam once more.
    tolerance = 1e-4 if style == "eam" else 1e-8
    assert atoms.get_potential_energy() == pytest.approx(float(energies.sum()), abs=tolerance * len(atoms))
    np.testing.assert_allclose(atoms.get_forces(), forces, rtol=0, atol=10 * tolerance)
    calculator.lmp.close()
