"""Reading of first-principles data from files that ASE reads, or from ASE `Atoms`."""

import glob
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import ase.db
import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.io import iread
from ase.io.formats import UnknownFileTypeError, filetype, string2index

from mlip_rs.data.dataset import Dataset
from mlip_rs.data.frames import Frame
from mlip_rs.data.labels import (
    ENERGY_AGREEMENT,
    GROUP_KEYS,
    LabelChoice,
    LabelKeys,
    RawFrame,
    choose_labels,
    energy_of,
    forces_of,
    stress_of,
)
from mlip_rs.data.vasp import unconverged_steps, vasp_format
from mlip_rs.errors import DataError
from mlip_rs.units import MEV_PER_EV

ENERGY_CHOICES = ("auto", "free_energy", "energy")
VASP_OUTPUTS = ("vasprun.xml", "vasprun.xml.gz", "OUTCAR", "OUTCAR.gz")
"""Files searched for in a directory, in this order."""

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class _Source:
    """Frames of one file with the keys of its labels."""

    file: str
    frames: tuple[RawFrame, ...]
    choice: LabelChoice


def read_dataset(
    paths: PathLike | Sequence[PathLike],
    *,
    index: str | int | slice = ":",
    format: str | None = None,
    energy: str = "auto",
    keys: LabelKeys | None = None,
) -> Dataset:
    """Read structures with energies, forces and stresses.

    >>> from mlip_rs.demo import DATA_PATH
    >>> dataset = read_dataset(DATA_PATH, index=":5")
    >>> len(dataset), dataset.elements, dataset.energy_source
    (5, ('Al',), 'free_energy')

    Parameters
    ----------
    paths
        One or more files that ASE reads (extxyz, vasprun.xml, OUTCAR, db, traj, …; also compressed), patterns
        such as "runs/*/vasprun.xml", or directories that hold a vasprun.xml or OUTCAR.
    index
        Frames to take from every file, as in `ase.io.read`; all by default.
    format
        ASE's name of the file format, if the file name does not show it.
    energy
        "free_energy", "energy", or "auto": the free energy, from which the forces derive, when all frames
        have it.
    keys
        Keys of the labels, if they are not among the usual ones.

    Returns
    -------
    Dataset
        Validated frames in the order of the files; `notices` say what was taken.

    Raises
    ------
    DataError
        A file is missing, empty or unreadable; a frame is invalid; no frame has an energy; energies of
        different kinds would be mixed.
    """
    listed = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    files = [file for path in listed for file in _expand(path)]
    if not files:
        raise DataError("no files given")
    slice_ = _as_slice(index)
    sources: list[_Source] = []
    notices: list[str] = []
    for file in files:
        frames, remarks = _read_file(file, slice_, format)
        notices.extend(remarks)
        sources.append(_Source(str(file), frames, choose_labels(frames, file.name, keys or LabelKeys())))
    return _assemble(sources, energy, keys or LabelKeys(), notices)


def read_structures(
    paths: PathLike | Sequence[PathLike], *, index: str | int | slice = ":", format: str | None = None
) -> tuple[RawFrame, ...]:
    """Read structures without labels, such as those to predict energies for; they are not validated.

    Parameters
    ----------
    paths, index, format
        See `read_dataset`.

    Raises
    ------
    DataError
        A file is missing, empty or unreadable.

    Examples
    --------
    >>> from mlip_rs.demo import DATA_PATH
    >>> frames = read_structures(DATA_PATH, index=":3")
    >>> [frame.atoms.get_chemical_formula() for frame in frames]
    ['Al', 'Al4', 'Al3']
    """
    listed = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    slice_ = _as_slice(index)
    return tuple(
        frame for path in listed for file in _expand(path) for frame in _read_file(file, slice_, format)[0]
    )


def files_meant(paths: Sequence[PathLike]) -> list[Path]:
    """List the files given by paths, patterns and directories.

    Raises
    ------
    DataError
        A path, pattern or directory gives no file.

    Examples
    --------
    >>> from mlip_rs.demo import DATA_PATH
    >>> [file.name for file in files_meant([DATA_PATH.parent / "*.extxyz"])]
    ['al_dft.extxyz']
    """
    return [file for path in paths for file in _expand(path)]


