"""The section of the report of a fit on its error bars."""

import numpy as np
import pytest

from mlip_rs import Basis, Potential
from mlip_rs.evaluate.errors import Errors
from mlip_rs.fitting import Point, Run
from mlip_rs.report.document import Image, Table
from mlip_rs.report.error_bars import coverage_sentence, error_bars_content
from mlip_rs.uncertainty import Calibration, Committee
from mlip_rs.uncertainty.force_error import ForceError

NONE = Errors(energy=None, forces=None, stress=None)
COVERAGE = {"energy": (0.7, 0.93, 0.96, 1.0), "forces": (0.8, 0.95, 0.97, 0.99)}


@pytest.fixture
def potential():
    basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=2)
    return Potential.from_coefficients(basis, [1.0, -0.5], {"Al": 0.0})


def run_of(potential):
    return Run((Point(potential, 1.0, 1.0, 0.0, NONE, NONE),), {})


def committee(calibration=None, curve=None):
    noise = {"energy": 0.002, "forces": 0.05}
    deviations = np.array([[0.1], [0.2]])
    return Committee(np.array([1]), deviations, noise, "each of 2 folds", calibration, COVERAGE, curve)


def test_without_a_committee_one_sentence_names_the_cure(potential):
    (sentence,) = error_bars_content(run_of(potential))
    assert "Fit again" in sentence
    assert coverage_sentence(run_of(potential).points[0]) == ""


def test_residual_and_coverage_are_in_the_table(potential):
    items = error_bars_content(run_of(committee().attached(potential)))
    (table,) = [item for item in items if isinstance(item, Table)]
    assert ("best", "energy", "2 meV/atom", "70.0", "93.0", "96.0", "100.0") in table.rows
    assert any("--hold-out-classes" in item for item in items if isinstance(item, str))


def test_classes_held_out_factors_and_the_promise(potential):
    calibration = Calibration(
        ("fcc", "slab"), {"energy": (1.0, 1.5, 1.5, 2.0)}, {"energy": {"fcc": (0.5, 0.8, 0.9, 1.0)}}
    )
    items = error_bars_content(run_of(committee(calibration).attached(potential)))
    rows = [row for item in items if isinstance(item, Table) for row in item.rows]
    assert ("fcc", "80") in rows
    assert ("slab", "–") in rows
    assert ("factor on the bars", "1.50") in rows
    assert any("2 in 3" in item for item in items if isinstance(item, str))


def test_a_class_that_was_not_held_out_is_named_with_the_reason(potential):
    missed = {"dimer": "without it, the data have no Al"}
    calibration = Calibration(("fcc", "slab"), {"energy": (1.0, 1.5, 1.5, 2.0)}, {}, missed)
    items = error_bars_content(run_of(committee(calibration).attached(potential)))
    assert "The class dimer was not held out and does not count: without it, the data have no Al." in items
    assert any("2 in 3" in item for item in items if isinstance(item, str))


def test_the_curve_of_force_errors_is_drawn(potential):
    items = error_bars_content(
        run_of(committee(curve=ForceError((0.5, 2.0), (0.1, 0.3))).attached(potential))
    )
    assert sum(isinstance(item, Image) for item in items) == 1


def test_the_sentence_of_the_command_line(potential):
    point = run_of(committee().attached(potential)).points[0]
    assert coverage_sentence(point).endswith("energy 93 %, forces 95 %")
