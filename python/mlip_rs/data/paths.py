"""Files meant by paths, patterns, directories and standard input."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from mlip_rs.data.foreign import refuse_foreign_folder
from mlip_rs.data.vasp import vasp_format
from mlip_rs.errors import DataError

PathLike = str | os.PathLike[str]

VASP_OUTPUTS = ("vasprun.xml", "vasprun.xml.gz", "OUTCAR", "OUTCAR.gz")
"""Files searched for in a directory, in this order."""

VASP_INPUTS = ("CONTCAR", "POSCAR")
"""Files of structures that are named where there is no output."""

MOST_KINDS: int = 50
"""Folders of VASP runs that are taken as kinds of structures; more are something else, such as materials."""


def files_meant(paths: PathLike | Sequence[PathLike]) -> list[Path]:
    """List the files given by paths, patterns and directories; "-" is standard input.

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
    listed = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    return [file for path in listed for file in _expand(path)]


def shown_name(file: Path) -> str:
    """Name of a file in messages: its last part, and of files of VASP, which are all called alike, the whole path.

    Examples
    --------
    >>> shown_name(Path("data/slab.xyz")), shown_name(Path("runs/slab/03/vasprun.xml"))
    ('slab.xyz', 'runs/slab/03/vasprun.xml')
    """
    return file.as_posix() if vasp_format(file) is not None else file.name


def kinds_of_runs(files: Sequence[Path]) -> dict[Path, str]:
    """Kinds of structures by the folders of VASP runs, for those in folders of folders: `runs/KIND/NN/vasprun.xml`.

    Examples
    --------
    >>> runs = [Path("runs/slab/01/OUTCAR"), Path("runs/slab/02/OUTCAR"), Path("runs/md/300K/OUTCAR")]
    >>> kinds_of_runs(runs)[runs[0]], kinds_of_runs([Path("runs/01/OUTCAR"), Path("runs/02/OUTCAR")])
    ('slab', {})
    """
    runs = [file for file in files if vasp_format(file) is not None]
    if len(runs) < 2:
        return {}
    try:
        top = os.path.commonpath([file.absolute().parent for file in runs])
    except ValueError:  # several drives of Windows
        return {}
    parts = {file: file.absolute().parent.relative_to(top).parts for file in runs}
    kinds = {file: own[0] for file, own in parts.items() if len(own) > 1}
    return kinds if len(set(kinds.values())) <= MOST_KINDS else {}


def _expand(path: PathLike) -> list[Path]:
    """List the files given by a path, a pattern or a directory of a VASP run."""
    if os.fspath(path) == "-":
        return [Path("-")]
    file = Path(path).expanduser()
    if file.is_file() or file.is_fifo() or file.is_char_device():
        return [file]
    if file.is_dir():
        return [_of_directory(file)]
    if glob.has_magic(str(file)):
        found = sorted(Path(match) for match in glob.glob(str(file), recursive=True))  # noqa: PTH207 (absolute too)
        if found:
            return [inner for match in found for inner in _expand(match)]
        raise DataError(f"{path}: no file matches this pattern")
    raise DataError(f"{path}: no such file; check the path")


def _of_directory(folder: Path) -> Path:
    for name in VASP_OUTPUTS:
        if (folder / name).is_file():
            return folder / name
    refuse_foreign_folder(folder)
    below = next((name for name in VASP_OUTPUTS if any(folder.glob(f"*/{name}"))), "")
    pattern = f"such as '{folder / '*' / below}'" if below else "or a pattern"
    inputs = [name for name in VASP_INPUTS if not below and (folder / name).is_file()]
    if inputs:
        pattern = f"such as {folder / inputs[0]} for a structure without labels"
    raise DataError(f"{folder}: is a directory without {', '.join(VASP_OUTPUTS)}; give files, {pattern}")
