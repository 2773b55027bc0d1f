"""The list of what is validated: how each property is computed, which numbers are compared, what it looks like."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.errors import PropertyError
from mlip_rs.validate.compare import Threshold
from mlip_rs.validate.elastic_analysis import ElasticAnalysis, elastic_analysis
from mlip_rs.validate.elastic_figures import young_modulus_directions
from mlip_rs.validate.eos import EnergyVolumeFit
from mlip_rs.validate.phonon_figures import phonon_bands, quasi_harmonic_curves
from mlip_rs.validate.phonons import Phonons, phonon_error, phonons
from mlip_rs.validate.phonons_frozen import ZoneBoundaryPhonons, zone_boundary_phonons
from mlip_rs.validate.prototype_energies import BainPath, PrototypeEnergies, bain_path
from mlip_rs.validate.prototype_figures import bain_curve, prototype_curves, vacancy_sizes
from mlip_rs.validate.quasi_harmonic import QuasiHarmonic, quasi_harmonic
from mlip_rs.validate.short_range import ShortRange, ShortRangeCurve, short_range
from mlip_rs.validate.short_range_figures import short_range_curves
from mlip_rs.validate.subject import Subject
from mlip_rs.validate.vacancy import LENGTHS, VacancyConvergence, vacancy_convergence

LATTICE = Threshold(0.01, relative=True)
MODULUS = Threshold(0.10, relative=True)
FREQUENCY = Threshold(0.05, relative=True)
PHONON_ERROR = Threshold(0.3)
PHASE = Threshold(15.0)
DEFECT = Threshold(0.1)
COHESION = Threshold(0.05)
EXPANSION = Threshold(0.15, relative=True)
BAIN = Threshold(20.0)

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
    restore: Callable[[Mapping[str, Any]], Any] | None = None


def _curve_quantities(curve: EnergyVolumeFit) -> tuple[Quantity, ...]:
    size = Quantity(f"V0 {curve.name}", "Å³/atom", curve.equilibrium_volume, Threshold(0.03, relative=True))
    if curve.lattice_constant is not None:
        size = Quantity(f"a0 {curve.name}", "Å", curve.lattice_constant, LATTICE)
    return size, Quantity(f"B {curve.name}", "GPa", curve.bulk_modulus, MODULUS)


def _prototype_quantities(found: PrototypeEnergies) -> tuple[Quantity, ...]:
    names = [curve.name for curve in found.curves]
    base = "fcc" if "fcc" in names else names[0] if names else ""
    result: list[Quantity] = []
    for curve in found.curves:
        if curve.name == base:
            result += _curve_quantities(curve)
            result.append(Quantity(f"cohesive energy {base}", "eV/atom", -curve.equilibrium_energy, COHESION))
        else:
            result.append(_curve_quantities(curve)[0])
            above = found.energy_above(curve.name, base)
            result.append(Quantity(f"{curve.name} − {base}", "meV/atom", above, _phase(above)))
    return tuple(result)


def _phase(energy: float) -> Threshold:
    """15 meV/atom, and for structures high up 15 % of their height: the order is what matters there."""
    return Threshold(max(PHASE.value, 0.15 * abs(energy)))


def _prototype_objections(found: PrototypeEnergies) -> tuple[str, ...]:
    return tuple(f"{name}: {reason}" for name, reason in found.failures)


def _ordering_objections(found: PrototypeEnergies, reference: PrototypeEnergies) -> tuple[str, ...]:
    common = [name for name in reference.ordering if name in found.ordering]
    wrong = []
    for i, lower in enumerate(common):
        for higher in common[i + 1 :]:
            if reference.energy_above(higher, lower) > CLOSE and found.energy_above(higher, lower) < 0:
                wrong.append(f"phase order: {higher} lies below {lower}, unlike in the reference")
    return tuple(wrong)


def _elastic_quantities(found: ElasticAnalysis) -> tuple[Quantity, ...]:
    pairs = _CONSTANTS.get(found.system, _ALL_CONSTANTS)
    c = found.relaxed.matrix
    result = [Quantity(f"C{i}{j}", "GPa", float(c[i - 1, j - 1]), MODULUS) for i, j in pairs]
    if found.averages is not None:
        result.append(Quantity("K (Hill)", "GPa", found.averages.bulk_hill, MODULUS))
        result.append(Quantity("G (Hill)", "GPa", found.averages.shear_hill, MODULUS))
    return tuple(result)


def _elastic_objections(found: ElasticAnalysis) -> tuple[str, ...]:
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


def _phonon_quantities(found: Phonons) -> tuple[Quantity, ...]:
    return (Quantity("highest frequency", "THz", found.highest, FREQUENCY),)


def _phonon_objections(found: Phonons) -> tuple[str, ...]:
    if found.is_stable:
        return ()
    return (
        f"dynamically unstable: an imaginary mode of {-found.lowest:.2f}i THz,"
        f" {100 * found.imaginary_fraction:.1f} % of the modes of the mesh",
    )


def _phonon_errors(found: Phonons, reference: Phonons) -> tuple[Quantity, ...]:
    error = phonon_error(found, reference)
    return (
        Quantity("RMS error of the frequencies", "THz", error.root_mean_square, PHONON_ERROR),
        Quantity("mean absolute error of the frequencies", "THz", error.mean_absolute, PHONON_ERROR),
    )


def _zone_boundary(subject: Subject) -> ZoneBoundaryPhonons:
    if subject.structure != "fcc":
        raise PropertyError("the frozen phonons at X and L are those of fcc; the crystal is another")
    edge = float((4 * subject.crystal.get_volume() / len(subject.crystal)) ** (1 / 3))
    return zone_boundary_phonons(subject.calculator, subject.symbol, edge)


def _zone_boundary_quantities(found: ZoneBoundaryPhonons) -> tuple[Quantity, ...]:
    named = (
        ("X long.", found.x_long),
        ("X trans.", found.x_trans),
        ("L long.", found.l_long),
        ("L trans.", found.l_trans),
    )
    return tuple(Quantity(name, "THz", value, FREQUENCY) for name, value in named)


def _zone_boundary_objections(found: ZoneBoundaryPhonons) -> tuple[str, ...]:
    return () if found.is_stable else ("fcc is unstable against a zone-boundary phonon",)


def _quasi_harmonic_quantities(found: QuasiHarmonic) -> tuple[Quantity, ...]:
    if found.temperatures[-1] < 300:
        return ()
    return (
        Quantity("linear expansion at 300 K", "10⁻⁶/K", 1e6 * found.linear_expansion(300.0), EXPANSION),
        Quantity("volume at 300 K", "Å³/atom", found.volume(300.0), Threshold(0.03, relative=True)),
    )


def _quasi_harmonic_objections(found: QuasiHarmonic) -> tuple[str, ...]:
    last = found.temperatures[-1]
    return () if last >= 300 else (f"above {last:.0f} K the crystal has expanded beyond 6 %",)


def _vacancy_quantities(found: VacancyConvergence) -> tuple[Quantity, ...]:
    result = []
    for size in found.sizes:
        result.append(Quantity(f"unrelaxed, {size.n_sites} sites", "eV", size.unrelaxed, DEFECT))
        if size.relaxed is not None:
            result.append(Quantity(f"relaxed, {size.n_sites} sites", "eV", size.relaxed, DEFECT))
    return tuple(result)


def _vacancy_objections(found: VacancyConvergence) -> tuple[str, ...]:
    objections = [
        f"a vacancy among {size.n_sites} sites gains energy ({size.relaxed:.3g} eV): the crystal falls apart"
        for size in found.sizes
        if size.relaxed is not None and size.relaxed <= 0
    ]
    if found.drift > DRIFT:
        objections.append(f"not converged: the last two sizes differ by {found.drift:.2g} eV")
    return tuple(objections)


def _short_range(subject: Subject) -> ShortRange:
    if subject.potential is None:
        raise PropertyError("the check at short range needs a potential file of this package")
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


PROPERTIES: tuple[Property, ...] = (
    Property(
        "prototypes",
        "Crystal structures",
        PrototypeEnergies,
        lambda subject: subject.prototypes,
        _prototype_quantities,
        prototype_curves,
        "Energy against volume of the prototypes, above the isolated atom.",
        objections=_prototype_objections,
        reference_objections=_ordering_objections,
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
        _elastic_quantities,
        young_modulus_directions,
        "Young's modulus against direction, ions relaxed.",
        objections=_elastic_objections,
    ),
    Property(
        "phonons",
        "Phonons",
        Phonons,
        lambda s: phonons(s.calculator, s.crystal, smallest_supercell=8.0 if s.quick else 12.0),
        _phonon_quantities,
        phonon_bands,
        "Phonon bands along the standard path, and density of states; imaginary frequencies below zero.",
        objections=_phonon_objections,
        errors=_phonon_errors,
    ),
    Property(
        "zone-boundary",
        "Zone-boundary phonons of fcc",
        ZoneBoundaryPhonons,
        _zone_boundary,
        _zone_boundary_quantities,
        None,
        "",
        objections=_zone_boundary_objections,
    ),
    Property(
        "quasi-harmonic",
        "Thermal expansion",
        QuasiHarmonic,
        lambda s: quasi_harmonic(s.calculator, s.crystal, smallest_supercell=8.0 if s.quick else 12.0),
        _quasi_harmonic_quantities,
        quasi_harmonic_curves,
        "Quasi-harmonic volume, linear expansion and Gibbs energy at zero pressure.",
        objections=_quasi_harmonic_objections,
    ),
    Property(
        "vacancy",
        "Vacancy",
        VacancyConvergence,
        lambda s: vacancy_convergence(s.calculator, s.crystal, lengths=LENGTHS[:2] if s.quick else LENGTHS),
        _vacancy_quantities,
        vacancy_sizes,
        "Vacancy formation energy at constant volume: symbols filled relaxed, open unrelaxed.",
        objections=_vacancy_objections,
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
