"""What a check found: one number, its limit, a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Outcome(str, Enum):
    """What became of a check."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Measured:
    """One number against its limit; several are judged by the one nearest to, or farthest beyond, its limit.

    Parameters
    ----------
    value, limit
        In `unit`; good if the value is finite and at most the limit.
    unit
        As in "eV/Å".
    where
        What was measured, for the sentence: "forces of the crystal".
    """

    value: float
    limit: float
    unit: str
    where: str

    @property
    def good(self) -> bool:
        """Whether the limit is kept; a NaN keeps none."""
        return self.value <= self.limit

    @property
    def severity(self) -> float:
        """Value in limits; infinite where the limit is zero or the value is none."""
        if self.value == 0.0:
            return 0.0
        if self.limit == 0.0 or self.value != self.value:
            return float("inf")
        return self.value / self.limit


@dataclass(frozen=True)
class NotApplicable:
    """The reason why a check says nothing about this calculator."""

    reason: str


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    Parameters
    ----------
    name
        Of the check, as `--only` takes it.
    outcome
        Pass, fail or not applicable.
    value, limit
        The number that decides, in `unit`; None if there is none: not applicable, or an exception.
    unit
        As in "eV/Å"; empty without a value.
    sentence
        What was looked at, and what was found where.
    """

    name: str
    outcome: Outcome
    value: float | None
    limit: float | None
    unit: str
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values; numbers that JSON does not know become None."""
        return {
            "name": self.name,
            "outcome": self.outcome.value,
            "value": _finite(self.value),
            "limit": self.limit,
            "unit": self.unit,
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class Verification:
    """The outcome of all checks.

    Parameters
    ----------
    subject
        What was verified.
    checks
        In the order they were made.
    """

    subject: str
    checks: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.outcome is Outcome.FAIL)

    def __getitem__(self, name: str) -> CheckResult:
        """The check of that name."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """What `mlip-rs verify --json` prints."""
        return {
            "subject": self.subject,
            "passed": self.passed,
            "checks": [check.to_dict() for check in self.checks],
        }


def judge(name: str, claim: str, found: Sequence[Measured] | NotApplicable) -> CheckResult:
    """The result of a check from what it measured.

    Parameters
    ----------
    claim
        What should hold, as a sentence without its full stop.
    found
        At least one number, or why there is none.
    """
    if isinstance(found, NotApplicable):
        return CheckResult(name, Outcome.NOT_APPLICABLE, None, None, "", f"{claim}: {found.reason}")
    worst = max(found, key=lambda measured: measured.severity)
    outcome = Outcome.PASS if all(measured.good for measured in found) else Outcome.FAIL
    return CheckResult(
        name, outcome, float(worst.value), float(worst.limit), worst.unit, f"{claim}; largest: {worst.where}"
    )


def broken(name: str, claim: str, error: BaseException) -> CheckResult:
    """The result of a check that ended in an exception."""
    reason = " ".join(str(error).split()) or "no message"
    return CheckResult(
        name, Outcome.FAIL, None, None, "", f"{claim}; not carried out: {type(error).__name__}: {reason}"
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None
