"""`Watch`: an observer of dynamics in ASE that warns, writes frames or stops where a potential must not be trusted."""

import io
import os
import warnings
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
from ase import Atoms
from ase.io.extxyz import write_extxyz

from mlip_rs.arrays import Array
from mlip_rs.calculators.ase import MLIPCalculator
from mlip_rs.calculators.trust import INDEX, checked_threshold
from mlip_rs.errors import ConfigError, OutsideDomainError, OutsideDomainWarning
from mlip_rs.files import append_whole, check_writable
from mlip_rs.potential import Potential
from mlip_rs.settings import check_integer
from mlip_rs.uncertainty.domain import CLEARLY_OUTSIDE, NO_INDEX, Departure, indices

OnLeave = Literal["warn", "dump", "stop"]
"""What a watch does."""

MOST_FRAMES: int = 1000
"""Frames that a watch writes, so that a run left to itself does not fill the disk."""

SUFFIXES: tuple[str, ...] = (".extxyz", ".xyz", "")
"""Of files that frames are appended to."""


class Run(Protocol):
    """Dynamics or a relaxation of ASE."""

    nsteps: int

    def attach(self, function: Any, interval: int = 1) -> None:  # noqa: ANN401 -- as ASE has it
        """Call a function at every `interval`-th step."""


class Watch:
    """An observer that acts when an atom leaves what the potential was fitted to.

    `dynamics.attach(watch, interval=10)` lets it look at every tenth step of molecular dynamics, or of a relaxation.
    The index is that of the calculator, so that a look costs nothing where the calculator has computed it anyway. An
    `MLIPCalculator` that is watched gives no warnings of its own.

    Parameters
    ----------
    atoms
        The moving atoms, with a calculator that has the property `index`, such as `MLIPCalculator`, unless there is a
        `potential`.
    threshold
        Index above which an atom counts as outside. Where many atoms are watched, a few in a hundred that are inside
        have more than 1.
    on_leave
        "warn": warns once (`OutsideDomainWarning`) in a sentence with step, atom and index. "dump": warns, and writes
        the structure at every look at which an atom is outside. "stop": writes the structure, if there is a file, and
        raises `OutsideDomainError` through `run()` of the dynamics; atoms and dynamics are then as at that step, and
        `run()` may be called again.
    file
        Extended XYZ to which frames are appended, with the columns `index`, `forces` and `momenta`, and `step` and
        `largest_index` in the header; each is written as a whole.
    potential
        Its index is computed at every look, whatever the calculator of the atoms is; None: that of the calculator.
    dynamics
        The run that the watch is attached to, so that steps can be named; None: its looks are counted.
    name
        What the run is called in sentences.
    most_frames
        No more are written.

    Attributes
    ----------
    largest
        Largest index seen so far.
    departure
        The first `Departure`; None as long as all atoms were inside.
    n_frames
        Number of frames written.

    Raises
    ------
    ConfigError
        Settings that make no sense, such as "dump" without a file; atoms whose calculator has no index.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=2)
    >>> atoms = bulk("Al")
    >>> atoms.calc = Potential.from_coefficients(basis, [2.0, -0.2], {"Al": 0.0}).calculator()
    >>> Watch(atoms, on_leave="stop")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    mlip_rs.errors.ConfigError: the potential has no index of anomaly: ...
    """

    def __init__(
        self,
        atoms: Atoms,
        threshold: float = CLEARLY_OUTSIDE,
        on_leave: OnLeave = "warn",
        *,
        file: str | os.PathLike[str] | None = None,
        potential: Potential | None = None,
        dynamics: Run | None = None,
        name: str = "",
        most_frames: int = MOST_FRAMES,
    ) -> None:
        checked = checked_threshold(threshold)
        if checked is None:
            raise ConfigError("a watch needs a threshold; 1 is the 99 % quantile of the training atoms")
        if on_leave not in get_args(OnLeave):
            raise ConfigError(f"on_leave = {on_leave!r} is none of {', '.join(get_args(OnLeave))}")
        if on_leave == "dump" and file is None:
            raise ConfigError("a watch that dumps frames needs a file, such as file='outside.extxyz'")
        check_integer("most_frames", most_frames, 1)
        if not isinstance(atoms, Atoms):
            raise ConfigError(f"a watch looks at ase.Atoms, not at {atoms!r}")
        if potential is not None and not isinstance(potential, Potential):
            raise ConfigError(f"potential = {potential!r} is no Potential; Potential.load(file) gives one")
        if dynamics is not None and not hasattr(dynamics, "nsteps"):
            raise ConfigError(f"dynamics = {dynamics!r} is no run of ASE, which counts its steps (nsteps)")
        self._atoms, self._potential = atoms, potential
        self._dynamics, self._most_frames = dynamics, most_frames
        self._name = f"{name}, " if name else ""
        self.threshold, self.on_leave = checked, on_leave
        self.file = None if file is None else _checked_file(file)
        self.largest, self.n_frames = 0.0, 0
        self.departure: Departure | None = None
        self._looks = 0
        if potential is not None:
            indices(potential, [])  # refuses one without
        elif isinstance(self._calculator(), MLIPCalculator):
            atoms.calc.set(warn_above=None)

    def __call__(self) -> None:
        """Look at the atoms.

        Raises
        ------
        OutsideDomainError
            An atom is outside, and `on_leave` is "stop".
        OSError
            A frame cannot be written.
        """
        index = self._index()
        self._looks += 1
        self.largest = max(self.largest, float(index.max(initial=0.0)))
        departure = Departure.of(self._atoms.get_chemical_symbols(), index, self.threshold)
        if departure is None:
            return
        first, self.departure = self.departure is None, self.departure or departure
        step = f"look {self._looks}" if self._dynamics is None else f"step {self._dynamics.nsteps}"
        where = f"{self._name}{step}: "
        appended = self.file is not None and self.on_leave != "warn" and self.n_frames < self._most_frames
        if self.file is not None and appended:
            self._append(self.file, index, step)
        if self.on_leave == "stop":
            written = f"; the structure is in {self.file}" if appended else ""
            raise OutsideDomainError(f"stopped: {departure.sentence(where)}{written}")
        if first:
            warnings.warn(departure.sentence(where), OutsideDomainWarning, stacklevel=2)

    def _index(self) -> Array:
        if self._potential is not None:
            return indices(self._potential, [self._atoms])[0]
        return np.asarray(self._calculator().get_property(INDEX, self._atoms))

    def _calculator(self) -> Any:  # noqa: ANN401 -- ASE carries no types
        calculator = self._atoms.calc
        if calculator is None:
            raise ConfigError("the atoms have no calculator; set atoms.calc before they are watched")
        if INDEX not in calculator.implemented_properties:
            other = f"{type(calculator).__name__} has no property {INDEX!r}; give the potential to compute it with"
            raise ConfigError(NO_INDEX if isinstance(calculator, MLIPCalculator) else other)
        return calculator

    def _append(self, file: Path, index: Array, step: str) -> None:
        """Append a frame in one piece: an interruption leaves whole frames."""
        frame = self._atoms.copy()
        frame.set_constraint()
        frame.arrays.update(index=np.asarray(index), forces=self._atoms.get_forces(apply_constraint=False))
        word, _, number = step.partition(" ")
        frame.info |= {word: int(number), "largest_index": float(index.max())}
        frame.info["energy"] = float(self._atoms.get_potential_energy())
        text = io.StringIO()
        write_extxyz(text, [frame])
        append_whole(file, text.getvalue())
        self.n_frames += 1