def dataset_from_atoms(
    atoms: Iterable[Atoms], *, source: str = "atoms", energy: str = "auto", keys: LabelKeys | None = None
) -> Dataset:
    """Build a dataset from ASE `Atoms` with labels in their calculator, `info` or `arrays`.

    Parameters
    ----------
    atoms
        Structures; nothing is calculated, only results that exist are taken.
    source
        Stands for the file name in messages.
    energy, keys
        See `read_dataset`.

    Returns
    -------
    Dataset
        Validated frames in order.

    Raises
    ------
    DataError
        As in `read_dataset`; also when atoms were changed after their calculator had finished.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> crystal = bulk("Al")
    >>> crystal.calc = EMT()
    >>> energy = crystal.get_potential_energy()
    >>> dataset_from_atoms([crystal]).labels.energies
    1
    """
    frames: list[RawFrame] = []
    listed = [atoms] if isinstance(atoms, Atoms) else atoms
    for index, item in enumerate(listed):
        location = f"frame {index} of {source}"
        if not isinstance(item, Atoms):
            raise DataError(f"{location}: is a {type(item).__name__}, not ASE Atoms")
        if item.calc is not None and item.calc.results and item.calc.check_state(item):
            raise DataError(
                f"{location}: the atoms were changed after they were calculated; calculate again or set "
                "atoms.calc to None"
            )
        frames.append(RawFrame.of(item, location, index))
    if not frames:
        raise DataError(f"{source}: no structures given")
    choice = choose_labels(frames, source, keys or LabelKeys())
    return _assemble([_Source(source, tuple(frames), choice)], energy, keys or LabelKeys(), [])


def _expand(path: PathLike) -> list[Path]:
    """List the files given by a path, a pattern or a directory of a VASP run."""
    file = Path(path).expanduser()
    if file.is_file():
        return [file]
    if file.is_dir():
        for name in VASP_OUTPUTS:
            if (file / name).is_file():
                return [file / name]
        raise DataError(f"{path}: is a directory without {', '.join(VASP_OUTPUTS)}; give files, or a pattern")
    if glob.has_magic(str(file)):
        found = sorted(Path(match) for match in glob.glob(str(file), recursive=True))  # noqa: PTH207 (absolute too)
        if found:
            return [inner for match in found for inner in _expand(match)]
        raise DataError(f"{path}: no file matches this pattern")
    raise DataError(f"{path}: no such file; check the path")


def _as_slice(index: str | int | slice) -> slice:
    try:
        parsed = string2index(index) if isinstance(index, str) else index
    except ValueError as error:
        raise DataError(
            f"index {index!r} is not understood; give a number or a slice such as '::10'"
        ) from error
    if isinstance(parsed, int):
        return slice(parsed, parsed + 1 or None)
    if not isinstance(parsed, slice) or parsed.step == 0:
        raise DataError(f"index {index!r} is not understood; give a number or a slice such as '::10'")
    return parsed


def _read_file(file: Path, slice_: slice, format: str | None) -> tuple[tuple[RawFrame, ...], list[str]]:
    """Read the frames of one file; also return ASE's warnings and steps with unconverged electronic loops."""
    if file.stat().st_size == 0:
        raise DataError(f"{file}: the file is empty; write it again or leave it out")
    frames: list[RawFrame] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            for position, atoms in _iterate(file, slice_, format):
                frames.append(RawFrame.of(atoms, f"frame {position} of {file.name}", position))
        except UnknownFileTypeError as error:
            raise DataError(
                f"{file}: the format is not recognised; name it (format='extxyz', 'vasp-xml', …) "
                "or convert the file"
            ) from error
        except DataError:
            raise
        except Exception as error:  # parsers raise anything on damaged files
            raise DataError(_unreadable(file, len(frames), slice_, error)) from error
    if not frames:
        raise DataError(f"{file}: no structures found in it; check the file and the index")
    remarks = [f"{file.name}: {message}" for message in dict.fromkeys(str(item.message) for item in caught)]
    if vasp_format(file) is not None and format in (None, vasp_format(file)):
        taken = {frame.index for frame in frames}
        steps = [step for step in unconverged_steps(file) if step in taken]
        if steps:
            remarks.append(
                f"{file.name}: the electronic loop did not converge (NELM reached) in "
                f"{len(steps)} of {len(frames)} ionic steps: {_abbreviate(steps)}; consider leaving them out"
            )
    return tuple(frames), remarks


def _iterate(file: Path, slice_: slice, format: str | None) -> Iterator[tuple[int, Atoms]]:
    """Read pairs of index and atoms, and of a forward slice nothing behind its end."""
    kind = format or vasp_format(file) or filetype(str(file))
    bounds = (slice_.start or 0, slice_.stop or 0, slice_.step or 1)
    if kind in ("db", "json"):
        with ase.db.connect(str(file), serial=True) as database:
            rows = list(database.select())
            for position in range(len(rows))[slice_]:
                yield position, rows[position].toatoms(add_additional_information=True)
    elif min(bounds[:2]) >= 0 and bounds[2] > 0:
        images = iread(str(file), index=slice_, format=kind, do_not_split_by_at_sign=True)
        for count, atoms in enumerate(images):
            yield bounds[0] + count * bounds[2], atoms
    else:
        everything = list(iread(str(file), index=":", format=kind, do_not_split_by_at_sign=True))
        for position in range(len(everything))[slice_]:
            yield position, everything[position]


