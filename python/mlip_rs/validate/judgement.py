"""What is compared of each property, which deviation passes, and what no reference can excuse."""

from dataclasses import dataclass

import numpy as np

from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA, MEV_PER_EV
from mlip_rs.validate.compounds import Compounds
from mlip_rs.validate.dynamics import EnergyConservation
from mlip_rs.validate.elastic_analysis import ElasticAnalysis
from mlip_rs.validate.eos import EnergyVolumeFit
from mlip_rs.validate.grain_boundaries import GrainBoundaries
from mlip_rs.validate.phonons import Phonons, phonon_error
from mlip_rs.validate.phonons_frozen import ZoneBoundaryPhonons
from mlip_rs.validate.point_defects import PointDefects, VacancyMigration
from mlip_rs.validate.pressure import PressureTransitions, Transition
from mlip_rs.validate.prototype_energies import PrototypeEnergies
from mlip_rs.validate.quasi_harmonic import QuasiHarmonic
from mlip_rs.validate.stacking_faults import StackingFault
from mlip_rs.validate.surfaces import Surfaces
from mlip_rs.validate.thresholds import (
    COHESION,
    DEFECT,
    EXPANSION,
    FAULT,
    FREQUENCY,
    LATTICE,
    MODULUS,
    PHASE,
    PHONON_ERROR,
    POINT_DEFECT,
    SURFACE,
    VOLUME,
    Threshold,
    phase_threshold,
)
from mlip_rs.validate.vacancy import VacancyConvergence

ENERGY_DRIFT = 0.1
"""meV/atom/ps of the total energy: at a nanosecond the temperature of a run would be off by a third of 1000 K."""

CLOSE = 5.0
"""meV/atom; two structures closer than this in the reference may change places without an objection."""

DRIFT = 0.05
"""eV; a defect energy that still changes by more with the size of its cell has not converged."""

_CONSTANTS = {
    "cubic": ((1, 1), (1, 2), (4, 4)),
    "hexagonal": ((1, 1), (3, 3), (1, 2), (1, 3), (4, 4)),
}

_ALL_CONSTANTS = ((1, 1), (2, 2), (3, 3), (1, 2), (1, 3), (2, 3), (4, 4), (5, 5), (6, 6))


@dataclass(frozen=True)
class Quantity:
    """A number that is compared: name, unit, value, and the deviation from the reference that passes."""

    name: str
    unit: str
    value: float
    threshold: Threshold


def curve_quantities(curve: EnergyVolumeFit) -> tuple[Quantity, ...]:
    """Size and bulk modulus of one crystal structure."""
    size = Quantity(f"V0 {curve.name}", "Å³/atom", curve.equilibrium_volume, VOLUME)
    if curve.lattice_constant is not None:
        size = Quantity(f"a0 {curve.name}", "Å", curve.lattice_constant, LATTICE)
    return size, Quantity(f"B {curve.name}", "GPa", curve.bulk_modulus, MODULUS)


def prototype_quantities(found: PrototypeEnergies) -> tuple[Quantity, ...]:
    """Sizes, energies above fcc; of fcc and the stable structure modulus and cohesive energy."""
    names = [curve.name for curve in found.curves]
    base = "fcc" if "fcc" in names else names[0] if names else ""
    result: list[Quantity] = []
    for curve in found.curves:
        size, modulus = curve_quantities(curve)
        result.append(size)
        if curve.name in (base, found.ordering[0]):
            cohesion = -curve.equilibrium_energy
            result += [modulus, Quantity(f"cohesive energy {curve.name}", "eV/atom", cohesion, COHESION)]
        if curve.name != base:
            above = found.energy_above(curve.name, base)
            result.append(Quantity(f"{curve.name} − {base}", "meV/atom", above, phase_threshold(above)))
    return tuple(result)


def prototype_objections(found: PrototypeEnergies | Compounds) -> tuple[str, ...]:
    """Structures without an equation of state."""
    return tuple(f"{name}: {reason}" for name, reason in found.failures)


def compound_quantities(found: Compounds) -> tuple[Quantity, ...]:
    """Sizes and energies of formation."""
    result = []
    for compound in found.compounds:
        size, formation = compound.curve.equilibrium_volume, MEV_PER_EV * compound.formation
        result.append(Quantity(f"V0 {compound.name}", "Å³/atom", size, VOLUME))
        result.append(
            Quantity(f"formation {compound.name}", "meV/atom", formation, phase_threshold(formation))
        )
    return tuple(result)


def ordering_objections(found: PrototypeEnergies, reference: PrototypeEnergies) -> tuple[str, ...]:
    """Pairs of structures in the wrong order, where the reference tells them apart."""
    common = [name for name in reference.ordering if name in found.ordering]
    wrong = []
    for i, lower in enumerate(common):
        for higher in common[i + 1 :]:
            if reference.energy_above(higher, lower) > CLOSE and found.energy_above(higher, lower) < 0:
                wrong.append(f"phase order: {higher} lies below {lower}, unlike in the reference")
    return tuple(wrong)


