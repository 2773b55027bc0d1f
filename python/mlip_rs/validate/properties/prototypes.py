"""Crystal structures: equations of state of the prototypes, and the order of their energies."""

from mlip_rs.data.reference import ISOLATED_ATOMS_CURE
from mlip_rs.validate.criteria import Quantity, Threshold
from mlip_rs.validate.eos import EnergyVolumeFit
from mlip_rs.validate.property import Property
from mlip_rs.validate.prototype_energies import ISOLATED_ATOM, PrototypeEnergies

LATTICE = Threshold(0.01, relative=True)
VOLUME = Threshold(0.03, relative=True)
MODULUS = Threshold(0.10, relative=True)

PHASE = Threshold(15.0)
"""meV/atom between crystal structures."""

HIGH_PHASE = Threshold(0.15, relative=True)
"""For structures of such a high energy that this exceeds `PHASE`."""

COHESION = Threshold(0.05)
"""eV/atom."""

CLOSE = 5.0
"""meV/atom; structures that are closer than this in the reference may change their order."""


def phase_threshold(energy: float) -> Threshold:
    """Threshold for an energy difference between crystal structures, in meV/atom."""
    return Threshold(max(PHASE.value, HIGH_PHASE.limit(energy)))


def curve_quantities(curve: EnergyVolumeFit) -> tuple[Quantity, ...]:
    """Lattice constant (or volume) and bulk modulus of one crystal structure."""
    size = Quantity(f"V0 {curve.name}", "Å³/atom", curve.equilibrium_volume, VOLUME)
    if curve.lattice_constant is not None:
        size = Quantity(f"a0 {curve.name}", "Å", curve.lattice_constant, LATTICE)
    return size, Quantity(f"B {curve.name}", "GPa", curve.bulk_modulus, MODULUS)


def quantities(found: PrototypeEnergies) -> tuple[Quantity, ...]:
    """Lattice constants and energies above fcc; bulk modulus and cohesive energy of fcc and of the ground state."""
    names = [curve.name for curve in found.curves]
    base = "fcc" if "fcc" in names else names[0] if names else ""
    result: list[Quantity] = []
    for curve in found.curves:
        size, modulus = curve_quantities(curve)
        result.append(size)
        if curve.name in (base, found.ordering[0]):
            cohesion = found.cohesive_energies[curve.name]
            result += [modulus, Quantity(f"cohesive energy {curve.name}", "eV/atom", cohesion, COHESION)]
        if curve.name != base:
            above = found.energy_above(curve.name, base)
            result.append(
                Quantity(f"{curve.name} − {base}", "meV/atom", above, phase_threshold(above), signed=True)
            )
    return tuple(result)


def failures(found: PrototypeEnergies) -> tuple[str, ...]:
    """Structures without an equation of state."""
    return tuple(f"{name}: {reason}" for name, reason in found.failures)


def reference_failures(found: PrototypeEnergies, reference: PrototypeEnergies) -> tuple[str, ...]:
    """Pairs of structures in the wrong order, where the reference separates them clearly."""
    common = [name for name in reference.ordering if name in found.ordering]
    wrong = []
    for i, lower in enumerate(common):
        for higher in common[i + 1 :]:
            if reference.energy_above(higher, lower) > CLOSE and found.energy_above(higher, lower) < 0:
                wrong.append(f"phase order: {higher} lies below {lower}, unlike in the reference")
    return tuple(wrong)


def notes(found: PrototypeEnergies) -> tuple[str, ...]:
    """Say why the cohesive energy is not determined, if it is not."""
    if found.zero == ISOLATED_ATOM:
        return ()
    return (
        f"Cohesive energies are not determined: the energy of an isolated {found.symbol} atom is not known. Give it "
        f"by the code and settings of the data (--isolated-atoms {found.symbol}=EV), or {ISOLATED_ATOMS_CURE}.",
    )


PROPERTY = Property(
    "prototypes",
    "Crystal structures",
    PrototypeEnergies,
    lambda case: case.prototypes,
    quantities,
    failures,
    reference_failures,
    notes=notes,
)
