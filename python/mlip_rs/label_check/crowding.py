"""Whether forces push crowded atoms apart, as all forces of nature do: what tells their sign without other labels."""

import numpy as np

from mlip_rs.data import Dataset
from mlip_rs.label_check.control import REACH, Control, labelled, typical_radii
from mlip_rs.label_check.rows import Rows

WALL: Control = Control(repulsion=1.0, attraction=1e-6, p=10.0, q=2.0, dipole=0.0)
"""A steep repulsion and next to nothing else."""

CLEAR_SIGN: float = 0.75
"""Correlation with the forces of a wall beyond which their sign is clear: 0.85 to 1 in crystals and liquids, −0.5 at
least where atoms are far apart."""

MOST: int = 100
"""Structures looked at."""


def sign_of_forces(rows: Rows) -> float:
    """Sign of the forces by themselves: 1 if they push crowded atoms apart, −1 if together, 0 if that is not clear."""
    dataset = Dataset(rows.frames)
    radii = typical_radii(dataset)
    cutoff = REACH * (rows.basis.cutoff or 0.0)
    along = given = wall = 0.0
    for k in np.unique(np.linspace(0, rows.n - 1, MOST).astype(int)):
        frame = rows.frames[k]
        expected = labelled(frame, radii[frame.numbers], cutoff, WALL).forces
        if frame.forces is None or expected is None:
            continue
        along += float((frame.forces * expected).sum())
        given += float((frame.forces**2).sum())
        wall += float((expected**2).sum())
    correlation = along / max(given * wall, 1e-300) ** 0.5
    return float(np.sign(correlation)) if abs(correlation) > CLEAR_SIGN else 0.0
