"""What a fit noted of the stress test in a potential."""

from collections.abc import Mapping
from typing import Any

from mlip_rs.text import counted


def stress_test_text(info: Mapping[str, Any]) -> str:
    """What a fit noted of the stress test in the `info` of a potential, as a sentence; "not tested" without a note.

    >>> stress_test_text({"stress_test": {"passed": True, "n_structures": 40, "failures": []}})
    'held in all 40 structures'
    >>> stress_test_text({})
    'not tested'
    """
    noted = info.get("stress_test")
    if not isinstance(noted, Mapping):
        return "not tested"
    failures = noted.get("failures")
    failures = list(failures) if isinstance(failures, list | tuple) else []
    if not failures:
        return f"held in all {counted(noted.get('n_structures'), 'structure')}"
    if noted.get("ended_at_failure"):
        return f"failed: {failures[0]}"
    return f"failed in {len(failures)} of {counted(noted.get('n_structures'), 'structure')}; {failures[0]}"


def failed_stress_test(info: Mapping[str, Any]) -> bool:
    """Whether a fit noted in the `info` of a potential that it failed its stress test; false if it was not tested.

    >>> failed_stress_test({"stress_test": {"passed": False, "n_structures": 40, "failures": ["..."]}})
    True
    """
    noted = info.get("stress_test")
    return isinstance(noted, Mapping) and noted.get("passed") is False
