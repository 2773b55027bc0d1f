"""The checks by name, and the functions that run them."""

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
from mlip_rs.verify.result import (
    CheckResult,
    Measured,
    NotApplicable,
    Verification,
    check_result,
    exception_result,
)
from mlip_rs.verify.species import check_bad_input, check_empty_structure, check_isolated_atom, check_species
from mlip_rs.verify.stress import check_stress_test
from mlip_rs.verify.verified_calculator import VerifiedCalculator

Check = Callable[[VerifiedCalculator], list[Measured] | NotApplicable]

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
    "stress-test": check_stress_test,
}
"""Checks by name, in the order in which they run. The first line of each docstring is the claim shown to users."""


def verify(
    potential: Potential | str | os.PathLike[str],
    *,
    only: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Run consistency checks that every potential has to pass, whatever it was fitted to.

    The checks follow the verification checks of OpenKIM (E. B. Tadmor et al., JOM 63, 17 (2011); https://openkim.org).

    Parameters
    ----------
    potential
        Potential, or its file.
    only
        Names of checks, see `CHECKS`; all if None.
    progress
        Notified of every check.

    Raises
    ------
    ConfigError
        There is no check with such a name.
    PotentialFileError
        The file is not a potential file.

    Examples
    --------
    >>> import numpy as np
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=4)
    >>> potential = Potential.from_coefficients(basis, np.ones(4), {"Al": 0.0})
    >>> verify(potential, only=["permutation"])["permutation"].status.value
    'pass'
    """
    checks = _chosen(only)
    if isinstance(potential, Potential):
        return _verification(verified_potential(potential), checks, progress)
    loaded = Potential.load(potential)
    return _verification(verified_potential(loaded, os.fspath(potential)), checks, progress)


def verify_calculator(
    make: Callable[[], Calculator],
    elements: Sequence[str],
    cutoff: float,
    *,
    only: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Run the consistency checks on any ASE calculator.

    Parameters
    ----------
    make
        Returns a new calculator at each call: a class such as `EMT`, or a function.
    elements
        Chemical symbols that the calculator is made for.
    cutoff
        Distance in Å beyond which atoms do not interact.
    only
        Names of checks, see `CHECKS`; all if None.
    progress
        Notified of every check.

    Raises
    ------
    ConfigError
        Elements missing or unknown, a cutoff that is not positive, or no check with such a name.

    Examples
    --------
    >>> from ase.calculators.emt import EMT
    >>> print(verify_calculator(EMT, ["Cu"], cutoff=7.0, only=["permutation"]).passed)
    True
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
    return _verification(
        VerifiedCalculator(make, tuple(elements), float(cutoff), name), _chosen(only), progress
    )


def verified_potential(potential: Potential, name: str = "potential") -> VerifiedCalculator:
    """Prepare a potential for the checks."""
    return VerifiedCalculator(
        lambda: potential.calculator(threads=1, index=False),
        potential.elements,
        potential.cutoff,
        name,
        potential,
    )


def claim(check: Check) -> str:
    """Claim of a check, without the full stop."""
    return (check.__doc__ or "").split("\n")[0].rstrip(".")


def _chosen(only: Sequence[str] | None) -> dict[str, Check]:
    for name in only or ():
        if name not in CHECKS:
            near = get_close_matches(name, CHECKS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(CHECKS)}"
            raise ConfigError(f"there is no check {name!r}; {hint}")
    return {name: check for name, check in CHECKS.items() if only is None or name in only}


def _verification(
    verified: VerifiedCalculator, checks: Mapping[str, Check], progress: Progress | None
) -> Verification:
    progress = progress or Silent()
    progress.start("verifying", len(checks))
    results = []
    for name, check in checks.items():
        results.append(_result(verified, name, check))
        progress.advance()
    return Verification(verified.name, tuple(results))


def _result(verified: VerifiedCalculator, name: str, check: Check) -> CheckResult:
    # A calculator may raise anything: the exception is the result of this check, and the next check goes on.
    try:
        return check_result(name, claim(check), check(verified))
    except Exception as error:
        return exception_result(name, claim(check), error)
