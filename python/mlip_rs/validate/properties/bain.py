"""The Bain path: energy of the body-centred tetragonal crystal between bcc and fcc."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from mlip_rs.calculators.calculations import Calculator, potential_energy
from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.criteria import Quantity, Threshold
from mlip_rs.validate.property import Property

BAIN_RATIOS: tuple[float, ...] = tuple(float(x) for x in np.linspace(0.85, 1.6, 31))
"""c/a of the body-centred tetragonal cell: bcc at 1, fcc at √2."""

BAIN = Threshold(20.0)
"""meV/atom."""


@dataclass(frozen=True)
class BainPath:
    """Energy along the tetragonal path from bcc to fcc at constant volume (E. C. Bain, 1924).

    Attributes
    ----------
    axial_ratios
        c/a of the body-centred tetragonal cell.
    energies
        eV/atom above the lowest point of the path.
    volume
        Å³/atom.

    Examples
    --------
    >>> path = BainPath(axial_ratios=(1.0, 1.2, 2**0.5), energies=(0.033, 0.02, 0.0), volume=11.57)
    >>> print(f"{path.bcc_above_fcc:.0f} meV/atom")
    33 meV/atom
    """

    axial_ratios: tuple[float, ...]
    energies: tuple[float, ...]
    volume: float

    @property
    def bcc_above_fcc(self) -> float:
        """Energy difference at the common volume in meV/atom, interpolated."""
        bcc, fcc = np.interp([1.0, 2**0.5], self.axial_ratios, self.energies)
        return float(MEV_PER_EV * (bcc - fcc))

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "axial_ratios": list(self.axial_ratios),
            "energies_ev_per_atom": list(self.energies),
            "volume_angstrom3_per_atom": self.volume,
            "bcc_above_fcc_mev_per_atom": self.bcc_above_fcc,
        }


def bain_path(
    calculator: Calculator, symbol: str, volume: float, *, axial_ratios: Sequence[float] = BAIN_RATIOS
) -> BainPath:
    """Energies of the body-centred tetragonal crystal at a volume in Å³/atom against c/a.

    Raises
    ------
    PropertyError
        An energy is not finite.

    Examples
    --------
    >>> from ase.calculators.emt import EMT
    >>> print(f"{bain_path(EMT(), 'Cu', 11.57).bcc_above_fcc:.0f} meV/atom")
    33 meV/atom
    """
    energies = []
    for ratio in axial_ratios:
        a = (2 * volume / ratio) ** (1 / 3)
        cell = Atoms([symbol] * 2, scaled_positions=[[0] * 3, [0.5] * 3], cell=[a, a, a * ratio], pbc=True)
        energies.append(potential_energy(calculator, cell) / 2)
    lowest = min(energies)
    return BainPath(tuple(map(float, axial_ratios)), tuple(e - lowest for e in energies), float(volume))


def compute(case: ValidationCase) -> BainPath:
    """Bain path at the volume of the crystal."""
    return bain_path(case.calculator, case.symbol, case.crystal.get_volume() / len(case.crystal))


def quantities(found: BainPath) -> tuple[Quantity, ...]:
    """Energy difference between bcc and fcc at the same volume."""
    return (Quantity("bcc − fcc, same volume", "meV/atom", found.bcc_above_fcc, BAIN, signed=True),)


PROPERTY = Property("bain", "Bain path", BainPath, compute, quantities)
