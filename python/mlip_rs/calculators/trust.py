"""What a calculator says about how far its results can be trusted: the index of its atoms, and error bars."""

import warnings
from typing import Any

import numpy as np
from ase import Atoms
from ase.outputs import Properties, all_outputs

from mlip_rs.arrays import Array
from mlip_rs.data.core_structures import cell_volume
from mlip_rs.errors import ConfigError, OutsideDomainWarning
from mlip_rs.potential import Potential
from mlip_rs.uncertainty import Committee
from mlip_rs.uncertainty.calibration import normal_quantile
from mlip_rs.uncertainty.domain import CURE, NO_INDEX, Departure
from mlip_rs.uncertainty.half_widths import HalfWidths

INDEX: str = "index"
"""Property with the index of anomaly of the atoms (N,); 1 is the 99 % quantile of the training atoms."""

ERROR_BARS: tuple[str, ...] = ("energy_uncertainty", "forces_uncertainty", "stress_uncertainty")
"""Properties with half-widths of error bars, in the units and shapes of energy, forces and stress."""

NO_ERROR_BARS: str = f"the potential has no error bars: {CURE}"


def trust_properties(potential: Potential) -> list[str]:
    """Names of those of these properties that a potential has.

    Examples
    --------
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=2)
    >>> potential = Potential.from_coefficients(basis, [2.0, -0.2], {"Al": 0.0})
    >>> committee = Committee(np.array([1]), np.array([[0.01], [-0.02]]), {}, "each of 2 folds")
    >>> trust_properties(potential), trust_properties(committee.attached(potential))
    ([], ['energy_uncertainty', 'forces_uncertainty', 'stress_uncertainty'])
    """
    index = [INDEX] if potential.has_index else []
    return index + (list(ERROR_BARS) if Committee.of(potential) is not None else [])


def missing(name: str) -> str:
    """Why a potential lacks a property, and how it gets it."""
    if name == INDEX:
        return NO_INDEX
    return NO_ERROR_BARS if name in ERROR_BARS else f"{name} property not implemented"


def error_bars(potential: Potential, atoms: Atoms, level: float, threads: int | None) -> dict[str, Any]:
    """Half-widths at a nominal coverage, by name: of the total energy (eV), the forces, and, with a volume, the stress.

    Raises
    ------
    ConfigError
        The potential has no error bars.
    StructureError
        The structure cannot be evaluated.
    """
    found = HalfWidths.of(potential.uncertainty(atoms, threads), level)
    bars: dict[str, Any] = {
        "energy_uncertainty": found.energy * len(atoms),
        "forces_uncertainty": found.forces,
    }
    if cell_volume(atoms.cell.array) is not None and found.stress is not None:
        bars["stress_uncertainty"] = found.stress
    return bars


def warn_outside(atoms: Atoms, index: Array, threshold: float) -> bool:
    """Warn in a sentence if an atom has an index above a threshold; True if so."""
    if not (index > threshold).any():
        return False
    departure = Departure.of(atoms.get_chemical_symbols(), index, threshold)
    if departure is not None:
        text = f"{departure.sentence()} (said once by this calculator)"
        warnings.warn(text, OutsideDomainWarning, stacklevel=2)
    return departure is not None


def checked_level(level: object) -> float:
    """A coverage as a number between 0 and 1.

    Raises
    ------
    ConfigError
        Anything else.
    """
    try:
        number = float(level)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ConfigError(f"level = {level!r} is not a coverage between 0 and 1; 0.9 is usual") from None
    normal_quantile(number)
    return number


def checked_threshold(threshold: object) -> float | None:
    """An index of anomaly above which to warn; None for never.

    Raises
    ------
    ConfigError
        Neither None nor a number above 0.
    """
    if threshold is None:
        return None
    try:
        number = float(threshold)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = np.nan
    if not number > 0.0:
        raise ConfigError(f"{threshold!r} is no index of anomaly to compare with; give a number such as 1.5")
    return number


def known_to_ase(results: dict[str, Any]) -> Properties:
    """Results under names that ASE has a definition for."""
    return Properties({name: value for name, value in results.items() if name in all_outputs})
