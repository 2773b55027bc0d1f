"""The four frozen phonons of the fcc zone boundary, X and L, longitudinal and transverse: two-atom cells."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.units import fs
from numpy.typing import NDArray

from mlip_rs.calculators.calculations import Calculator, forces
from mlip_rs.errors import ConfigError, NotApplicableError
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.criteria import Quantity
from mlip_rs.validate.properties.phonons import FREQUENCY
from mlip_rs.validate.property import Property

DISPLACEMENT = 0.03
"""Relative displacement of the two atoms in Å, as in the reference: ±half of it each."""

THZ_PER_SQRT_EV_PER_ANGSTROM2_AMU: float = 1e3 * fs / (2 * np.pi)
"""Frequency of a spring of 1 eV/Å² with a mass of 1 u (ASE's unit of time is Å √(u/eV))."""


@dataclass(frozen=True)
class ZoneBoundaryPhonons:
    """Frequencies in THz; a negative one is imaginary, fcc then unstable against that displacement.

    Examples
    --------
    >>> ZoneBoundaryPhonons(x_long=9.6, x_trans=5.8, l_long=9.6, l_trans=4.2).is_stable
    True
    """

    x_long: float
    x_trans: float
    l_long: float
    l_trans: float

    @property
    def is_stable(self) -> bool:
        """No frequency is imaginary."""
        return min(self.x_long, self.x_trans, self.l_long, self.l_trans) > 0.0

    def to_dict(self) -> dict[str, Any]:
        """Frequencies, the unit in each key."""
        return {
            "X_long_thz": self.x_long,
            "X_trans_thz": self.x_trans,
            "L_long_thz": self.l_long,
            "L_trans_thz": self.l_trans,
        }


def zone_boundary_phonons(
    calculator: Calculator, symbol: str, lattice_constant: float, *, displacement: float = DISPLACEMENT
) -> ZoneBoundaryPhonons:
    """Frequencies of the fcc zone-boundary phonons at X and L.

    At these wave vectors neighbouring planes move against each other, so two atoms suffice: atom 0 goes by
    +u/2, atom 1 by −u/2 along the polarisation d, and M ω² = −(F_0 − F_1)·d / 2 / (u/2).

    Parameters
    ----------
    calculator
        Any ASE calculator.
    symbol
        Element; the mass is ASE's.
    lattice_constant
        Edge of the cubic cell in Å.
    displacement
        u in Å.

    Raises
    ------
    ConfigError
        The lattice constant or the displacement is not positive.
    PropertyError
        A force is not finite.

    Examples
    --------
    >>> from ase.calculators.emt import EMT
    >>> print(f"{zone_boundary_phonons(EMT(), 'Cu', 3.59).x_long:.1f} THz")
    8.1 THz
    """
    if not (lattice_constant > 0 and displacement > 0):
        raise ConfigError(
            f"frozen phonons: lattice constant {lattice_constant} Å, displacement {displacement} Å"
        )
    cell_x, cell_l = _cell_x(symbol, lattice_constant), _cell_l(symbol, lattice_constant)
    along_111 = np.ones(3) / 3**0.5
    across_111 = np.array([1.0, -1.0, 0.0]) / 2**0.5
    return ZoneBoundaryPhonons(
        x_long=_frequency(calculator, cell_x, np.array([0.0, 0.0, 1.0]), displacement),
        x_trans=_frequency(calculator, cell_x, np.array([1.0, 0.0, 0.0]), displacement),
        l_long=_frequency(calculator, cell_l, along_111, displacement),
        l_trans=_frequency(calculator, cell_l, across_111, displacement),
    )


def _cell_x(symbol: str, a: float) -> Atoms:
    """Two (001) planes: the body-centred tetragonal cell of fcc."""
    return Atoms(
        [symbol] * 2,
        scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]],
        cell=[a / 2**0.5, a / 2**0.5, a],
        pbc=True,
    )


def _cell_l(symbol: str, a: float) -> Atoms:
    """Two (111) planes."""
    a1, a2, a3 = np.asarray(bulk(symbol, "fcc", a).cell[:])
    return Atoms([symbol] * 2, positions=[[0, 0, 0], a1], cell=[a2 - a1, a3 - a1, 2 * a1], pbc=True)


def _frequency(
    calculator: Calculator, cell: Atoms, direction: NDArray[np.float64], displacement: float
) -> float:
    displaced = cell.copy()
    displaced.positions[0] += displacement / 2 * direction
    displaced.positions[1] -= displacement / 2 * direction
    force = forces(calculator, displaced)
    spring = -float((force[0] - force[1]) @ direction) / displacement
    magnitude = np.sqrt(abs(spring) / float(cell.get_masses()[0])) * THZ_PER_SQRT_EV_PER_ANGSTROM2_AMU
    return float(np.sign(spring) * magnitude)


def compute(case: ValidationCase) -> ZoneBoundaryPhonons:
    """Zone-boundary phonons at the volume of the crystal; raises `NotApplicableError` unless it is fcc."""
    if case.structure != "fcc":
        raise NotApplicableError("the frozen phonons at X and L are those of fcc; the crystal is another")
    edge = float((4 * case.crystal.get_volume() / len(case.crystal)) ** (1 / 3))
    return zone_boundary_phonons(case.calculator, case.symbol, edge)


def quantities(found: ZoneBoundaryPhonons) -> tuple[Quantity, ...]:
    """The four frequencies."""
    named = (
        ("X long.", found.x_long),
        ("X trans.", found.x_trans),
        ("L long.", found.l_long),
        ("L trans.", found.l_trans),
    )
    return tuple(Quantity(name, "THz", value, FREQUENCY) for name, value in named)


def failures(found: ZoneBoundaryPhonons) -> tuple[str, ...]:
    """An imaginary mode."""
    return () if found.is_stable else ("fcc is unstable against a zone-boundary phonon",)


PROPERTY = Property(
    "zone-boundary", "Zone-boundary phonons of fcc", ZoneBoundaryPhonons, compute, quantities, failures
)
