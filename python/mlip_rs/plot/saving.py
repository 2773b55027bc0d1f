"""Writing a figure to a file, whole or not at all."""

import os
from pathlib import Path

from matplotlib.figure import Figure

from mlip_rs.errors import ConfigError
from mlip_rs.files import atomic_file

DPI = 200


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure in the format that the suffix names (.png, .pdf, .svg).

    Raises
    ------
    ConfigError
        A suffix that names no format.
    OSError
        The file cannot be written.
    """
    target = Path(path)
    kind = target.suffix[1:].lower()
    known = sorted(figure.canvas.get_supported_filetypes())
    if kind not in known:
        raise ConfigError(f"{path}: no figure format ends in {target.suffix!r}; use .png, .pdf or .svg")
    with atomic_file(target, "wb") as file:
        figure.savefig(file, format=kind, dpi=DPI)
    return target
