"""Rows of expanded crystals, for elements that would rather fall apart than hold together.

Data of crystals near their equilibrium say nothing of atoms that are far apart, and a fit may give these a lower energy
than the crystal. Energies of expanded crystals follow one curve for all metals, and nearly so for other solids (J. H.
Rose et al., PRB 29, 2963 (1984)):

    E(V) = E(V₀) + ΔE (1 − (1 + a) exp(−a)),  a = (r − r₀) / l,  l = √(ΔE / (12π B r₀))

with the radius r of the sphere of an atom and the bulk modulus B. The cohesive energy ΔE, which such data do not
determine, is estimated from the melting point: kB Tm = 0.032 ΔE (F. Guinea et al., Appl. Phys. Lett. 44, 53 (1984)).
That is good to a third, so the weight is small: enough to settle what the data leave open, and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase import Atoms, units

from mlip_rs.arrays import Array, Mask
from mlip_rs.data import Frame
from mlip_rs.fitting.fold_store import FoldEquations, chunks
from mlip_rs.fitting.normal_equations import NormalEquations, System, accumulate, symmetrize
from mlip_rs.fitting.problem import Problem
from mlip_rs.generate.melting_points import melting_point
from mlip_rs.generate.prototypes import PROTOTYPES, prototype
from mlip_rs.potential import Potential
from mlip_rs.potential.lowest_crystals import energies_per_atom

MELTING: float = 0.032
"""kB Tm in cohesive energies."""

UNSURE: float = 0.1
"""Standard deviation of the energies, in cohesive energies."""

RATIOS: Array = np.append(np.geomspace(1.4, 16.0, 14), 1000.0)
"""Volumes of the crystals, in that of the lowest structure of the data; the last are free atoms."""

STRAINS: Array = np.linspace(0.96, 1.04, 5)
"""Volumes, in the same units, from which the bulk modulus follows."""

STIFFNESS: float = 0.2
"""l / r₀ where the curvature of the energy gives none."""


@dataclass(frozen=True, eq=False)
class Expansion:
    """Normal equations of expanded crystals with the energies of the universal curve.

    Parameters
    ----------
    equations
        One "fold".
    n_structures
        Number of crystals.
    elements
        Those that are kept together.
    """

    equations: FoldEquations
    n_structures: int
    elements: tuple[str, ...]

    def added(self, system: System) -> System:
        """The equations with these rows, in the memory of the Gram matrix given; rows and yᵀWy are not counted."""
        for rows in chunks(len(system.xty)):
            system.gram[rows] += self.equations.gram_rows(0, rows)
        return replace(system, xty=system.xty + self.equations.sums(0).xty)


def expansion(
    problem: Problem,
    coefficients: Array,
    lowest: Sequence[tuple[Atoms, float]],
    occurring: Mask,
    directory: Path,
    threads: int | None = None,
) -> Expansion | None:
    """Rows for the elements of which the data have a periodic structure; None if there is none.

    Parameters
    ----------
    problem
        Basis, reference energies and weights.
    coefficients
        (F,) of a fit, for the bulk moduli.
    lowest
        The lowest structure of each set of elements, and its energy per atom without the reference energies, eV.
    occurring
        (F,) features that occur in the data; the others stay zero.
    directory
        Place of the Gram matrix, if it is too large for the memory.
    threads
        As for `Potential.predict`.
    """
    potential = Potential.from_coefficients(problem.basis.to_dict(), coefficients, problem.reference.values)
    frames: list[Frame] = []
    weights: list[float] = []
    for atoms, energy in lowest:
        if len(set(atoms.symbols)) > 1 or not atoms.pbc.all():
            continue
        cohesive = float(units.kB) * melting_point(atoms.symbols[:1]) / MELTING
        found = _expanded(atoms, energy, cohesive, _length(potential, atoms, cohesive, threads))
        for crystal, own in found:
            total = own * len(crystal) + len(crystal) * problem.reference.values[atoms.symbols[0]]
            frames.append(_frame(crystal, total, len(frames)))
            weights.append(1.0 / (UNSURE * cohesive) ** 2)
    if not frames:
        return None
    sums = NormalEquations.zeros(len(coefficients), 1)
    of_rows = np.outer(weights, [1.0, 0.0, 0.0])
    accumulate(sums, problem.basis, frames, problem.reference, of_rows, threads)
    symmetrize(sums, threads)
    sums.gram[0, ~occurring] = 0.0
    sums.gram[0, :, ~occurring] = 0.0
    sums.xty[0, ~occurring] = 0.0
    equations = FoldEquations(directory, 1, len(coefficients), np.ones(1), persistent=False)
    if not equations.small:
        directory.mkdir(parents=True, exist_ok=True)
    equations.save(0, sums)
    elements = dict.fromkeys(symbol for frame in frames for symbol in frame.symbols)
    return Expansion(equations, len(frames), tuple(elements))


def universal_binding(radius: Array, equilibrium: float, length: float, cohesive: float) -> Array:
    """Energy of an expanded crystal above the one in equilibrium, eV per atom.

    Parameters
    ----------
    radius
        (K,) radii of the sphere of an atom, Å.
    equilibrium
        The same in equilibrium, Å.
    length
        Å; on which the energy changes.
    cohesive
        eV per atom.

    Examples
    --------
    >>> universal_binding(np.array([1.6, 100.0]), 1.6, 0.3, 3.4).tolist()
    [0.0, 3.4]
    """
    scaled = (np.asarray(radius) - equilibrium) / length
    energies: Array = cohesive * (1.0 - (1.0 + scaled) * np.exp(-scaled))
    return energies


def _expanded(atoms: Atoms, energy: float, cohesive: float, length: float) -> list[tuple[Atoms, float]]:
    """Crystals of all prototypes and their energies per atom, eV."""
    volume = atoms.get_volume() / len(atoms)
    equilibrium = float(_radius(np.array(volume)))
    above = universal_binding(_radius(volume * RATIOS), equilibrium, length, cohesive)
    return [
        (prototype(name, atoms.symbols[0], volume * ratio), energy + float(own))
        for name in PROTOTYPES
        for ratio, own in zip(RATIOS, above, strict=True)
    ]


def _length(potential: Potential, atoms: Atoms, cohesive: float, threads: int | None) -> float:
    """Length l of the universal curve, Å, from the curvature of the energy that a fit gives a structure."""
    volume = atoms.get_volume() / len(atoms)
    radius = float(_radius(np.array(volume)))
    strained = []
    for ratio in STRAINS:
        strained.append(atoms.copy())
        strained[-1].set_cell(atoms.cell.array * np.cbrt(ratio), scale_atoms=True)
    energies = energies_per_atom(potential, strained, threads)
    curvature = float(np.polyfit(STRAINS, energies, 2)[0]) if np.isfinite(energies).all() else 0.0
    if curvature <= 0.0:
        return STIFFNESS * radius
    modulus = 2.0 * curvature / volume  # V d²E/dV² per volume
    return float(np.sqrt(cohesive / (12.0 * np.pi * modulus * radius)))


def _radius(volumes: Array) -> Array:
    """Radii of spheres with some volumes."""
    radii: Array = np.cbrt(0.75 * volumes / np.pi)
    return radii


def _frame(atoms: Atoms, energy: float, index: int) -> Frame:
    return Frame(
        atoms.numbers,
        atoms.positions,
        atoms.cell.array,
        atoms.pbc,
        energy=energy,
        file="expanded crystals",
        index=index,
    )
