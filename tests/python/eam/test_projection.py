"""The least squares behind projections, and the gauge of what they find."""

import numpy as np
import pytest
from eam_case import angular_potential, one_density_potential, rattled
from lammps_case import lammps_calculator, potential_file

from mlip_rs.data.core_structures import arrays_from_atoms
from mlip_rs.eam.density_rows import DensityRows, RadialTables
from mlip_rs.eam.gauge import ReferenceCrystal, effective_form
from mlip_rs.eam.projection import _Search
from mlip_rs.eam.published import read_eam
from mlip_rs.eam.radial_limit import radial_limit
from mlip_rs.eam.tables import EamTables, EmbeddedTerm

CRYSTAL = ReferenceCrystal("Al", "fcc", 2.86)


@pytest.fixture(scope="module")
def rows():
    potential = angular_potential()
    return potential, DensityRows.of(potential, rattled(4), RadialTables.of(potential, 6, spacing=0.01))


def test_derivative_of_the_residual_by_densities(rows):
    """Kaufman's derivative is approximate, but the gradient of the sum of squares that it gives is exact."""
    potential, prepared = rows
    search = _Search(prepared, potential)
    x = np.random.default_rng(0).normal(size=(2, *search.shape))
    gradient = search._jacobian(x).T @ search.solved(x)[1]
    step = 1e-5
    for k in (0, 3, 8, 11):
        moved = [x.copy(), x.copy()]
        for sign, own in zip((1, -1), moved, strict=True):
            own.reshape(-1)[k] += sign * step
        values = [0.5 * float((search.solved(own)[1] ** 2).sum()) for own in moved]
        assert gradient[k] == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-3, abs=1e-9)


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