def pressure_quantities(found: PressureTransitions) -> tuple[Quantity, ...]:
    """Pressures of the transitions."""
    return tuple(
        Quantity(f"{t.before} → {t.after}", "GPa", t.pressure, Threshold(_pressure_allowed(t)))
        for t in found.transitions
    )


def pressure_objections(found: PressureTransitions, reference: PressureTransitions) -> tuple[str, ...]:
    """Transitions that one side has and the other, which covers them, has not."""
    return (
        *(f"the reference has {text}, the potential has not" for text in _missing(reference, found)),
        *(f"the potential has {text}, the reference has not" for text in _missing(found, reference)),
    )


def _missing(given: PressureTransitions, other: PressureTransitions) -> list[str]:
    missing = []
    known = {(t.before, t.after) for t in other.transitions}
    names = {curve.name for curve in other.curves}
    for t in given.transitions:
        reached = t.pressure + _pressure_allowed(t)
        if (t.before, t.after) in known or not {t.before, t.after} <= names or reached > other.highest:
            continue
        if all(other.covered(name)[1] >= reached for name in (t.before, t.after)):
            missing.append(f"{t.before} → {t.after} at {t.pressure:.3g} GPa")
    return missing


def _pressure_allowed(transition: Transition) -> float:
    """GPa by which a transition moves if one structure is shifted by the energy allowed of a phase: ΔE / ΔV."""
    before, after = transition.volumes
    return PHASE.value / MEV_PER_EV / abs(before - after) * EV_PER_ANGSTROM3_IN_GPA


def elastic_quantities(found: ElasticAnalysis) -> tuple[Quantity, ...]:
    """Independent constants, and Hill's averages."""
    pairs = _CONSTANTS.get(found.system, _ALL_CONSTANTS)
    c = found.relaxed.matrix
    result = [Quantity(f"C{i}{j}", "GPa", float(c[i - 1, j - 1]), MODULUS) for i, j in pairs]
    if found.averages is not None:
        result.append(Quantity("K (Hill)", "GPa", found.averages.bulk_hill, MODULUS))
        result.append(Quantity("G (Hill)", "GPa", found.averages.shear_hill, MODULUS))
    return tuple(result)


def elastic_objections(found: ElasticAnalysis) -> tuple[str, ...]:
    """Born's condition, and signs that stresses are wrong."""
    largest = float(np.abs(found.relaxed.matrix).max())
    objections = []
    if not found.is_stable:
        lowest = found.relaxed.smallest_eigenvalue
        objections.append(f"mechanically unstable (Born): an eigenvalue of C is {lowest:.3g} GPa")
    if found.relaxed.asymmetry > 0.05 * largest:
        objections.append(
            f"C is asymmetric by {found.relaxed.asymmetry:.3g} GPa: stresses are no derivatives of the energy"
        )
    if found.symmetry_deviation > 0.05 * largest:
        objections.append(f"C breaks the symmetry of the crystal by {found.symmetry_deviation:.3g} GPa")
    return tuple(objections)


def phonon_quantities(found: Phonons) -> tuple[Quantity, ...]:
    """Highest frequency."""
    return (Quantity("highest frequency", "THz", found.highest, FREQUENCY),)


def phonon_objections(found: Phonons) -> tuple[str, ...]:
    """Imaginary modes."""
    if found.is_stable:
        return ()
    return (
        f"dynamically unstable: an imaginary mode of {-found.lowest:.2f}i THz,"
        f" {100 * found.imaginary_fraction:.1f} % of the modes of the mesh",
    )


def phonon_errors(found: Phonons, reference: Phonons) -> tuple[Quantity, ...]:
    """Errors over the Brillouin zone."""
    error = phonon_error(found, reference)
    return (
        Quantity("RMS error of the frequencies", "THz", error.root_mean_square, PHONON_ERROR),
        Quantity("mean absolute error of the frequencies", "THz", error.mean_absolute, PHONON_ERROR),
    )


def zone_boundary_quantities(found: ZoneBoundaryPhonons) -> tuple[Quantity, ...]:
    """The four frequencies."""
    named = (
        ("X long.", found.x_long),
        ("X trans.", found.x_trans),
        ("L long.", found.l_long),
        ("L trans.", found.l_trans),
    )
    return tuple(Quantity(name, "THz", value, FREQUENCY) for name, value in named)


def zone_boundary_objections(found: ZoneBoundaryPhonons) -> tuple[str, ...]:
    """An imaginary one."""
    return () if found.is_stable else ("fcc is unstable against a zone-boundary phonon",)


