"""The list of what is validated: how each property is computed, judged and drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.units import kB
from matplotlib.figure import Figure

from mlip_rs.errors import NotApplicableError
from mlip_rs.generate.symmetry import conventional_supercell
from mlip_rs.potential.short_range import ShortRange, ShortRangeCurve, short_range
from mlip_rs.validate.compounds import Compounds, compound_energies
from mlip_rs.validate.dynamics import (
    MELT_FRACTION,
    EnergyConservation,
    MeltQuench,
    energy_conservation,
    melt_quench,
)
from mlip_rs.validate.elastic_analysis import ElasticAnalysis, elastic_analysis
from mlip_rs.validate.figures.defects import (
    fault_curve,
    formation_bars,
    grain_boundary_angles,
    migration_path,
    point_defect_bars,
    surface_bars,
)
from mlip_rs.validate.figures.dynamics import melt_and_quench, total_energy
from mlip_rs.validate.figures.elastic import young_modulus_directions
from mlip_rs.validate.figures.phonons import phonon_bands, quasi_harmonic_curves
from mlip_rs.validate.figures.prototypes import (
    bain_curve,
    enthalpy_differences,
    prototype_curves,
    vacancy_sizes,
)
from mlip_rs.validate.figures.short_range import short_range_curves
from mlip_rs.validate.grain_boundaries import BOUNDARIES, GrainBoundaries, grain_boundaries
from mlip_rs.validate.judgement import (
    Quantity,
    compound_quantities,
    conservation_objections,
    elastic_objections,
    elastic_quantities,
    fault_quantities,
    grain_boundary_objections,
    grain_boundary_quantities,
    migration_objections,
    ordering_objections,
    phonon_errors,
    phonon_objections,
    phonon_quantities,
    point_defect_objections,
    point_defect_quantities,
    pressure_objections,
    pressure_quantities,
    prototype_objections,
    prototype_quantities,
    quasi_harmonic_objections,
    quasi_harmonic_quantities,
    surface_objections,
    surface_quantities,
    vacancy_notes,
    vacancy_objections,
    vacancy_quantities,
    zone_boundary_objections,
    zone_boundary_quantities,
)
from mlip_rs.validate.phonons import Phonons, phonons
from mlip_rs.validate.phonons_frozen import ZoneBoundaryPhonons, zone_boundary_phonons
from mlip_rs.validate.point_defects import PointDefects, VacancyMigration, point_defects, vacancy_migration
from mlip_rs.validate.pressure import PressureTransitions, pressure_transitions
from mlip_rs.validate.prototype_energies import BainPath, PrototypeEnergies, bain_path
from mlip_rs.validate.quasi_harmonic import QuasiHarmonic, quasi_harmonic
from mlip_rs.validate.stacking_faults import StackingFault, stacking_fault
from mlip_rs.validate.subject import Subject
from mlip_rs.validate.surfaces import THICKNESS, Surfaces, surface_energies
from mlip_rs.validate.thresholds import BAIN, DEFECT
from mlip_rs.validate.vacancy import LENGTHS, VacancyConvergence, vacancy_convergence


def _nothing(_: Any) -> tuple[str, ...]:  # noqa: ANN401 (any result)
    return ()


def _no_errors(_: Any, __: Any) -> tuple[Quantity, ...]:  # noqa: ANN401 (any result)
    return ()


@dataclass(frozen=True)
class Property:
    """One property.

    Attributes
    ----------
    name, title
        For the command line and for people.
    kind
        Dataclass of its result.
    compute
        Computes it; raises `PropertyError` with the reason where there is none.
    quantities
        Numbers of a result to be compared with those of the same name in the reference.
    figure
        Draws a result, and that of the reference if there is one.
    caption
        Below the figure.
    objections
        Reasons why a result cannot be right or the crystal is not stable, whatever the reference.
    errors
        Distances between a result and the reference's, which ideally are 0.
    reference_objections
        Reasons that need the reference, such as a wrong order of phases.
    notes
        What a reader of the numbers must know, such as the range that they hold for.
    is_relative
        Whether it means something only beside a reference, even where `quantities` gives none.
    restore
        Makes a result from what its `to_dict` gave; None: its fields are stored as they are.
    """

    name: str
    title: str
    kind: type
    compute: Callable[[Subject], Any]
    quantities: Callable[[Any], tuple[Quantity, ...]]
    figure: Callable[[Any, Any], Figure] | None
    caption: str
    objections: Callable[[Any], tuple[str, ...]] = _nothing
    errors: Callable[[Any, Any], tuple[Quantity, ...]] = _no_errors
    reference_objections: Callable[[Any, Any], tuple[str, ...]] = lambda _, __: ()
    notes: Callable[[Any], tuple[str, ...]] = _nothing
    is_relative: bool = False
    restore: Callable[[Mapping[str, Any]], Any] | None = None


def _zone_boundary(subject: Subject) -> ZoneBoundaryPhonons:
    if subject.structure != "fcc":
        raise NotApplicableError("the frozen phonons at X and L are those of fcc; the crystal is another")
    edge = float((4 * subject.crystal.get_volume() / len(subject.crystal)) ** (1 / 3))
    return zone_boundary_phonons(subject.calculator, subject.symbol, edge)


def _short_range(subject: Subject) -> ShortRange:
    if subject.potential is None:
        raise NotApplicableError("the check at short range needs a potential file of this package")
    return short_range(subject.potential, n_points=60 if subject.quick else 120, whole=not subject.quick)


def _restored_short_range(document: Mapping[str, Any]) -> ShortRange:
    return ShortRange(
        tuple(
            ShortRangeCurve(
                curve["kind"],
                tuple(curve["elements"]),
                np.array(curve["distances_angstrom"]),
                np.array(curve["energies_ev_per_atom"]),
            )
            for curve in document["curves"]
        )
    )


def _vacancy(subject: Subject) -> VacancyConvergence:
    if len(set(subject.crystal.numbers)) > 1:
        raise NotApplicableError(
            "a vacancy formation energy is defined for elements; the crystal has several"
        )
    lengths = LENGTHS[:2] if subject.quick else LENGTHS
    return vacancy_convergence(subject.calculator, subject.crystal, lengths=lengths)


def _point_defects(subject: Subject) -> PointDefects:
    edge = subject.lattice_constant
    supercell = conventional_supercell(subject.crystal, 9.0 if subject.quick else 12.0)
    return point_defects(subject.calculator, subject.structure or "", supercell, edge)


def _migration(subject: Subject) -> VacancyMigration:
    supercell = conventional_supercell(subject.crystal, 9.0 if subject.quick else 12.0)
    if len(set(supercell.numbers)) > 1:
        raise NotApplicableError("the jump of a vacancy is computed for elements; the crystal has several")
    return vacancy_migration(subject.calculator, supercell, images=3 if subject.quick else 5)


def _fault(subject: Subject) -> StackingFault:
    edge = subject.lattice_constant
    points = 7 if subject.quick else 11
    return stacking_fault(subject.calculator, subject.structure or "", subject.symbol, edge, points=points)


def _grain_boundaries(subject: Subject) -> GrainBoundaries:
    edge = subject.lattice_constant
    boundaries = BOUNDARIES[:2] if subject.quick else BOUNDARIES
    return grain_boundaries(
        subject.calculator, subject.structure or "", subject.symbol, edge, boundaries=boundaries
    )


def _conservation(subject: Subject) -> EnergyConservation:
    supercell = conventional_supercell(subject.crystal, 12.0)
    return energy_conservation(subject.calculator, supercell, steps=1000 if subject.quick else 5000)


def _melt(subject: Subject) -> MeltQuench:
    supercell = conventional_supercell(subject.crystal, 12.0)
    temperature = MELT_FRACTION * subject.cohesive_energy / kB
    steps = 1000 if subject.quick else 5000
    return melt_quench(subject.calculator, supercell, temperature, steps=steps)


PROPERTIES: tuple[Property, ...] = (
    Property(
        "prototypes",
        "Crystal structures",
        PrototypeEnergies,
        lambda subject: subject.prototypes,
        prototype_quantities,
        prototype_curves,
        "Energy against volume of the prototypes, above the isolated atom.",
        objections=prototype_objections,
        reference_objections=ordering_objections,
    ),
    Property(
        "pressure",
        "Transitions under pressure",
        PressureTransitions,
        lambda subject: pressure_transitions(subject.calculator, subject.prototypes),
        pressure_quantities,
        enthalpy_differences,
        "Enthalpy against pressure, above that of the structure stable at rest; where a line ends, so do its volumes.",
        reference_objections=pressure_objections,
        notes=lambda found: found.notes,
        is_relative=True,
    ),
    Property(
        "compounds",
        "Ordered compounds",
        Compounds,
        lambda subject: compound_energies(subject.calculator, subject.elements),
        compound_quantities,
        formation_bars,
        "Energies of formation of ordered compounds; negative: bound against the elements.",
        objections=prototype_objections,
    ),
    Property(
        "bain",
        "Bain path",
        BainPath,
        lambda s: bain_path(s.calculator, s.symbol, s.crystal.get_volume() / len(s.crystal)),
        lambda found: (Quantity("bcc − fcc, same volume", "meV/atom", found.bcc_above_fcc, BAIN),),
        bain_curve,
        "Energy of the body-centred tetragonal crystal at constant volume.",
    ),
    Property(
        "elastic",
        "Elastic constants",
        ElasticAnalysis,
        lambda s: elastic_analysis(s.calculator, s.crystal),
        elastic_quantities,
        young_modulus_directions,
        "Young's modulus against direction, ions relaxed.",
        objections=elastic_objections,
    ),
    Property(
        "phonons",
        "Phonons",
        Phonons,
        lambda s: phonons(s.calculator, s.crystal, smallest_supercell=8.0 if s.quick else 12.0),
        phonon_quantities,
        phonon_bands,
        "Phonon bands along the standard path, and density of states; imaginary frequencies below zero.",
        objections=phonon_objections,
        errors=phonon_errors,
    ),
    Property(
        "zone-boundary",
        "Zone-boundary phonons of fcc",
        ZoneBoundaryPhonons,
        _zone_boundary,
        zone_boundary_quantities,
        None,
        "",
        objections=zone_boundary_objections,
    ),
    Property(
        "quasi-harmonic",
        "Thermal expansion",
        QuasiHarmonic,
        lambda s: quasi_harmonic(s.calculator, s.crystal, smallest_supercell=8.0 if s.quick else 12.0),
        quasi_harmonic_quantities,
        quasi_harmonic_curves,
        "Quasi-harmonic volume, linear expansion and Gibbs energy at zero pressure.",
        objections=quasi_harmonic_objections,
    ),
    Property(
        "vacancy",
        "Vacancy",
        VacancyConvergence,
        _vacancy,
        vacancy_quantities,
        vacancy_sizes,
        "Vacancy formation energy at constant volume: symbols filled relaxed, open unrelaxed.",
        objections=vacancy_objections,
        notes=vacancy_notes,
    ),
    Property(
        "point-defects",
        "Interstitials and divacancies",
        PointDefects,
        _point_defects,
        point_defect_quantities,
        point_defect_bars,
        "Formation energies at constant volume, each relaxed from its ideal configuration.",
        objections=point_defect_objections,
    ),
    Property(
        "migration",
        "Jump of a vacancy",
        VacancyMigration,
        _migration,
        lambda found: (Quantity(f"barrier, {found.n_sites} sites", "eV", found.barrier, DEFECT),),
        migration_path,
        "Energy along the jump of a neighbour into a vacancy, by the climbing-image nudged elastic band.",
        objections=migration_objections,
    ),
    Property(
        "surfaces",
        "Surfaces",
        Surfaces,
        lambda s: surface_energies(s.calculator, s.crystal, thickness=10.0 if s.quick else THICKNESS),
        surface_quantities,
        surface_bars,
        "Energies of relaxed low-index surfaces.",
        objections=surface_objections,
    ),
    Property(
        "stacking-fault",
        "Stacking fault",
        StackingFault,
        _fault,
        fault_quantities,
        fault_curve,
        "Generalised stacking-fault energy, planes relaxed along their normal.",
    ),
    Property(
        "grain-boundaries",
        "Grain boundaries",
        GrainBoundaries,
        _grain_boundaries,
        grain_boundary_quantities,
        grain_boundary_angles,
        "Energies of symmetric tilt boundaries against the misorientation about their axis.",
        objections=grain_boundary_objections,
    ),
    Property(
        "energy-conservation",
        "Energy conservation",
        EnergyConservation,
        _conservation,
        lambda _: (),
        total_energy,
        "Total energy of a crystal at 600 K (half of it kinetic after the start) in a velocity-Verlet run.",
        objections=conservation_objections,
    ),
    Property(
        "melt-quench",
        "Melt and quench",
        MeltQuench,
        _melt,
        lambda _: (),
        melt_and_quench,
        "Langevin dynamics at constant volume: a melt, then linear cooling to 300 K.",
    ),
    Property(
        "short-range",
        "Dimers and compressed crystals",
        ShortRange,
        _short_range,
        lambda _: (),
        lambda found, _: short_range_curves(found),
        "Energy far below the distances of the data; it must rise all the way.",
        objections=lambda found: found.failures,
        restore=_restored_short_range,
    ),
)
"""In the order in which they are computed."""
