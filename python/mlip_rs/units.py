"""Conversions between internal units (Å, eV) and what is shown or exchanged; the only home of stress signs.

Inside: eV, eV/Å, stress in eV/Å³ with ASE's sign (positive under tension) and Voigt order xx yy zz yz xz xy.
"""

import numpy as np
from ase import units
from numpy.typing import NDArray

EV_PER_ANGSTROM3_IN_GPA: float = 1.0 / units.GPa
"""1 eV/Å³ in GPa."""

MEV_PER_EV: float = 1000.0
"""1 eV in meV."""

VOIGT: tuple[tuple[int, int], ...] = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Tensor components in ASE's Voigt order."""


def ase_stress_from_virial(
    virial: NDArray[np.float64], volume: float, out: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Stress (..., 6) in eV/Å³, ASE's sign, from the virial W = −dE/dε (..., 6) in eV and the volume in Å³."""
    return np.divide(virial, -volume, out=out)


def ase_stress_from_vasp(kilobar: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stress (6,) in eV/Å³, ASE's sign and order, from VASP's (3, 3) in kBar, positive under compression."""
    tensor = -np.asarray(kilobar, dtype=float) * 0.1 * units.GPa
    return np.array([tensor[a, b] for a, b in VOIGT])


def lammps_voigt_from_ase(stress: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reorder (6,) xx yy zz yz xz xy to LAMMPS' xx yy zz xy xz yz."""
    return np.asarray(stress)[[0, 1, 2, 5, 4, 3]]
