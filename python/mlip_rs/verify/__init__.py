"""Consistency checks that every potential has to pass, whatever it was fitted to.

For example::

    verification = verify("al.mlip.json")
    verification = verify_calculator(EMT, ["Al", "Cu"], cutoff=7.0)

Each check returns one number, its limit and a sentence.
"""

from mlip_rs.verify.result import CheckResult, CheckStatus, Verification
from mlip_rs.verify.run import CHECKS, verify, verify_calculator

__all__ = ["CHECKS", "CheckResult", "CheckStatus", "Verification", "verify", "verify_calculator"]
