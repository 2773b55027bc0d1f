"""Units and signs.

Internal quantities are in eV, Å and eV/Å; stresses are in eV/Å³, positive under tension, in ASE's Voigt order
xx yy zz yz xz xy.
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
    """Return the stress σ = −W/V in ASE's sign, positive under tension.

    >>> ase_stress_from_virial(np.array([2.0, 2.0, 2.0, 0.0, 0.0, 0.0]), 20.0)[:3]
    array([-0.1, -0.1, -0.1])

    Parameters
    ----------
    virial
        W = −dE/dε, (..., 6), eV.
    volume
        Å³.
    out
        Array (..., 6) for the result.

    Returns
    -------
    ndarray
        (..., 6) eV/Å³.
    """
    return np.divide(virial, -volume, out=out)
