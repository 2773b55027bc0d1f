"""The folder of a run: what it holds, whether it is the same run, and where it goes on."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlip_rs.errors import ConfigError
from mlip_rs.files import check_folder, write_atomically
from mlip_rs.lammps.deck import (
    DATA_FILE,
    DECK_FILE,
    DUMP_FILE,
    END_FILE,
    FINAL_FILE,
    RESTART_FILES,
    RESUME_FILE,
    Deck,
)
from mlip_rs.potential import Potential

RECORD_FILE: str = "run.json"
TRAJECTORY_FILE: str = "trajectory.extxyz"
FINAL_STRUCTURE_FILE: str = "final.extxyz"
FIGURE_FILE: str = "thermo.png"

_FREE: frozenset[str] = frozenset({"steps", "dump_every", "repeat", "stop_at_index"})
"""Settings that may differ in a run that goes on; of `repeat`, what comes of it is compared."""

_LOG = re.compile(r"log(?:\.(\d+))?\.lammps$")
"""Logs of the parts of a run, and that of an input that somebody has run by hand."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run.

    Parameters
    ----------
    path
        The folder.
    """

    path: Path

    def file(self, name: str) -> Path:
        """Path of a file in it."""
        return self.path / name

    @property
    def logs(self) -> list[Path]:
        """Logs, oldest first."""
        return [self.file(name) for _, name in self._numbered_logs()]

    @property
    def next_log(self) -> str:
        """Name of the log of the next part of the run."""
        return f"log.{max((number for number, _ in self._numbered_logs()), default=0) + 1}.lammps"

    def _numbered_logs(self) -> list[tuple[int, str]]:
        names = [path.name for path in self.path.glob("log*.lammps")]
        return sorted((int(found[1] or 0), name) for name in names if (found := _LOG.match(name)))

    @property
    def newest_restart(self) -> str | None:
        """Name of the newest restart file; None if there is none."""
        found = [name for name in (*RESTART_FILES, END_FILE) if self.file(name).is_file()]
        return max(found, key=lambda name: self.file(name).stat().st_mtime_ns, default=None)

    def record(self) -> dict[str, Any] | None:
        """What was noted of the run in it; None if there is none, or it is not understood."""
        try:
            document = json.loads(self.file(RECORD_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) and isinstance(document.get("settings"), dict) else None

    def clear(self) -> None:
        """Remove the files of a run."""
        names = (DATA_FILE, DECK_FILE, RESUME_FILE, DUMP_FILE, END_FILE, FINAL_FILE, *RESTART_FILES)
        own = (RECORD_FILE, TRAJECTORY_FILE, FINAL_STRUCTURE_FILE, FIGURE_FILE)
        for path in [*map(self.file, (*names, *own)), *self.logs]:
            path.unlink(missing_ok=True)

    def write(self, deck: Deck, potential: Potential) -> None:
        """Write everything that LAMMPS needs, and what was asked for."""
        self.path.mkdir(parents=True, exist_ok=True)
        potential.save(self.file(deck.potential_file))
        deck.prepared.write(self.file(DATA_FILE), triclinic=deck.settings.coupling == "triclinic")
        write_atomically(self.file(DECK_FILE), deck.text())
        document = json.dumps(wanted(deck, potential), indent=1) + "\n"
        write_atomically(self.file(RECORD_FILE), document)


def wanted(deck: Deck, potential: Potential) -> dict[str, Any]:
    """Return what identifies a run."""
    atoms = deck.prepared.atoms
    return {
        "settings": deck.settings.to_dict(),
        "potential": potential.checksum,
        "n_atoms": len(atoms),
        "formula": atoms.get_chemical_formula(),
        "volume": round(float(atoms.get_volume()), 6),
        "elements": list(deck.prepared.elements),
    }


def checked_folder(
    path: str | os.PathLike[str], deck: Deck, potential: Potential, *, overwrite: bool
) -> RunFolder:
    """Return the folder of a run: new, or of the same run.

    Raises
    ------
    ConfigError
        It holds another run, and may not be overwritten; says what differs.
    OSError
        It cannot be written.
    """
    check_folder(path)
    folder = RunFolder(Path(path))
    known = folder.record()
    nothing_done = folder.newest_restart is None and not folder.file(FINAL_FILE).exists()
    if known is None or nothing_done or overwrite:
        folder.clear()
        return folder
    new = wanted(deck, potential)
    differing = [
        f"{name.replace('_', ' ')} {known['settings'].get(name)}, not {value}"
        for name, value in new["settings"].items()
        if name not in _FREE and known["settings"].get(name) != value
    ]
    differing += [
        f"another {name}" for name in ("potential", "formula", "volume") if known.get(name) != new[name]
    ]
    if differing:
        raise ConfigError(
            f"{os.fspath(path)} holds another run ({'; '.join(differing)}); choose another output, or --overwrite"
        )
    return folder
