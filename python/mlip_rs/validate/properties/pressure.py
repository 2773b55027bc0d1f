"""Transitions under pressure: enthalpies from equations of state, and where the stable structure changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.errors import MlipError, PropertyError
from mlip_rs.generate.prototypes import prototype
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA, MEV_PER_EV
from mlip_rs.validate.criteria import Quantity, Threshold
from mlip_rs.validate.eos import MIN_POINTS, EnergyVolumeFit, energy_volume, fit_birch_murnaghan
from mlip_rs.validate.properties.prototypes import PHASE
from mlip_rs.validate.property import Property
from mlip_rs.validate.prototype_energies import PrototypeEnergies

COMPRESSION: tuple[float, ...] = tuple(float(x) for x in np.linspace(0.80, 1.04, 13))
"""Volumes of the equations of state in that of each structure at rest, ascending: up to a third of the bulk modulus."""

LARGEST_RESIDUAL = 5.0
"""Largest deviation in meV/atom from the equation of state; beyond it, the most compressed points are left out."""

BRANCH_POINTS = 400
"""Number of volumes between which the volume at a pressure is interpolated."""

PRESSURES = 201
"""Number of pressures at which the enthalpies are compared."""


@dataclass(frozen=True)
class Transition:
    """Change of the stable structure.

    Attributes
    ----------
    before, after
        Stable structure below and above the pressure.
    pressure
        GPa.
    volumes
        Volumes of `before` and `after` at that pressure, in Å³/atom.

    Examples
    --------
    >>> found = Transition("fcc", "hcp", pressure=190.0, volumes=(9.1, 9.0))
    >>> print(f"{found.before} → {found.after} at {found.pressure:.0f} GPa")
    fcc → hcp at 190 GPa
    """

    before: str
    after: str
    pressure: float
    volumes: tuple[float, float]


@dataclass(frozen=True)
class PressureTransitions:
    """Equations of state under compression, and the enthalpies that follow, H(P) = min over V of E(V) + P·V.

    A structure has an enthalpy only at pressures whose volumes were computed.

    Attributes
    ----------
    symbol
        Element.
    curves
        Equations of state.
    highest
        Highest pressure in GPa up to which transitions are searched.
    failures
        (structure, reason) of those without an equation of state.

    Examples
    --------
    >>> fcc = EnergyVolumeFit("fcc", (13.0, 17.0), (), 16.5, -3.50, 78.0, 4.5, lattice_constant=4.04)
    >>> bcc = EnergyVolumeFit("bcc", (13.0, 17.0), (), 16.0, -3.48, 78.0, 4.5, lattice_constant=3.17)
    >>> found = PressureTransitions("Al", (fcc, bcc), highest=20.0)
    >>> print(f"{found.transitions[0].pressure:.0f} GPa; bcc up to {found.covered('bcc')[1]:.0f} GPa")
    7 GPa; bcc up to 26 GPa
    """

    symbol: str
    curves: tuple[EnergyVolumeFit, ...]
    highest: float
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def pressures(self) -> NDArray[np.float64]:
        """Pressures (n,) from zero to the highest, in GPa."""
        return np.linspace(0.0, self.highest, PRESSURES)

    @cached_property
    def enthalpies(self) -> dict[str, NDArray[np.float64]]:
        """Enthalpies (n,) in eV/atom of each structure at `pressures`; NaN where its volumes do not cover them."""
        return {curve.name: _enthalpies(curve, self.pressures) for curve in self.curves}

    @cached_property
    def transitions(self) -> tuple[Transition, ...]:
        """Changes of the structure of lowest enthalpy, where both have one on both sides, by pressure."""
        names = [curve.name for curve in self.curves]
        table = np.array([self.enthalpies[name] for name in names])
        lowest = np.argmin(np.where(np.isnan(table), np.inf, table), axis=0)
        found = []
        for k in np.flatnonzero(lowest[1:] != lowest[:-1]):
            i, j = int(lowest[k]), int(lowest[k + 1])
            if not np.isnan(table[[i, j], k : k + 2]).any():
                found.append(_transition(self.curves[i], self.curves[j], self.pressures[k : k + 2]))
        return tuple(found)

    def covered(self, name: str) -> tuple[float, float]:
        """Lowest and highest pressure in GPa of a structure, as far as its volumes go.

        Raises
        ------
        PropertyError
            It has no equation of state.
        """
        for curve in self.curves:
            if curve.name == name:
                return _covered(curve)
        raise PropertyError(dict(self.failures).get(name, f"{name} was not computed"))

    @property
    def notes(self) -> tuple[str, ...]:
        """Pressure range, transitions in it, and structures that do not cover all of it."""
        lines = [f"Looked for between 0 and {self.highest:.3g} GPa."]
        lines += [f"{t.before} → {t.after} at {t.pressure:.3g} GPa." for t in self.transitions]
        if not self.transitions:
            lines.append("The stable structure does not change.")
        ranges = {curve.name: _covered(curve) for curve in self.curves}
        short = [
            f"{name} {max(low, 0.0):.3g} to {min(high, self.highest):.3g}"
            for name, (low, high) in ranges.items()
            if low > 0 or high < self.highest
        ]
        if short:
            parts = ", ".join(short)
            lines.append(
                f"Not covered by the volumes of all equations of state; compared in GPa only: {parts}."
            )
        return (*lines, *(f"{name} is not compared: {reason}." for name, reason in self.failures))

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON, each key naming its unit; null where a structure is not covered."""
        return {
            "element": self.symbol,
            "pressures_gpa": self.pressures.tolist(),
            "enthalpies_ev_per_atom": {
                name: [None if np.isnan(h) else h for h in values.tolist()]
                for name, values in self.enthalpies.items()
            },
            "transitions": [
                {
                    "before": t.before,
                    "after": t.after,
                    "pressure_gpa": t.pressure,
                    "volumes_angstrom3_per_atom": list(t.volumes),
                }
                for t in self.transitions
            ],
            "notes": list(self.notes),
        }


