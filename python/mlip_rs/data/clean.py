"""Removal of outliers, duplicates and unconverged structures from a dataset, on request and with a notice for each."""

from collections.abc import Mapping
from dataclasses import replace

from mlip_rs.data.dataset import Dataset
from mlip_rs.data.duplicates import duplicate_groups
from mlip_rs.data.summary import summarize
from mlip_rs.errors import DataError


def cleaned(
    dataset: Dataset,
    *,
    outliers: bool = False,
    duplicates: bool = False,
    unconverged: bool = False,
    reference: Mapping[str, float] | None = None,
) -> Dataset:
    """Drop outliers, unconverged structures, all but the first of equal ones; `notices` of the result name each.

    Parameters
    ----------
    dataset
        The frames.
    outliers
        Drop the outliers found by `summarize`.
    duplicates
        Keep only the first of each group of equal structures.
    unconverged
        Drop structures of which the file tells that their electronic loop did not converge.
    reference
        Isolated-atom energies by element, eV, if known.

    Raises
    ------
    DataError
        Nothing would be left.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> dataset = read_dataset(DATA_PATH, index="::8")
    >>> len(dataset + dataset), len(cleaned(dataset + dataset, duplicates=True))
    (80, 40)
    """
    dropped: dict[int, str] = {}
    for index, frame in enumerate(dataset):
        if unconverged and not frame.converged:
            dropped[index] = f"{frame.location} dropped: its electronic loop did not converge"
    if outliers:
        for outlier in summarize(dataset, reference=reference).outliers:
            dropped.setdefault(outlier.frame, f"{outlier.location} dropped as an outlier: {outlier.reason}")
    if duplicates:
        kept = [index for index in range(len(dataset)) if index not in dropped]
        for group in duplicate_groups(dataset.subset(kept)):
            first, *others = (kept[member] for member in group)
            for index in others:
                dropped[index] = (
                    f"{dataset[index].location} dropped: the same structure as {dataset[first].location}"
                )
    if len(dropped) == len(dataset):
        raise DataError(
            f"all {len(dataset)} structures would be dropped; keep them, or check units and labels"
        )
    rest = dataset.without(dropped)
    return replace(rest, notices=(*dataset.notices, *(dropped[index] for index in sorted(dropped))))
