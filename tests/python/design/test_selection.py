"""The structures that tell most: the choice of a plain computation, and diverse."""

import numpy as np
import pytest
from ase.build import bulk

from mlip_rs.basis import Basis
from mlip_rs.design import select
from mlip_rs.design.coverage import coverage
from mlip_rs.design.information import PENALTY
from mlip_rs.design.selection import SEED, sampled_rows
from mlip_rs.errors import ConfigError, StructureError
from mlip_rs.generate.catalogue import Catalogue
from mlip_rs.generate.plan import Plan

BASIS = Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=5)


@pytest.fixture(scope="module")
def structures():
    plan = Plan({"eos": 8, "rattle": 10, "random": 4, "slab": 3})
    return list(Catalogue.of(["Al"]).structures(plan, seed=0))


def plain_greedy(rows, known, costs, n):
    """Every variance from the inverse of the whole matrix."""
    scale = np.linalg.norm(np.vstack([*rows, *known]), axis=0)
    rows, known = [[own / scale for own in some] for some in (rows, known)]
    matrix = PENALTY * np.eye(len(scale)) + sum(own.T @ own for own in known)
    wanted = sum(own.T @ own for own in rows)

    def variance(changed):
        return np.trace(np.linalg.solve(changed, wanted))

    chosen = []
    for _ in range(n):
        gains = [
            -np.inf if k in chosen else (variance(matrix) - variance(matrix + own.T @ own)) / costs[k]
            for k, own in enumerate(rows)
        ]
        best = int(np.argmax(gains))
        chosen.append(best)
        matrix = matrix + rows[best].T @ rows[best]
    return chosen


@pytest.mark.parametrize("power", [0.0, 1.5])
@pytest.mark.parametrize("n_known", [0, 4])
def test_the_choice_is_that_of_variances_from_whole_matrices(structures, power, n_known):
    known, candidates = structures[:n_known], structures[n_known:]
    rows = [
        sampled_rows(BASIS.core, atoms, np.random.default_rng([SEED, k]))
        for k, atoms in enumerate(candidates)
    ]
    of_known = [
        sampled_rows(BASIS.core, atoms, np.random.default_rng([SEED, k])) for k, atoms in enumerate(known)
    ]
    costs = [len(atoms) ** power for atoms in candidates]
    found = select(candidates, n=6, basis=BASIS, labelled=known, cost_power=power)
    assert list(found.indices) == plain_greedy(rows, of_known, costs, 6)


def test_a_budget_is_kept_and_used_for_small_cells(structures):
    found = select(structures, budget=60.0, basis=BASIS)
    assert 45.0 < sum(found.costs) <= 60.0
    chosen = np.mean([len(structures[k]) for k in found.indices])
    assert chosen < np.mean([len(atoms) for atoms in structures])


def test_what_is_labelled_tells_little_more(structures):
    alone = select(structures[:1], n=1, basis=BASIS).gains[0]
    beside_others = select(structures[:1], n=1, basis=BASIS, labelled=structures[1:]).gains[0]
    beside_a_copy = select(structures[:1], n=1, basis=BASIS, labelled=[structures[0].copy()]).gains[0]
    assert beside_a_copy < 0.5 * alone
    assert beside_others < 0.5 * alone


def test_rows_are_those_of_all_atoms_in_small_cells(structures):
    small = next(atoms for atoms in structures if len(atoms) == 2)
    rows = sampled_rows(BASIS.core, small, np.random.default_rng(0))
    assert rows.shape == (1 + 6 + 6, BASIS.n_features)


def test_bad_choices_are_refused(structures):
    with pytest.raises(ConfigError, match="26 structures are to be chosen from 25"):
        select(structures, n=26, basis=BASIS)
    with pytest.raises(ConfigError, match="either the number of structures to choose, or their cost"):
        select(structures, basis=BASIS)
    with pytest.raises(ConfigError, match=r"a budget of 0\.5 buys no structure"):
        select(structures, budget=0.5, basis=BASIS)
    with pytest.raises(StructureError, match=r"^structure 1 \(1 atom\)"):
        select([bulk("Al"), bulk("Cu")], n=1, basis=BASIS)


def test_the_figure_shows_every_kind(structures):
    for energies in (None, np.linspace(-3.0, -2.0, len(structures))):
        figure = coverage(structures, energies)
        labels = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
        assert sorted(labels) == ["eos (8)", "random (4)", "rattle (10)", "slab (3)"]
        assert figure.axes[0].get_xlabel() == "volume (Å³/atom)"
    counts = sum(bar.get_height() for bar in coverage(structures).axes[1].patches)
    assert counts == len(structures)
