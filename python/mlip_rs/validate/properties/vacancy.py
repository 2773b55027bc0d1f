"""Formation energy of a vacancy in supercells of fixed volume."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.geometry import find_mic

from mlip_rs.calculators.calculations import Calculator, potential_energy, relaxed
from mlip_rs.errors import ConfigError, NotApplicableError, PropertyError
from mlip_rs.generate.symmetry import conventional_supercell
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.criteria import Quantity, Threshold
from mlip_rs.validate.property import Property

LENGTHS: tuple[float, ...] = (9.0, 12.0, 16.0)
"""Edges of the supercells in Å: 32, 108 and 256 sites of aluminium."""

MAX_DISPLACEMENT = 1.0
"""Å; an atom that relaxes further has left its site, so that the defect is no longer a simple vacancy."""

DEFECT = Threshold(0.1)
"""eV, for the vacancy and the barrier of its jump."""

DRIFT = 0.05
"""eV; a defect energy that changes by more between the last two supercells has not converged."""


@dataclass(frozen=True)
class VacancyFormation:
    """Formation energy of one vacancy among `n_sites` lattice sites, at the volume of the perfect crystal.

    Attributes
    ----------
    n_sites
        Sites of the supercell.
    unrelaxed
        E(N−1) − (N−1)/N · E(N) with every atom on its site, in eV.
    relaxed
        E(N−1) − (N−1)/N · E(N) after relaxation of the positions, in eV; None if not relaxed.

    Examples
    --------
    >>> VacancyFormation(n_sites=32, unrelaxed=1.24, relaxed=1.23).relaxed
    1.23
    """

    n_sites: int
    unrelaxed: float
    relaxed: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {"n_sites": self.n_sites, "unrelaxed_ev": self.unrelaxed, "relaxed_ev": self.relaxed}


@dataclass(frozen=True)
class VacancyConvergence:
    """Formation energies of a vacancy in supercells of growing size.

    Examples
    --------
    >>> small, large = VacancyFormation(32, 1.24, relaxed=1.23), VacancyFormation(108, 1.25, relaxed=1.24)
    >>> print(f"{VacancyConvergence((small, large)).drift:.2f} eV")
    0.01 eV
    """

    sizes: tuple[VacancyFormation, ...]

    @property
    def drift(self) -> float:
        """Change of the relaxed energy over the last two sizes, in eV; 0 with one size."""
        energies = [size.relaxed for size in self.sizes if size.relaxed is not None]
        return abs(energies[-1] - energies[-2]) if len(energies) > 1 else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {"sizes": [size.to_dict() for size in self.sizes], "drift_ev": self.drift}


def cubic_fcc_supercell(symbol: str, volume_per_atom: float, repeat: int = 2) -> Atoms:
    """Cubic fcc supercell of 4·repeat³ sites (32 for 2, as in the reference) at a volume in Å³/atom.

    Examples
    --------
    >>> len(cubic_fcc_supercell("Al", volume_per_atom=16.5))
    32
    """
    return bulk(symbol, "fcc", a=(4 * volume_per_atom) ** (1 / 3), cubic=True).repeat(repeat)


def vacancy_formation(
    calculator: Calculator,
    crystal: Atoms,
    *,
    site: int = 0,
    relax: bool = True,
    fmax: float = 0.01,
    max_steps: int = 500,
) -> VacancyFormation:
    """Formation energy of a vacancy: one atom is moved from a site into the bulk.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    crystal
        The perfect supercell; its volume is kept.
    site
        Index of the atom to remove.
    relax
        Relax the positions around the vacancy, too.
    fmax, max_steps
        Largest remaining force in eV/Å, and largest number of steps.

    Returns
    -------
    VacancyFormation
        Energies in eV.

    Raises
    ------
    ConfigError
        The crystal has several elements, fewer than two atoms, or no such site.
    PropertyError
        The relaxation does not converge or an atom leaves its site; an energy is not finite.

    Examples
    --------
    >>> from ase.calculators.emt import EMT
    >>> crystal = cubic_fcc_supercell("Cu", volume_per_atom=11.57)
    >>> print(f"{vacancy_formation(EMT(), crystal, relax=False).unrelaxed:.2f} eV")
    1.24 eV
    """
    n_sites = len(crystal)
    if len(set(crystal.numbers)) != 1 or n_sites < 2:
        raise ConfigError(
            "a vacancy formation energy needs a supercell of one element with two atoms or more"
        )
    if not 0 <= site < n_sites:
        raise ConfigError(f"site {site} of the vacancy is not among the {n_sites} of the supercell")
    share = (n_sites - 1) / n_sites * potential_energy(calculator, crystal)
    defective = crystal.copy()
    del defective[site]
    unrelaxed = potential_energy(calculator, defective) - share
    if not relax:
        return VacancyFormation(n_sites=n_sites, unrelaxed=unrelaxed, relaxed=None)
    final = relaxed(calculator, defective, fmax=fmax, max_steps=max_steps)
    _check_sites_kept(defective, final)
    return VacancyFormation(
        n_sites=n_sites, unrelaxed=unrelaxed, relaxed=potential_energy(calculator, final) - share
    )


def vacancy_convergence(
    calculator: Calculator, crystal: Atoms, *, lengths: Sequence[float] = LENGTHS, fmax: float = 0.01
) -> VacancyConvergence:
    """Vacancy in supercells of growing size, each relaxed at the volume of the crystal.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    crystal
        Any cell of a crystal of one element at equilibrium.
    lengths
        Approximate edges of the supercells in Å; supercells with the same number of sites count once.
    fmax
        Largest remaining force in eV/Å.

    Raises
    ------
    ConfigError
        The crystal has several elements.
    PropertyError
        A relaxation does not converge, an atom leaves its site, or an energy is not finite.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> found = vacancy_convergence(EMT(), bulk("Cu", a=3.59), lengths=[3.6, 7.2], fmax=0.1)
    >>> print(f"{[size.n_sites for size in found.sizes]} sites: {found.drift:.2f} eV")
    [4, 32] sites: 0.05 eV
    """
    supercells = {len(cell): cell for cell in (conventional_supercell(crystal, length) for length in lengths)}
    return VacancyConvergence(
        tuple(vacancy_formation(calculator, cell, fmax=fmax) for cell in supercells.values())
    )


def _check_sites_kept(before: Atoms, after: Atoms) -> None:
    _, lengths = find_mic(after.positions - before.positions, before.cell, before.pbc)
    farthest = int(np.argmax(lengths))
    if lengths[farthest] > MAX_DISPLACEMENT:
        raise PropertyError(
            f"atom {farthest} moved by {lengths[farthest]:.2f} Å when the vacancy relaxed"
            f" (allowed: {MAX_DISPLACEMENT} Å): the crystal is not stable around it"
        )


def compute(case: ValidationCase) -> VacancyConvergence:
    """Vacancy of an element in two (quick) or three supercells."""
    if len(set(case.crystal.numbers)) > 1:
        raise NotApplicableError(
            "a vacancy formation energy is defined for elements; the crystal has several"
        )
    lengths = [case.scale * length for length in (LENGTHS[:2] if case.quick else LENGTHS)]
    return vacancy_convergence(case.calculator, case.crystal, lengths=lengths)


def quantities(found: VacancyConvergence) -> tuple[Quantity, ...]:
    """Formation energies by size of the supercell."""
    result = []
    for size in found.sizes:
        result.append(Quantity(f"unrelaxed, {size.n_sites} sites", "eV", size.unrelaxed, DEFECT))
        if size.relaxed is not None:
            result.append(Quantity(f"relaxed, {size.n_sites} sites", "eV", size.relaxed, DEFECT))
    return tuple(result)


def failures(found: VacancyConvergence) -> tuple[str, ...]:
    """A vacancy that gains energy."""
    return tuple(
        f"a vacancy among {size.n_sites} sites gains energy ({size.relaxed:.3g} eV): the crystal falls apart"
        for size in found.sizes
        if size.relaxed is not None and size.relaxed <= 0
    )


def notes(found: VacancyConvergence) -> tuple[str, ...]:
    """Say if the supercells are too small, which is no fault of the potential."""
    if found.drift <= DRIFT:
        return ()
    return (
        f"Not converged with the size of the cell: the last two energies differ by {found.drift:.2g} eV.",
    )


PROPERTY = Property("vacancy", "Vacancy", VacancyConvergence, compute, quantities, failures, notes=notes)
