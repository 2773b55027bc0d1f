"""Molecular dynamics and relaxations in LAMMPS, in one call: input, run, figure, trajectory."""

import os
import re
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms
from ase.data import atomic_numbers
from ase.io.lammpsdata import read_lammps_data

from mlip_rs.errors import ConfigError, LammpsError
from mlip_rs.files import atomic_file, plain_name, write_atomically
from mlip_rs.lammps.deck import DECK_FILE, DUMP_FILE, END_FILE, FINAL_FILE, RESUME_FILE, Deck
from mlip_rs.lammps.engine import Engine, choose_engine
from mlip_rs.lammps.failures import explained, runaway
from mlip_rs.lammps.figures import thermo_figure
from mlip_rs.lammps.folder import (
    FIGURE_FILE,
    FINAL_STRUCTURE_FILE,
    TRAJECTORY_FILE,
    RunFolder,
    checked_folder,
)
from mlip_rs.lammps.settings import RunSettings
from mlip_rs.lammps.structure import Prepared, outside_the_data, prepare
from mlip_rs.lammps.thermo import BAR_TO_GPA, Thermo, ThermoReader, loop_seconds, read_logs
from mlip_rs.lammps.trajectory import write_extxyz
from mlip_rs.plot.saving import save_figure
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent
from mlip_rs.text import counted
from mlip_rs.uncertainty.domain import CLEARLY_OUTSIDE, NO_INDEX, shown

LAST_LINES: int = 200
"""Lines of LAMMPS that are kept to explain a failure."""

HARMLESS = re.compile(r"box skew is large|extra global DOFs")
"""Warnings of cells as oblique as the usual ones of fcc crystals, and of cells that relax."""

COLDER: float = 0.75
"""Mean temperature at constant energy, in that of the start, below which the user is told why."""


@dataclass(frozen=True)
class DynamicsResult:
    """Outcome of `run_dynamics`.

    Parameters
    ----------
    directory
        Folder with all files.
    settings
        What was simulated.
    n_atoms
        Number of atoms.
    route
        "pair style", "attach", or empty if nothing was run.
    thermo
        Thermodynamic output; None if nothing was run.
    us_per_atom_step
        Wall time per atom and step, µs; None if nothing was run.
    notes
        What the user should know, one sentence each.

    Examples
    --------
    >>> DynamicsResult(Path("md"), RunSettings("nve"), 108).lines()
    ['written: md/in.lammps (108 atoms); run it there with: lmp -in in.lammps']
    """

    directory: Path
    settings: RunSettings
    n_atoms: int
    route: str = ""
    thermo: Thermo | None = None
    us_per_atom_step: float | None = None
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Lines of text for a terminal."""
        thermo, settings = self.thermo, self.settings
        if thermo is None:
            deck = (self.directory / DECK_FILE).as_posix()
            return [
                f"written: {deck} ({counted(self.n_atoms, 'atom')}); run it there with: lmp -in {DECK_FILE}"
            ]
        if settings.ensemble == "minimize":
            energy, force = (float(thermo.columns[name][-1]) for name in ("pe", "fmax"))
            first = (
                f"relaxed in {counted(int(thermo.columns['step'][-1]), 'step')}: {energy / self.n_atoms:.6f} eV/atom, "
                f"largest force {force:.1e} eV/Å, {thermo.columns['vol'][-1] / self.n_atoms:.4f} Å³/atom, "
                f"{thermo.columns['press'][-1] * BAR_TO_GPA:.3f} GPa"
            )
        else:
            length = thermo.columns["step"][-1] * settings.timestep / 1000
            first = (
                f"{counted(self.n_atoms, 'atom')}, {length:g} ps {settings.ensemble}; second half: "
                f"{thermo.mean('temp'):.0f} K, {thermo.mean('press') * BAR_TO_GPA:.3f} GPa, "
                f"{thermo.mean('vol') / self.n_atoms:.4f} Å³/atom"
            )
        drift = ""
        if thermo.drift is not None and settings.conserves:
            drift = f"drift of the conserved energy {thermo.drift:.2g} meV/atom/ps"
        speed = "" if self.us_per_atom_step is None else f"{self.us_per_atom_step:.3g} µs per atom and step"
        rest = "; ".join(part for part in (drift, speed, f"by {self.route}") if part)
        return [first, rest]

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `--json`."""
        return {
            "directory": str(self.directory),
            "settings": self.settings.to_dict(),
            "n_atoms": self.n_atoms,
            "route": self.route,
            "thermo": None if self.thermo is None else self.thermo.to_dict(),
            "us_per_atom_step": self.us_per_atom_step,
            "notes": list(self.notes),
        }