def pressure_transitions(
    calculator: Calculator, at_rest: PrototypeEnergies, *, compression: Sequence[float] = COMPRESSION
) -> PressureTransitions:
    """Transitions under pressure between the structures that have a minimum, axial ratios fixed.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    at_rest
        Structures and their volumes at zero pressure.
    compression
        Volumes of the equations of state, (n,) in the volume at rest.

    Raises
    ------
    PropertyError
        Fewer than two structures have an equation of state.

    Examples
    --------
    >>> from ase.calculators.emt import EMT
    >>> from mlip_rs.validate.eos import equation_of_state
    >>> volumes = [10.8, 11.2, 11.6, 12.0, 12.4]
    >>> curves = tuple(equation_of_state(EMT(), name, "Cu", volumes) for name in ("fcc", "bcc"))
    >>> compression = (0.8, 0.85, 0.9, 0.95, 1.0, 1.05)
    >>> pressure_transitions(EMT(), PrototypeEnergies("Cu", curves), compression=compression).notes[1]
    'The stable structure does not change.'
    """
    curves, failures = [], []
    for curve in at_rest.curves:
        try:
            curves.append(_compressed(calculator, at_rest.symbol, curve, compression))
        except MlipError as error:
            failures.append((curve.name, str(error)))
    return transitions_between(at_rest.symbol, curves, failures)


def transitions_between(
    symbol: str, curves: Sequence[EnergyVolumeFit], failures: Sequence[tuple[str, str]] = ()
) -> PressureTransitions:
    """Transitions between equations of state, up to the pressure that the structure stable at rest is covered to.

    Raises
    ------
    PropertyError
        Fewer than two are given.

    Examples
    --------
    >>> fcc = EnergyVolumeFit("fcc", (13.0, 17.0), (), 16.5, -3.50, 78.0, 4.5, lattice_constant=4.04)
    >>> bcc = EnergyVolumeFit("bcc", (13.0, 17.0), (), 16.0, -3.48, 78.0, 4.5, lattice_constant=3.17)
    >>> [(found.before, found.after) for found in transitions_between("Al", [fcc, bcc]).transitions]
    [('fcc', 'bcc')]
    """
    if len(curves) < 2:
        reasons = "".join(f"; {name}: {reason}" for name, reason in failures)
        raise PropertyError(
            f"a transition needs equations of state of two structures, not {len(curves)}{reasons}"
        )
    stable = min(curves, key=lambda curve: curve.equilibrium_energy)
    return PressureTransitions(symbol, tuple(curves), _covered(stable)[1], tuple(failures))


