"""Results of the checks: one number, its limit and a sentence each."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class CheckStatus(str, Enum):
    """Status of a check.

    Examples
    --------
    >>> CheckStatus("fail") is CheckStatus.FAIL
    True
    """

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Measured:
    """A measured number and its limit; of several, the one largest in units of its limit decides.

    Parameters
    ----------
    value, limit
        In `unit`; passes if the value is finite and at most the limit.
    unit
        Unit, such as "eV/Å".
    where
        Measured quantity, as in "forces of the crystal".
    """

    value: float
    limit: float
    unit: str
    where: str

    @property
    def good(self) -> bool:
        """True if the value is within the limit; False for NaN."""
        return self.value <= self.limit

    @property
    def severity(self) -> float:
        """Value in units of the limit; infinite for NaN, or for a limit of zero."""
        if self.value == 0.0:
            return 0.0
        if self.limit == 0.0 or self.value != self.value:
            return float("inf")
        return self.value / self.limit


@dataclass(frozen=True)
class NotApplicable:
    """Reason why a check does not apply to this calculator."""

    reason: str


@dataclass(frozen=True)
class CheckResult:
    """Result of one check.

    Parameters
    ----------
    name
        Name of the check, as `--only` takes it.
    status
        Pass, fail or not applicable.
    value, limit
        Decisive number and its limit in `unit`; None if the check does not apply or ended in an exception.
    unit
        Unit, such as "eV/Å"; empty without a value.
    sentence
        Claim that was checked, and where the largest deviation was found.

    Examples
    --------
    >>> result = CheckResult("forces", CheckStatus.FAIL, 2e-3, 1e-5, "eV/Å", "Every force component equals −dE/dr")
    >>> result.to_dict()["outcome"]
    'fail'
    """

    name: str
    status: CheckStatus
    value: float | None
    limit: float | None
    unit: str
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `--json`; numbers that JSON does not know become None."""
        return {
            "name": self.name,
            "outcome": self.status.value,
            "value": _finite(self.value),
            "limit": self.limit,
            "unit": self.unit,
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class Verification:
    """Results of all checks.

    Parameters
    ----------
    name
        Name of the verified potential or calculator.
    checks
        Results in the order of `CHECKS`.

    Examples
    --------
    >>> forces = CheckResult("forces", CheckStatus.FAIL, 2e-3, 1e-5, "eV/Å", "Every force component equals −dE/dr")
    >>> units = CheckResult("units", CheckStatus.PASS, 1e-9, 1e-7, "relative", "Units are those of ASE")
    >>> verification = Verification("al.mlip.json", (forces, units))
    >>> verification.passed, [check.name for check in verification.failures]
    (False, ['forces'])
    """

    name: str
    checks: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        """True if no check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """Checks that failed."""
        return tuple(check for check in self.checks if check.status is CheckStatus.FAIL)

    def __getitem__(self, name: str) -> CheckResult:
        """Result of the check with this name."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `mlip-rs verify --json`."""
        return {
            "subject": self.name,
            "passed": self.passed,
            "checks": [check.to_dict() for check in self.checks],
        }


def check_result(name: str, claim: str, found: Sequence[Measured] | NotApplicable) -> CheckResult:
    """Result of a check from its measured numbers.

    Parameters
    ----------
    claim
        Sentence that should be true, without its full stop.
    found
        At least one measured number, or the reason why the check does not apply.
    """
    if isinstance(found, NotApplicable):
        return CheckResult(name, CheckStatus.NOT_APPLICABLE, None, None, "", f"{claim}: {found.reason}")
    worst = max(found, key=lambda measured: measured.severity)
    status = CheckStatus.PASS if all(measured.good for measured in found) else CheckStatus.FAIL
    where = f"largest: {worst.where}" if worst.limit > 0.0 else worst.where
    return CheckResult(name, status, float(worst.value), float(worst.limit), worst.unit, f"{claim}; {where}")


def exception_result(name: str, claim: str, error: BaseException) -> CheckResult:
    """Result of a check that ended in an exception."""
    reason = " ".join(str(error).split()) or "no message"
    return CheckResult(
        name, CheckStatus.FAIL, None, None, "", f"{claim}; not carried out: {type(error).__name__}: {reason}"
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None
