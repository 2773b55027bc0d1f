"""Atoms in figures: each in its place and colour, the nearest in front."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from matplotlib import colormaps
from matplotlib.colors import Normalize

from mlip_rs.errors import ConfigError
from mlip_rs.plot.atoms import draw_atoms, thinnest_view
from mlip_rs.plot.style import new_figure

STYLE = {"norm": Normalize(0.0, 1.0), "colors": colormaps["viridis"]}


def axes():
    return new_figure(2.0, 2.0).add_subplot()


@pytest.mark.parametrize(("view", "columns", "front"), [("x", (1, 2), 1), ("y", (0, 2), 0), ("z", (0, 1), 1)])
def test_the_nearest_atom_is_drawn_last_in_its_place_and_colour(view, columns, front):
    atoms = Atoms("AlCu", positions=[[0.0, 0.0, 0.0], [3.0, 4.0, 5.0]])
    values = np.array([0.25, 0.75])
    discs = draw_atoms(axes(), atoms, values, view=view, **STYLE)
    assert discs.get_offsets()[-1].tolist() == atoms.positions[front, list(columns)].tolist()
    assert discs.get_array()[-1] == values[front]


def test_all_atoms_are_within_the_axes_and_lengths_are_those_of_both():
    atoms = bulk("Al", cubic=True).repeat((4, 1, 2))
    drawn = axes()
    draw_atoms(drawn, atoms, np.zeros(len(atoms)), view="y", **STYLE)
    (left, right), (low, high) = drawn.get_xlim(), drawn.get_ylim()
    assert left < atoms.positions[:, 0].min() < atoms.positions[:, 0].max() < right
    assert low < atoms.positions[:, 2].min() < atoms.positions[:, 2].max() < high
    assert drawn.get_aspect() == 1.0
    assert (drawn.get_xlabel(), drawn.get_ylabel()) == ("x (Å)", "z (Å)")


def test_cells_are_drawn_of_periodic_structures_only():
    crystal, cluster = axes(), axes()
    draw_atoms(crystal, bulk("Al"), np.zeros(1), view="z", **STYLE)
    draw_atoms(cluster, Atoms("Al"), np.zeros(1), view="z", **STYLE)
    assert (len(crystal.lines), len(cluster.lines)) == (12, 0)


def test_no_atoms_make_an_empty_drawing():
    assert len(draw_atoms(axes(), Atoms(), np.zeros(0), view="z", **STYLE).get_offsets()) == 0
    assert thinnest_view(Atoms()) == "x"


def test_the_vacuum_of_a_slab_counts_as_thickness_only_where_it_is_periodic():
    slab = bulk("Al", cubic=True).repeat((3, 2, 1))
    slab.center(vacuum=20.0, axis=2)
    assert thinnest_view(slab) == "y"
    slab.pbc = (True, True, False)
    assert thinnest_view(slab) == "z"


@pytest.mark.parametrize(("n_values", "view"), [(3, "z"), (4, "front")])
def test_wrong_numbers_and_views_are_refused(n_values, view):
    with pytest.raises(ConfigError, match="views are x, y, z"):
        draw_atoms(axes(), bulk("Al", cubic=True), np.zeros(n_values), view=view, **STYLE)
