"""Is it a potential at all? Checks that any potential must pass, whatever it was fitted to.

    verification = mlip_rs.verify.verify("al.mlip.json")
    verification = mlip_rs.verify.verify_calculator(EMT, ["Al", "Cu"], cutoff=7.0)
"""

from mlip_rs.verify.result import CheckResult, Outcome, Verification
from mlip_rs.verify.run import CHECKS, verify, verify_calculator

__all__ = ["CHECKS", "CheckResult", "Outcome", "Verification", "verify", "verify_calculator"]
