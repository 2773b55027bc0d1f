"""Conversion of files or ASE `Atoms` to a dataset."""

import os
from collections.abc import Iterable, Sequence

from ase import Atoms

from mlip_rs.data.dataset import Dataset
from mlip_rs.data.read import dataset_from_atoms, read_dataset
from mlip_rs.errors import DataError

Data = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Iterable[Atoms] | Dataset


def as_dataset(data: Data, *, require_energies: bool = True) -> Dataset:
    """Read files, or collect the labels of `Atoms`; a dataset is returned unchanged.

    Parameters
    ----------
    data
        Files, `Atoms`, or a dataset.
    require_energies
        Refuse data without any energy.

    Raises
    ------
    DataError
        Data of another type, or that cannot be read; names file, frame and atom.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, str | os.PathLike):
        return read_dataset(data, require_energies=require_energies)
    items = [data] if isinstance(data, Atoms) else list(data) if isinstance(data, Iterable) else [data]
    if items and isinstance(items[0], Atoms):
        return dataset_from_atoms(items, require_energies=require_energies)
    for item in items:
        if not isinstance(item, str | os.PathLike):
            raise DataError(
                f"data are a {type(item).__name__}; give files, a dataset, or ASE Atoms with their labels"
            )
    return read_dataset(items, require_energies=require_energies)
