"""Check of the elements of the data against those of a basis."""

from collections.abc import Sequence

import numpy as np
from ase.data import atomic_numbers

from mlip_rs.data.dataset import Dataset
from mlip_rs.errors import DataError


def check_elements(dataset: Dataset, elements: Sequence[str]) -> None:
    """Check that data and basis have the same elements.

    An element of the basis that never occurs is an error too: nothing would determine its coefficients.

    Parameters
    ----------
    dataset
        The frames to fit.
    elements
        Chemical symbols of the basis.

    Raises
    ------
    DataError
        Unknown symbol in `elements`, an atom of another element, or an element without atoms.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> from mlip_rs.errors import DataError
    >>> try:
    ...     check_elements(read_dataset(DATA_PATH, index=":5"), ["Al", "Ni"])
    ... except DataError as error:
    ...     print(str(error).partition(", so")[0])
    no atom of Ni in the data (Al occur)
    """
    for symbol in elements:
        if symbol not in atomic_numbers or symbol == "X":
            raise DataError(f"{symbol!r} is not the symbol of an element; correct basis.elements")
    allowed = np.array([atomic_numbers[symbol] for symbol in elements], dtype=np.int64)
    for frame in dataset:
        foreign = np.flatnonzero(~np.isin(frame.numbers, allowed))
        if len(foreign):
            atom = int(foreign[0])
            raise DataError(
                f"{frame.location}: atom {atom}: element {frame.symbols[atom]} is not in the basis "
                f"({', '.join(elements)}); add it to basis.elements or drop the frame"
            )
    unused = [symbol for symbol in elements if symbol not in dataset.elements]
    if unused:
        raise DataError(
            f"no atom of {', '.join(unused)} in the data ({', '.join(dataset.elements)} occur), so nothing "
            "determines its coefficients; remove it from basis.elements or add structures"
        )
