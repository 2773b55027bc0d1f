"""What a run has labelled, what has failed, and how long it took."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlip_rs.label.failures import Failure
from mlip_rs.progress import duration
from mlip_rs.text import counted

SHOWN: int = 5
"""Failures that are listed."""


@dataclass
class LabelSummary:
    """Numbers of a run, and what to know of its labels.

    Parameters
    ----------
    output, failure_file
        Files of labels and of failures.
    n_structures
        Different structures that were given.
    n_before
        Of these, labelled before this run.
    n_labelled, n_atoms
        Labelled in this run.
    failures
        Structures that are without labels, of this run and, where they were not tried again, of those before.
    seconds, seconds_calculating
        Of this run by the clock, and of its calculations that gave labels, added up.
    without_stress
        Periodic structures labelled in this run that have no stress.
    notes
        Sentences on the labels.

    Examples
    --------
    >>> from pathlib import Path
    >>> summary = LabelSummary(Path("al.extxyz"), Path("al.failures.jsonl"), 3, 1, n_labelled=2, n_atoms=8)
    >>> summary.n_failed, summary.seconds_per_atom
    (0, 0.0)
    """

    output: Path
    failure_file: Path
    n_structures: int
    n_before: int
    n_labelled: int = 0
    n_atoms: int = 0
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    seconds_calculating: float = 0.0
    without_stress: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def n_failed(self) -> int:
        """Structures without labels."""
        return len(self.failures)

    @property
    def failed_by_kind(self) -> Mapping[str, int]:
        """Number of failures by kind, the most frequent first."""
        return dict(Counter(failure.kind for failure in self.failures).most_common())

    @property
    def seconds_per_atom(self) -> float | None:
        """Time of a calculation per atom; None if there was none."""
        return self.seconds_calculating / self.n_atoms if self.n_atoms else None

    def to_dict(self) -> dict[str, Any]:
        """What is printed as JSON."""
        return {
            "file": str(self.output),
            "n_structures": self.n_structures,
            "n_labelled_before": self.n_before,
            "n_labelled": self.n_labelled,
            "n_failed": self.n_failed,
            "failed_by_kind": dict(self.failed_by_kind),
            "failures": [
                {
                    "label_id": one.label_id,
                    "file": one.file,
                    "frame": one.frame,
                    "kind": one.kind,
                    "reason": one.reason,
                }
                for one in self.failures
            ],
            "n_without_stress": self.without_stress,
            "seconds": round(self.seconds, 3),
            "seconds_per_atom": self.seconds_per_atom,
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """The same in words."""
        time = "" if self.seconds_per_atom is None else f", {self.seconds_per_atom:.2g} s per atom"
        before = f" ({self.n_before} before)" if self.n_before else ""
        where = f" -> {self.output}" if self.n_before + self.n_labelled else ""
        lines = [
            f"{self.n_before + self.n_labelled} of {counted(self.n_structures, 'structure')} labelled{before} in "
            f"{duration(self.seconds)}{time}{where}"
        ]
        if self.failures:
            kinds = ", ".join(f"{count} {kind}" for kind, count in self.failed_by_kind.items())
            lines.append(
                f"{self.n_failed} failed: {kinds} -> {self.failure_file}; --retry-failed tries them again"
            )
            lines += [f"  {failure.sentence}" for failure in self.failures[:SHOWN]]
            if self.n_failed > SHOWN:
                lines.append("  …")
        if self.without_stress:
            lines.append(
                f"{counted(self.without_stress, 'structure')} without stress: the calculator gives none"
            )
        return lines + self.notes
