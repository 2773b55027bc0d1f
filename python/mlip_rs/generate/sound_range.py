"""How far a potential can be trusted under compression: as far as its crystals stiffen, as those of nature do."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from mlip_rs.generate.calculator import Calculator
from mlip_rs.generate.distortions import with_volume
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA

RATIOS = np.concatenate([[1.08], np.arange(1.0, 0.47, -0.04)])
"""Volumes, in that of equilibrium, at which energies are computed."""

SOFTENING: float = 0.5
"""The bulk modulus may fall to this part of the largest one at larger volumes; in nature it grows."""

FORCES: float = 4.0
"""Largest force, in that of the largest pressure on the face of the cube of an atom."""

BUMPS: float = 0.1
"""Pressure, in the bulk modulus of equilibrium, below which a crystal may soften: the reach of the potential may end
between two shells of neighbours."""

DISTANCES: float = 0.8
"""Shortest distance, in that of the crystal at the largest pressure: of two atoms among few, which come closer."""


@dataclass(frozen=True)
class SoundRange:
    """Labels that a potential can be asked for.

    Attributes
    ----------
    pressure
        Largest pressure, eV/Å³; None if the crystals stiffen over all of `RATIOS`.
    force
        Largest force, eV/Å; None likewise.
    diameters
        Shortest distance of two atoms of each element, Å, by symbol; of two elements their mean counts. Where a few
        pairs come closer than crystals do, repulsion would begin at these pairs, and leave dense surroundings, of which
        there are no labels, to the fit.
    volumes
        Smallest volume of an atom of each element, Å³, by symbol; those of a cell are added. The pressure does not
        tell: beyond the range it may fall again.

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
    diameters: Mapping[str, float] = field(default_factory=dict)
    volumes: Mapping[str, float] = field(default_factory=dict)

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
        crystals = list(crystals)
        ends = [_end(crystal, calculator) for crystal in crystals]
        pressure = min((own for own, _ in ends), default=np.inf)
        volume = max((crystal.get_volume() / len(crystal) for crystal in crystals), default=0.0)
        diameters: dict[str, float] = {}
        volumes: dict[str, float] = {}
        for crystal, (_, ratio) in zip(crystals, ends, strict=True):
            nearest = DISTANCES * ratio ** (1.0 / 3.0) * _nearest(crystal)
            smallest = ratio * crystal.get_volume() / len(crystal)
            for symbol in set(crystal.symbols):
                diameters[symbol] = max(nearest, diameters.get(symbol, 0.0))
                volumes[symbol] = max(smallest, volumes.get(symbol, 0.0))
        if not np.isfinite(pressure):
            return cls(None, None, diameters, volumes)
        return cls(pressure, FORCES * pressure * volume ** (2.0 / 3.0), diameters, volumes)

    def to_dict(self) -> dict[str, Any]:
        """The arguments, for JSON."""
        return asdict(self)

    def holds(self, atoms: Atoms) -> bool:
        """Whether the labels of a structure lie inside."""
        results = atoms.calc.results
        stress = results.get("stress")
        if self.pressure is not None and stress is not None and -float(np.mean(stress[:3])) > self.pressure:
            return False
        if self.force is not None and float(np.linalg.norm(results["forces"], axis=1).max()) > self.force:
            return False
        if atoms.pbc.all() and atoms.get_volume() < sum(
            self.volumes.get(symbol, 0.0) for symbol in atoms.symbols
        ):
            return False
        closest = {
            (one, other): (own + another) / 2.0
            for one, own in self.diameters.items()
            for other, another in self.diameters.items()
        }
        return not closest or not len(neighbor_list("i", atoms, closest))

    def sentence(self) -> str:
        """What is left out, and why."""
        close = ", ".join(
            f"{symbol} {distance:.2f} Å, {self.volumes[symbol]:.1f} Å³ per atom"
            for symbol, distance in sorted(self.diameters.items())
        )
        if self.pressure is None or self.force is None:
            return (
                "crystals of the teacher stiffen under compression as far as they were tried; labels with atoms closer "
                f"or denser than there ({close}) are left out"
            )
        return (
            f"labels with pressures above {self.pressure * EV_PER_ANGSTROM3_IN_GPA:.0f} GPa, forces above "
            f"{self.force:.0f} eV/Å or atoms closer or denser than in such crystals ({close}) are left out, because "
            "crystals of the teacher soften there under compression"
        )


def _nearest(crystal: Atoms) -> float:
    """Distance of nearest neighbours, Å."""
    reach = 2.0 * (crystal.get_volume() / len(crystal)) ** (1.0 / 3.0)
    return float(neighbor_list("d", crystal, reach).min(initial=reach))


def _end(crystal: Atoms, calculator: Calculator) -> tuple[float, float]:
    """Pressure up to which a crystal stiffens, eV/Å³, and its volume there in that of equilibrium."""
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
    compressed = pressures[1:] >= BUMPS * moduli[0]
    largest = np.maximum.accumulate(np.where(compressed, moduli, 0.0))
    sound = np.isfinite(moduli) & (~compressed | (moduli >= SOFTENING * largest))
    if not moduli[0] > 0.0:
        return 0.0, 1.0
    if sound.all():
        return np.inf, float(RATIOS[-1])
    last = int(np.argmin(sound))
    return float(max(pressures[last], 0.0)), float((RATIOS[last] + RATIOS[last + 1]) / 2.0)