def _compressed(
    calculator: Calculator, symbol: str, at_rest: EnergyVolumeFit, compression: Sequence[float]
) -> EnergyVolumeFit:
    """Equation of state over a wider range; its energies on the same zero as those at rest."""
    rest = at_rest.equilibrium_volume
    atoms = prototype(at_rest.name, symbol, rest)
    volumes = [rest, *(rest * ratio for ratio in compression)]
    energies = energy_volume(calculator, atoms, volumes)
    shift = at_rest.equilibrium_energy - energies[0]
    return _longest_fit(at_rest.name, volumes[1:], (energies[1:] + shift).tolist())


def _longest_fit(name: str, volumes: Sequence[float], energies: Sequence[float]) -> EnergyVolumeFit:
    """Fit all points, or as many from the largest volume downwards as one equation of state describes."""
    reason = ""
    for start in range(len(volumes) - MIN_POINTS + 1):
        try:
            curve = fit_birch_murnaghan(name, volumes[start:], energies[start:])
        except PropertyError as error:
            reason = str(error)
            continue
        residual = MEV_PER_EV * float(np.abs(curve.energy(np.array(curve.volumes)) - curve.energies).max())
        if residual <= LARGEST_RESIDUAL:
            return curve
        reason = f"its energies deviate by up to {residual:.2g} meV/atom from every equation of state"
    raise PropertyError(reason)


def pressure(curve: EnergyVolumeFit, volumes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Third-order Birch–Murnaghan pressures (n,) in GPa at volumes (n,) in Å³/atom (F. Birch, PR 71, 809 (1947))."""
    x = (curve.equilibrium_volume / volumes) ** (1 / 3)
    stiffening = 1 + 0.75 * (curve.bulk_modulus_derivative - 4) * (x**2 - 1)
    values: NDArray[np.float64] = 1.5 * curve.bulk_modulus * (x**7 - x**5) * stiffening
    return values


def _branch(curve: EnergyVolumeFit) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Volumes and pressures of the range around equilibrium in which the pressure rises with compression."""
    volumes = np.linspace(max(curve.volumes), min(curve.volumes), BRANCH_POINTS)
    pressures = pressure(curve, volumes)
    rest = int(np.argmin(np.abs(volumes - curve.equilibrium_volume)))
    softer = np.flatnonzero(np.diff(pressures) <= 0)
    first = int(softer[softer < rest].max(initial=-1)) + 1
    last = int(softer[softer >= rest].min(initial=BRANCH_POINTS - 1))
    return volumes[first : last + 1], pressures[first : last + 1]


def _covered(curve: EnergyVolumeFit) -> tuple[float, float]:
    _, pressures = _branch(curve)
    return float(pressures[0]), float(pressures[-1])


def _enthalpies(curve: EnergyVolumeFit, pressures: NDArray[np.float64]) -> NDArray[np.float64]:
    """H in eV/atom; an error of the interpolated volume matters to second order only, as dH/dV vanishes there."""
    volumes, known = _branch(curve)
    at = np.interp(pressures, known, volumes, left=np.nan, right=np.nan)
    return curve.energy(at) + pressures / EV_PER_ANGSTROM3_IN_GPA * at


def _transition(before: EnergyVolumeFit, after: EnergyVolumeFit, bracket: NDArray[np.float64]) -> Transition:
    def difference(p: float) -> float:
        here = np.array([p])
        return float(_enthalpies(after, here)[0] - _enthalpies(before, here)[0])

    p = float(brentq(difference, *bracket.tolist()))
    volumes = tuple(float(np.interp(p, known, v)) for v, known in (_branch(before), _branch(after)))
    return Transition(before.name, after.name, p, (volumes[0], volumes[1]))


def quantities(found: PressureTransitions) -> tuple[Quantity, ...]:
    """Transition pressures."""
    return tuple(
        Quantity(f"{t.before} → {t.after}", "GPa", t.pressure, Threshold(_pressure_allowed(t)), signed=True)
        for t in found.transitions
    )


def reference_failures(found: PressureTransitions, reference: PressureTransitions) -> tuple[str, ...]:
    """Transitions found on one side only, although the other side covers the pressure."""
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


PROPERTY = Property(
    "pressure",
    "Transitions under pressure",
    PressureTransitions,
    lambda case: pressure_transitions(case.calculator, case.prototypes),
    quantities,
    reference_failures=reference_failures,
    notes=lambda found: found.notes,
    pressures=lambda found: tuple(t.pressure for t in found.transitions),
    needs_reference=True,
)
