"""Fits give what they gave before: coefficients, errors, front, names and files."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import golden_fits

TOLERANCE = 1e-9
"""Relative, on the machine that wrote the file."""

OTHER_MACHINE = 0.05
"""Relative, of the errors of the densest potential elsewhere: other vector instructions round differently."""

KNOWN = json.loads(golden_fits.FILE.read_text(encoding="utf-8"))
ERRORS = ("training", "validation", "test")


@pytest.fixture(scope="module", autouse=True)
def fixed_times():
    with pytest.MonkeyPatch.context() as patch:
        golden_fits.with_fixed_times(patch.setattr)
        golden_fits.without_stress_tests(patch.setattr)
        golden_fits.without_error_bars(patch.setattr)
        yield


@pytest.mark.parametrize("case", golden_fits.CASES, ids="/".join)
def test_fit_equals_the_golden_one(case):
    if case[0] == "AgAu" and not golden_fits.SILVER_GOLD.exists():
        pytest.skip("shared data not present; set MLIP_RS_SHARED_DATA")
    wanted, found = KNOWN["fits"]["/".join(case)], golden_fits.golden(*case)
    if KNOWN["processor"] != golden_fits.processor():
        for name in ERRORS:
            np.testing.assert_allclose(
                found["points"][-1][name], wanted["points"][-1][name], rtol=OTHER_MACHINE
            )
        return
    assert len(found["points"]) == len(wanted["points"])
    for new, old in zip(found["points"], wanted["points"], strict=True):
        for name, value in old.items():
            if name == "potential" or value is None:
                assert new[name] == value, name
            else:
                np.testing.assert_allclose(new[name], value, rtol=TOLERANCE, atol=1e-300, err_msg=name)
    for name in ("front", "best", "knee", "one_standard_error", "repulsion", "short_range"):
        assert found[name] == wanted[name], name
