"""Behaviour where no data are."""

from mlip_rs.potential.stress_test import stress_test
from mlip_rs.text import counted
from mlip_rs.verify.result import Measured, NotApplicable
from mlip_rs.verify.verified_calculator import VerifiedCalculator


def check_stress_test(verified: VerifiedCalculator) -> list[Measured] | NotApplicable:
    """Crowded, hot, random, clustered and open structures do not fall below the crystals, nor heat up by themselves."""
    potential = verified.potential
    if potential is None:
        return NotApplicable("needs a potential file of this package")
    if potential.spec.get("repulsion") is None:
        return NotApplicable(
            "the potential has no repulsion: do not use it at distances shorter than its data"
        )
    found = stress_test(potential)
    followed = f"{counted(found.n_structures, 'structure')} of {', '.join(found.systems)}"
    where = found.failures[0].sentence if found.failures else followed
    return [Measured(float(len(found.failures)), 0.0, "structures", where)]
