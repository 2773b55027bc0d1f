"""Constants of the elements are no errors; everything else is."""

import numpy as np
import pytest

from mlip_rs.evaluate.errors import Labels
from mlip_rs.evaluate.shifted import shifted_errors

COMPOSITIONS = np.array([[4.0, 0.0], [2.0, 2.0], [0.0, 4.0], [1.0, 3.0], [3.0, 1.0]])
NOISE = np.array([0.010, -0.020, 0.015, 0.004, -0.007])  # eV


def errors_of(shift: np.ndarray, missing: int | None = None) -> float:
    energies = [None if k == missing else float(e) for k, e in enumerate(COMPOSITIONS @ [-1.0, -2.0])]
    none = [None] * len(energies)
    predicted = [float(e) for e in COMPOSITIONS @ (np.array([-1.0, -2.0]) + shift) + NOISE]
    found = shifted_errors(
        Labels(energies, none, none), Labels(predicted, none, none), COMPOSITIONS, ["a"] * len(energies)
    )
    assert found.energy is not None
    return found.energy.rmse


def test_constants_of_elements_do_not_count() -> None:
    assert errors_of(np.array([3.0, -7.0])) == pytest.approx(errors_of(np.zeros(2)), rel=1e-9)


def test_errors_that_no_constant_explains_stay() -> None:
    shares = COMPOSITIONS / 4.0
    residual = NOISE / 4.0 - shares @ np.linalg.lstsq(shares, NOISE / 4.0, rcond=None)[0]
    assert errors_of(np.zeros(2)) == pytest.approx(1e3 * np.sqrt(np.mean(residual**2)), rel=1e-6)


def test_structures_without_energies_are_left_out() -> None:
    assert errors_of(np.array([3.0, -7.0]), missing=1) == pytest.approx(
        errors_of(np.zeros(2), missing=1), rel=1e-9
    )
