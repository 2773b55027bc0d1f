"""Algebra of the elastic stiffness: averages of a polycrystal, symmetry, Young's modulus along a direction."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs.errors import PropertyError
from mlip_rs.units import VOIGT

_MANDEL = np.array([1.0, 1.0, 1.0, 2**0.5, 2**0.5, 2**0.5])
"""Factors between Voigt stiffness and the Mandel form, in which a rotation is an orthogonal 6 × 6 matrix."""


@dataclass(frozen=True)
class PolycrystalAverages:
    """Isotropic moduli of a polycrystal without texture (R. Hill, Proc. Phys. Soc. A 65, 349 (1952)).

    Attributes
    ----------
    bulk_voigt, bulk_reuss, shear_voigt, shear_reuss
        Upper bounds (Voigt, uniform strain) and lower bounds (Reuss, uniform stress), in GPa.

    Examples
    --------
    >>> found = PolycrystalAverages(bulk_voigt=76.0, bulk_reuss=76.0, shear_voigt=27.0, shear_reuss=26.0)
    >>> print(f"E = {found.young_hill:.0f} GPa, ν = {found.poisson_hill:.2f}")
    E = 71 GPa, ν = 0.34
    """

    bulk_voigt: float
    bulk_reuss: float
    shear_voigt: float
    shear_reuss: float

    @property
    def bulk_hill(self) -> float:
        """Mean of the bounds of the bulk modulus, in GPa."""
        return (self.bulk_voigt + self.bulk_reuss) / 2

    @property
    def shear_hill(self) -> float:
        """Mean of the bounds of the shear modulus, in GPa."""
        return (self.shear_voigt + self.shear_reuss) / 2

    @property
    def young_hill(self) -> float:
        """Young's modulus 9KG / (3K + G) in GPa."""
        return 9 * self.bulk_hill * self.shear_hill / (3 * self.bulk_hill + self.shear_hill)

    @property
    def poisson_hill(self) -> float:
        """Poisson's ratio (3K − 2G) / (6K + 2G)."""
        return (3 * self.bulk_hill - 2 * self.shear_hill) / (6 * self.bulk_hill + 2 * self.shear_hill)

    @property
    def universal_anisotropy(self) -> float:
        """5 G_V/G_R + K_V/K_R − 6, 0 if isotropic (Ranganathan and Ostoja-Starzewski, PRL 101, 055504 (2008))."""
        return 5 * self.shear_voigt / self.shear_reuss + self.bulk_voigt / self.bulk_reuss - 6

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "bulk_voigt_gpa": self.bulk_voigt,
            "bulk_reuss_gpa": self.bulk_reuss,
            "bulk_hill_gpa": self.bulk_hill,
            "shear_voigt_gpa": self.shear_voigt,
            "shear_reuss_gpa": self.shear_reuss,
            "shear_hill_gpa": self.shear_hill,
            "young_hill_gpa": self.young_hill,
            "poisson_hill": self.poisson_hill,
            "universal_anisotropy": self.universal_anisotropy,
        }


def polycrystal_averages(stiffness: NDArray[np.float64]) -> PolycrystalAverages:
    """Voigt's and Reuss' bounds from a stiffness (6, 6) in GPa, Voigt order.

    Raises
    ------
    PropertyError
        The stiffness is not positive definite: there is no compliance to average.

    Examples
    --------
    >>> isotropic = np.diag([2.0, 2.0, 2.0, 1.0, 1.0, 1.0]) + np.pad(np.ones((3, 3)), (0, 3))
    >>> found = polycrystal_averages(isotropic)
    >>> print(f"{found.bulk_hill:.3f} {found.shear_hill:.3f} {abs(found.universal_anisotropy):.1f}")
    1.667 1.000 0.0
    """
    c = np.asarray(stiffness, dtype=float)
    if np.linalg.eigvalsh(c)[0] <= 0:
        raise PropertyError("polycrystal averages of a mechanically unstable crystal do not exist")
    s = np.linalg.inv(c)
    (c_normal, c_mixed, c_shear), (s_normal, s_mixed, s_shear) = (
        (np.trace(m[:3, :3]), m[0, 1] + m[0, 2] + m[1, 2], np.trace(m[3:, 3:])) for m in (c, s)
    )
    return PolycrystalAverages(
        bulk_voigt=float(c_normal + 2 * c_mixed) / 9,
        bulk_reuss=float(1 / (s_normal + 2 * s_mixed)),
        shear_voigt=float(c_normal - c_mixed + 3 * c_shear) / 15,
        shear_reuss=float(15 / (4 * s_normal - 4 * s_mixed + 3 * s_shear)),
    )


def symmetrized(stiffness: NDArray[np.float64], group: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average of a stiffness (6, 6), Voigt order, over Cartesian rotations (n, 3, 3)."""
    scale = np.outer(_MANDEL, _MANDEL)
    mandel = np.asarray(stiffness, dtype=float) * scale
    turned = [q @ mandel @ q.T for q in (_mandel_rotation(r) for r in group)]
    return np.asarray(np.mean(turned, axis=0) / scale, dtype=float)


def independent_constants(group: NDArray[np.float64]) -> int:
    """Number of independent elastic constants under Cartesian rotations (n, 3, 3).

    The number of invariants of the symmetric square of the 6-dimensional representation:
    Σ (tr(Q)² + tr(Q²)) / 2n.
    """
    q = np.array([_mandel_rotation(r) for r in group])
    traces = np.trace(q, axis1=1, axis2=2) ** 2 + np.trace(q @ q, axis1=1, axis2=2)
    return round(float(traces.mean()) / 2)


def young_modulus(stiffness: NDArray[np.float64], directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Young's modulus (n,) in GPa along unit vectors (n, 3): 1 / (S_ijkl n_i n_j n_k n_l)."""
    compliance = np.linalg.inv(np.asarray(stiffness, dtype=float))
    # A stress of 1 along n has the Voigt components n_a n_b; engineering strains come out of the compliance.
    voigt = np.array([directions[:, a] * directions[:, b] for a, b in VOIGT])
    return np.asarray(1 / np.einsum("an,ab,bn->n", voigt, compliance, voigt), dtype=float)


def _mandel_rotation(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthogonal (6, 6) by which a rotation (3, 3) acts on symmetric tensors in Mandel's notation."""
    result = np.empty((6, 6))
    for column, (c, d) in enumerate(VOIGT):
        basis = np.zeros((3, 3))
        basis[c, d] = basis[d, c] = 1.0 if c == d else 0.5**0.5
        turned = rotation @ basis @ rotation.T
        result[:, column] = [turned[a, b] * (1.0 if a == b else 2**0.5) for a, b in VOIGT]
    return result
