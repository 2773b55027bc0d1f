"""Figures of a page of the gallery: front, forces against labels, phonons."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from mlip_rs.files import atomic_file
from mlip_rs.fitting.figures import ModelPoint, pareto
from mlip_rs.validate.figures.phonons import phonon_bands
from mlip_rs.validate.result import Validation

DPI = 150
COLORS = 160
LARGEST = 60_000
"""Bytes of a figure, for the sake of the repository."""


def front(run: Mapping[str, Any]) -> Figure:
    """Errors against costs of all potentials of a fit."""
    points = [ModelPoint.from_dict(own) for own in run["points"]]
    return pareto(points, selected={name: run[name] for name in ("knee", "best")}, front=run["front"])


def phonons(validations: Mapping[str, Validation]) -> Figure:
    """Bands and densities of states of one crystal, or of several with the same lattice."""
    found = {
        name: next(one for one in validation.properties if one.name == "phonons")
        for name, validation in validations.items()
    }
    values = {name: one.value for name, one in found.items()}
    return phonon_bands(values, None, {name: one.members for name, one in found.items()})


def save(figure: Figure, path: Path) -> None:
    """Write a PNG of few colours."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    image = Image.open(buffer).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    small = io.BytesIO()
    image.save(small, format="png", optimize=True)
    if len(small.getvalue()) > LARGEST:
        raise SystemExit(f"{path}: {len(small.getvalue())} bytes; at most {LARGEST} go into the repository")
    with atomic_file(path, "wb") as file:
        file.write(small.getvalue())
