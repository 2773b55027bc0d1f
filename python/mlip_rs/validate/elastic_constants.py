"""Elastic constants from the stress under small strains, and Born's condition of mechanical stability."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from mlip_rs.calculators.calculations import Calculator, relaxed, stress_gpa
from mlip_rs.errors import ConfigError
from mlip_rs.units import VOIGT

STRAIN = 0.01
"""Strain of the central differences, as in the aluminium reference, so that its small error cancels."""


@dataclass(frozen=True)
class ElasticConstants:
    """Elastic stiffness in the frame of the cell.

    Attributes
    ----------
    tensor
        C, 6 rows of 6, in GPa, Voigt order xx yy zz yz xz xy, symmetrised.
    asymmetry
        Largest `|C_ij − C_ji|` before that, in GPa: 0 if stress and energy agree and the cell is unstressed.
    volume
        Å³/atom.

    Examples
    --------
    >>> rows = np.pad(np.full((3, 3), 120.0), (0, 3)) + np.diag([50.0] * 3 + [75.0] * 3)
    >>> copper = ElasticConstants(tuple(map(tuple, rows.tolist())), asymmetry=0.0, volume=11.8)
    >>> print(f"{copper.bulk_modulus:.1f} GPa, stable: {copper.is_stable}")
    136.7 GPa, stable: True
    """

    tensor: tuple[tuple[float, ...], ...]
    asymmetry: float
    volume: float

    @property
    def matrix(self) -> NDArray[np.float64]:
        """C as an array (6, 6) in GPa."""
        return np.array(self.tensor)

    @property
    def c11(self) -> float:
        """Mean of C11, C22, C33 in GPa."""
        return float(np.mean(np.diag(self.matrix)[:3]))

    @property
    def c12(self) -> float:
        """Mean of C12, C13, C23 in GPa."""
        return float(np.mean(self.matrix[[0, 0, 1], [1, 2, 2]]))

    @property
    def c44(self) -> float:
        """Mean of C44, C55, C66 in GPa."""
        return float(np.mean(np.diag(self.matrix)[3:]))

    @property
    def bulk_modulus(self) -> float:
        """Voigt average (C11 + 2 C12) / 3 in GPa; for a cubic crystal the bulk modulus."""
        return (self.c11 + 2 * self.c12) / 3

    @property
    def smallest_eigenvalue(self) -> float:
        """Smallest eigenvalue of C in GPa."""
        return float(np.linalg.eigvalsh(self.matrix)[0])

    @property
    def is_stable(self) -> bool:
        """Born: every strain costs energy. For a cubic crystal `C11 > |C12|`, C11 + 2 C12 > 0 and C44 > 0."""
        return self.smallest_eigenvalue > 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "tensor_gpa": [list(row) for row in self.tensor],
            "C11_gpa": self.c11,
            "C12_gpa": self.c12,
            "C44_gpa": self.c44,
            "asymmetry_gpa": self.asymmetry,
            "volume_angstrom3_per_atom": self.volume,
            "stable": self.is_stable,
        }


def elastic_constants(
    calculator: Calculator,
    atoms: Atoms,
    *,
    strain: float = STRAIN,
    relax_ions: bool = False,
    fmax: float = 1e-3,
) -> ElasticConstants:
    """Elastic constants at the volume of the given cell, C_ij = (σ_i(+ε_j) − σ_i(−ε_j)) / 2ε.

    Parameters
    ----------
    calculator
        Any ASE calculator with stresses.
    atoms
        The crystal, at its equilibrium volume if elastic constants in the usual sense are wanted.
    strain
        ε; a shear has the engineering strain 2 ε_yz = ε.
    relax_ions
        Relax the positions under each strain: matters where atoms are not centres of inversion (hcp,
        diamond). Without it the constants are those of clamped ions.
    fmax
        Largest remaining force of that relaxation, in eV/Å.

    Returns
    -------
    ElasticConstants
        Stiffness in GPa, in the Cartesian frame of the cell.

    Raises
    ------
    ConfigError
        The strain is not positive and small, or the structure is not periodic in three directions.
    PropertyError
        A stress is not finite, or a relaxation does not converge.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> found = elastic_constants(EMT(), bulk("Cu", a=3.59))
    >>> print(f"{found.c11:.0f} {found.c12:.0f} {found.c44:.0f} GPa, stable: {found.is_stable}")
    172 115 90 GPa, stable: True
    """
    if not 0 < strain < 0.1:
        raise ConfigError(
            f"strain {strain} of the elastic constants: give a value between 0 and 0.1, usually {STRAIN}"
        )
    if not bool(np.all(atoms.pbc)):
        raise ConfigError("elastic constants need a structure that is periodic in all three directions")
    columns = []
    for component in range(6):
        plus, minus = (
            _stress_under(calculator, atoms, component, sign * strain, fmax if relax_ions else None)
            for sign in (1, -1)
        )
        columns.append((plus - minus) / (2 * strain))
    raw = np.array(columns).T
    symmetric = (raw + raw.T) / 2
    return ElasticConstants(
        tensor=tuple(tuple(row) for row in symmetric.tolist()),
        asymmetry=float(np.abs(raw - raw.T).max()),
        volume=float(atoms.get_volume()) / len(atoms),
    )


def strained(atoms: Atoms, voigt_strain: NDArray[np.float64]) -> Atoms:
    """Copy of a structure under a strain (6,), Voigt, engineering shears, acting on the rows of the cell."""
    tensor = np.zeros((3, 3))
    for value, (a, b) in zip(voigt_strain, VOIGT, strict=True):
        tensor[a, b] = tensor[b, a] = value if a == b else value / 2
    result = atoms.copy()
    result.set_cell(atoms.cell[:] @ (np.eye(3) + tensor), scale_atoms=True)
    return result


def _stress_under(
    calculator: Calculator, atoms: Atoms, component: int, strain: float, fmax: float | None
) -> NDArray[np.float64]:
    voigt = np.zeros(6)
    voigt[component] = strain
    deformed = strained(atoms, voigt)
    if fmax is not None:
        deformed = relaxed(calculator, deformed, fmax=fmax)
    return stress_gpa(calculator, deformed)
