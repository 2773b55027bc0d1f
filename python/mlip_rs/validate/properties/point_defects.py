"""Point defects: interstitials and divacancies of fcc, bcc and diamond, all simple defects of other crystals."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.geometry import get_distances
from ase.neighborlist import neighbor_list

from mlip_rs.calculators.calculations import Calculator, potential_energy, relaxed
from mlip_rs.errors import ConfigError, MlipError, NotApplicableError
from mlip_rs.generate.prototypes import lattice_constant
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.compound_defects import chemical_potentials, crystal_defects
from mlip_rs.validate.criteria import Quantity, Threshold
from mlip_rs.validate.cubic_metal import CubicMetal
from mlip_rs.validate.property import Property

_HALF = 0.3
"""Half the length of a dumbbell along its axis, in lattice constants."""

_SITES: dict[str, dict[str, tuple[tuple[float, float, float], ...]]] = {
    # Positions from an atom in lattice constants; one: added; two: they replace that atom.
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
    "diamond": {
        "⟨110⟩ dumbbell": ((0.16, 0.16, -0.06), (-0.16, -0.16, -0.06)),
        "hexagonal": ((0.625, 0.625, 0.625),),
        "tetrahedral": ((0.5, 0.5, 0.5),),
        "bond-centred": ((0.125, 0.125, 0.125),),
    },
}
"""Diamond: W. Windl et al., PRL 83, 4345 (1999)."""

POINT_DEFECT = Threshold(0.2)
"""eV, of interstitials and divacancies."""


@dataclass(frozen=True)
class DefectEnergy:
    """Energy of one defect in eV, relaxed at the volume of the crystal; None if it is not determined."""

    name: str
    energy: float | None


@dataclass(frozen=True)
class PointDefects:
    """Formation energies in eV.

    Attributes
    ----------
    n_sites
        Sites of the supercell.
    interstitials
        Interstitials by configuration, if they relax.
    divacancies
        Divacancies by distance: first and second neighbours.
    vacancy
        Formation energy of one vacancy in the same supercell.
    failures
        (configuration, reason) of those that do not relax.
    defects
        In place of the three above for all crystals but fcc, bcc and diamond: defects, of a compound for the chemical
        potentials of each limit ("Al-rich"), then groups of defects that need none.
    undetermined
        Reason why energies that need chemical potentials are not determined; empty if they are.

    Examples
    --------
    >>> pair, dumbbell = DefectEnergy("first neighbours", 2.3), DefectEnergy("⟨100⟩ dumbbell", 4.0)
    >>> found = PointDefects(32, interstitials=(dumbbell,), divacancies=(pair,), vacancy=1.2)
    >>> print(f"{found.energies['⟨100⟩ dumbbell']} eV, binding {found.binding(pair):.1f} eV")
    4.0 eV, binding 0.1 eV
    """

    n_sites: int
    interstitials: tuple[DefectEnergy, ...] = ()
    divacancies: tuple[DefectEnergy, ...] = ()
    vacancy: float | None = None
    failures: tuple[tuple[str, str], ...] = ()
    defects: tuple[DefectEnergy, ...] = ()
    undetermined: str = ""

    @property
    def energies(self) -> dict[str, float]:
        """Formation energies of all defects that have one by name."""
        named = (
            {"vacancy": self.vacancy}
            | {f"divacancy, {found.name}": found.energy for found in self.divacancies}
            | {found.name: found.energy for found in (*self.interstitials, *self.defects)}
        )
        return {name: energy for name, energy in named.items() if energy is not None}

    def binding(self, divacancy: DefectEnergy) -> float:
        """Energy in eV gained by two vacancies that meet, 2 E(vacancy) − E(divacancy)."""
        return 2 * (self.vacancy or 0.0) - (divacancy.energy or 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "n_sites": self.n_sites,
            "vacancy_ev": self.vacancy,
            "interstitials_ev": {found.name: found.energy for found in self.interstitials},
            "divacancies_ev": {found.name: found.energy for found in self.divacancies},
            "divacancy_binding_ev": {found.name: self.binding(found) for found in self.divacancies},
            "defects_ev": {found.name: found.energy for found in self.defects},
            "not_determined": self.undetermined,
            "failures": [list(failure) for failure in self.failures],
        }


def point_defects(
    calculator: Calculator, metal: CubicMetal, supercell: Atoms, *, fmax: float = 0.02
) -> PointDefects:
    """Self-interstitials and divacancies, each relaxed from its ideal configuration.

    An unstable configuration may relax into another; its energy is then that of the other.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    metal, supercell
        The fcc, bcc or diamond crystal, and a cubic supercell of it.
    fmax
        Largest remaining force in eV/Å.

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

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> supercell = bulk("Cu", a=3.59, cubic=True)
    >>> found = point_defects(EMT(), CubicMetal("fcc", "Cu", 3.59), supercell, fmax=0.1)
    >>> [defect.name for defect in found.interstitials]
    ['⟨100⟩ dumbbell', 'octahedral', 'tetrahedral']
    """
    if metal.structure not in _SITES:
        raise ConfigError(f"point defects of {metal.structure}: known are those of {', '.join(_SITES)}")
    per_atom = potential_energy(calculator, supercell) / len(supercell)

    def formation(defective: Atoms) -> float:
        final = relaxed(calculator, defective, fmax=fmax)
        return potential_energy(calculator, final) - len(final) * per_atom

    sense = _sense(supercell, metal)
    vacancy = formation(without(supercell, [0]))
    interstitials, divacancies, failures = [], [], []
    for name, sites in _SITES[metal.structure].items():
        defective = supercell.copy() if len(sites) == 1 else without(supercell, [0])
        positions = supercell.positions[0] + sense * metal.lattice_constant * np.array(sites, dtype=float)
        defective += Atoms([metal.symbol] * len(sites), positions=positions)
        try:
            interstitials.append(DefectEnergy(name, formation(defective)))
        except MlipError as error:
            failures.append((name, str(error)))
    for name, neighbour in zip(
        ("first neighbours", "second neighbours"), shell_members(supercell), strict=False
    ):
        try:
            divacancies.append(DefectEnergy(name, formation(without(supercell, [0, neighbour]))))
        except MlipError as error:
            failures.append((name, str(error)))
    return PointDefects(len(supercell), tuple(interstitials), tuple(divacancies), vacancy, tuple(failures))


def _sense(supercell: Atoms, metal: CubicMetal) -> float:
    """Sign of the sites around atom 0: −1 in diamond if its neighbours lie along −⟨111⟩, else 1."""
    if metal.structure != "diamond":
        return 1.0
    bond = metal.lattice_constant / 4 * np.ones(3)
    away = get_distances(supercell.positions[0] + bond, supercell.positions, supercell.cell, supercell.pbc)[1]
    return 1.0 if float(away.min()) < 0.5 else -1.0


def without(atoms: Atoms, sites: list[int]) -> Atoms:
    """Copy of a structure without some atoms."""
    result = atoms.copy()
    del result[sites]
    return result


def shell_members(supercell: Atoms) -> list[int]:
    """Index of one neighbour of atom 0 in each of the first two shells, as far as the supercell has them."""
    volume = float(supercell.get_volume()) / len(supercell)
    first, second, distances = neighbor_list("ijd", supercell, 1.8 * volume ** (1 / 3))
    mine, far = second[first == 0], distances[first == 0]
    nearest = float(far.min())
    beyond = far[far > 1.05 * nearest]
    members = [int(mine[np.argmin(far)])]
    if len(beyond):
        members.append(int(mine[np.argmin(np.where(far > 1.05 * nearest, far, np.inf))]))
    return members


def any_point_defects(calculator: Calculator, crystal: Atoms, supercell: Atoms) -> PointDefects:
    """Vacancies, antisites and interstitials of any crystal of one or two elements.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    crystal, supercell
        The crystal at equilibrium, and a supercell of it.

    Returns
    -------
    PointDefects
        With `defects` only. Energies of a compound that is not stable against its elements are not determined.

    Raises
    ------
    NotApplicableError
        More than two elements.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> crystal = bulk("Cu", "hcp", a=2.54, c=4.14)
    >>> found = any_point_defects(EMT(), crystal, crystal.repeat(2))
    >>> found.defects[0].name
    'vacancy'
    """
    if len(set(crystal.numbers)) > 2:
        raise NotApplicableError("point defects are computed for crystals of one or two elements")
    found = crystal_defects(calculator, supercell)
    potentials = chemical_potentials(calculator, crystal)
    named: list[DefectEnergy] = []
    for condition, values in (potentials.conditions or {"any limit": {}}).items():
        end = f", {condition}" if condition else ""
        for defect in found.defects:
            named.append(DefectEnergy(defect.name + end, defect.formation(values) if values else None))
    named += [DefectEnergy(name, energy) for name, energy in found.balanced().items()]
    return PointDefects(
        len(supercell), failures=found.failures, defects=tuple(named), undetermined=potentials.reason
    )


def compute(case: ValidationCase) -> PointDefects:
    """Point defects in a supercell, smaller if the case is quick."""
    supercell = case.supercell(9.0 if case.quick else 12.0)
    structure = case.structure or ""
    if structure not in _SITES:
        return any_point_defects(case.calculator, case.crystal, supercell)
    edge = lattice_constant(structure, float(case.crystal.get_volume()) / len(case.crystal))
    return point_defects(case.calculator, CubicMetal(structure, case.symbol, edge or 0.0), supercell)


def quantities(found: PointDefects) -> tuple[Quantity, ...]:
    """Formation energies of interstitials and other defects, and binding energies of divacancies."""
    named = [(d.name, d.energy, False) for d in found.interstitials]
    named += [(d.name, d.energy, "-rich" in d.name) for d in found.defects]
    named += [(f"binding of a divacancy, {d.name}", found.binding(d), True) for d in found.divacancies]
    return tuple(
        Quantity(f"{name}, {found.n_sites} sites", "eV", energy, POINT_DEFECT, signed)
        for name, energy, signed in named
    )


def notes(found: PointDefects) -> tuple[str, ...]:
    """What energies of a compound refer to, or why they are not determined."""
    if found.undetermined:
        return (f"Energies of single defects are not determined: {found.undetermined}.",)
    if any("-rich" in defect.name for defect in found.defects):
        return ("In the limit of an element, it is in equilibrium with its own crystal of lowest energy.",)
    return ()


def failures(found: PointDefects) -> tuple[str, ...]:
    """Configurations that do not relax or gain energy."""
    reasons = [f"{name}: {reason}" for name, reason in found.failures]
    gains = [f"{name}: gains energy ({value:.3g} eV)" for name, value in found.energies.items() if value <= 0]
    return (*reasons, *gains)


PROPERTY = Property(
    "point-defects", "Point defects", PointDefects, compute, quantities, failures, notes=notes
)
