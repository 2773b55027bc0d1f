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
    target, kind = Path(path), figure_format(path)
    with atomic_file(target, "wb") as file:
        figure.savefig(file, format=kind, dpi=DPI)
    return target


def figure_format(path: str | os.PathLike[str]) -> str:
    """The format that the suffix of a file names, to be checked before work begins.

    Raises
    ------
    ConfigError
        A suffix that names no format.

    Examples
    --------
    >>> figure_format("notch.PNG")
    'png'
    """
    suffix = Path(path).suffix
    if suffix[1:].lower() not in Figure().canvas.get_supported_filetypes():
        raise ConfigError(f"{path}: no figure format ends in {suffix!r}; use .png, .pdf or .svg")
    return suffix[1:].lower()
