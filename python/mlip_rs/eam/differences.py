"""What files lose of the potential, structure by structure."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.data import Dataset
from mlip_rs.data.core_structures import StructureArrays, core_structure
from mlip_rs.data.frames import Frame
from mlip_rs.eam.tables import arrays_of
from mlip_rs.errors import StructureError
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent
from mlip_rs.text import table_lines
from mlip_rs.units import MEV_PER_EV


class Evaluates(Protocol):
    """Tables that can be evaluated."""

    def evaluate(self, arrays: StructureArrays) -> tuple[Array, Array]:
        """Energies of the atoms (N,) in eV and forces (N, 3) in eV/Å."""
        ...


@dataclass(frozen=True)
class Difference:
    """Energy and forces of files less those of the potential, for one structure.

    Parameters
    ----------
    structure
        Where it stands: file and frame.
    config_type
        Its kind.
    n_atoms
        Number of atoms.
    energy_mev_per_atom
        Difference of the energy.
    force_rms, force_max
        Root mean square and largest size of the difference of a force component, eV/Å.

    Examples
    --------
    >>> Difference("frame 0 of al.xyz", "bulk", 4, 0.1, 0.01, 0.03).to_dict()["force_max"]
    0.03
    """

    structure: str
    config_type: str
    n_atoms: int
    energy_mev_per_atom: float
    force_rms: float
    force_max: float

    def to_dict(self) -> dict[str, Any]:
        """Record of the fields."""
        return asdict(self)


def differences(
    potential: Potential,
    tables: Evaluates,
    dataset: Dataset,
    missing: dict[str, float] | None = None,
    progress: Progress | None = None,
) -> tuple[Difference, ...]:
    """Compare tables with the potential on each structure of a data set; labels are not looked at.

    Parameters
    ----------
    potential, tables
        What is compared.
    dataset
        The structures.
    missing
        Energy of an atom by element, eV, that the tables leave out on purpose.
    progress
        Told of each structure.

    Raises
    ------
    StructureError
        A structure that the potential cannot evaluate.

    Examples
    --------
    >>> from mlip_rs import Basis
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo.files import DATA_PATH
    >>> from mlip_rs.eam.exact import ExactForm
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=2)
    >>> potential = Potential.from_coefficients(basis, [1.0, -0.1], {"Al": -3.0})
    >>> (own,) = differences(potential, ExactForm(potential).tables(), read_dataset(DATA_PATH, index=":1"))
    >>> own.force_max < 1e-6
    True
    """
    progress = progress or Silent()
    progress.start("comparing: structures", len(dataset))
    found = []
    for frame in dataset:
        found.append(_difference(potential, tables, frame, missing or {}))
        progress.advance()
    return tuple(found)


def _difference(
    potential: Potential, tables: Evaluates, frame: Frame, missing: dict[str, float]
) -> Difference:
    structure = core_structure(frame)
    try:
        ((energies, forces, _),) = potential.core.evaluate_many([structure], 1)
    except StructureError as error:
        raise StructureError(f"{frame.location}: {error.args[0]}") from None
    own, own_forces = tables.evaluate(arrays_of(frame))
    gap = own_forces - forces
    left_out = sum(missing.get(symbol, 0.0) for symbol in frame.symbols)
    return Difference(
        frame.location,
        frame.config_type,
        frame.n_atoms,
        MEV_PER_EV * float(own.sum() + left_out - energies.sum()) / frame.n_atoms,
        float(np.sqrt((gap**2).mean())),
        float(np.abs(gap).max()),
    )


def difference_lines(found: Iterable[Difference], most: int = 10) -> list[str]:
    r"""A table of the structures with the largest differences of forces, and of all together.

    Examples
    --------
    >>> print("\n".join(difference_lines([Difference("frame 0 of al.xyz", "bulk", 4, 0.1, 0.01, 0.03)])))
    structure          config type  atoms  energy (meV/atom)  force RMS (eV/Å)  force max (eV/Å)
    frame 0 of al.xyz  bulk             4               0.10             0.010             0.030
    all 1 structures                    4               0.10             0.010             0.030
    """
    every = list(found)
    worst = sorted(every, key=lambda own: -own.force_max)[:most]
    rows = [(own.structure, own.config_type, str(own.n_atoms), *map(_number, _values(own))) for own in worst]
    summary = summarised(every)
    rows.append((f"all {len(every)} structures", "", str(summary.n_atoms), *map(_number, _values(summary))))
    header = (
        "structure", "config type", "atoms", "energy (meV/atom)", "force RMS (eV/Å)", "force max (eV/Å)",
    )  # fmt: skip
    return list(table_lines(header, rows))


def summarised(found: Iterable[Difference]) -> Difference:
    """All structures together: root mean squares of energies and forces, and the largest force.

    >>> summarised([Difference("a", "", 1, 3.0, 1.0, 1.0), Difference("b", "", 1, 4.0, 1.0, 2.0)]).force_max
    2.0
    """
    every = list(found)
    atoms = sum(own.n_atoms for own in every)
    force = sum(own.n_atoms * own.force_rms**2 for own in every) / max(atoms, 1)
    energy = sum(own.energy_mev_per_atom**2 for own in every) / max(len(every), 1)
    largest = max((own.force_max for own in every), default=0.0)
    return Difference("all", "", atoms, energy**0.5, force**0.5, largest)


def _values(own: Difference) -> tuple[float, float, float]:
    return abs(own.energy_mev_per_atom), own.force_rms, own.force_max


def _number(value: float) -> str:
    return f"{value:#.2g}" if value >= 1e-3 else f"{value:.1e}"