def quasi_harmonic_quantities(found: QuasiHarmonic) -> tuple[Quantity, ...]:
    """Expansion and volume at room temperature."""
    if found.temperatures[-1] < 300:
        return ()
    return (
        Quantity("linear expansion at 300 K", "10⁻⁶/K", 1e6 * found.linear_expansion(300.0), EXPANSION),
        Quantity("volume at 300 K", "Å³/atom", found.volume(300.0), VOLUME),
    )


def quasi_harmonic_objections(found: QuasiHarmonic) -> tuple[str, ...]:
    """A crystal that leaves the volumes computed below room temperature."""
    last = found.temperatures[-1]
    return () if last >= 300 else (f"above {last:.0f} K the crystal has expanded beyond 6 %",)


def vacancy_quantities(found: VacancyConvergence) -> tuple[Quantity, ...]:
    """Formation energies by size of the supercell."""
    result = []
    for size in found.sizes:
        result.append(Quantity(f"unrelaxed, {size.n_sites} sites", "eV", size.unrelaxed, DEFECT))
        if size.relaxed is not None:
            result.append(Quantity(f"relaxed, {size.n_sites} sites", "eV", size.relaxed, DEFECT))
    return tuple(result)


def vacancy_objections(found: VacancyConvergence) -> tuple[str, ...]:
    """A vacancy that gains energy."""
    return tuple(
        f"a vacancy among {size.n_sites} sites gains energy ({size.relaxed:.3g} eV): the crystal falls apart"
        for size in found.sizes
        if size.relaxed is not None and size.relaxed <= 0
    )


def vacancy_notes(found: VacancyConvergence) -> tuple[str, ...]:
    """That the cells are too small, which is no fault of the potential."""
    if found.drift <= DRIFT:
        return ()
    return (
        f"Not converged with the size of the cell: the last two energies differ by {found.drift:.2g} eV.",
    )


def surface_quantities(found: Surfaces) -> tuple[Quantity, ...]:
    """Relaxed energies."""
    return tuple(Quantity(surface.name, "J/m²", surface.relaxed, SURFACE) for surface in found.surfaces)


def surface_objections(found: Surfaces) -> tuple[str, ...]:
    """Negative ones."""
    return tuple(
        f"{surface.name} has a negative energy: the crystal would fall apart into slabs"
        for surface in found.surfaces
        if surface.relaxed <= 0
    )


def point_defect_quantities(found: PointDefects) -> tuple[Quantity, ...]:
    """Formation energies of interstitials, binding of divacancies."""
    named = [(d.name, d.energy) for d in found.interstitials]
    named += [(f"binding of a divacancy, {d.name}", found.binding(d)) for d in found.divacancies]
    return tuple(
        Quantity(f"{name}, {found.n_sites} sites", "eV", energy, POINT_DEFECT) for name, energy in named
    )


def point_defect_objections(found: PointDefects) -> tuple[str, ...]:
    """Configurations that do not relax or gain energy."""
    reasons = [f"{name}: {reason}" for name, reason in found.failures]
    gains = [f"{name}: gains energy ({value:.3g} eV)" for name, value in found.energies.items() if value <= 0]
    return (*reasons, *gains)


def grain_boundary_quantities(found: GrainBoundaries) -> tuple[Quantity, ...]:
    """Energies of the boundaries."""
    return tuple(Quantity(b.name, "J/m²", b.energy, SURFACE) for b in found.boundaries)


def grain_boundary_objections(found: GrainBoundaries) -> tuple[str, ...]:
    """Boundaries that do not relax or gain energy."""
    reasons = [f"{name}: {reason}" for name, reason in found.failures]
    return (
        *reasons,
        *(f"{b.name} gains energy: the crystal is not stable" for b in found.boundaries if b.energy < 0),
    )


def migration_objections(found: VacancyMigration) -> tuple[str, ...]:
    """A jump without a barrier."""
    return () if found.barrier > 0 else ("no barrier: the vacancy moves by itself",)


def fault_quantities(found: StackingFault) -> tuple[Quantity, ...]:
    """Unstable fault energy, and the intrinsic one where there is one."""
    result = [Quantity("unstable", "mJ/m²", 1000 * found.unstable, FAULT)]
    if abs(found.stable) > 1e-6:
        result.append(Quantity("intrinsic", "mJ/m²", 1000 * found.stable, FAULT))
    return tuple(result)


def conservation_objections(found: EnergyConservation) -> tuple[str, ...]:
    """A drift of the total energy."""
    if abs(found.drift) <= ENERGY_DRIFT:
        return ()
    return (f"the total energy drifts by {found.drift:.2g} meV/atom/ps (allowed: {ENERGY_DRIFT})",)
