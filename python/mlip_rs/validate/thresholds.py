"""Deviations from the reference that pass, for every report of this package."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """Largest deviation that passes: a value in the property's unit, or a fraction of the reference."""

    value: float
    relative: bool = False

    def limit(self, reference: float) -> float:
        """Largest deviation in the property's unit."""
        return self.value * abs(reference) if self.relative else self.value


LATTICE = Threshold(0.01, relative=True)
VOLUME = Threshold(0.03, relative=True)
MODULUS = Threshold(0.10, relative=True)
FREQUENCY = Threshold(0.05, relative=True)

PHONON_ERROR = Threshold(0.3)
"""THz, over the Brillouin zone."""

PHASE = Threshold(15.0)
"""meV/atom between crystal structures."""

HIGH_PHASE = Threshold(0.15, relative=True)
"""Of structures so high up that this is more than `PHASE`: there the order is what matters."""

BAIN = Threshold(20.0)
"""meV/atom."""

COHESION = Threshold(0.05)
"""eV/atom."""

DEFECT = Threshold(0.1)
"""eV, of the vacancy and the barrier of its jump."""

POINT_DEFECT = Threshold(0.2)
"""eV, of interstitials and divacancies."""

EXPANSION = Threshold(0.15, relative=True)
SURFACE = Threshold(0.10, relative=True)
FAULT = Threshold(0.20, relative=True)


def phase_threshold(energy: float) -> Threshold:
    """What is allowed of an energy difference between crystal structures, in meV/atom."""
    return Threshold(max(PHASE.value, HIGH_PHASE.limit(energy)))
