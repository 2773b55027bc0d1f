"""Reference energies: energies of the isolated atoms, to which a potential adds the binding energy."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mlip_rs.data.dataset import Dataset
from mlip_rs.data.distances import NEIGHBOR_RADII, nearest_distances
from mlip_rs.data.frames import Frame
from mlip_rs.errors import DataError

ISOLATION: float = NEIGHBOR_RADII[-1]
"""A single atom with no neighbour or image within this distance (Å) is isolated."""

ISOLATED_CONFIG_TYPES = frozenset({"isolatedatom", "isolatedatoms", "isolated"})
"""Names of config types of isolated atoms, in lower case without separators."""

ISOLATED_ATOMS_CURE = (
    "fit again with --isolated-atoms SYMBOL=EV or with frames of single atoms among the data"
)
"""How a potential gets energies of isolated atoms that mean something."""


@dataclass(frozen=True)
class ReferenceEnergies:
    """Energy by element that the binding energy is added to: that of the isolated atom, where it is known.

    Parameters
    ----------
    values
        Energies by chemical symbol, eV.
    source
        "given" by the user, "found" in the data for every element, or "fitted" for at least one.
    origins
        Source of the energy of each element, "given", "found" or "fitted".

    Examples
    --------
    >>> from mlip_rs.data import Frame
    >>> reference = ReferenceEnergies({"Al": -0.3, "Ni": -0.5}, "given", {"Al": "given", "Ni": "given"})
    >>> dimer = Frame([13, 28], [[0.0, 0.0, 0.0], [0.0, 0.0, 2.3]], np.zeros((3, 3)), [False] * 3)
    >>> round(reference.of(dimer), 3)
    -0.8
    """

    values: Mapping[str, float]
    source: str
    origins: Mapping[str, str]

    def of(self, frame: Frame) -> float:
        """Return the sum (eV) of the reference energies of the atoms of a frame."""
        return float(sum(self.values[symbol] for symbol in frame.symbols))

    @property
    def undetermined(self) -> tuple[str, ...]:
        """Elements whose energy was fitted: that of their isolated atom is not determined."""
        return tuple(symbol for symbol, origin in self.origins.items() if origin == "fitted")

    def text(self) -> str:
        """Energies with their origins, in one sentence.

        Examples
        --------
        >>> ReferenceEnergies({"Al": -0.3}, "found", {"Al": "found"}).text()
        'Al -0.3 eV (found)'
        """
        values = ", ".join(
            f"{symbol} {value:.6g} eV ({self.origins[symbol]})" for symbol, value in self.values.items()
        )
        if not self.undetermined:
            return values
        return (
            f"{values}; energies of isolated atoms are not determined for {', '.join(self.undetermined)}: "
            f"{ISOLATED_ATOMS_CURE}"
        )


def is_isolated_atom(frame: Frame) -> bool:
    """Tell whether a frame has one atom, and either no image of it within `ISOLATION` or the config type of one."""
    if frame.n_atoms != 1:
        return False
    name = "".join(letter for letter in frame.config_type.lower() if letter.isalnum())
    if name in ISOLATED_CONFIG_TYPES:
        return True
    return bool(np.isinf(nearest_distances(frame.positions, frame.cell, frame.pbc)[0]))


def isolated_atoms(dataset: Dataset) -> dict[str, tuple[int, ...]]:
    """Find the frames of isolated atoms, by element; empty when there are none.

    Examples
    --------
    >>> from mlip_rs.data import Dataset, Frame
    >>> atom = Frame([13], [[0.0, 0.0, 0.0]], np.zeros((3, 3)), [False] * 3, energy=-0.3)
    >>> isolated_atoms(Dataset((atom,)))
    {'Al': (0,)}
    """
    found: dict[str, tuple[int, ...]] = {}
    for index, frame in enumerate(dataset):
        if is_isolated_atom(frame):
            symbol = frame.symbols[0]
            found[symbol] = (*found.get(symbol, ()), index)
    return found


def reference_energies(dataset: Dataset, given: Mapping[str, float] | None = None) -> ReferenceEnergies:
    """Determine the reference energy of every element of the dataset.

    Parameters
    ----------
    dataset
        Frames with energies.
    given
        Isolated-atom energies by symbol, eV; must cover every element. More elements are kept.

    Returns
    -------
    ReferenceEnergies
        Given; else found (lowest energy of the isolated atoms of the element: its best spin state); else
        fitted: least squares of the energies per atom on the composition, of minimum norm when the
        compositions do not tell the elements apart, the elements found being held fixed.

    Raises
    ------
    DataError
        `given` lacks an element or holds a value that is not finite; no energies to fit to.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> reference = reference_energies(read_dataset(DATA_PATH, index="::8"))
    >>> reference.source, round(reference.values["Al"], 2)  # no isolated atom among the data: a fit
    ('fitted', -3.2)
    """
    if given is not None:
        missing = [symbol for symbol in dataset.elements if symbol not in given]
        if missing:
            raise DataError(
                f"no reference energy given for {', '.join(missing)}; give one for every element "
                f"({', '.join(dataset.elements)}), or none"
            )
        for symbol, value in given.items():
            if not np.isfinite(value):
                raise DataError(f"the reference energy of {symbol} is not finite")
        return _with_source(
            {symbol: float(value) for symbol, value in given.items()}, dict.fromkeys(given, "given")
        )
    values: dict[str, float] = {}
    for symbol, indices in isolated_atoms(dataset).items():
        energies = [energy for index in indices if (energy := dataset[index].energy) is not None]
        if energies:
            values[symbol] = min(energies)
    origins = dict.fromkeys(values, "found")
    unknown = [symbol for symbol in dataset.elements if symbol not in values]
    if unknown:
        values.update(_fit(dataset, values, unknown))
        origins.update(dict.fromkeys(unknown, "fitted"))
    ordered = {symbol: values[symbol] for symbol in dataset.elements}
    return _with_source(ordered, {symbol: origins[symbol] for symbol in ordered})


def _fit(dataset: Dataset, fixed: Mapping[str, float], unknown: list[str]) -> dict[str, float]:
    """Fit the energies of the elements `unknown` by least squares with the others `fixed`; rows are per atom."""
    compositions = dataset.compositions()
    columns = [dataset.elements.index(symbol) for symbol in unknown]
    rows, targets = [], []
    for composition, frame in zip(compositions, dataset, strict=True):
        if frame.energy is None or not composition[columns].any():
            continue
        known = sum(
            composition[column] * fixed[symbol]
            for column, symbol in enumerate(dataset.elements)
            if symbol in fixed
        )
        rows.append(composition[columns] / frame.n_atoms)
        targets.append((frame.energy - known) / frame.n_atoms)
    if not rows:
        raise DataError(
            f"no energies from which to fit the reference energy of {', '.join(unknown)}; "
            "give reference energies"
        )
    solution, *_ = np.linalg.lstsq(np.array(rows), np.array(targets), rcond=1e-10)
    return {symbol: float(value) for symbol, value in zip(unknown, solution, strict=True)}


def _with_source(values: dict[str, float], origins: dict[str, str]) -> ReferenceEnergies:
    kinds = set(origins.values())
    source = kinds.pop() if len(kinds) == 1 else "fitted"
    return ReferenceEnergies(values, source, origins)
