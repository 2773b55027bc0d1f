"""Continuity of energy, force and curvature along curves, by a search for steps on ever finer grids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.verify.answer import ROUNDING
from mlip_rs.verify.curves import Curve
from mlip_rs.verify.result import Measured, NotApplicable
from mlip_rs.verify.verified_calculator import VerifiedCalculator

N_POINTS: int = 240
"""Points of the first grid along a curve."""

N_SEGMENTS: int = 8
"""Segments of the curve that are searched separately, so that steep ones do not hide the others."""

N_FINALISTS: int = 3
"""Segments searched to the finest grid; the others have proved smooth after half of the refinements."""

ZOOM: int = 4
"""Factor by which the grid spacing shrinks at each refinement."""

LEVELS: int = 6
"""Refinements; the finest spacing is the first one over `ZOOM`^`LEVELS`, about 5e-6 Å."""

N_FINEST: int = 4
"""Finest grids of which the smallest step counts, because rounding dominates if the points are too close."""

ENERGY_STEP: float = 1e-5
"""Largest step of the energy, in the median force along the curve times 1 Å."""

FORCE_STEP: float = 1e-4
"""Largest step of the force, in its median along the curve or, if larger, in itself."""

CURVATURE_STEP: float = 1e-2
"""Largest step of the curvature, in its median along the curve or, if larger, in itself."""

CLEARANCE: float = 0.02
"""Distance in Å around a cutoff that is left out where the curvature need not be continuous."""


@dataclass(frozen=True)
class Smoothness:
    """Largest steps along one curve: energy (eV), force (eV/Å), curvature (eV/Å², within a factor of two)."""

    energy: Measured
    force: Measured
    curvature: Measured


def check_c1(verified: VerifiedCalculator) -> list[Measured]:
    """Energy and forces are continuous, in particular at the cutoffs and where the repulsion sets in."""
    return [step for curve in verified.curves for step in (smooth(curve).energy, smooth(curve).force)]


def check_c2(verified: VerifiedCalculator) -> list[Measured] | NotApplicable:
    """The second derivative of the energy is continuous, as phonons and energy conservation in dynamics need."""
    spec = {} if verified.potential is None else verified.potential.spec
    if spec.get("cutoff_function") != "cosine":
        return [smooth(curve).curvature for curve in verified.curves]
    dimers = verified.curves[: len(verified.elements) * (len(verified.elements) + 1) // 2]
    below = [smooth(part).curvature for dimer in dimers for part in _between(dimer, cutoffs(spec))]
    if not all(measured.good for measured in below):
        return below
    step = max((smooth(dimer).curvature for dimer in dimers), key=lambda measured: measured.severity)
    return NotApplicable(
        f"no step on dimers within the cutoffs, but one of {step.value:.3g} {step.unit} at the cutoff ({step.where}), "
        'as the cosine cutoff function implies; fit with cutoff_function = "polynomial" where that matters'
    )


def cutoffs(spec: Mapping[str, Any]) -> list[float]:
    """All cutoffs of a basis specification in Å, in ascending order; the orders may have their own."""
    found: set[float] = set()
    for key, entry in spec.items():
        if key == "cutoff" and isinstance(entry, int | float):
            found.add(float(entry))
        for part in entry if isinstance(entry, list) else [entry]:
            if isinstance(part, Mapping):
                found.update(cutoffs(part))
    return sorted(found)


def smooth(curve: Curve) -> Smoothness:
    """Largest steps along a curve, searched once and then stored in the curve."""
    if "smoothness" not in curve.memory:
        curve.memory["smoothness"] = _search(curve)
    found: Smoothness = curve.memory["smoothness"]
    return found


def _search(curve: Curve) -> Smoothness:
    points = np.linspace(curve.start, curve.end, N_POINTS)
    values = curve.sample(points)
    force, curvature = _scales(curve, points, values)
    energies = _Search(curve, 0, points, values[0]).places
    forces = _Search(curve, 1, points, values[1]).places
    return Smoothness(
        _worst([place.step(ENERGY_STEP * force) for place in energies], "eV", f"energy of the {curve.name}"),
        _worst(
            [place.step(FORCE_STEP * max(force, place.value)) for place in forces],
            "eV/Å",
            f"force of the {curve.name}",
        ),
        _worst(
            [place.kink(CURVATURE_STEP * max(curvature, place.slope)) for place in forces],
            "eV/Å²",
            f"curvature of the {curve.name}",
        ),
    )


def _worst(found: list[tuple[float, float, float]], unit: str, name: str) -> Measured:
    """Most severe of several steps, given as (place, size, limit)."""
    steps = [Measured(size, limit, unit, f"{name} at {place:.4f} Å") for place, size, limit in found]
    return max(steps, key=lambda measured: measured.severity)


@dataclass(frozen=True)
class _Stencil:
    """Four values (4,) of a function at points from `left` on, `h` apart (Å)."""

    left: float
    h: float
    values: Array

    @property
    def difference(self) -> float:
        """Third difference: vanishes as h³ where the function is smooth.

        A step J of the function leaves 2 J, a step J of its derivative J h/2 to J h: divided by that power of h they
        stay while the points move together, and all else tends to zero.
        """
        return float(third_differences(self.values)[0])

    @property
    def rounding(self) -> float:
        """Error of the difference; coordinates carry rounding errors too, which the slope passes on."""
        steepest = np.abs(np.diff(self.values)).max() / self.h
        return ROUNDING * float(np.abs(self.values).max() + steepest * abs(self.left))


@dataclass(frozen=True)
class _Place:
    """Place where a function is least smooth, with ever finer stencils around it."""

    stencils: tuple[_Stencil, ...]

    @property
    def value(self) -> float:
        """Size of the function."""
        return float(np.abs(self.stencils[-1].values).max())

    @property
    def slope(self) -> float:
        """Size of its derivative, from the widest stencil: a step of the function hardly counts."""
        first = self.stencils[0]
        return float(abs(first.values[3] - first.values[0])) / (3.0 * first.h)

    def step(self, limit: float) -> tuple[float, float, float]:
        """Place, size and limit, rounding included, of a step of the function."""
        last = self.stencils[-1]
        return last.left + 1.5 * last.h, 0.5 * last.difference, limit + last.rounding

    def kink(self, limit: float) -> tuple[float, float, float]:
        """Place, size and limit, rounding included, of a step of the derivative."""
        best = min(self.stencils[-N_FINEST:], key=lambda stencil: stencil.difference / stencil.h)
        return best.left + 1.5 * best.h, best.difference / best.h, limit + best.rounding / best.h


class _Search:
    """Search for the places where a function may have a step.

    Parameters
    ----------
    row
        Row of `curve.sample`: 0 for the energy, 1 for its derivative.
    points, values
        (K,) the first look.
    """

    def __init__(self, curve: Curve, row: int, points: Array, values: Array) -> None:
        self.curve, self.row = curve, row
        differences = third_differences(values)
        spacing = float(points[1] - points[0])
        starts = []
        for segment in np.array_split(np.arange(len(differences)), N_SEGMENTS):
            k = int(segment[int(np.argmax(differences[segment]))])
            starts.append((_Stencil(float(points[k]), spacing, values[k : k + 4]),))
        half = [self._closer(stencils, LEVELS // 2) for stencils in starts]
        half.sort(key=lambda stencils: stencils[-1].difference, reverse=True)
        self.places = [
            _Place(self._closer(stencils, LEVELS - LEVELS // 2)) for stencils in half[:N_FINALISTS]
        ]

    def _closer(self, stencils: tuple[_Stencil, ...], levels: int) -> tuple[_Stencil, ...]:
        """Add finer stencils, each around the largest third difference within the one before."""
        for _ in range(levels):
            left, h = stencils[-1].left, stencils[-1].h / ZOOM
            # From one point before to one behind: a step near an end is in the middle of some stencil.
            finer = np.linspace(left - h, left + (3 * ZOOM + 1) * h, 3 * ZOOM + 3)
            sampled = self.curve.sample(finer)[self.row]
            k = int(np.argmax(third_differences(sampled)))
            stencils = (*stencils, _Stencil(float(finer[k]), h, sampled[k : k + 4]))
        return stencils


def third_differences(values: Array) -> Array:
    """Absolute third differences (K − 3,) of values (K,)."""
    differences: Array = np.abs(np.diff(values, 3))
    return differences


def _scales(curve: Curve, points: Array, values: Array) -> tuple[float, float]:
    """Median force (eV/Å) and curvature (eV/Å²) of ordinary distances, as far as atoms interact."""
    slopes = np.abs(values[1])
    curvatures = np.abs(np.gradient(values[1], points))
    acting = (points > min(curve.usual, float(points[-2]))) & (slopes > 1e-12 * slopes.max())
    if not acting.any():
        return 1e-6, 1e-6
    return float(np.median(slopes[acting])), float(np.median(curvatures[acting]))


def _between(curve: Curve, places: Sequence[float]) -> list[Curve]:
    """The parts of a curve between some places, without their surroundings."""
    edges = [curve.start - CLEARANCE, *(place for place in places if curve.start < place < curve.end)]
    return [
        replace(curve, start=low + CLEARANCE, end=high - CLEARANCE, memory={})
        for low, high in pairwise(edges)
        if high - low > 10.0 * CLEARANCE
    ]