def _checked_file(file: str | os.PathLike[str]) -> Path:
    """The file that frames are appended to.

    Raises
    ------
    ConfigError
        No name of a file, or one of another format.
    OSError
        The file cannot be written.
    """
    if not isinstance(file, str | os.PathLike) or "\0" in os.fspath(file):
        raise ConfigError(f"file = {file!r} is no name of a file, such as 'outside.extxyz'")
    check_writable(file)
    if Path(file).suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{os.fspath(file)}: frames are appended as extended XYZ; write .extxyz or .xyz")
    return Path(file)


def watch_by_default(dynamics: Run, atoms: Atoms, name: str, interval: int = 10) -> Watch | None:
    """Attach a watch that warns once, if the calculator of the atoms has an index; what every run of this package does.

    Parameters
    ----------
    dynamics, atoms
        The run and its atoms.
    name
        What the run is called in the sentence.
    interval
        Steps between looks.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> from ase.md.verlet import VelocityVerlet
    >>> atoms = bulk("Cu")
    >>> atoms.calc = EMT()
    >>> watch_by_default(VelocityVerlet(atoms, 1.0), atoms, "a run") is None  # EMT has no index
    True
    """
    if atoms.calc is None or INDEX not in atoms.calc.implemented_properties:
        return None
    watch = Watch(atoms, dynamics=dynamics, name=name)
    dynamics.attach(watch, interval=interval)
    return watch
