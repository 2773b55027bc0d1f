"""Structures coloured by index: 1 in the middle of the scale and marked, colours that rise in lightness."""

import numpy as np
import pytest
from ase.build import bulk
from matplotlib import colormaps

from mlip_rs.uncertainty.atom_figures import ERROR_SCALE, INDEX_SCALE, atoms_by_index


def test_one_is_in_the_middle_of_the_scale_and_marked():
    assert INDEX_SCALE.norm(1.0) == pytest.approx(0.5)
    assert INDEX_SCALE.mark == 1.0
    crystal = bulk("Al", cubic=True).repeat((3, 3, 1))
    figure = atoms_by_index(crystal, np.ones(len(crystal)))
    bar = figure.axes[1]
    marks = [line.get_ydata()[0] for line in bar.lines]
    assert marks == [1.0, 1.0]
    figure.draw_without_rendering()
    assert "1" in [label.get_text() for label in bar.get_yticklabels()]


@pytest.mark.parametrize("scale", [INDEX_SCALE, ERROR_SCALE])
def test_larger_values_are_lighter_everywhere(scale):
    shown = colormaps[scale.colors](np.linspace(0.0, 1.0, 64))[:, :3]
    assert (np.diff(shown @ [0.2126, 0.7152, 0.0722]) > 0.0).all()
    assert (np.diff(scale.ticks) > 0.0).all()


@pytest.mark.parametrize("index", [0.0, 1e-12, 1e6])
def test_values_beyond_the_scale_have_its_last_colours(index):
    assert INDEX_SCALE.norm(np.array([index]))[0] in (0.0, 1.0)


@pytest.mark.parametrize("repeats", [(1, 1, 1), (40, 1, 1), (1, 40, 1)])
def test_figures_of_long_structures_stay_on_a_page(repeats):
    crystal = bulk("Al", cubic=True).repeat(repeats)
    figure = atoms_by_index(crystal, np.linspace(0.1, 9.0, len(crystal)), view="z", title="a_$b")
    assert 1.5 < figure.get_size_inches()[1] <= 7.0
    figure.draw_without_rendering()
