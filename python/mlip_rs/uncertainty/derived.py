"""Error bars of anything that is computed with a potential: the members of its committee compute it as well."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mlip_rs.arrays import Array
from mlip_rs.errors import ConfigError, PropertyError
from mlip_rs.potential import Potential
from mlip_rs.uncertainty.estimate import members_of

LEAST_MEMBERS: int = 3
"""Members that have to have a value; fewer determine no error bar."""


@dataclass(frozen=True, eq=False)
class DerivedProperty:
    """A property of a potential with its standard error; unpacks as `value, sigma`.

    Parameters
    ----------
    value
        Of the potential: a number or an array.
    sigma
        Standard error, of the same shape; NaN where fewer than `LEAST_MEMBERS` members have a value.
    determined
        Number of members with a value, of the same shape.
    n_members
        Members of the committee.
    failures
        "member 2: reason" of the members that have no value at all. If some lack one, the error bar is a lower bound:
        those that fail are likely to be the ones that differ most.

    Examples
    --------
    >>> found = derived_property(2.0, [1.0, 2.0, 4.0, float("nan")])
    >>> f"{found.sigma:.2f}", found.determined, found.n_members
    ('2.58', 3, 4)
    """

    value: Any
    sigma: Any
    determined: Any
    n_members: int
    failures: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Any]:
        return iter((self.value, self.sigma))


def property_uncertainty(potential: Potential, function: Callable[[Potential], ArrayLike]) -> DerivedProperty:
    """Error bar of any property: `σ² = Σ_g (Q(member g) − Q(potential))²`, with the factors inside the members.

    Parameters
    ----------
    potential
        With a committee.
    function
        Computes the property, a number or an array of any shape, from a `Potential`. It is called K + 1 times. A member
        for which it raises an exception, or gives NaN or another shape, has no value; σ² is then scaled by K over the
        number of those that have one.

    Returns
    -------
    DerivedProperty
        Unpacks as `value, sigma`.

    Raises
    ------
    ConfigError
        The potential has no committee; the message says how to make it.
    Exception
        Whatever the function raises for the potential itself.

    Examples
    --------
    The energy of a vacancy, by a function of one's own; `validate` does it for the usual properties.

    >>> from ase.build import bulk
    >>> from mlip_rs import Basis, Potential
    >>> from mlip_rs.uncertainty import Committee
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=2)
    >>> potential = Potential.from_coefficients(basis, [-0.2, 0.02], {"Al": 0.0})
    >>> deviations = np.array([[0.002], [-0.004], [0.004]])
    >>> potential = Committee(np.array([1]), deviations, {}, "each of 3 folds").attached(potential)
    >>> def vacancy(potential):
    ...     crystal = bulk("Al", a=4.05, cubic=True).repeat(2)
    ...     defect = crystal[1:]
    ...     energies = [one.energy for one in potential.predict([defect, crystal])]
    ...     return energies[0] - len(defect) / len(crystal) * energies[1]
    >>> value, sigma = property_uncertainty(potential, vacancy)
    >>> print(f"{value:.2f} ± {sigma:.2f} eV")
    0.73 ± 0.03 eV
    """
    members = members_of(potential)
    value = np.asarray(function(potential), dtype=np.float64)
    rows, failures = [], []
    for number, member in enumerate(members, 1):
        row = np.full(value.shape, np.nan)
        try:
            own = np.asarray(function(member), dtype=np.float64)
            if own.shape != value.shape:
                raise PropertyError(
                    f"its value has the shape {own.shape}, that of the potential {value.shape}"
                )
            row = own
        except Exception as error:  # a user's function may raise anything where a member is unstable
            failures.append(f"member {number}: {str(error) or type(error).__name__}")
        rows.append(row)
    return derived_property(value, rows, failures)


def derived_property(
    value: ArrayLike, members: Sequence[ArrayLike], failures: Sequence[str] = ()
) -> DerivedProperty:
    """The same from values that are known.

    Parameters
    ----------
    value
        Of the potential.
    members
        Of each member, of the same shape; NaN where it has none.
    failures
        As in `DerivedProperty`.

    Raises
    ------
    ConfigError
        Values of other shapes.

    Examples
    --------
    >>> value, sigma = derived_property(118.9, [119.9, 117.9, 118.9])
    >>> print(f"{value:.1f} ± {sigma:.1f} GPa")
    118.9 ± 1.4 GPa
    """
    own = np.asarray(value, dtype=np.float64)
    others: Array = np.array([np.asarray(member, dtype=np.float64) for member in members])
    if others.shape[1:] != own.shape:
        raise ConfigError(f"values of members have the shape {others.shape[1:]}, not {own.shape}")
    n_members = len(others)
    deviations = others - own
    known = np.isfinite(deviations)
    determined = known.sum(axis=0)
    squares = (np.where(known, deviations, 0.0) ** 2).sum(axis=0)
    # Where a member is missing, the mean over the others stands for it.
    sigma = np.sqrt(squares * n_members / np.maximum(determined, 1))
    sigma = np.where(determined >= LEAST_MEMBERS, sigma, np.nan)
    if own.ndim == 0:
        return DerivedProperty(float(own), float(sigma), int(determined), n_members, tuple(failures))
    return DerivedProperty(own, sigma, determined, n_members, tuple(failures))
