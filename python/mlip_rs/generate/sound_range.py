"""How far a potential can be trusted under compression: as far as its crystals stiffen, as those of nature do."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
from ase import Atoms

from mlip_rs.generate.calculator import Calculator
from mlip_rs.generate.distortions import with_volume
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA

RATIOS = np.concatenate([[1.08], np.arange(1.0, 0.47, -0.04)])
"""Volumes, in that of equilibrium, at which energies are computed."""

SOFTENING: float = 0.5
"""The bulk modulus may fall to this part of that of equilibrium; in nature it grows."""

FORCES: float = 4.0
"""Largest force, in that of the largest pressure on the face of the cube of an atom."""


@dataclass(frozen=True)
class SoundRange:
    """Labels that a potential can be asked for.

    Attributes
    ----------
    pressure
        Largest pressure, eV/Å³; None if the crystals stiffen over all of `RATIOS`.
    force
        Largest force, eV/Å; None likewise.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> found = SoundRange.of([bulk("Cu", a=3.59)], EMT())
    >>> found.pressure is None or found.pressure > 0.5
    True
    """

    pressure: float | None
    force: float | None

    @classmethod
    def of(cls, crystals: Iterable[Atoms], calculator: Calculator) -> "SoundRange":
        """The range in which all crystals stiffen under compression.

        Parameters
        ----------
        crystals
            In equilibrium.
        calculator
            Any ASE calculator; where it fails, the range ends.
        """
        pressure, volume = np.inf, 0.0
        for crystal in crystals:
            pressure = min(pressure, _largest_pressure(crystal, calculator))
            volume = max(volume, crystal.get_volume() / len(crystal))
        if not np.isfinite(pressure):
            return cls(None, None)
        return cls(pressure, FORCES * pressure * volume ** (2.0 / 3.0))

    def to_dict(self) -> dict[str, float | None]:
        """The arguments, for JSON."""
        return asdict(self)

    def holds(self, atoms: Atoms) -> bool:
        """Whether the labels of a structure lie inside."""
        if self.pressure is None or self.force is None:
            return True
        results = atoms.calc.results
        stress = results.get("stress")
        if stress is not None and -float(np.mean(stress[:3])) > self.pressure:
            return False
        return float(np.linalg.norm(results["forces"], axis=1).max()) <= self.force

    def sentence(self) -> str:
        """What is left out, and why."""
        if self.pressure is None:
            return "crystals of the teacher stiffen under compression as far as they were tried; nothing is left out"
        return (
            f"labels with pressures above {self.pressure * EV_PER_ANGSTROM3_IN_GPA:.0f} GPa or forces above "
            f"{self.force:.0f} eV/Å are left out, because crystals of the teacher soften there under compression"
        )


def _largest_pressure(crystal: Atoms, calculator: Calculator) -> float:
    """Pressure up to which a crystal stiffens, eV/Å³."""
    volumes = RATIOS * crystal.get_volume() / len(crystal)
    energies = []
    for ratio in RATIOS:
        atoms = with_volume(crystal, float(ratio))
        atoms.calc = calculator
        try:
            energies.append(float(atoms.get_potential_energy()) / len(atoms))
        except Exception:  # the calculator is the user's: the range ends where it fails
            energies.append(np.nan)
    pressures = -np.diff(energies) / np.diff(volumes)
    middle = (volumes[1:] + volumes[:-1]) / 2.0
    moduli = -np.diff(pressures) / np.diff(np.log(middle))
    sound = moduli >= SOFTENING * moduli[0]  # False of what is not a number
    if not moduli[0] > 0.0:
        return 0.0
    if sound.all():
        return np.inf
    return float(max(pressures[int(np.argmin(sound))], 0.0))
