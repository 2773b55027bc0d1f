"""Interstitials and divacancies of fcc and bcc metals, and the jump of a vacancy by a nudged elastic band."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from ase import Atoms
from ase.mep import NEB
from ase.neighborlist import neighbor_list
from ase.optimize import FIRE

from mlip_rs.calculators.calculations import Calculator, potential_energy, relaxed
from mlip_rs.errors import ConfigError, MlipError, PropertyError

_HALF = 0.3
"""Half the length of a dumbbell along its axis, in lattice constants."""

_SITES: dict[str, dict[str, tuple[tuple[float, float, float], ...]]] = {
    # Positions in lattice constants; one: added; two: they replace the atom at the origin.
    "fcc": {
        "⟨100⟩ dumbbell": ((_HALF, 0, 0), (-_HALF, 0, 0)),
        "octahedral": ((0.5, 0.5, 0.5),),
        "tetrahedral": ((0.25, 0.25, 0.25),),
    },
    "bcc": {
        "⟨110⟩ dumbbell": ((0.22, 0.22, 0), (-0.22, -0.22, 0)),
        "⟨111⟩ dumbbell": ((0.18, 0.18, 0.18), (-0.18, -0.18, -0.18)),
        "⟨100⟩ dumbbell": ((_HALF, 0, 0), (-_HALF, 0, 0)),
        "tetrahedral": ((0.5, 0.25, 0),),
        "octahedral": ((0.5, 0.5, 0),),
    },
}


@dataclass(frozen=True)
class DefectEnergy:
    """Energy of one defect in eV, relaxed at the volume of the crystal."""

    name: str
    energy: float


@dataclass(frozen=True)
class PointDefects:
    """Formation energies in eV.

    Attributes
    ----------
    n_sites
        Sites of the supercell.
    interstitials
        Those that relax, by configuration.
    divacancies
        By distance: first and second neighbours.
    vacancy
        One vacancy in the same cell.
    failures
        (configuration, reason) of those that do not relax.
    """

    n_sites: int
    interstitials: tuple[DefectEnergy, ...]
    divacancies: tuple[DefectEnergy, ...]
    vacancy: float
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def energies(self) -> dict[str, float]:
        """Formation energies of all defects by name, as figures and objections call them."""
        return (
            {"vacancy": self.vacancy}
            | {f"divacancy, {found.name}": found.energy for found in self.divacancies}
            | {found.name: found.energy for found in self.interstitials}
        )

    def binding(self, divacancy: DefectEnergy) -> float:
        """Energy in eV gained by two vacancies that meet, 2 E(vacancy) − E(divacancy)."""
        return 2 * self.vacancy - divacancy.energy

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, the unit in each key."""
        return {
            "n_sites": self.n_sites,
            "vacancy_ev": self.vacancy,
            "interstitials_ev": {found.name: found.energy for found in self.interstitials},
            "divacancies_ev": {found.name: found.energy for found in self.divacancies},
            "divacancy_binding_ev": {found.name: self.binding(found) for found in self.divacancies},
            "failures": [list(failure) for failure in self.failures],
        }


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
        Of the images in eV above the first.
    """

    n_sites: int
    coordinates: tuple[float, ...]
    energies: tuple[float, ...]

    @property
    def barrier(self) -> float:
        """Migration energy in eV: the climbing image."""
        return max(self.energies)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, the unit in each key."""
        return {
            "n_sites": self.n_sites,
            "coordinates_angstrom": list(self.coordinates),
            "energies_ev": list(self.energies),
            "barrier_ev": self.barrier,
        }


