"""Errors where energies have other zeros: constants of the elements are fitted first."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.evaluate.errors import Errors, Labels, evaluate_errors


def shifted_errors(reference: Labels, predicted: Labels, compositions: Array, names: Sequence[str]) -> Errors:
    """Errors of predictions whose energies may differ by a constant for each atom of an element.

    Codes, pseudopotentials and teachers count energies from different zeros. The constants are those that make the
    errors of the energies per atom least squares; forces and stresses have none.

    Parameters
    ----------
    reference, predicted
        Labels and predictions of the same structures.
    compositions
        (S, E) numbers of atoms of each element.
    names
        (S,) group of each structure.

    Raises
    ------
    DataError
        As `evaluate_errors`.

    Examples
    --------
    >>> reference = Labels([-3.0, -6.2], [None, None], [None, None])
    >>> predicted = Labels([-8.0, -16.0], [None, None], [None, None])
    >>> errors = shifted_errors(reference, predicted, np.array([[1.0], [2.0]]), ["a", "a"])
    >>> f"{errors.energy.rmse:.0f} meV/atom"  # -3.0 and -3.1 beside -8.0 and -8.0
    '50 meV/atom'
    """
    n_atoms = compositions.sum(axis=1)
    known = np.array([energy is not None for energy in reference.energies])
    energies = list(predicted.energies)
    if known.any():
        differences = np.array(
            [
                a - b
                for a, b in zip(reference.energies, predicted.energies, strict=True)
                if a is not None and b is not None
            ]
        )
        shares = compositions[known] / n_atoms[known, None]
        constants = np.linalg.lstsq(shares, differences / n_atoms[known], rcond=None)[0]
        energies = [
            None if energy is None else float(energy + shift)
            for energy, shift in zip(energies, compositions @ constants, strict=True)
        ]
    return evaluate_errors(reference, replace(predicted, energies=energies), [int(n) for n in n_atoms], names)
