"""Volumes at which a calculator has crystals in equilibrium."""

from typing import Any

import numpy as np
from ase import Atoms

from mlip_rs.generate.distortions import with_volume

Calculator = Any
"""Any ASE calculator (ASE ships no type of its own that a checker could use)."""

RATIOS = np.linspace(0.7, 1.5, 17)
"""Volumes at which energies are computed, in the one guessed."""


def equilibrium_ratio(calculator: Calculator, crystal: Atoms) -> float | None:
    """Volume of lowest energy in that of a crystal; None if it is outside of `RATIOS`, or the calculator fails.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> print(f"{equilibrium_ratio(EMT(), bulk('Cu', a=3.4)):.3f}")
    1.178
    """
    energies = []
    for ratio in RATIOS:
        atoms = with_volume(crystal, float(ratio))
        atoms.calc = calculator
        try:
            energies.append(float(atoms.get_potential_energy()))
        except Exception:  # the calculator is the user's: without an answer, the guess stays
            return None
    lowest = int(np.argmin(energies))
    if not np.isfinite(energies).all() or lowest in (0, len(RATIOS) - 1):
        return None
    a, b, _ = np.polyfit(RATIOS[lowest - 1 : lowest + 2], energies[lowest - 1 : lowest + 2], 2)
    return float(-b / (2.0 * a)) if a > 0.0 else None
