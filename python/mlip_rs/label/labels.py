"""Labels of one structure by a calculator, or the reason why there are none: never a doubtful label."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.abc import GetPropertiesMixin
from ase.calculators.calculator import (
    BaseCalculator,
    PropertyNotImplementedError,
    all_changes,
)

from mlip_rs.arrays import Array
from mlip_rs.data import Frame, LabelKeys
from mlip_rs.data.labels import voigt
from mlip_rs.errors import DataError, MlipError, StructureError

MAX_FORCE: float = 500.0
"""Forces beyond this (eV/Å) are taken for failures."""

MAX_STRESS: float = 100.0
"""Stresses beyond this (eV/Å³; 16 000 GPa) are taken for failures."""

LONGEST_REASON: int = 300
"""Characters of a reason."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Energy, forces and stress of one structure.

    Parameters
    ----------
    energy
        The energy whose derivatives the forces are, eV: the free energy, where the calculator tells one.
    forces
        (N, 3) eV/Å.
    stress
        (6,) eV/Å³, positive under tension, xx yy zz yz xz xy; None if the calculator gives none, or the structure is
        not periodic in three directions.
    energy_zero_smearing
        The energy extrapolated to no smearing, eV, if the calculator tells it and it differs.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> found = labels_of(bulk("Al"), EMT())
    >>> found.forces.shape, found.stress.shape
    ((1, 3), (6,))
    """

    energy: float
    forces: Array
    stress: Array | None = None
    energy_zero_smearing: float | None = None


class Unlabellable(Exception):
    """A structure that got no labels.

    Parameters
    ----------
    kind
        One of few words, such as "not converged".
    reason
        A sentence.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(kind, reason)
        readable = "".join(character if character.isprintable() else " " for character in reason)
        self.kind, self.reason = kind, " ".join(readable.split())[:LONGEST_REASON]


def labels_of(atoms: Atoms, calculator: Any, max_force: float = MAX_FORCE) -> Labels:  # noqa: ANN401 (of anyone)
    """Labels of a structure by a calculator.

    Parameters
    ----------
    atoms
        The structure; it stays as it is.
    calculator
        With the interface of ASE.
    max_force
        Forces beyond this (eV/Å) are refused.

    Raises
    ------
    Unlabellable
        The calculator fails or did not converge, has moved the atoms, or gives what cannot be labels: no forces, other
        shapes, NaN, absurd sizes.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> labels = labels_of(bulk("Al"), EMT())
    >>> round(labels.energy, 4), labels.stress.shape
    (-0.0015, (6,))
    >>> labels_of(bulk("W"), EMT())
    Traceback (most recent call last):
    mlip_rs.label.labels.Unlabellable: ('error', 'NotImplementedError: No EMT-potential for W')
    """
    try:
        _frame(atoms)
    except StructureError as error:
        raise Unlabellable("structure", _without_place(error)) from None
    given = atoms.copy()
    with told():
        energy, free_energy, forces, stress = _results(given, calculator)
        converged = getattr(calculator, "converged", None)
        converged = converged() if callable(converged) else converged
    if converged is not None and not converged:
        raise Unlabellable("not converged", "the calculator says that it has not converged")
    _check_unmoved(atoms, given)
    energy, free_energy = (None if value is None else _number(value) for value in (energy, free_energy))
    consistent = energy if free_energy is None else free_energy
    if consistent is None or forces is None:
        missing = "energy" if consistent is None else "forces"
        raise Unlabellable("wrong label", f"the calculator gives no {missing}")
    if stress is not None:
        stress = np.asarray(stress, dtype=float)
        stress = voigt(stress, LabelKeys()) if stress.size in (6, 9) else stress
    try:
        frame = _frame(atoms, consistent, np.asarray(forces, dtype=float), stress)
    except (DataError, TypeError, ValueError) as error:
        raise Unlabellable("wrong label", _without_place(error)) from None
    _check_sizes(frame, max_force)
    assert frame.energy is not None
    assert frame.forces is not None
    if energy is not None and not np.isfinite(energy):
        raise Unlabellable("wrong label", "energy is not finite")
    differs = energy is not None and energy != consistent
    return Labels(frame.energy, frame.forces, frame.stress, energy if differs else None)


