"""A program with files as a calculator: input written through ASE, a command run, output read."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.io.formats import UnknownFileTypeError

from mlip_rs.arrays import Array
from mlip_rs.data import Frame, dataset_from_atoms, read_structures
from mlip_rs.data.vasp import unconverged_steps, vasp_format
from mlip_rs.errors import ConfigError, DataError
from mlip_rs.label.labels import Unlabellable

NOT_CONVERGED: tuple[str, ...] = (
    "convergence NOT achieved",  # Quantum ESPRESSO
    "SCF run NOT converged",  # CP2K
    "Did not converge!",  # GPAW
    "was not enough scf cycles to converge",  # ABINIT
    "SCF_NOT_CONV",  # SIESTA
    "SCC is NOT converged",  # DFTB+
    "SCF NOT CONVERGED",
)
"""Words by which programs say in their output that the electrons have not converged, where ASE does not look."""

_ESPRESSO_THRESHOLD = re.compile(rb"scf convergence threshold\s*=\s*(\S+)")
_ESPRESSO_ACCURACY = re.compile(rb"estimated scf accuracy\s*<\s*(\S+)")
"""With `scf_must_converge = .false.`, Quantum ESPRESSO says that convergence has been achieved where it has not."""

SAME_PLACE: float = 2e-3
"""Positions and lattice vectors of input and output (Å) that differ by less are the same."""


@dataclass(frozen=True)
class FileCommand:
    """A program that reads and writes files.

    Parameters
    ----------
    command
        Run by the shell in a folder of its own.
    writes
        File with the structure, as NAME or NAME:FORMAT of ASE, such as "POSCAR", "pw.in:espresso-in".
    reads
        File with the results, in the same form, such as "vasprun.xml", "pw.out:espresso-out"; the last frame of it.
    template
        Folder whose files are copied beside them: INCAR, KPOINTS, POTCAR, a script.
    options
        Further keyword arguments of ASE's writer of the format, such as `pseudopotentials` and `kspacing`.

    Examples
    --------
    >>> FileCommand("mpirun vasp_std", "POSCAR", "vasprun.xml", template=".").writes
    'POSCAR'
    >>> FileCommand("mpirun vasp_std", template="nowhere")
    Traceback (most recent call last):
    mlip_rs.errors.ConfigError: template nowhere: is not a folder; give that of the input files
    """

    command: str
    writes: str = "structure.extxyz"
    reads: str = "labelled.extxyz"
    template: str | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if not self.command.strip():
            raise ConfigError("the command is empty; give one that computes energies and forces")
        if self.template is not None and not Path(self.template).is_dir():
            raise ConfigError(f"template {self.template}: is not a folder; give that of the input files")

    def arguments(self) -> dict[str, Any]:
        """Arguments of `CommandCalculator`; the template with a digest of its files."""
        template = None if self.template is None else Path(self.template).resolve()
        return {
            "command": self.command,
            "writes": self.writes,
            "reads": self.reads,
            "template": None if template is None else str(template),
            "template_digest": "" if template is None else _digest(template),
            "options": dict(self.options),
        }


class CommandCalculator(Calculator):  # type: ignore[misc]  # ASE carries no types
    """A `FileCommand` as a calculator of ASE; it works in the current folder.

    Parameters
    ----------
    command, writes, reads, template, options
        As of `FileCommand`.
    template_digest
        Not used here; runs with other files in the template differ by it.

    Raises
    ------
    ConfigError
        A format that ASE does not write.
    """

    implemented_properties = ("energy", "forces", "stress")
    results: dict[str, Any]

    def __init__(
        self,
        command: str,
        writes: str,
        reads: str,
        template: str | None = None,
        template_digest: str = "",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._command, self._template, self._options = command, template, dict(options or {})
        self._writes, self._write_format = _name_and_format(writes)
        self._reads, self._read_format = _name_and_format(reads)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Write, run, read.

        Raises
        ------
        Unlabellable
            The program fails, has not converged, or its output holds another structure.
        """
        super().calculate(atoms, properties, system_changes)
        assert atoms is not None
        if self._template is not None:
            shutil.copytree(self._template, Path.cwd(), dirs_exist_ok=True)
        try:
            ase.io.write(self._writes, atoms, format=self._write_format, **self._options)
        except UnknownFileTypeError as error:
            raise Unlabellable("error", f"{self._writes}: ASE does not know this format ({error})") from None
        except Exception as error:  # writers raise anything where an option is missing
            raise Unlabellable(
                "error",
                f"{self._writes}: ASE cannot write it ({type(error).__name__}: {error}); give options of its writer, "
                "such as --set 'pseudopotentials={...}', or a folder that is in the template",
            ) from None
        ended = subprocess.run(self._command, shell=True, check=False, capture_output=True)
        printed = ended.stdout + ended.stderr
        Path("command.out").write_bytes(printed)
        self._check_converged()  # first: many programs end with an exit code then
        if ended.returncode:
            lines = [line for line in printed.decode("utf-8", "replace").splitlines() if line.strip()]
            last = f": {lines[-1].strip()}" if lines else ""
            raise Unlabellable("error", f"the command ended with exit code {ended.returncode}{last}")
        frame, energy = self._output()
        order = _order(atoms, frame)
        self.results = {"energy": energy, "free_energy": frame.energy}
        if frame.forces is not None:
            self.results["forces"] = frame.forces[order]
        if frame.stress is not None:
            self.results["stress"] = np.array(frame.stress)

    def _check_converged(self) -> None:
        """Refuse output in which a program says that its electrons have not converged."""
        said = next(_said({Path(self._reads), Path("command.out")}), None)
        if said is not None:
            raise Unlabellable("not converged", said)

    def _output(self) -> tuple[Frame, float | None]:
        """Last frame of the output, and its plain energy, which the free energy of the frame may differ from."""
        path = Path(self._reads)
        if not path.is_file():
            raise Unlabellable("error", f"the command has written no {self._reads}")
        try:
            (raw,) = read_structures(path, index="-1", format=self._read_format)
            frame = dataset_from_atoms([raw.atoms], source=self._reads)[0]
        except DataError as error:
            raise Unlabellable("error", str(error)) from None
        if vasp_format(path) is not None and unconverged_steps(path):
            raise Unlabellable("not converged", f"{path} shows that the last allowed iteration was reached")
        plain = raw.values.get("energy")
        return frame, frame.energy if plain is None else float(plain)


