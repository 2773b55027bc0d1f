"""The parts of a validated property: its computation, the quantities compared, and the criteria for failure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlip_rs.errors import MlipError, NotApplicableError
from mlip_rs.potential.data_range import DataRange
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.criteria import Quantity


def _none(*_: Any) -> tuple[Any, ...]:  # noqa: ANN401 (any result)
    return ()


@dataclass(frozen=True)
class Computation:
    """The result of a property, or the reason why there is none.

    Attributes
    ----------
    value
        Result, of the property's `kind`; None if the computation failed.
    error
        Reason of the failure; empty if there is a result.
    applicable
        False if `error` says that the property is not defined for this crystal.
    seen
        Surroundings of atoms that were evaluated; None if it is not known which of them the data contain.
    """

    value: Any = None
    error: str = ""
    applicable: bool = True
    seen: DataRange | None = None


@dataclass(frozen=True)
class Property:
    """One physical property that is validated.

    Attributes
    ----------
    name, title
        On the command line, and in reports.
    kind
        Dataclass of the result.
    compute
        Computes the result; raises `PropertyError` with the reason if that is impossible.
    quantities
        Numbers of a result that are compared with those of the same name in the reference.
    failures
        Criteria that a result breaks and that need no reference, such as mechanical stability.
    reference_failures
        Criteria that need the reference, such as the order of the phases.
    reference_errors
        Errors with respect to the reference, ideally 0, such as the RMS error of the phonon frequencies.
    undecided
        Status and reason if a result is no answer, such as a melt that has not melted; None if it is one.
    pressures
        Pressures in GPa that a result speaks of.
    beyond_data
        True if the property looks beyond the data on purpose.
    notes
        Remarks needed to read the numbers, such as the pressure range that they hold for.
    needs_reference
        True if the property can be judged only with a reference, even where `quantities` gives no number.
    costly
        True if the members of a committee compute it only on request.
    restore
        Rebuilds a result from its `to_dict`; None: the fields of the dataclass are stored as they are.
    """

    name: str
    title: str
    kind: type
    compute: Callable[[ValidationCase], Any]
    quantities: Callable[[Any], tuple[Quantity, ...]] = _none
    failures: Callable[[Any], tuple[str, ...]] = _none
    reference_failures: Callable[[Any, Any], tuple[str, ...]] = _none
    reference_errors: Callable[[Any, Any], tuple[Quantity, ...]] = _none
    undecided: Callable[[Any], tuple[str, str] | None] = lambda _: None
    notes: Callable[[Any], tuple[str, ...]] = _none
    pressures: Callable[[Any], tuple[float, ...]] = _none
    beyond_data: bool = False
    needs_reference: bool = False
    costly: bool = False
    restore: Callable[[Mapping[str, Any]], Any] | None = None

    @property
    def has_quantities(self) -> bool:
        """True if results have numbers that can be compared."""
        return self.quantities is not _none

    def attempt(self, case: Callable[[], ValidationCase]) -> Computation:
        """Compute the property of a case, which is built first; any exception is the reason of a failed computation."""
        try:
            built = case()
            if built.watch is None:
                return Computation(self.compute(built))
            built.watch.restart()
            value = self.compute(built)
            seen = built.watch.restart()
            for pressure in self.pressures(value):
                seen = seen | DataRange(seen.cutoff, {}, {}, (pressure, pressure))
            return Computation(value, seen=seen)
        except NotApplicableError as error:
            return Computation(error=str(error), applicable=False)
        except Exception as error:  # a calculator may raise anything; the other properties are still wanted
            reason = str(error) if isinstance(error, MlipError) else f"{type(error).__name__}: {error}"
            return Computation(error=reason or type(error).__name__)
