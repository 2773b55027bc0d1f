"""Quasi-harmonic thermal expansion and Gibbs energy at zero pressure, by phonopy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import kJ, mol

from mlip_rs.calculators.calculations import Calculator, potential_energy, relaxed
from mlip_rs.errors import ConfigError, PropertyError
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.criteria import Quantity, Threshold
from mlip_rs.validate.properties.phonons import (
    GAS_CONSTANT,
    IMAGINARY_TOLERANCE,
    SMALLEST_SUPERCELL,
    force_constants,
    thermal_properties,
)
from mlip_rs.validate.properties.prototypes import VOLUME
from mlip_rs.validate.property import Property

MESH = 20
"""Points along each reciprocal axis."""

VOLUME_RATIOS: tuple[float, ...] = (0.97, 0.985, 1.0, 1.015, 1.03, 1.045, 1.06)
"""Volumes of the phonon calculations, in the volume of the given crystal; most are larger because of the expansion."""

TEMPERATURES: tuple[float, ...] = tuple(float(t) for t in range(0, 701, 25))
"""K; the last temperature is needed only for numerical derivatives."""

EXPANSION = Threshold(0.15, relative=True)


@dataclass(frozen=True)
class QuasiHarmonic:
    """Quantities at zero pressure, for each temperature.

    Attributes
    ----------
    temperatures
        K.
    volumes
        Å³/atom.
    gibbs_energies
        eV/atom, on the scale of the calculator's energies.
    thermal_expansions
        Volumetric, 1/K.
    bulk_moduli
        Isothermal, in GPa.
    heat_capacities
        At constant pressure, in k_B/atom.

    Examples
    --------
    >>> found = QuasiHarmonic(
    ...     temperatures=(0.0, 300.0, 600.0),
    ...     volumes=(11.7, 11.8, 12.0),
    ...     gibbs_energies=(-3.5, -3.52, -3.6),
    ...     thermal_expansions=(0.0, 5.1e-5, 5.7e-5),
    ...     bulk_moduli=(137.0, 130.0, 122.0),
    ...     heat_capacities=(0.0, 2.9, 3.1),
    ... )
    >>> print(f"{found.volume(150.0):.2f} Å³/atom, {1e6 * found.linear_expansion(300.0):.0f}·10⁻⁶/K")
    11.75 Å³/atom, 17·10⁻⁶/K
    """

    temperatures: tuple[float, ...]
    volumes: tuple[float, ...]
    gibbs_energies: tuple[float, ...]
    thermal_expansions: tuple[float, ...]
    bulk_moduli: tuple[float, ...]
    heat_capacities: tuple[float, ...]

    def linear_expansion(self, temperature: float) -> float:
        """Linear expansion coefficient of a cubic crystal in 1/K at a temperature in K; errors as `volume`."""
        return self._at(temperature, self.thermal_expansions) / 3

    def volume(self, temperature: float) -> float:
        """Volume in Å³/atom at a temperature in K, interpolated.

        Raises
        ------
        PropertyError
            The temperature is above the last.
        """
        return self._at(temperature, self.volumes)

    def _at(self, temperature: float, values: tuple[float, ...]) -> float:
        if not self.temperatures[0] <= temperature <= self.temperatures[-1]:
            raise PropertyError(
                f"quasi-harmonic: {temperature:.0f} K is outside the {self.temperatures[0]:.0f} to"
                f" {self.temperatures[-1]:.0f} K at which the volume stays within those computed"
            )
        return float(np.interp(temperature, self.temperatures, values))

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "temperatures_k": list(self.temperatures),
            "volumes_angstrom3_per_atom": list(self.volumes),
            "gibbs_energies_ev_per_atom": list(self.gibbs_energies),
            "volumetric_expansions_per_k": list(self.thermal_expansions),
            "bulk_moduli_gpa": list(self.bulk_moduli),
            "heat_capacities_kb_per_atom": list(self.heat_capacities),
        }


def quasi_harmonic(
    calculator: Calculator,
    atoms: Atoms,
    *,
    volume_ratios: Sequence[float] = VOLUME_RATIOS,
    temperatures: Sequence[float] = TEMPERATURES,
    smallest_supercell: float = SMALLEST_SUPERCELL,
) -> QuasiHarmonic:
    """Thermal expansion from phonons at several volumes, E + F_vib fitted by Vinet's equation of state.

    The cell is scaled uniformly, its shape is kept, and the ions are relaxed at each volume. The result ends before
    the first temperature at which the volume leaves those computed.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    atoms
        The crystal at its equilibrium volume.
    volume_ratios
        Volumes relative to that of the crystal, at least 5, ascending.
    temperatures
        Temperatures in K, at least 4, ascending; the results end before the last.
    smallest_supercell
        Least distance in Å between opposite faces of the supercell.

    Raises
    ------
    ConfigError
        Too few volumes or temperatures.
    PropertyError
        A mode is imaginary at one of the volumes, or the volume leaves their range at once.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> ratios, kelvin = [0.97, 0.985, 1.0, 1.02, 1.04], [0, 100, 200, 300, 400]
    >>> found = quasi_harmonic(
    ...     EMT(), bulk("Cu", a=3.59), volume_ratios=ratios, temperatures=kelvin, smallest_supercell=4.0
    ... )
    >>> print(f"{found.volume(300.0):.1f} Å³/atom")
    11.8 Å³/atom
    """
    from phonopy.qha.core import QHA

    if len(volume_ratios) < 5 or len(temperatures) < 4:
        raise ConfigError(
            f"quasi-harmonic: {len(volume_ratios)} volumes and {len(temperatures)} temperatures;"
            " give at least 5 and 4"
        )
    kelvin = tuple(float(t) for t in temperatures)
    volumes, energies, thermal = [], [], []
    for ratio in volume_ratios:
        scaled = atoms.copy()
        scaled.set_cell(atoms.cell[:] * ratio ** (1 / 3), scale_atoms=True)
        scaled = relaxed(calculator, scaled, fmax=1e-3)
        harmonic = force_constants(calculator, scaled, smallest_supercell)
        harmonic.run_mesh([MESH] * 3, is_gamma_center=True)
        lowest = float(np.min(harmonic.mesh.frequencies))
        if lowest < -IMAGINARY_TOLERANCE:
            raise PropertyError(
                f"quasi-harmonic: an imaginary mode of {lowest:.2f} THz at"
                f" {scaled.get_volume() / len(scaled):.2f} Å³/atom; without real modes there is no free energy"
            )
        volumes.append(float(scaled.get_volume()) / len(scaled))
        energies.append(potential_energy(calculator, scaled) / len(scaled))
        thermal.append(thermal_properties(harmonic, kelvin))
    free, entropy, capacity = (np.array(values).T for values in zip(*thermal, strict=True))
    qha = QHA(
        volumes=volumes,
        electronic_energies=energies,
        temperatures=kelvin,
        cv=capacity * GAS_CONSTANT,
        entropy=entropy * GAS_CONSTANT,
        fe_phonon=free / (kJ / mol),
    )
    try:
        qha.run()
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise PropertyError(f"quasi-harmonic: no equation of state goes through E + F: {error}") from error
    found = np.asarray(qha.volume_temperature)
    outside = np.flatnonzero((found <= min(volumes)) | (found >= max(volumes)))
    n = int(outside[0]) if len(outside) else len(found)
    if n < 2:
        raise PropertyError(
            f"quasi-harmonic: already at {kelvin[n]:.0f} K the volume is {found[n]:.2f} Å³/atom,"
            f" outside the {min(volumes):.2f} to {max(volumes):.2f} computed; give other volume_ratios"
        )
    return QuasiHarmonic(
        temperatures=kelvin[:n],
        volumes=_tuple(found[:n]),
        gibbs_energies=_tuple(qha.gibbs_temperature[:n]),
        thermal_expansions=_tuple(qha.thermal_expansion[:n]),
        bulk_moduli=_tuple(qha.bulk_modulus_temperature[:n]),
        heat_capacities=_tuple(np.asarray(qha.heat_capacity_P_numerical[:n]) / GAS_CONSTANT),
    )


def _tuple(values: Any) -> tuple[float, ...]:  # noqa: ANN401 (arrays or lists, by phonopy's version)
    return tuple(np.asarray(values, dtype=float).tolist())


def compute(case: ValidationCase) -> QuasiHarmonic:
    """Thermal expansion of the crystal, in smaller supercells if the case is quick."""
    return quasi_harmonic(case.calculator, case.crystal, smallest_supercell=case.phonon_supercell)


def quantities(found: QuasiHarmonic) -> tuple[Quantity, ...]:
    """Linear expansion and volume at room temperature."""
    if found.temperatures[-1] < 300:
        return ()
    return (
        Quantity(
            "linear expansion at 300 K", "10⁻⁶/K", 1e6 * found.linear_expansion(300.0), EXPANSION, signed=True
        ),
        Quantity("volume at 300 K", "Å³/atom", found.volume(300.0), VOLUME),
    )


def failures(found: QuasiHarmonic) -> tuple[str, ...]:
    """A crystal that expands beyond the computed volumes below room temperature."""
    last = found.temperatures[-1]
    return () if last >= 300 else (f"above {last:.0f} K the crystal has expanded beyond 6 %",)


PROPERTY = Property(
    "quasi-harmonic", "Thermal expansion", QuasiHarmonic, compute, quantities, failures, costly=True
)
