"""What a run says of the potentials that failed their stress tests: those that it names, and those that it left out."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlip_rs.fitting.result import LOSS
from mlip_rs.potential.stress_record import failed_stress_test, stress_test_text

CURE: str = "add compressed, molten or otherwise disordered structures to the data, or choose a smaller basis (--size)"
"""What helps where no accurate potential holds."""

Point = Mapping[str, Any]


def stress_test_warnings(
    points: Sequence[Point], front: Sequence[int], named: Mapping[str, int]
) -> list[str]:
    """Sentences on the potentials that failed: named ones, why they are named all the same, and those off the front.

    Parameters
    ----------
    points, front
        Of a run, as in `run.json`.
    named
        Positions by name, such as best and knee.

    Examples
    --------
    >>> held = {"score": 1.2, "stress_test": {"passed": True, "n_structures": 40, "failures": []}}
    >>> fell = {"score": 1.0, "stress_test": {"passed": False, "n_structures": 40, "failures": ["Si: falls"]}}
    >>> stress_test_warnings([held, fell], [0], {"best": 0})
    ['1 potential failed its stress test and is not on the front (its score is 1.000; best has 1.200)']
    >>> for warning in stress_test_warnings([held | {"score": 9.0}, fell], [0, 1], {"best": 1}):
    ...     print(warning.split(";")[0])
    best: not to be trusted outside the data: failed in 1 of 40 structures
    no potential whose score is at most 1.5 times the lowest one passed the stress test (lowest that did: 9.000)
    """
    sentences = [
        f"{', '.join(name for name in named if named[name] == k)}: not to be trusted outside the data: "
        f"{stress_test_text(points[k])}"
        for k in dict.fromkeys(named.values())
        if failed_stress_test(points[k])
    ]
    if sentences:
        held = [float(point["score"]) for point in points if _passed(point)]
        which = f"lowest that did: {min(held):.3f}" if held else "none did"
        sentences.append(
            f"no potential whose score is at most {LOSS:g} times the lowest one passed the stress test ({which}); "
            + CURE
        )
        return sentences  # the front is that of all potentials
    lost = [point for k, point in enumerate(points) if failed_stress_test(point) and k not in front]
    if lost:
        count = "1 potential failed its stress test and is"
        if len(lost) > 1:
            count = f"{len(lost)} potentials failed their stress test and are"
        lowest = min(float(point["score"]) for point in lost)
        best = "" if "best" not in named else f"; best has {float(points[named['best']]['score']):.3f}"
        whose = "its score is" if len(lost) == 1 else "their lowest score is"
        sentences.append(f"{count} not on the front ({whose} {lowest:.3f}{best})")
    return sentences


def _passed(point: Point) -> bool:
    noted = point.get("stress_test")
    return isinstance(noted, Mapping) and noted.get("passed") is True
