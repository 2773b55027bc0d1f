"""How well a potential knows the structures of a pool."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from mlip_rs.arrays import Array, Mask
from mlip_rs.learn.settings import LearnSettings
from mlip_rs.potential import Potential
from mlip_rs.potential.data_range import CLEARLY_OUTSIDE
from mlip_rs.uncertainty.estimate import Uncertainty
from mlip_rs.units import MEV_PER_EV

SHOWN: float = 0.9
"""Quantile that says how the pool is known."""


@dataclass(frozen=True, eq=False)
class Assessment:
    """Error bars and index of each structure of a pool.

    Parameters
    ----------
    energies
        (S,) standard errors of the energy that more data would reduce, meV/atom: without the residual of the fit.
    forces
        (S,) root mean squared standard errors of the components of the forces, likewise, eV/Å.
    indices
        (S,) largest index of the atoms.
    """

    energies: Array
    forces: Array
    indices: Array

    @classmethod
    def of(cls, potential: Potential, structures: Sequence[Atoms]) -> "Assessment":
        """Of a potential with error bars and index.

        Raises
        ------
        StructureError
            A structure that cannot be evaluated.
        """
        found = potential.uncertainty(list(structures)) if structures else []
        rows = [(_reducible(one, "energy"), _reducible(one, "forces"), _largest(one)) for one in found]
        energies, forces, indices = np.array(rows, dtype=float).reshape(-1, 3).T
        return cls(MEV_PER_EV * energies, forces, indices)

    def uncertain(self, settings: LearnSettings) -> Mask:
        """(S,) structures with larger errors than aimed at, as far as more data reduce them, or unfamiliar atoms."""
        return np.asarray(np.any(list(self._doubts(settings).values()), axis=0))

    def reasons(self, place: int, settings: LearnSettings) -> list[str]:
        """Why a structure is uncertain, in words."""
        return [name for name, own in self._doubts(settings).items() if own[place]]

    def _doubts(self, settings: LearnSettings) -> dict[str, Mask]:
        """(S,) structures that are uncertain for each reason."""
        return {
            "energy": self.energies > settings.energy,
            "forces": self.forces > settings.forces,
            "unfamiliar": self.indices > CLEARLY_OUTSIDE,
        }

    def to_dict(self) -> dict[str, Any]:
        """The 90 % quantile of each over the pool; None for an empty one."""
        values = {"energy_mev": self.energies, "forces_ev_per_angstrom": self.forces, "index": self.indices}
        return {name: float(np.quantile(own, SHOWN)) if len(own) else None for name, own in values.items()}


def _reducible(found: Uncertainty, name: str) -> float:
    """Standard error without the residual of the training data."""
    noise = found.committee.noise.get(name, 0.0)
    square = found.energy**2 if name == "energy" else float((found.forces**2).mean())
    return float(np.sqrt(max(square - noise**2, 0.0)))


def _largest(found: Uncertainty) -> float:
    return 0.0 if found.index is None else float(np.max(found.index, initial=0.0))
