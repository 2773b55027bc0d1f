"""Whether forces and stress are derivatives of the energy, in its units: told from three more calculations.

Forces: the atoms are displaced by u, uphill where there are forces, and ΔE is compared with the trapezoid
−½ (F(0) + F(u)) · u. Stress: with the cell strained by ±λe, the second difference of the energy,
E(λ) + E(−λ) − 2 E(0), is compared with ½ λ (g(λ) − g(−λ)), where g = V σ : e (1 + λe)⁻¹ is dE/dλ by the stress, and
the first, (E(λ) − E(−λ)) / 2λ, with g(0). One of them suffices: the first is wrong by a constant error of the stress,
as a basis of plane waves that is not converged has it (Pulay), the second where the energy has no curvature.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase import units as ase_units

from mlip_rs.arrays import Array
from mlip_rs.label.labels import Labels
from mlip_rs.label_check.units import ENERGY_FACTORS, FORCE_FACTORS, STRESS_FACTORS, Factor, nearest_factor
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA, VOIGT

DISPLACEMENT: float = 0.03
"""Longest displacement of an atom, Å."""

STRAIN: float = 0.02
"""Amplitude λ of the strain."""

STRAIN_FORM: Array = np.array([[1.0, 0.2, 0.1], [0.2, 0.7, 0.3], [0.1, 0.3, 0.4]])
"""Form e of the strain: all components differ."""

FORCE_RATIOS: tuple[float, float] = (0.6, 1.67)
"""Energy change by the forces over that of the energies, within which forces pass."""

STRESS_RATIOS: tuple[float, float] = (0.4, 2.5)
"""The same for the stress, whose energies change with the grid of k-points as well."""

LEAST_CHANGE: float = 1e-6
"""Energy changes (eV) below this tell nothing."""

BESIDE_OTHER_ENERGIES: tuple[Factor, ...] = tuple(
    Factor(1.0 / one.value, f"eV/Å beside an energy in {one.name}")
    for one in ENERGY_FACTORS
    if one.value > 0.0
)
"""What forces look like if the energy alone has another unit."""

NOTED_PRESSURE: float = 1.0
"""Constant errors of the stress from this on (GPa, of the pressure) are noted."""


@dataclass(frozen=True)
class DerivativeCheck:
    """What the check has found.

    Parameters
    ----------
    force_ratio, stress_ratio
        1 for derivatives of the energy; None if nothing could be told.
    pressure_error
        Pressure by the stress minus that by energies, GPa; None without a stress.
    fault
        Sentence on labels that must not be used; empty if they may be.
    notes
        Sentences on what the user should know.
    """

    force_ratio: float | None = None
    stress_ratio: float | None = None
    pressure_error: float | None = None
    fault: str = ""
    notes: tuple[str, ...] = ()


def displaced(atoms: Atoms, forces: Array, seed: int = 1) -> Atoms:
    """The structure with its atoms moved against the forces and a little at random, `DISPLACEMENT` at most."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=forces.shape)
    direction -= direction.mean(axis=0)
    scale = np.linalg.norm(forces, axis=1).max()
    if scale > 0.0:
        direction = 0.3 * direction - 3.0 * forces / max(float(scale), 1e-3)
    moved = atoms.copy()
    moved.positions += DISPLACEMENT * direction / np.linalg.norm(direction, axis=1).max()
    return moved


def strained(atoms: Atoms, amplitude: float) -> Atoms:
    """The structure with its cell and positions strained by amplitude × `STRAIN_FORM`."""
    out = atoms.copy()
    out.set_cell(atoms.cell.array @ (np.eye(3) + amplitude * STRAIN_FORM), scale_atoms=True)
    return out


def variants(atoms: Atoms, labels: Labels) -> list[Atoms]:
    """Structures to calculate as well: one with displaced atoms and, if there is a stress, two that are strained."""
    changed = [displaced(atoms, labels.forces)]
    if labels.stress is not None:
        changed += [strained(atoms, STRAIN), strained(atoms, -STRAIN)]
    return changed


