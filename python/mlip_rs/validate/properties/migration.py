"""The jump of a vacancy to a neighbouring site, by a nudged elastic band."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from ase.mep import NEB
from ase.optimize import FIRE

from mlip_rs.calculators.calculations import Calculator, potential_energy, relaxed
from mlip_rs.errors import ConfigError, NotApplicableError, PropertyError
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.criteria import Quantity
from mlip_rs.validate.properties.point_defects import shell_members, without
from mlip_rs.validate.properties.vacancy import DEFECT
from mlip_rs.validate.property import Property


@dataclass(frozen=True)
class VacancyMigration:
    """Jump of a vacancy to a neighbouring site.

    Attributes
    ----------
    n_sites
        Sites of the supercell.
    coordinates
        Length of the path up to each image, in Å.
    energies
        Energies of the images in eV, relative to the first.

    Examples
    --------
    >>> VacancyMigration(n_sites=32, coordinates=(0.0, 1.3, 2.6), energies=(0.0, 0.8, 0.0)).barrier
    0.8
    """

    n_sites: int
    coordinates: tuple[float, ...]
    energies: tuple[float, ...]

    @property
    def barrier(self) -> float:
        """Migration energy in eV: the energy of the climbing image."""
        return max(self.energies)

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "n_sites": self.n_sites,
            "coordinates_angstrom": list(self.coordinates),
            "energies_ev": list(self.energies),
            "barrier_ev": self.barrier,
        }


def vacancy_migration(
    calculator: Calculator, supercell: Atoms, *, images: int = 5, fmax: float = 0.03, max_steps: int = 300
) -> VacancyMigration:
    """Barrier of the jump of a neighbour into a vacancy, by the climbing-image nudged elastic band.

    G. Henkelman, B. P. Uberuaga and H. Jónsson, J. Chem. Phys. 113, 9901 (2000).

    Parameters
    ----------
    calculator
        Any ASE calculator; all images share it.
    supercell
        The perfect crystal, of one element.
    images
        Number of images between the ends; an odd number puts one on the saddle of a symmetric jump.
    fmax, max_steps
        Largest remaining force on the band in eV/Å, and largest number of steps.

    Raises
    ------
    ConfigError
        No image.
    PropertyError
        The ends or the band do not relax.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> found = vacancy_migration(EMT(), bulk("Cu", a=3.59, cubic=True), images=1, fmax=0.5)
    >>> print(f"{found.barrier:.1f} eV")
    0.9 eV
    """
    if images < 1:
        raise ConfigError(f"vacancy migration with {images} images; give at least 1")
    neighbour = shell_members(supercell)[0]
    start = without(supercell, [0])
    end = start.copy()
    end.positions[neighbour - 1] = _nearest_image(supercell, neighbour)
    band = [relaxed(calculator, start, fmax=0.5 * fmax)]
    band += [band[0].copy() for _ in range(images)]
    band.append(relaxed(calculator, end, fmax=0.5 * fmax))
    for image in band:
        image.calc = calculator
    neb = NEB(band, climb=True, method="improvedtangent", allow_shared_calculator=True)
    neb.interpolate(mic=True)
    with FIRE(neb, logfile=None, maxstep=0.1) as optimizer:
        converged = bool(optimizer.run(fmax=fmax, steps=max_steps))
    if not converged:
        raise PropertyError(
            f"the band of the vacancy jump did not relax to {fmax} eV/Å in {max_steps} steps; raise max_steps"
        )
    energies = [potential_energy(calculator, image) for image in band]
    steps = [np.linalg.norm(_displacements(a, b)) for a, b in pairwise(band)]
    return VacancyMigration(
        n_sites=len(supercell),
        coordinates=tuple(np.concatenate([[0.0], np.cumsum(steps)]).tolist()),
        energies=tuple(energy - energies[0] for energy in energies),
    )


def _nearest_image(supercell: Atoms, neighbour: int) -> np.ndarray:
    """Position of site 0 closest to the neighbour, so that the jump does not cross the cell."""
    offset = supercell.get_distance(neighbour, 0, mic=True, vector=True)
    return np.asarray(supercell.positions[neighbour] + offset)


def _displacements(a: Atoms, b: Atoms) -> np.ndarray:
    return np.asarray(find_mic(b.positions - a.positions, a.cell, a.pbc)[0])


def compute(case: ValidationCase) -> VacancyMigration:
    """Jump in a cubic supercell, with fewer images if the case is quick."""
    supercell = case.supercell(9.0 if case.quick else 12.0)
    if len(set(supercell.numbers)) > 1:
        raise NotApplicableError("the jump of a vacancy is computed for elements; the crystal has several")
    return vacancy_migration(case.calculator, supercell, images=3 if case.quick else 5)


def quantities(found: VacancyMigration) -> tuple[Quantity, ...]:
    """Migration barrier."""
    return (Quantity(f"barrier, {found.n_sites} sites", "eV", found.barrier, DEFECT),)


def failures(found: VacancyMigration) -> tuple[str, ...]:
    """A jump without a barrier."""
    return () if found.barrier > 0 else ("no barrier: the vacancy moves by itself",)


PROPERTY = Property("migration", "Jump of a vacancy", VacancyMigration, compute, quantities, failures)
