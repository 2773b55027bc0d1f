"""Labels before a fit: contradictions are refused, corrected or allowed, whichever the settings ask for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlip_rs.arrays import Mask
from mlip_rs.data import Dataset
from mlip_rs.errors import DataError
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.label_check import Finding, LabelCheck, check_files, corrected
from mlip_rs.progress import Progress

MAX_ROUNDS: int = 4
"""Corrections one after the other: a wrong unit hides what else is wrong."""


MIXTURES: tuple[str, ...] = ("energy: constant of a group", "energy: single frame", "energy: another model")
"""Findings that mean frames of another code or setting, unless one calculator made all labels."""


@dataclass(frozen=True)
class LabelReview:
    """What the check of the labels found, and what was done about it.

    Parameters
    ----------
    dataset
        The data to fit to; corrected if that was asked for, with a notice of each correction.
    test
        The test data, checked and corrected together with them; None without.
    check
        Contradictions that are left, and what could not be checked.
    corrected
        Contradictions that were put right.
    allowed
        Whether certain contradictions are left, and the fit goes on because that was asked for.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> from mlip_rs.progress import Silent
    >>> review = review_labels(read_dataset(DATA_PATH, index="::8"), FitSettings(), Silent())
    >>> review.check.findings, review.corrected, review.allowed
    ((), (), False)
    """

    dataset: Dataset
    test: Dataset | None
    check: LabelCheck
    corrected: tuple[Finding, ...]
    allowed: bool

    def to_dict(self) -> dict[str, Any]:
        """Entry `label_check` of `run.json`."""
        return self.check.to_dict() | {
            "corrected": [found.to_dict() for found in self.corrected],
            "allowed": self.allowed,
        }


def review_labels(
    dataset: Dataset, settings: FitSettings, progress: Progress, test: Dataset | None = None
) -> LabelReview:
    """Check the labels of training and test data, correct them on request, and refuse certain contradictions.

    Parameters
    ----------
    dataset
        Labelled structures.
    settings
        `correct_labels`, `allow_contradictory_labels`, and the seed of the sample that is looked at.
    progress
        Receives a line for each finding, and for what could not be checked.
    test
        Structures to report errors of, compared with the others.

    Raises
    ------
    DataError
        Labels that certainly contradict each other; names the file, the evidence and the cure.
    """
    given = _Labels(dataset, test)
    check = given.check(settings.seed)
    labels, left, done = given, check, list[Finding]()
    for _ in range(MAX_ROUNDS if settings.correct_labels else 0):
        curable = [found for found in left.errors if found.correction is not None]
        if not curable or _twice(curable[0], done):
            break
        labels = labels.corrected(curable[0])
        done.append(curable[0])
        left = labels.check(settings.seed)
    undone = ""
    if done and (left.errors or left.open_slopes):  # what was taken for the fault does not explain everything
        undone = f"after correction ({done[-1].message.rstrip('.')}) {_still(left)}, so nothing is corrected"
        labels, done = given, []
    else:
        check = left
    for found in done:
        progress.note(f"labels: corrected: {found.message}")
    for line in check.lines():
        progress.note(f"labels: {line}")
    if check.errors:
        if not settings.allow_contradictory_labels:
            raise DataError(_refusal(check, settings.correct_labels, undone, labels.source))
        labels = labels.noticed(check.errors)
    return LabelReview(labels.dataset, labels.test, check, tuple(done), bool(check.errors))


def agreeing(dataset: Dataset, seed: int = 0) -> tuple[Mask, tuple[Finding, ...]]:
    """Which labels of one calculator agree with the others, where none can be of another code, unit or setting.

    What contradicts is left out, not converted: a universal potential has frames far from what it was made for, in
    which it is not smooth, and frames beyond its reach, whose atoms are free.

    Parameters
    ----------
    dataset
        Labels that one calculator made.
    seed
        Of the sample that is looked at.

    Returns
    -------
    keep
        (n_frames,) False for frames that certainly contradict the others.
    findings
        What they were; their indices are those of the frames that were left in that round.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> keep, findings = agreeing(read_dataset(DATA_PATH, index="::8"))
    >>> bool(keep.all()), findings
    (True, ())
    """
    keep, findings = np.ones(len(dataset), dtype=bool), list[Finding]()
    for _ in range(MAX_ROUNDS):
        places = np.flatnonzero(keep)
        found = [one for one in check_files(dataset.subset(places), seed=seed).errors if one.frames]
        if not found:
            break
        findings.extend(found)
        keep[places[sorted({k for one in found for k in one.frames})]] = False
    return keep, tuple(findings)


@dataclass(frozen=True)
class _Labels:
    """Training and test data, checked as one."""

    dataset: Dataset
    test: Dataset | None

    @property
    def joined(self) -> Dataset:
        """Frames of the training data, then those of the test data."""
        if self.test is None:
            return self.dataset
        return replace(self.dataset, frames=(*self.dataset.frames, *self.test.frames))

    @property
    def source(self) -> str:
        """What made all labels, if every frame says the same; else empty."""
        found = self.joined.label_sources
        return next(iter(found)) if list(found.values()) == [len(self.joined)] else ""

    def check(self, seed: int) -> LabelCheck:
        """Compare all labels."""
        return check_files(self.joined, seed=seed)

    def corrected(self, found: Finding) -> "_Labels":
        """Put a finding right, with a notice in the data that it concerns."""
        joined, n = corrected(self.joined, found), len(self.dataset)
        dataset, test = self.dataset, self.test
        if any(k < n for k in found.frames):
            notices = (*dataset.notices, joined.notices[-1])
            dataset = replace(dataset, frames=joined.frames[:n], notices=notices)
        if test is not None and any(k >= n for k in found.frames):
            test = replace(test, frames=joined.frames[n:], notices=(*test.notices, joined.notices[-1]))
        return _Labels(dataset, test)

    def noticed(self, findings: tuple[Finding, ...]) -> "_Labels":
        """Keep contradictions that are allowed in the notices of the training data."""
        told = [f"labels contradict each other, allowed on request: {found.message}" for found in findings]
        return _Labels(replace(self.dataset, notices=(*self.dataset.notices, *told)), self.test)


def _twice(found: Finding, done: Sequence[Finding]) -> bool:
    """Whether a label would be corrected a second time: the first correction was wrong then, or this one is."""
    if found.correction is not None and found.correction.remove:
        return False
    chosen = set(found.frames)
    return any(found.label == other.label and chosen.intersection(other.frames) for other in done)


def _still(left: LabelCheck) -> str:
    """What is wrong with labels after a correction."""
    if left.errors:
        return f"labels still contradict each other: {left.errors[0].message.rstrip('.')}"
    return f"{left.open_slopes}, which is neither right nor that of a unit"


def _refusal(check: LabelCheck, asked: bool, undone: str, source: str) -> str:
    """The first contradiction, its cure, and the options."""
    first, *others = check.errors
    cure = first.cure
    if source and first.kind in MIXTURES:
        cure = (
            f"{source} made all labels, so that codes are not mixed: it is not smooth there (another spin or charge, "
            "or structures too far from what a universal potential was made for), and these frames are best left out"
        )
    more = f" (and {len(others)} more, above)" if others else ""
    more += f"; {undone}" if undone else ""
    curable = all(found.correction is not None for found in check.errors) and not asked
    options = "--correct-labels corrects this, " if curable else ""
    return (
        f"labels contradict each other: {first.message.rstrip('.')}{more}; {cure} "
        f"({options}--allow-contradictory-labels fits all the same)"
    )
