"""Energy, forces, stress and relaxations with any ASE calculator, all results checked.

Every property of this package uses these functions, so that a calculator that returns NaN, or a relaxation that does
not converge, raises a `PropertyError` with the reason.
"""

from typing import Any

import numpy as np
from ase import Atoms
from ase.constraints import FixSymmetry
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from numpy.typing import NDArray

from mlip_rs.calculators.relaxations import relaxation
from mlip_rs.errors import PropertyError
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA

Calculator = Any
"""Any ASE calculator (ASE ships no type of its own that a checker could use)."""

ISOLATED_BOX = 20.0
"""Edge in Å of the box of an isolated atom; with open boundaries the value does not matter."""

MAX_STEP = 0.1
"""Longest displacement of one relaxation step, in Å: short enough not to jump out of a shallow well."""


def potential_energy(calculator: Calculator, atoms: Atoms) -> float:
    """Potential energy of a structure.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    atoms
        The structure; it is copied.

    Returns
    -------
    float
        Energy of the whole structure, in eV.

    Raises
    ------
    PropertyError
        The energy is not finite.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> print(f"{potential_energy(EMT(), bulk('Cu', a=3.59)):.3f} eV")
    -0.007 eV
    """
    attached = _attached(calculator, atoms)
    energy = float(attached.get_potential_energy())
    if not np.isfinite(energy):
        raise PropertyError(
            f"the energy of {_describe(atoms)} is {energy}; the potential cannot be used there"
        )
    return energy


def forces(calculator: Calculator, atoms: Atoms) -> NDArray[np.float64]:
    """Return the forces (n_atoms, 3) in eV/Å; raises `PropertyError` when one is not finite."""
    attached = _attached(calculator, atoms)
    return _finite(attached.get_forces(), "forces", atoms)


def stress_gpa(calculator: Calculator, atoms: Atoms) -> NDArray[np.float64]:
    """Stress (6,) in GPa, ASE's sign (positive under tension) and order xx yy zz yz xz xy.

    Raises `PropertyError` when a component is not finite.
    """
    attached = _attached(calculator, atoms)
    return _finite(attached.get_stress(voigt=True), "stress", atoms) * EV_PER_ANGSTROM3_IN_GPA


def isolated_atom_energy(calculator: Calculator, symbol: str) -> float:
    """Energy in eV of one atom with open boundaries: the zero of the calculator's energies."""
    atom = Atoms(symbol, positions=[[0.5 * ISOLATED_BOX] * 3], cell=[ISOLATED_BOX] * 3, pbc=False)
    return potential_energy(calculator, atom)


def relaxed(calculator: Calculator, atoms: Atoms, *, fmax: float = 0.01, max_steps: int = 500) -> Atoms:
    """Relax the positions in a fixed cell.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    atoms
        The structure; it is copied.
    fmax
        Largest remaining force in eV/Å.
    max_steps
        Largest number of steps of the optimiser (BFGS).

    Returns
    -------
    Atoms
        The relaxed structure, without a calculator.

    Raises
    ------
    PropertyError
        The forces did not fall below `fmax` within `max_steps`, or became infinite.
    """
    return relaxation(calculator, atoms, lambda start: _relaxed(calculator, start, fmax, max_steps))


def _relaxed(calculator: Calculator, atoms: Atoms, fmax: float, max_steps: int) -> Atoms:
    moving = _attached(calculator, atoms)
    _finite(moving.get_forces(), "forces", atoms)
    try:
        converged = optimized(moving, fmax, max_steps)
    except (np.linalg.LinAlgError, FloatingPointError) as error:
        raise PropertyError(f"the relaxation of {_describe(atoms)} broke down: {error}") from error
    left = _finite(moving.get_forces(), "forces", moving)
    if not converged:
        largest = float(np.linalg.norm(left, axis=1).max())
        raise PropertyError(
            f"the relaxation of {_describe(atoms)} did not converge in {max_steps} steps:"
            f" a force of {largest:.3g} eV/Å is left (allowed: {fmax} eV/Å);"
            " raise max_steps, or distrust the potential there"
        )
    result = moving.copy()
    result.calc = None
    return result


def relaxed_crystal(
    calculator: Calculator, atoms: Atoms, *, fmax: float = 1e-3, max_steps: int = 300
) -> Atoms:
    """Relax cell and positions of a crystal within its own space group.

    Parameters
    ----------
    calculator
        Any ASE calculator with stresses.
    atoms
        The crystal, periodic in all directions; it is copied.
    fmax
        Largest remaining force in eV/Å; for the cell, the strain derivative of the energy in eV.
    max_steps
        Largest number of steps of the optimiser (BFGS).

    Returns
    -------
    Atoms
        The relaxed crystal, without a calculator. Its symmetry is kept, even if the crystal is unstable without it.

    Raises
    ------
    PropertyError
        The forces did not fall below `fmax` within `max_steps`, or became infinite.
    """
    moving = _attached(calculator, atoms)
    moving.set_constraint(FixSymmetry(moving))
    _finite(moving.get_forces(), "forces", atoms)
    try:
        converged = optimized(FrechetCellFilter(moving), fmax, max_steps)
    except (np.linalg.LinAlgError, FloatingPointError, ValueError) as error:
        raise PropertyError(f"the relaxation of {_describe(atoms)} broke down: {error}") from error
    _finite(moving.get_forces(), "forces", moving)
    if not converged:
        raise PropertyError(
            f"the cell of {_describe(atoms)} did not relax in {max_steps} steps (it is now {_describe(moving)});"
            " raise max_steps, or distrust the potential there"
        )
    result = moving.copy()
    result.set_constraint()
    result.calc = None
    return result


def optimized(moving: Any, fmax: float, max_steps: int) -> bool:  # noqa: ANN401 (Atoms or one of ASE's filters)
    """Minimise the energy of atoms in place with BFGS.

    Parameters
    ----------
    moving
        Atoms with a calculator, or an ASE filter around them.
    fmax, max_steps
        Largest remaining force in eV/Å, and largest number of steps.

    Returns
    -------
    bool
        True if the forces fell below `fmax`.

    Examples
    --------
    >>> from ase import Atoms
    >>> from ase.calculators.emt import EMT
    >>> dimer = Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 2.5]], calculator=EMT())
    >>> optimized(dimer, fmax=0.01, max_steps=50)
    True
    """
    with BFGS(moving, logfile=None, maxstep=MAX_STEP) as optimizer:
        return bool(optimizer.run(fmax=fmax, steps=max_steps))


def _attached(calculator: Calculator, atoms: Atoms) -> Atoms:
    attached = atoms.copy()
    attached.calc = calculator
    return attached


def _finite(values: NDArray[np.float64], name: str, atoms: Atoms) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=float)
    if not np.all(np.isfinite(array)):
        raise PropertyError(
            f"the {name} of {_describe(atoms)} are not finite; the potential cannot be used there"
        )
    return array


def _describe(atoms: Atoms) -> str:
    volume = abs(float(np.linalg.det(np.asarray(atoms.cell[:], dtype=float))))
    periodic = f" at {volume / len(atoms):.2f} Å³/atom" if bool(np.any(atoms.pbc)) else ""
    return f"{atoms.get_chemical_formula()}{periodic}"
