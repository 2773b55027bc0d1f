"""The checks by name, and the functions that make them."""

import os
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

from ase.data import atomic_numbers

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.errors import ConfigError
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent
from mlip_rs.verify.continuity import check_c1, check_c2
from mlip_rs.verify.derivatives import check_forces, check_virial
from mlip_rs.verify.invariance import check_permutation, check_rotation, check_translation
from mlip_rs.verify.periodicity import (
    check_lattice_vector,
    check_mixed_periodicity,
    check_small_cells,
    check_supercell,
)
from mlip_rs.verify.potential_file import check_evaluators, check_file, check_units
from mlip_rs.verify.repetition import check_determinism, check_memory, check_threads
from mlip_rs.verify.result import CheckResult, Measured, NotApplicable, Verification, broken, judge
from mlip_rs.verify.species import check_bad_input, check_empty_structure, check_isolated_atom, check_species
from mlip_rs.verify.subject import Subject

Check = Callable[[Subject], list[Measured] | NotApplicable]

CHECKS: Mapping[str, Check] = {
    "forces": check_forces,
    "virial": check_virial,
    "c1": check_c1,
    "c2": check_c2,
    "translation": check_translation,
    "rotation": check_rotation,
    "permutation": check_permutation,
    "lattice-vector": check_lattice_vector,
    "supercell": check_supercell,
    "small-cells": check_small_cells,
    "mixed-periodicity": check_mixed_periodicity,
    "species": check_species,
    "isolated-atom": check_isolated_atom,
    "bad-input": check_bad_input,
    "empty-structure": check_empty_structure,
    "evaluators": check_evaluators,
    "file": check_file,
    "units": check_units,
    "determinism": check_determinism,
    "threads": check_threads,
    "memory": check_memory,
}
"""By name, in the order they are made. The first line of the docstring of each is what it claims."""


def verify(
    potential: Potential | str | os.PathLike[str],
    *,
    only: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Verify a potential, as anybody may demand of any, whatever it was fitted to.

    The checks follow the verification checks of OpenKIM (E. B. Tadmor et al., JOM 63, 17 (2011); https://openkim.org).

    Parameters
    ----------
    potential
        The potential, or its file.
    only
        Names of checks, of `CHECKS`; all if None.

    Raises
    ------
    ConfigError
        There is no check of that name.
    PotentialFileError
        Not a potential file.
    """
    checks = _chosen(only)
    if isinstance(potential, Potential):
        return _verification(subject_of(potential), checks, progress)
    subject = subject_of(Potential.load(potential), os.fspath(potential))
    return _verification(subject, checks, progress)


def verify_calculator(
    make: Callable[[], Calculator],
    elements: Sequence[str],
    cutoff: float,
    *,
    only: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Verify any ASE calculator that is a function of positions, elements and cell.

    Parameters
    ----------
    make
        Gives a new calculator at each call: a class, as `EMT`, or a function.
    elements
        Chemical symbols it is made for.
    cutoff
        Distance in Å beyond which atoms do not interact.
    only
        Names of checks, of `CHECKS`; all if None.

    Raises
    ------
    ConfigError
        No elements, an unknown one, a cutoff that is not positive, or no check of that name.
    """
    unknown = [symbol for symbol in elements if symbol not in atomic_numbers]
    if unknown or not elements:
        raise ConfigError(
            f"elements: {', '.join(unknown) or 'none'}; give the chemical symbols it is made for"
        )
    if not 0.0 < cutoff < float("inf"):
        raise ConfigError(f"cutoff = {cutoff} is not a distance in Å")
    if not callable(make):
        raise ConfigError("give a function that makes calculators, such as the class, not one calculator")
    name = getattr(make, "__name__", type(make).__name__)
    return _verification(Subject(make, tuple(elements), float(cutoff), name), _chosen(only), progress)


def subject_of(potential: Potential, name: str = "potential") -> Subject:
    """A potential as what is verified."""
    return Subject(
        lambda: potential.calculator(threads=1), potential.elements, potential.cutoff, name, potential
    )


def claim(check: Check) -> str:
    """What a check claims, without the full stop."""
    return (check.__doc__ or "").split("\n")[0].rstrip(".")


def _chosen(only: Sequence[str] | None) -> dict[str, Check]:
    for name in only or ():
        if name not in CHECKS:
            near = get_close_matches(name, CHECKS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(CHECKS)}"
            raise ConfigError(f"there is no check {name!r}; {hint}")
    return {name: check for name, check in CHECKS.items() if only is None or name in only}


def _verification(subject: Subject, checks: Mapping[str, Check], progress: Progress | None) -> Verification:
    progress = progress or Silent()
    progress.start("verifying", len(checks))
    results = []
    for name, check in checks.items():
        results.append(_result(subject, name, check))
        progress.advance()
    return Verification(subject.name, tuple(results))


def _result(subject: Subject, name: str, check: Check) -> CheckResult:
    # What is verified may do anything: whatever it raises is the result, and the next check goes on.
    try:
        return judge(name, claim(check), check(subject))
    except Exception as error:
        return broken(name, claim(check), error)