def point_defects(
    calculator: Calculator, structure: str, supercell: Atoms, lattice_constant: float, *, fmax: float = 0.02
) -> PointDefects:
    """Self-interstitials and divacancies, each relaxed from its ideal configuration.

    An unstable configuration may relax into another; its energy is then that of the other.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    structure, supercell, lattice_constant
        fcc or bcc; a cubic supercell with an atom at the origin; the edge of its cubic unit in Å.
    fmax
        Largest force left, in eV/Å.

    Returns
    -------
    PointDefects
        A configuration that does not relax is listed with the reason.

    Raises
    ------
    ConfigError
        Another structure.
    PropertyError
        The crystal or the single vacancy cannot be computed.
    """
    if structure not in _SITES:
        raise ConfigError(f"point defects of {structure}: known are those of {', '.join(_SITES)}")
    per_atom = potential_energy(calculator, supercell) / len(supercell)

    def formation(defective: Atoms) -> float:
        final = relaxed(calculator, defective, fmax=fmax)
        return potential_energy(calculator, final) - len(final) * per_atom

    vacancy = formation(_without(supercell, [0]))
    interstitials, divacancies, failures = [], [], []
    for name, sites in _SITES[structure].items():
        defective = supercell.copy() if len(sites) == 1 else _without(supercell, [0])
        symbol = supercell.get_chemical_symbols()[0]
        defective += Atoms([symbol] * len(sites), positions=lattice_constant * np.array(sites, dtype=float))
        try:
            interstitials.append(DefectEnergy(name, formation(defective)))
        except MlipError as error:
            failures.append((name, str(error)))
    for name, neighbour in zip(
        ("first neighbours", "second neighbours"), _shell_members(supercell), strict=False
    ):
        try:
            divacancies.append(DefectEnergy(name, formation(_without(supercell, [0, neighbour]))))
        except MlipError as error:
            failures.append((name, str(error)))
    return PointDefects(len(supercell), tuple(interstitials), tuple(divacancies), vacancy, tuple(failures))


def vacancy_migration(
    calculator: Calculator, supercell: Atoms, *, images: int = 5, fmax: float = 0.03, max_steps: int = 300
) -> VacancyMigration:
    """Barrier of the jump of a neighbour into a vacancy, by the climbing-image nudged elastic band.

    G. Henkelman, B. P. Uberuaga and H. Jónsson, J. Chem. Phys. 113, 9901 (2000).

    Parameters
    ----------
    calculator
        Any ASE calculator; it is shared by the images.
    supercell
        The perfect crystal, of one element.
    images
        Between the ends; an odd number puts one on the saddle of a symmetric jump.
    fmax, max_steps
        Largest force left on the band in eV/Å, and most steps.

    Raises
    ------
    ConfigError
        No image.
    PropertyError
        The ends or the band do not relax.
    """
    if images < 1:
        raise ConfigError(f"vacancy migration with {images} images; give at least 1")
    neighbour = _shell_members(supercell)[0]
    start = _without(supercell, [0])
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


def _without(atoms: Atoms, sites: list[int]) -> Atoms:
    result = atoms.copy()
    del result[sites]
    return result


def _shell_members(supercell: Atoms) -> list[int]:
    """One neighbour of atom 0 in each of the first two shells."""
    volume = float(supercell.get_volume()) / len(supercell)
    first, second, distances = neighbor_list("ijd", supercell, 1.8 * volume ** (1 / 3))
    mine, far = second[first == 0], distances[first == 0]
    nearest = float(far.min())
    beyond = far[far > 1.05 * nearest]
    members = [int(mine[np.argmin(far)])]
    if len(beyond):
        members.append(int(mine[np.argmin(np.where(far > 1.05 * nearest, far, np.inf))]))
    return members


def _nearest_image(supercell: Atoms, neighbour: int) -> np.ndarray:
    """Position of site 0 closest to the neighbour, so that the jump does not cross the cell."""
    offset = supercell.get_distance(neighbour, 0, mic=True, vector=True)
    return np.asarray(supercell.positions[neighbour] + offset)


def _displacements(a: Atoms, b: Atoms) -> np.ndarray:
    from ase.geometry import find_mic

    return np.asarray(find_mic(b.positions - a.positions, a.cell, a.pbc)[0])
