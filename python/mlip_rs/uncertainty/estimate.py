"""Error bars of energies, forces and stresses, and the index of anomaly of the atoms, for structures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from ase import Atoms

from mlip_rs.arrays import Array
from mlip_rs.errors import ConfigError
from mlip_rs.potential import Potential
from mlip_rs.potential.prediction import Prediction
from mlip_rs.uncertainty.calibration import normal_quantile
from mlip_rs.uncertainty.committee import NOISES, Committee
from mlip_rs.uncertainty.domain import indices

REPULSION_ERROR: float = 0.2
"""Standard error of the repulsion at short distances, in its size: about that of the universal screened Coulomb
potential of pairs of elements (J. F. Ziegler, J. P. Biersack, U. Littmark, The Stopping and Range of Ions in Solids,
1985)."""


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """Standard errors of the predictions for one structure.

    Parameters
    ----------
    energy
        Of the energy per atom, eV/atom.
    forces
        (N, 3) of the components of the forces, eV/Å.
    stress
        (6,) eV/Å³, xx yy zz yz xz xy; None unless three cell vectors span a volume.
    index
        (N,) index of anomaly: 1 is the 99 % quantile of the training atoms; None if the potential has none.
    committee
        The committee behind them.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=2)
    >>> potential = Potential.from_coefficients(basis, [2.0, -0.2], {"Al": 0.0})
    >>> committee = Committee(np.array([1]), np.array([[0.01], [-0.02]]), {"forces": 0.02}, "each of 2 folds")
    >>> found = committee.attached(potential).uncertainty(bulk("Al"))
    >>> found.forces.round(3).tolist()  # a perfect crystal: all members agree, the residual is left
    [[0.02, 0.02, 0.02]]
    """

    energy: float
    forces: Array
    stress: Array | None
    index: Array | None
    committee: Committee

    @property
    def expected_force_errors(self) -> Array | None:
        """(N,) root mean squared length of the error of each force, eV/Å, by the index alone; None without an index."""
        curve = self.committee.force_error
        return None if self.index is None or curve is None else curve(self.index)

    def factor(self, name: str, level: float = 0.9) -> float:
        """Half-width of the interval of a property ("energy", "forces", "stress"), in standard errors.

        Raises
        ------
        ConfigError
            A level that is not between 0 and 1, or another property.
        """
        if name not in NOISES:
            raise ConfigError(f"{name!r} is no property with an error bar; there are {', '.join(NOISES)}")
        calibration = self.committee.calibration
        return normal_quantile(level) * (1.0 if calibration is None else calibration.factor(name, level))


def uncertainties(
    potential: Potential, structures: Sequence[Atoms], threads: int | None = None
) -> list[Uncertainty]:
    """Error bars of many structures; `Potential.uncertainty` is the same for users.

    All members have the repulsion of the potential. Where atoms are so close that it acts, `REPULSION_ERROR` of it is
    one more deviation.

    Parameters
    ----------
    potential
        With a committee.
    structures
        ASE structures.
    threads
        As for `Potential.predict`.

    Raises
    ------
    ConfigError
        The potential has no committee; the message says how to make it.
    StructureError
        As `Potential.predict`.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=2)
    >>> potential = Potential.from_coefficients(basis, [2.0, -0.2], {"Al": 0.0})
    >>> committee = Committee(np.array([1]), np.array([[0.01], [-0.02]]), {}, "each of 2 folds")
    >>> near, far = uncertainties(committee.attached(potential), [bulk("Al", a=4.0), bulk("Al", a=5.0)])
    >>> near.energy > far.energy
    True
    """
    committee = Committee.required(potential)
    own = potential.predict(structures, threads)
    others = (*members_of(potential), *repulsion_of(potential))
    members = [other.predict(structures, threads) for other in others]
    known: Sequence[Array | None] = [None] * len(structures)
    if potential.has_index:
        known = indices(potential, structures, threads)
    columns = zip(*members, strict=True)
    return [combined(committee, a, b, index) for a, b, index in zip(own, columns, known, strict=True)]


@lru_cache(maxsize=4)
def members_of(potential: Potential) -> tuple[Potential, ...]:
    """The members of the committee of a potential, made once.

    Raises
    ------
    ConfigError
        The potential has no committee.
    """
    return Committee.required(potential).members(potential)


@lru_cache(maxsize=4)
def repulsion_of(potential: Potential) -> tuple[Potential, ...]:
    """The repulsion of a potential alone; none if it has no repulsion.

    Examples
    --------
    >>> from mlip_rs import Basis, Potential
    >>> from mlip_rs.basis import Repulsion
    >>> near = Repulsion(inner=[[1.5]], outer=[[2.0]])
    >>> basis = Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=2, repulsion=near)
    >>> (repulsion,) = repulsion_of(Potential.from_coefficients(basis, [2.0, -0.2], {"Al": -3.0}))
    >>> [round(repulsion.predict(Atoms("Al2", [[0, 0, 0], [r, 0, 0]])).energy) for r in (1.0, 2.0)]
    [46, 0]
    """
    if not potential.spec.get("repulsion"):
        return ()
    zeros = np.zeros(potential.n_features)
    return (Potential.from_coefficients(potential.spec, zeros, dict.fromkeys(potential.elements, 0.0)),)


def combined(
    committee: Committee, own: Prediction, others: Sequence[Prediction], index: Array | None
) -> Uncertainty:
    """Error bars of one structure.

    Parameters
    ----------
    committee
        Of the potential.
    own
        Prediction of the potential.
    others
        Those of the members of the committee, and of the repulsion if there is one.
    index
        (N,) of the atoms, if it is known.
    """
    n_members = len(committee.deviations)
    members, repulsion = others[:n_members], others[n_members:]
    n_atoms = max(len(own.energies), 1)
    energy = np.array(
        [(member.energy - own.energy) / n_atoms for member in members]
        + [REPULSION_ERROR * alone.energy / n_atoms for alone in repulsion]
    )
    forces = np.array(
        [member.forces - own.forces for member in members]
        + [REPULSION_ERROR * alone.forces for alone in repulsion]
    )
    stress = None
    if own.stress is not None:
        stress = np.array(
            [member.stress - own.stress for member in members if member.stress is not None]
            + [REPULSION_ERROR * alone.stress for alone in repulsion if alone.stress is not None]
        )
    return Uncertainty(
        float(_standard_errors(energy, committee.noise.get("energy", 0.0))),
        _standard_errors(forces, committee.noise.get("forces", 0.0)),
        None if stress is None else _standard_errors(stress, committee.noise.get("stress", 0.0)),
        index,
        committee,
    )


def _standard_errors(deviations: Array, noise: float) -> Array:
    """`(noise² + Σ_g deviation_g²)^½` over the first axis."""
    return np.asarray(np.sqrt(noise**2 + (deviations**2).sum(axis=0)))
