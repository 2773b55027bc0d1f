"""Curves of the expected error are drawn whatever the indices are."""

import numpy as np
import pytest

from mlip_rs.uncertainty.figures import force_error_curves
from mlip_rs.uncertainty.force_error import ForceError


@pytest.mark.parametrize("index", [(0.5, 1.0, 2.0), (0.0, 1.0, 2.0), (0.0, 0.0, 0.0)])
def test_indices_of_zero_are_drawn_on_a_logarithmic_axis(index):
    figure = force_error_curves({"best": ForceError(index, (0.05, 0.1, 0.4))})
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    assert 0.0 < low < high
    assert all(np.isfinite(line.get_ydata()).all() for line in axes.lines)
