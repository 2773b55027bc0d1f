"""Calculators and reference properties from what the user names: a file or an import path."""

from pathlib import Path

from ase import Atoms

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.calculators.per_structure import PerStructureCalculator
from mlip_rs.errors import ConfigError, MlipError, PotentialFileError
from mlip_rs.label.source import opened, source_of
from mlip_rs.potential import Potential
from mlip_rs.threads import number_of_threads
from mlip_rs.validate.reference import Reference, load_reference


def calculator_of(text: str) -> Calculator:
    """A calculator from its name on the command line, for all structures.

    Parameters
    ----------
    text
        "module:factory", "file.py:factory", the file of a potential, or the name of a teacher. A factory that takes a
        structure is called with every structure.

    Raises
    ------
    ConfigError
        Nothing that makes one.

    Examples
    --------
    >>> type(calculator_of("ase.calculators.emt:EMT")).__name__
    'EMT'
    """
    made = opened(source_of(text), threads=number_of_threads(None))
    if made.per_structure:
        return PerStructureCalculator(made.make)
    try:
        calculator: Calculator = made.make(Atoms())
    except MlipError:
        raise
    except Exception as error:  # the factory is the user's
        raise ConfigError(f"{text}: gives no calculator: {type(error).__name__}: {error}") from error
    return calculator


def load_calculator(text: str) -> tuple[Calculator, Potential | None]:
    """A calculator, and the potential if it is one of this package.

    Parameters
    ----------
    text
        Potential file of any name, or as for `calculator_of`.

    Raises
    ------
    ConfigError
        Neither a potential nor anything that gives a calculator.
    PotentialFileError
        A file that is no potential.
    """
    if Path(text).exists():
        potential = Potential.load(text)
        return potential.calculator(index=False), potential
    if ":" not in text and ("/" in text or "." in text):
        raise ConfigError(
            f"{text}: no such file; give a file of reference properties, a potential, module:factory "
            "(ase.calculators.emt:EMT), file.py:factory, or the name of a teacher (chgnet, 7net-0)"
        )
    return calculator_of(text), None


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
