"""Figures of a page of the gallery: front, forces against labels, phonons."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from mlip_rs.evaluate.evaluation import Evaluation
from mlip_rs.files import atomic_file
from mlip_rs.fitting.figures import ModelPoint, pareto
from mlip_rs.validate.figures.phonons import phonon_bands
from mlip_rs.validate.result import Validation

DPI = 150
COLORS = 160
LARGEST = 60_000
"""Bytes of a figure, for the sake of the repository."""


def figures(run: Mapping[str, Any], evaluation: Evaluation, validation: Validation) -> dict[str, Figure]:
    """Figures by the end of their name."""
    front = [ModelPoint.from_dict(own) for own in run["points"]]
    selected = {name: run[name] for name in ("knee", "best")}
    phonons = next(found for found in validation.properties if found.name == "phonons")
    return {
        "front": pareto(front, selected=selected),
        "forces": evaluation.figures()["force"],
        "phonons": phonon_bands({"knee": phonons.value}, None, {"knee": phonons.members}),
    }


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
