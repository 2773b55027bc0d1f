"""Labels before a fit: contradictions are refused, corrected or allowed, whichever the settings ask for."""

from dataclasses import dataclass, replace
from typing import Any

from mlip_rs.data import Dataset
from mlip_rs.errors import DataError
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.label_check import Finding, LabelCheck, check_labels, corrected
from mlip_rs.progress import Progress

MAX_ROUNDS: int = 4
"""Corrections one after the other: a wrong unit hides what else is wrong."""


@dataclass(frozen=True)
class LabelReview:
    """What the check of the labels found, and what was done about it.

    Parameters
    ----------
    dataset
        The data to fit to; corrected if that was asked for, with a notice of each correction.
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
    check: LabelCheck
    corrected: tuple[Finding, ...]
    allowed: bool

    def to_dict(self) -> dict[str, Any]:
        """Entry `label_check` of `run.json`."""
        return self.check.to_dict() | {
            "corrected": [found.to_dict() for found in self.corrected],
            "allowed": self.allowed,
        }


def review_labels(dataset: Dataset, settings: FitSettings, progress: Progress) -> LabelReview:
    """Check the labels of the training data, correct them on request, and refuse certain contradictions.

    Parameters
    ----------
    dataset
        Labelled structures.
    settings
        `correct_labels`, `allow_contradictory_labels`, and the seed of the sample that is looked at.
    progress
        Receives a line for each finding, and for what could not be checked.

    Raises
    ------
    DataError
        Labels that certainly contradict each other; names the file, the evidence and the cure.
    """
    done: list[Finding] = []
    check = check_labels(dataset, seed=settings.seed)
    for _ in range(MAX_ROUNDS if settings.correct_labels else 0):
        curable = [found for found in check.errors if found.correction is not None]
        if not curable:
            break
        dataset = corrected(dataset, curable[0])
        progress.note(f"labels: {dataset.notices[-1]}")
        done.append(curable[0])
        check = check_labels(dataset, seed=settings.seed)
    for line in check.lines():
        progress.note(f"labels: {line}")
    if check.errors:
        if not settings.allow_contradictory_labels:
            raise DataError(_refusal(check, settings.correct_labels))
        told = [
            f"labels contradict each other, allowed on request: {found.message}" for found in check.errors
        ]
        dataset = replace(dataset, notices=(*dataset.notices, *told))
    return LabelReview(dataset, check, tuple(done), bool(check.errors))


def _refusal(check: LabelCheck, asked: bool) -> str:
    """The first contradiction, its cure, and the options."""
    first, *others = check.errors
    more = f" (and {len(others)} more, above)" if others else ""
    curable = all(found.correction is not None for found in check.errors) and not asked
    options = "--correct-labels corrects this, " if curable else ""
    return (
        f"labels contradict each other: {first.message.rstrip('.')}{more}; {first.cure} "
        f"({options}--allow-contradictory-labels fits all the same)"
    )
