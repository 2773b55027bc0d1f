"""Members of the committee of a potential under validation: what they have for its properties."""

from collections.abc import Callable, Sequence

from mlip_rs.potential import Potential
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.property import Computation, Property
from mlip_rs.validate.store import ResultStore


class ValidationMembers:
    """The members of one committee, each with a store of its results.

    Parameters
    ----------
    members
        Potentials.
    stores
        One for each.
    case
        Case of the potential that they belong to, built when it is needed.
    costly
        Compute costly properties, too.
    """

    def __init__(
        self,
        members: Sequence[Potential],
        stores: Sequence[ResultStore],
        case: Callable[[], ValidationCase],
        *,
        costly: bool,
    ) -> None:
        self._members, self._stores, self._case, self._costly = members, stores, case, costly
        self._cases: dict[int, ValidationCase] = {}

    def number(self, entry: Property) -> int:
        """Number of members that compute a property: none if it has no quantities, or is costly and not asked for."""
        wanted = entry.has_quantities and (self._costly or not entry.costly)
        return len(self._members) if wanted else 0

    def results(
        self, entry: Property, computed: Computation, step: Callable[[], None]
    ) -> tuple[Computation, ...]:
        """Compute or restore a property of every member; nothing if the potential itself has none.

        Parameters
        ----------
        entry, computed
            Property, and what the potential has for it.
        step
            Called after each member.
        """
        found = []
        for k in range(self.number(entry)):
            if not computed.error:
                found.append(self._stores[k].result(entry, lambda k=k: self._member(k)))  # type: ignore[misc]
            step()
        return tuple(found)

    def _member(self, k: int) -> ValidationCase:
        if k not in self._cases:
            self._cases[k] = self._case().member(self._members[k])
        return self._cases[k]