def _order(atoms: Atoms, frame: Frame) -> Array:
    """Position in the output of each atom of the input: programs sort atoms.

    Raises
    ------
    Unlabellable
        The output holds another structure.
    """
    other = "the output holds another structure than the input"
    if sorted(frame.numbers) != sorted(atoms.numbers):
        raise Unlabellable("wrong label", f"{other}: {frame.n_atoms} atoms, {' '.join(frame.symbols[:20])}")
    if atoms.pbc.any() and np.abs((frame.cell - atoms.cell.array)[atoms.pbc]).max() > SAME_PLACE:
        raise Unlabellable("wrong label", f"{other}: its cell differs")
    difference = frame.positions[None] - atoms.positions[:, None]
    if atoms.pbc.any():
        cell = atoms.cell.complete().array
        fractions = np.linalg.solve(cell.T, difference.reshape(-1, 3).T).T
        fractions[:, atoms.pbc] -= np.round(fractions[:, atoms.pbc])
        difference = (fractions @ cell).reshape(difference.shape)
    distances = np.linalg.norm(difference, axis=-1)
    distances[atoms.numbers[:, None] != frame.numbers[None]] = np.inf
    order = np.argmin(distances, axis=1)
    if np.min(distances, axis=1).max() > SAME_PLACE or len(set(order.tolist())) < len(order):
        raise Unlabellable("wrong label", f"{other}: its atoms are elsewhere (a relaxation?)")
    return np.asarray(order)


def _said(paths: set[Path]) -> Iterator[str]:
    """Lines in which a program says that it has not converged."""
    for path in sorted(path for path in paths if path.is_file()):
        threshold = accuracy = 0.0
        with path.open("rb") as file:
            for line in file:
                if any(words.encode() in line for words in NOT_CONVERGED):
                    yield line.decode("utf-8", "replace").strip()
                elif found := _ESPRESSO_THRESHOLD.search(line):
                    threshold = float(found[1])
                elif found := _ESPRESSO_ACCURACY.search(line):
                    accuracy = float(found[1])
        if threshold and accuracy > 2.0 * threshold:  # the threshold is printed with two digits
            yield f"the estimated scf accuracy is {accuracy:g} Ry, above the threshold of {threshold:g} Ry"


def _name_and_format(text: str) -> tuple[str, str | None]:
    name, _, kind = text.partition(":")
    return name, kind or None


def _digest(folder: Path) -> str:
    """Digest of the files of a folder and their names."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
