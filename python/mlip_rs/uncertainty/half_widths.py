"""Error bars as people use them: half-widths that cover a given part of the labels."""

from dataclasses import dataclass

from mlip_rs.arrays import Array
from mlip_rs.uncertainty.estimate import Uncertainty

LEVEL: float = 0.9
"""Coverage of error bars unless another is asked for."""


@dataclass(frozen=True, eq=False)
class HalfWidths:
    """Half-widths of the error bars of one structure, the factors of the calibration included.

    Parameters
    ----------
    energy
        Of the energy per atom, eV/atom.
    forces
        (N, 3) of the components of the forces, eV/Å.
    stress
        (6,) eV/Å³, xx yy zz yz xz xy; None unless three cell vectors span a volume.

    Examples
    --------
    >>> import numpy as np
    >>> from ase.build import bulk
    >>> from mlip_rs import Basis, Potential
    >>> from mlip_rs.uncertainty import Committee
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=2)
    >>> potential = Potential.from_coefficients(basis, [2.0, -0.2], {"Al": 0.0})
    >>> committee = Committee(np.array([1]), np.array([[0.01], [-0.02]]), {"forces": 0.02}, "each of 2 folds")
    >>> found = committee.attached(potential).uncertainty(bulk("Al"))
    >>> HalfWidths.of(found, 0.95).forces.round(3).tolist()  # 1.96 standard errors
    [[0.039, 0.039, 0.039]]
    """

    energy: float
    forces: Array
    stress: Array | None

    @classmethod
    def of(cls, found: Uncertainty, level: float = LEVEL) -> "HalfWidths":
        """Half-widths that cover a part `level` of the labels.

        Raises
        ------
        ConfigError
            A level that is not between 0 and 1.
        """
        return cls(
            found.factor("energy", level) * found.energy,
            found.factor("forces", level) * found.forces,
            None if found.stress is None else found.factor("stress", level) * found.stress,
        )