@contextmanager
def told() -> Iterator[None]:
    """Turn what a calculator raises into `Unlabellable`."""
    try:
        yield
    except Unlabellable:
        raise
    except MemoryError as error:
        raise Unlabellable("memory", f"the calculator ran out of memory {error}") from None
    except MlipError as error:
        raise Unlabellable("error", str(error)) from None
    except Exception as error:
        name, text = type(error).__name__, str(error)
        kind = "not converged" if "converge" in f"{name} {text}".lower() else "error"
        raise Unlabellable(kind, f"{name}: {text}" if text else name) from None


def _results(atoms: Atoms, calculator: Any) -> tuple[Any, Any, Any, Any]:  # noqa: ANN401 (of anyone)
    """Energy, free energy, forces and stress in one calculation, None for what is not there."""
    periodic = bool(atoms.pbc.all())
    if not isinstance(calculator, BaseCalculator):
        return _asked(atoms, calculator, periodic)
    implemented = calculator.implemented_properties
    wanted = [name for name in ("energy", "forces", "stress") if name in implemented]
    if not periodic and "stress" in wanted:
        wanted.remove("stress")
    calculator.results = {}  # of another structure, should this calculation set none
    try:
        calculator.calculate(atoms, wanted, all_changes)
    except PropertyNotImplementedError:
        if "stress" not in wanted:
            raise
        wanted.remove("stress")
        calculator.calculate(atoms, wanted, all_changes)
    results = calculator.results
    stress = results.get("stress") if periodic else None
    return results.get("energy"), results.get("free_energy"), results.get("forces"), stress


def _asked(atoms: Atoms, calculator: GetPropertiesMixin, periodic: bool) -> tuple[Any, Any, Any, Any]:
    """The same from a calculator that has only the methods that ASE asks for, such as that of GPAW."""
    energy = calculator.get_potential_energy(atoms)
    try:
        free_energy = calculator.get_potential_energy(atoms, force_consistent=True)
    except (NotImplementedError, TypeError):
        free_energy = None
    forces, stress = calculator.get_forces(atoms), None
    if periodic and hasattr(calculator, "get_stress"):
        try:
            stress = calculator.get_stress(atoms)
        except NotImplementedError:
            stress = None
    return energy, free_energy, forces, stress


def _number(value: object) -> float:
    """An energy as a number."""
    try:
        return float(np.asarray(value, dtype=float).reshape(()))
    except (TypeError, ValueError):
        raise Unlabellable("wrong label", f"the energy is not one number: {value!r}") from None


def _frame(
    atoms: Atoms, energy: float | None = None, forces: Array | None = None, stress: Array | None = None
) -> Frame:
    """The structure and its labels, checked by the constructor of frames."""
    return Frame(
        atoms.numbers,
        atoms.positions,
        atoms.cell.array,
        atoms.pbc,
        energy=energy,
        forces=forces,
        stress=stress,
    )


def _without_place(error: Exception) -> str:
    """Message of a frame without "frame 0 of memory", and without a cure that is none here."""
    return str(error).removeprefix("frame 0 of memory: ").partition("; remove the frame or its label")[0]


def _check_unmoved(before: Atoms, after: Atoms) -> None:
    """Refuse labels of other atoms than those given, such as of a relaxation."""
    same = (
        len(before) == len(after)
        and np.array_equal(before.numbers, after.numbers)
        and np.array_equal(before.positions, after.positions)
        and np.array_equal(before.cell.array, after.cell.array)
    )
    if not same:
        raise Unlabellable(
            "wrong label",
            "the calculator has moved atoms or cell; labels belong to a structure as it is given",
        )


def _check_sizes(frame: Frame, max_force: float) -> None:
    """Refuse labels of absurd size."""
    assert frame.forces is not None
    sizes = np.linalg.norm(frame.forces, axis=1)
    atom = int(np.argmax(sizes))
    if sizes[atom] > max_force:
        raise Unlabellable(
            "wrong label",
            f"the force on atom {atom} is {sizes[atom]:.3g} eV/Å, above the limit of {max_force:g}",
        )
    if frame.stress is not None and np.abs(frame.stress).max() > MAX_STRESS:
        largest = np.abs(frame.stress).max()
        raise Unlabellable(
            "wrong label", f"the stress is {largest:.3g} eV/Å³, above the limit of {MAX_STRESS:g}"
        )