@dataclass
class Listener:
    """Takes the lines of LAMMPS: progress, warnings, and the end of a run that runs away."""

    settings: RunSettings
    progress: Progress
    done: int = 0
    outside: bool = False
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    warnings: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._reader = ThermoReader()

    def __call__(self, line: str) -> None:
        """Take a line."""
        self.last.append(line)
        if line.startswith("WARNING") and line not in self.warnings and not HARMLESS.search(line):
            self.warnings.add(line)
            self.progress.note("LAMMPS: " + re.sub(r"^WARNING: | \([\w/.-]+:\d+\)", "", line))
        row = self._reader.read(line)
        if row is None:
            return
        step = int(row["step"])
        if step > self.done:
            self.progress.advance(step - self.done)
            self.done = step
        if not self.outside and row.get("index", 0.0) > CLEARLY_OUTSIDE:
            self.outside = True
            self.progress.note(outside_sentence(row["index"], step))
        if message := runaway(row, self.settings):
            raise LammpsError(message)


def run_dynamics(
    potential: Potential | str | os.PathLike[str],
    structure: Atoms,
    settings: RunSettings,
    directory: str | os.PathLike[str],
    *,
    lmp: str | os.PathLike[str] | None = None,
    ranks: int = 1,
    threads: int | None = None,
    only_write: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> DynamicsResult:
    """Run molecular dynamics or a relaxation in LAMMPS; the same call resumes one that was interrupted.

    The pair style `mlip/rs` is used where LAMMPS knows it, or else `attach`, on one rank.

    Parameters
    ----------
    potential
        A potential, or the path of its file.
    structure
        Where the run begins; its velocities are not used.
    settings
        What is simulated. A run that is there already goes on if only `steps` is larger.
    directory
        Receives the input (`in.lammps`, `structure.data`, the potential), `log.1.lammps`, `trajectory.lammpstrj` and
        `.extxyz`, `final.extxyz`, `thermo.png`, restart files and `run.json`.
    lmp
        Program of LAMMPS; by default that of this Python's environment, or one on the search path.
    ranks, threads
        Ranks of MPI, and threads of each; one by default.
    only_write
        Write the input, and do not run it.
    overwrite
        Whether another run in the directory may be replaced.
    progress
        Notified of the progress.

    Returns
    -------
    DynamicsResult
        Thermodynamic output, speed, and what the user should know.

    Raises
    ------
    ConfigError
        An element that the potential does not know, settings that do not fit the structure, or another run in the
        directory.
    LammpsError
        LAMMPS is missing, has lost atoms, or the temperature has run away; says what helps.
    OSError
        A file cannot be written.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs.lammps import RunSettings, run_dynamics
    >>> result = run_dynamics("al.mlip.json", bulk("Al"), RunSettings("npt"), "md")  # doctest: +SKIP
    >>> result.thermo.mean("vol")  # doctest: +SKIP
    """
    progress = progress or Silent()
    name = "potential.mlip.json" if isinstance(potential, Potential) else _plain_name(potential)
    loaded = potential if isinstance(potential, Potential) else Potential.load(potential)
    prepared = prepare(structure, loaded, settings)
    for note in prepared.notes:
        progress.note(note)
    engine = None if only_write else choose_engine(lmp, ranks)
    has_index = loaded.has_index and (engine is None or engine.route == "pair style")
    if settings.stop_at_index is not None and not has_index:
        raise ConfigError(
            f"stop at index: {NO_INDEX}"
            if not loaded.has_index
            else "stop at index: only the pair style mlip/rs has it; pip install mlip-rs-lammps"
        )
    deck = Deck(settings, prepared, name, threads, has_index)
    folder = checked_folder(directory, deck, loaded, overwrite=overwrite)
    restart = None if settings.ensemble == "minimize" else folder.newest_restart
    known = folder.record()
    if restart is None:
        folder.clear()
    folder.write(deck, loaded)
    result = DynamicsResult(folder.path, settings, len(prepared.atoms), notes=prepared.notes)
    if engine is None:
        return result
    finished = restart == END_FILE and known is not None and known["settings"]["steps"] >= settings.steps
    if not finished:
        _run(engine, deck, folder, restart, progress)
    return _finished(result, engine, folder, loaded, deck, progress)


def _plain_name(path: str | os.PathLike[str]) -> str:
    """Name of the potential file in the folder of the run, without what LAMMPS would take for something else."""
    return re.sub(r"[^\w.+-]", "_", plain_name(Path(path).name))


def _run(engine: Engine, deck: Deck, folder: RunFolder, restart: str | None, progress: Progress) -> None:
    """Run the input, or continue from a restart file."""
    settings, name = deck.settings, DECK_FILE
    if restart is not None:
        name = RESUME_FILE
        write_atomically(folder.file(name), deck.text(restart))
        progress.note(f"continuing from {restart}")
    kind = (
        "relaxation"
        if settings.ensemble == "minimize"
        else f"{settings.ensemble} at {settings.temperature:g} K"
    )
    progress.start(f"{kind}, {counted(len(deck.prepared.atoms), 'atom')}, by {engine.route}", settings.steps)
    listener = Listener(settings, progress)
    code = engine.run(name, folder.next_log, folder.path, listener)
    if code != 0 or loop_seconds("\n".join(listener.last)) is None:
        log = folder.logs[-1].name if folder.logs else "no log"
        raise LammpsError(f"{explained(list(listener.last), code)} ({folder.path / log})")


def _finished(
    result: DynamicsResult,
    engine: Engine,
    folder: RunFolder,
    potential: Potential,
    deck: Deck,
    progress: Progress,
) -> DynamicsResult:
    """Figure, trajectory and what is worth saying of a run that has ended."""
    settings = deck.settings
    thermo = read_logs(folder.logs, result.n_atoms)
    save_figure(thermo_figure(thermo, settings), folder.file(FIGURE_FILE))
    frames = write_extxyz(folder.file(DUMP_FILE), folder.file(TRAJECTORY_FILE), settings.timestep)
    final = _final_structure(folder.file(FINAL_FILE), deck.prepared)
    with atomic_file(folder.file(FINAL_STRUCTURE_FILE)) as file:
        ase.io.write(file, final, format="extxyz")
    log = folder.logs[-1].read_text(encoding="utf-8", errors="replace")
    seconds = loop_seconds(log)
    speed = None if seconds is None or seconds[1] == 0 else 1e6 * seconds[0] / seconds[1] / result.n_atoms
    notes = [*outside_the_data(potential, [*frames, final], "atoms came"), *_remarks(thermo, settings, log)]
    for note in notes:
        progress.note(note)
    if "index" in thermo.columns and len(thermo):  # the listener has warned
        worst = int(thermo.columns["index"].argmax())
        step, largest = (float(thermo.columns[key][worst]) for key in ("step", "index"))
        notes += [outside_sentence(largest, int(step))] if largest > CLEARLY_OUTSIDE else []
    return replace(
        result,
        route=engine.route,
        thermo=thermo,
        us_per_atom_step=speed,
        notes=(*result.notes, *notes),
    )


def outside_sentence(index: float, step: int) -> str:
    """What to know of a run with atoms outside the training data.

    >>> print(outside_sentence(3.25, 420))  # doctest: +NORMALIZE_WHITESPACE
    step 420: an atom is unlike those that the potential was fitted to (index 3.2; 99 % of those have less than 1):
    check energies and forces before you trust them
    """
    return (
        f"step {step}: an atom is unlike those that the potential was fitted to (index {shown(index)}; 99 % of those "
        "have less than 1): check energies and forces before you trust them"
    )


def _remarks(thermo: Thermo, settings: RunSettings, log: str) -> list[str]:
    if settings.ensemble == "minimize":
        if "max iterations" in log or "max force evaluations" in log:
            return [f"the relaxation has not converged within {settings.steps} steps; allow more (--steps)"]
        return []
    if settings.ensemble == "nve" and thermo.mean("temp") < COLDER * settings.temperature:
        return [
            f"the mean temperature is {thermo.mean('temp'):.0f} K, not {settings.temperature:g} K: at constant energy, "
            "half of the first kinetic energy of a crystal at rest becomes potential energy; begin at twice the "
            "temperature, or take nvt"
        ]
    return []


def _final_structure(path: Path, prepared: Prepared) -> Atoms:
    """The structure at the end, in the order of the atom IDs."""
    numbers = {k: atomic_numbers[symbol] for k, symbol in enumerate(prepared.elements, 1)}
    atoms = read_lammps_data(path, Z_of_type=numbers, sort_by_id=True, units="metal", atom_style="atomic")
    # Data files do not say which directions are periodic.
    return Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=prepared.atoms.pbc)
