"""Labels of every file alone, beside all of them together: a fault of one file may drown among the others."""

from dataclasses import replace

from mlip_rs.data import Dataset
from mlip_rs.label_check.check import LEAST_STRUCTURES, LabelCheck, check_labels
from mlip_rs.label_check.findings import Finding

MOST_FILES: int = 8
"""Files that are looked at alone; of more than these, the largest."""


def check_files(dataset: Dataset, *, seed: int = 0) -> LabelCheck:
    """`check_labels` of all data and of every file alone.

    What a file alone contradicts is reported for it, and what all together say only when no file does. What is found of
    several files together but in none that could be checked alone cannot be corrected: one of them is wrong, and which
    is not known.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> check_files(read_dataset(DATA_PATH, index="::8")).findings
    ()
    """
    whole = check_labels(dataset, seed=seed)
    members: dict[str, list[int]] = {}
    for k, frame in enumerate(dataset):
        members.setdefault(frame.file, []).append(k)
    enough = sorted((own for own in members.values() if len(own) >= LEAST_STRUCTURES), key=len, reverse=True)
    if len(members) < 2 or not enough:
        return whole
    alone: list[Finding] = []
    sound: set[int] = set()
    for own in enough[:MOST_FILES]:
        found = check_labels(dataset.subset(own), seed=seed)
        errors = [replace(error, frames=tuple(own[k] for k in error.frames)) for error in found.errors]
        alone += errors
        if not errors and not found.unchecked:
            sound.update(own)
    # Beside a file that contradicts itself, what all of them together seem to say may only follow from that.
    together = [
        _uncorrectable(found) if sound.intersection(found.frames) and _about_all(found) else found
        for found in whole.findings
        if not (alone and found.certain)
    ]
    findings = sorted([*alone, *together], key=lambda found: not found.certain)
    return replace(whole, findings=tuple(findings))


def _about_all(found: Finding) -> bool:
    """Whether a correction would touch labels of a file in which nothing is wrong."""
    return found.correction is not None and len(found.files) > 1


def _uncorrectable(found: Finding) -> Finding:
    """The same without a correction."""
    cure = f"look at the files one by one, each of which agrees with itself ({found.cure})"
    return replace(found, cure=cure, correction=None)