def compared(structures: Sequence[Atoms], labels: Sequence[Labels]) -> DerivativeCheck:
    """Compare forces and stress with differences of the energy.

    Parameters
    ----------
    structures
        A structure and its `variants`.
    labels
        Theirs.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> from mlip_rs.label.labels import labels_of
    >>> atoms = bulk("Al", cubic=True)
    >>> base = labels_of(atoms, EMT())
    >>> structures = [atoms, *variants(atoms, base)]
    >>> check = compared(structures, [labels_of(one, EMT()) for one in structures])
    >>> check.fault, round(check.force_ratio, 1), round(check.stress_ratio, 1)
    ('', 1.0, 1.0)
    """
    base, moved = labels[:2]
    shift = structures[1].positions - structures[0].positions
    by_forces = -0.5 * float(np.sum((base.forces + moved.forces) * shift))
    force_ratio = _ratio(by_forces, moved.energy - base.energy)
    fault = _force_fault(force_ratio, len(base.forces))
    notes = [] if force_ratio is not None else ["forces could not be checked: the energy hardly changes"]
    if len(labels) < 4 or any(one.stress is None for one in labels):
        return DerivativeCheck(force_ratio, fault=fault, notes=tuple(notes))
    slopes = [
        _slope(structures[k], labels[k], amplitude) for k, amplitude in ((0, 0.0), (2, STRAIN), (3, -STRAIN))
    ]
    plus, minus = labels[2].energy - base.energy, labels[3].energy - base.energy
    first, second = 0.5 * (plus - minus) / STRAIN, plus + minus
    stress_ratio = _nearest_one(
        _ratio(0.5 * STRAIN * (slopes[1] - slopes[2]), second),
        _ratio(STRAIN * slopes[0], STRAIN * first),
    )
    volume = structures[0].get_volume() * np.trace(STRAIN_FORM)
    error = -(slopes[0] - first) / volume * EV_PER_ANGSTROM3_IN_GPA
    fault = fault or _stress_fault(stress_ratio)
    if stress_ratio is None:
        notes.append("the stress could not be checked: the energy hardly changes")
    elif not fault and abs(error) > NOTED_PRESSURE:
        notes.append(
            f"the pressure differs by {error:.2g} GPa from the derivative of the energy, as where a basis of plane "
            "waves is not converged (Pulay stress); a higher cutoff cures it"
        )
    return DerivativeCheck(force_ratio, stress_ratio, float(error), fault, tuple(notes))


def _slope(atoms: Atoms, labels: Labels, amplitude: float) -> float:
    """dE/dλ by the stress, eV."""
    assert labels.stress is not None
    stress = np.empty((3, 3))
    for value, (a, b) in zip(labels.stress, VOIGT, strict=True):
        stress[a, b] = stress[b, a] = value
    rate = STRAIN_FORM @ np.linalg.inv(np.eye(3) + amplitude * STRAIN_FORM)
    return float(atoms.get_volume() * np.sum(stress * rate))


def _ratio(by_derivative: float, by_energy: float) -> float | None:
    """Change by derivatives over that of energies; None if neither changes."""
    if max(abs(by_derivative), abs(by_energy)) < LEAST_CHANGE:
        return None
    return by_derivative / by_energy if by_energy else np.inf


def _nearest_one(*ratios: float | None) -> float | None:
    """The ratio that speaks most for the labels."""
    known = [ratio for ratio in ratios if ratio is not None]
    return min(known, key=lambda ratio: abs(np.log(ratio)) if ratio > 0.0 else np.inf, default=None)


def _force_fault(ratio: float | None, n_atoms: int) -> str:
    if ratio is None or FORCE_RATIOS[0] <= ratio <= FORCE_RATIOS[1]:
        return ""
    energy_per_atom = Factor(float(n_atoms), "those of an energy that is divided by the number of atoms")
    known = (*FORCE_FACTORS, *BESIDE_OTHER_ENERGIES, *((energy_per_atom,) if n_atoms > 1 else ()))
    factor = nearest_factor(ratio, known, 0.15)
    looks = f"; they look like {factor.name}" if factor else ""
    if factor and abs(factor.value - ase_units.Bohr) < 1e-9:
        looks = "; they look like atomic units, energies in Hartree and forces in Hartree/bohr"
    return (
        f"forces are not the derivative of the energy: an energy change by forces is {ratio:.3g} times the change of "
        f"the energy{looks}; a calculator of ASE gives eV and eV/Å"
    )


def _stress_fault(ratio: float | None) -> str:
    if ratio is None or STRESS_RATIOS[0] <= ratio <= STRESS_RATIOS[1]:
        return ""
    factor = nearest_factor(ratio, STRESS_FACTORS, 0.3)
    looks = f"; it looks like {factor.name}" if factor else ""
    return (
        f"the stress is not the derivative of the energy: an energy change by the stress is {ratio:.3g} times the "
        f"change of the energy{looks}; a calculator of ASE gives eV/Å³, positive under tension"
    )
