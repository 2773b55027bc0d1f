"""What an importer makes of the files of a program."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs import _core


@dataclass(frozen=True)
class Compiled:
    """A basis with coefficients.

    Parameters
    ----------
    basis
        Validated basis of the core.
    coefficients
        (F,), eV per unit of the feature.
    reference_energies
        Energy of an atom without neighbours by element, eV.
    are_isolated
        Whether these are energies of isolated atoms: whether energies of cohesion can be had from them.
    details
        What the `info` of the potential says of its origin.
    """

    basis: _core.Basis
    coefficients: NDArray[np.float64]
    reference_energies: dict[str, float]
    are_isolated: bool
    details: Mapping[str, Any]
