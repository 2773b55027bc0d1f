"""Error metrics against numbers worked out by hand."""

import json

import numpy as np
import pytest

from mlip_rs.errors import DataError
from mlip_rs.evaluate.errors import Errors, Labels, error_summary, evaluate_errors

GPA = 160.21766208


def labels(energies=(-3.0, -6.0), shift=0.0):
    return Labels(
        energies=list(energies),
        forces=[np.zeros((1, 3)), np.full((2, 3), shift)],
        stresses=[None, np.array([shift / GPA, 0, 0, 0, 0, 0])],
    )


def test_summary_of_three_errors():
    summary = error_summary([1.0, 2.0, 3.0], [1.0, 0.0, 4.0])
    assert summary.rmse == pytest.approx(np.sqrt(5 / 3))
    assert summary.mae == pytest.approx(1.0)
    assert summary.max == 2.0
    assert summary.n == 3


def test_errors_are_per_atom_per_component_and_in_the_units_of_their_keys():
    predicted = labels(energies=(-3.001, -6.004), shift=0.3)
    errors = evaluate_errors(labels(), predicted, [1, 2], ["a", "b"])
    assert errors.energy.rmse == pytest.approx(np.sqrt((1.0 + 4.0) / 2))
    assert errors.energy.max == pytest.approx(2.0)
    assert errors.forces.mae == pytest.approx(6 * 0.3 / 9)
    assert errors.forces.n == 9
    assert errors.stress.max == pytest.approx(0.3, rel=1e-6)
    assert errors.stress.n == 6
    assert errors.by_config_type["a"].stress is None
    assert errors.by_config_type["b"].forces.rmse == pytest.approx(0.3)


def test_document_has_exactly_the_keys_used_everywhere():
    document = evaluate_errors(labels(), labels(shift=0.1), [1, 2], ["a", "b"]).to_dict()
    properties = {"energy_mev_per_atom", "force_ev_per_angstrom", "stress_gpa"}
    assert set(document) == properties | {"by_config_type"}
    assert set(document["stress_gpa"]) == {"rmse", "mae", "max"}
    assert set(document["by_config_type"]["b"]) == properties
    assert document["by_config_type"]["a"]["stress_gpa"] is None
    again = Errors.from_dict(json.loads(json.dumps(document)))
    assert again.to_dict() == document


def test_missing_labels_are_left_out_and_missing_predictions_are_not():
    nothing = Labels([None, None], [None, None], [None, None])
    assert evaluate_errors(nothing, labels(), [1, 2]).to_dict() == {
        "energy_mev_per_atom": None,
        "force_ev_per_angstrom": None,
        "stress_gpa": None,
        "by_config_type": {},
    }
    with pytest.raises(DataError, match="structure 0 has a label for energy and no prediction"):
        evaluate_errors(labels(), nothing, [1, 2])


def test_arrays_that_do_not_match_are_refused():
    with pytest.raises(DataError, match="differ in shape"):
        error_summary([1.0], [1.0, 2.0])
    with pytest.raises(DataError, match="no values"):
        error_summary([], [])
    with pytest.raises(DataError, match="1 of 2 values are not finite"):
        error_summary([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(DataError, match="one of each per structure"):
        Labels([1.0], [], [None])
    with pytest.raises(DataError, match="config types"):
        evaluate_errors(labels(), labels(), [1, 2], ["a"])
    swapped = Labels([-3.0, -6.0], [np.zeros((2, 3)), np.zeros((1, 3))], [None, np.zeros(6)])
    with pytest.raises(DataError, match="structure 0: forces has shape"):
        evaluate_errors(labels(), swapped, [1, 2])
    with pytest.raises(DataError, match="not a record of errors"):
        Errors.from_dict({"energy_mev_per_atom": 1.0})
