"""Which part of energies and forces each kind of potential can have: pairs, one density, several, any, and angles."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.eam.density_rows import DensityRows
from mlip_rs.units import MEV_PER_EV

PAIRS: str = "pair functions"
LIMIT: str = "any function of densities"


@dataclass(frozen=True)
class Level:
    """What the best potential of one kind leaves over.

    Parameters
    ----------
    name
        The kind.
    energy_mev_per_atom, force
        Root mean square of what is left, of the energy per atom and of a force component in eV/Å.
    energy_share, force_share
        Its mean square in units of that of the energies, about their mean for the composition, and of the forces.

    Examples
    --------
    >>> Level("pair functions", 10.0, 0.1, 0.02, 0.05).to_dict()["force_share"]
    0.05
    """

    name: str
    energy_mev_per_atom: float
    force: float
    energy_share: float
    force_share: float

    def to_dict(self) -> dict[str, Any]:
        """Record of the fields."""
        return asdict(self)


def level(name: str, rows: DensityRows, energies: Array, forces: Array) -> Level:
    """Compare energies (S,) per atom and forces (N, 3) with those of rows."""
    energy_rest, force_rest = energies - rows.energies, forces - rows.forces
    spread = about_composition(rows, rows.energies)
    return Level(
        name,
        MEV_PER_EV * float(np.sqrt((energy_rest**2).mean())),
        float(np.sqrt((force_rest**2).mean())),
        _ratio(energy_rest, spread),
        _ratio(force_rest, rows.forces),
    )


def name_of(n_densities: int) -> str:
    """Name of the kind with a number of densities.

    >>> name_of(0), name_of(1), name_of(3)
    ('pair functions', 'one density', '3 densities')
    """
    return {0: PAIRS, 1: "one density"}.get(n_densities, f"{n_densities} densities")


def about_composition(rows: DensityRows, energies: Array) -> Array:
    """(S,) energies per atom less the best constant of each element."""
    species = rows.pairs.species
    shares = np.column_stack(
        [rows.structures @ (species == k).astype(float) for k in range(len(rows.radial.elements))]
    )
    return np.asarray(energies - shares @ np.linalg.lstsq(shares, energies, rcond=None)[0])


def angular_part(levels: Sequence[Level]) -> Level:
    """What is left by the best of all kinds, energies and forces apart: no function of densities has it.

    >>> few, any_ = Level("one density", 9.0, 0.2, 0.1, 0.3), Level(LIMIT, 8.0, 0.21, 0.08, 0.33)
    >>> angular_part([few, any_]).energy_share, angular_part([few, any_]).force_share
    (0.08, 0.3)
    """
    return Level(
        "angles",
        min(own.energy_mev_per_atom for own in levels),
        min(own.force for own in levels),
        min(own.energy_share for own in levels),
        min(own.force_share for own in levels),
    )


SMALL_FORCE: float = 1e-3
"""eV/Å; kinds of structure with smaller forces, which symmetry makes zero, have no share."""


def force_share_by_kind(rows: DensityRows, forces: Array) -> dict[str, tuple[int, float, float]]:
    """By `config_type`: atoms, root mean square (eV/Å) and share of what forces (N, 3) leave of those of rows."""
    kinds = np.repeat([frame.config_type for frame in rows.frames], rows.counts)
    found = {}
    for kind in dict.fromkeys(kinds.tolist()):
        own = kinds == kind
        if float(np.sqrt((rows.forces[own] ** 2).mean())) < SMALL_FORCE:
            continue
        rest = forces[own] - rows.forces[own]
        found[str(kind)] = (int(own.sum()), float(np.sqrt((rest**2).mean())), _ratio(rest, rows.forces[own]))
    return found


def _ratio(rest: Array, whole: Array) -> float:
    total = float((whole**2).sum())
    return float((rest**2).sum()) / total if total > 0.0 else 0.0
