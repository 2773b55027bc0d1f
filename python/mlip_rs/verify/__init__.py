"""Is it a potential at all? Checks that any potential must pass, whatever it was fitted to.

    verification = verify("al.mlip.json")
    verification = verify_calculator(EMT, ["Al", "Cu"], cutoff=7.0)

Each check gives one number, its limit and a sentence.
"""

from mlip_rs.verify.result import CheckResult, Outcome, Verification
from mlip_rs.verify.run import CHECKS, verify, verify_calculator

__all__ = ["CHECKS", "CheckResult", "Outcome", "Verification", "verify", "verify_calculator"]
