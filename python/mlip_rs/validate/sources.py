"""Calculators and reference properties from what the user names: a file or an import path."""

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from mlip_rs.calculators.calculations import (
    Calculator,
)
from mlip_rs.errors import ConfigError, PotentialFileError
from mlip_rs.potential import Potential
from mlip_rs.validate.elastic_constants import ElasticConstants
from mlip_rs.validate.properties.elastic import ElasticAnalysis
from mlip_rs.validate.properties.pressure import transitions_between
from mlip_rs.validate.properties.vacancy import VacancyConvergence, VacancyFormation
from mlip_rs.validate.prototype_energies import PrototypeEnergies
from mlip_rs.validate.reference import Reference, load_reference
from mlip_rs.validate.stiffness import polycrystal_averages


def load_calculator(text: str) -> tuple[Calculator, Potential | None]:
    """Make a calculator from a potential file or an import path `module:factory`.

    Raises
    ------
    ConfigError
        Neither a potential nor something importable that gives a calculator.
    """
    path = Path(text)
    if path.exists():
        potential = Potential.load(path)
        return potential.calculator(index=False), potential
    module, separator, name = text.partition(":")
    if not separator:
        raise ConfigError(
            f"{text}: no such file; give a file of reference properties, a potential, or module:factory"
            " (ase.calculators.emt:EMT)"
        )
    sys.path.insert(0, str(Path.cwd()))  # a script in the working directory, as `python -m` would find it
    try:
        calculator = getattr(importlib.import_module(module), name)()
    except Exception as error:  # the module and the factory are the user's
        raise ConfigError(f"{text}: gives no calculator: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    if not hasattr(calculator, "get_property"):
        raise ConfigError(f"{text}: gives a {type(calculator).__name__}, not an ASE calculator")
    return calculator, None


def load_reference_source(
    text: str, element: str | None = None
) -> Reference | tuple[Calculator, Potential | None]:
    """Reference properties from a file (of `element` if it names none), or a calculator as by `load_calculator`.

    Raises
    ------
    ConfigError, DataError, PotentialFileError
        The text names none of them; a file that is not a potential is read as reference properties.
    """
    if Path(text).is_file():
        try:
            return load_calculator(text)
        except PotentialFileError:
            return load_reference(text, element=element)
    return load_calculator(text)


def reference_results(reference: Reference) -> dict[str, Any]:
    """Convert a file of reference properties to results, by the name of the property."""
    elastic = reference.elastic
    stiffness = np.diag([elastic.c11 - elastic.c12] * 3 + [elastic.c44] * 3)
    stiffness[:3, :3] += elastic.c12
    constants = ElasticConstants(tuple(map(tuple, stiffness.tolist())), 0.0, elastic.volume)
    stable = constants.is_stable
    curves = tuple(reference.curves.values())
    pressure = {"pressure": transitions_between(reference.element, curves)} if len(curves) > 1 else {}
    return pressure | {
        "prototypes": PrototypeEnergies(reference.element, curves),
        "elastic": ElasticAnalysis(
            "Fm-3m",
            "cubic",
            3,
            constants,
            constants,
            0.0,
            polycrystal_averages(stiffness) if stable else None,
        ),
        "zone-boundary": reference.phonons,
        "vacancy": VacancyConvergence(
            (VacancyFormation(reference.vacancy_sites, reference.vacancy_unrelaxed, None),)
        ),
    }