def _unreadable(file: Path, n_read: int, slice_: slice, error: Exception) -> str:
    reason = " ".join(str(error).split()) or "no reason given"
    if len(reason) > 300:
        reason = reason[:300] + " …"
    start, step = slice_.start or 0, slice_.step or 1
    place = f"frame {start + n_read * step} of {file}" if start >= 0 and step > 0 else str(file)
    symbol = str(error.args[0]) if isinstance(error, KeyError) and error.args else ""
    if re.fullmatch(r"[A-Z][a-z]?", symbol) and symbol not in atomic_numbers:
        return f"{place}: {symbol!r} is not the symbol of an element; correct it, or drop the frame"
    return (
        f"{place}: cannot be read ({type(error).__name__}: {reason}); the file is damaged, truncated or of "
        "another format: check it there, or name the format"
    )


def _assemble(sources: Sequence[_Source], energy: str, keys: LabelKeys, notices: list[str]) -> Dataset:
    for source in sources:
        notices.extend(source.choice.notices)
    kind = _choose_energy(sources, energy, keys, notices)
    dropped = 0
    frames: list[Frame] = []
    for source in sources:
        key = source.choice.free_energy if kind == "free_energy" else source.choice.energy
        for raw in source.frames:
            stress = stress_of(raw, source.choice)
            if stress is not None and not raw.atoms.pbc.all():
                stress, dropped = None, dropped + 1
            frames.append(
                Frame(
                    numbers=raw.atoms.numbers,
                    positions=raw.atoms.positions,
                    cell=raw.atoms.cell.array,
                    pbc=raw.atoms.pbc,
                    energy=energy_of(raw, key),
                    forces=forces_of(raw, source.choice.forces),
                    stress=stress,
                    config_type=raw.text(("config_type",)),
                    group=raw.text(GROUP_KEYS) or None,
                    file=source.file,
                    index=raw.index,
                )
            )
    if dropped:
        notices.append(f"stress of {dropped} frames ignored: it needs three periodic directions")
    return Dataset(tuple(frames), kind, tuple(dict.fromkeys(notices)))


def _choose_energy(sources: Sequence[_Source], energy: str, keys: LabelKeys, notices: list[str]) -> str:
    """Choose one kind of energy for all frames, which must not be mixed unintentionally."""
    if energy not in ENERGY_CHOICES:
        raise DataError(f"energy {energy!r} is not known; choose one of {', '.join(ENERGY_CHOICES)}")
    both = [
        (energy_of(raw, source.choice.energy), energy_of(raw, source.choice.free_energy), len(raw.atoms))
        for source in sources
        for raw in source.frames
    ]
    n_energy = sum(plain is not None for plain, _, _ in both)
    n_free = sum(free is not None for _, free, _ in both)
    n_any = sum(plain is not None or free is not None for plain, free, _ in both)
    files = ", ".join(source.file for source in sources[:3]) + (", …" if len(sources) > 3 else "")
    available = {"energy": n_energy, "free_energy": n_free, "auto": n_any}[energy]
    if keys.energy is not None:
        return keys.energy if keys.energy not in ENERGY_CHOICES else "energy"
    if available == 0:
        label = "a free energy" if energy == "free_energy" else "an energy"
        raise DataError(
            f"{files}: none of the {len(both)} frames has {label}; nothing can be fitted without energies: "
            "name the key that holds them (energy key), or check the files"
        )
    if energy != "auto":
        return energy
    if n_free == n_any:
        return "free_energy"
    if n_energy < n_any:
        raise DataError(
            f"{files}: {n_any - n_energy} frames have only a free energy, {n_any - n_free} only an energy; "
            "they are not the same with smearing: choose energy='free_energy' or 'energy' "
            "(the others go without energy)"
        )
    if n_free:
        gaps = [abs(plain - free) / n for plain, free, n in both if plain is not None and free is not None]
        worst = float(np.max(gaps))
        if worst > ENERGY_AGREEMENT:
            notices.append(
                f"{n_free} of {n_any} frames also have a free energy, off by up to {MEV_PER_EV * worst:.2f} "
                "meV/atom; the plain energy was taken throughout, though forces derive from the free energy"
            )
    return "energy"


def _abbreviate(numbers: Sequence[int], limit: int = 8) -> str:
    shown = ", ".join(map(str, numbers[:limit]))
    return shown if len(numbers) <= limit else f"{shown}, …"
