"""Crowded, hot, random, clustered and open surroundings: the energy must not fall below that of crystals."""

from mlip_rs.errors import NotApplicableError
from mlip_rs.potential.stress_test import StressTest, stress_test
from mlip_rs.text import counted
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.property import Property

SEED: int = 2
"""Of the structures; that of the fit is another."""

SHOWN: int = 5
"""Structures that are named, of those that fail."""


def compute(case: ValidationCase) -> StressTest:
    """Stress test of a potential file; nine times as long unless the case is quick."""
    if case.potential is None:
        raise NotApplicableError("the stress test needs a potential file of this package")
    return stress_test(case.potential, seed=SEED, long=not case.quick)


def failures(found: StressTest) -> tuple[str, ...]:
    """The first structures that fail, and how many more there are."""
    sentences = [failure.sentence for failure in found.failures]
    left = len(sentences) - SHOWN
    return (*sentences[:SHOWN], *([f"and {left} more structures"] if left > 0 else ()))


def notes(found: StressTest) -> tuple[str, ...]:
    """What was followed."""
    followed = counted(found.n_structures, "structure")
    return (f"{followed} of {', '.join(found.systems)}" if found.systems else followed,)


PROPERTY = Property(
    "stress-test",
    "Where no data are",
    StressTest,
    compute,
    failures=failures,
    notes=notes,
    beyond_data=True,
    restore=StressTest.from_dict,
)
