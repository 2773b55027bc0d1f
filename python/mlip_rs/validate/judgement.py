"""A computed property beside the reference: the rows of its quantities, and the criteria that it breaks."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlip_rs.errors import MlipError
from mlip_rs.potential.data_range import DataRange
from mlip_rs.validate.error_bars import ErrorBar, error_bars, losses
from mlip_rs.validate.property import Computation, Property
from mlip_rs.validate.result import PropertyResult, ValidationRow


def property_result(
    entry: Property,
    computed: Computation,
    reference: Any = None,  # noqa: ANN401 (results of all kinds)
    *,
    reference_error: str = "",
    data: DataRange | None = None,
    seconds: float = 0.0,
    members: Sequence[Computation] = (),
) -> PropertyResult:
    """Compare a computed property with the reference, and apply its criteria.

    Parameters
    ----------
    entry
        The property.
    computed
        The result, or the reason why there is none.
    reference
        Result of the reference, None if there is none.
    reference_error
        Reason why there is no reference, although there should be one.
    data
        Range of the training data of the potential; None if it is not known.
    seconds
        Computing time.
    members
        What each member of the committee has for it; empty: no error bars.
    """
    if computed.error:
        return PropertyResult(
            entry.name,
            entry.title,
            error=computed.error,
            applicable=computed.applicable,
            reference_error=reference_error,
            seconds=seconds,
            reference=reference,
        )
    failures = entry.failures(computed.value)
    if reference is not None:
        failures += entry.reference_failures(computed.value, reference)
    rows, reason = _rows(entry, computed.value, reference, error_bars(entry, computed.value, members))
    return PropertyResult(
        entry.name,
        entry.title,
        rows,
        failures,
        entry.undecided(computed.value) or ("", ""),
        reference_error=reference_error or reason,
        outside=_outside(entry, computed, data),
        notes=entry.notes(computed.value),
        needs_reference=entry.needs_reference,
        seconds=seconds,
        value=computed.value,
        reference=reference,
        members=tuple(member.value for member in members if not member.error),
        losses=losses(entry, computed.value, members),
    )


def _outside(entry: Property, computed: Computation, data: DataRange | None) -> tuple[str, ...] | None:
    if entry.beyond_data:
        return ("looks beyond the data on purpose",)
    if data is None or computed.seen is None:
        return None
    if not computed.seen.density and computed.seen.pressure is None:
        return None  # nothing was seen: what is said nothing of is not inside
    return computed.seen.outside(data)


def _rows(
    entry: Property,
    value: Any,  # noqa: ANN401
    reference: Any,  # noqa: ANN401
    bars: Mapping[str, ErrorBar],
) -> tuple[tuple[ValidationRow, ...], str]:
    """Rows of one property, and the reason if errors with respect to the reference cannot be computed."""
    known = {} if reference is None else {q.name: q for q in entry.quantities(reference)}
    rows = []
    for quantity in entry.quantities(value):
        match = known.get(quantity.name)
        rows.append(
            ValidationRow(
                quantity.name,
                quantity.unit,
                quantity.value,
                None if match is None else match.value,
                None if match is None or match.value is None else match.threshold.limit(match.value),
                bars.get(quantity.name),
            )
        )
    if reference is None:
        return tuple(rows), ""
    try:
        errors = entry.reference_errors(value, reference)
    except MlipError as error:
        return tuple(rows), str(error)
    rows += [ValidationRow(q.name, q.unit, q.value, 0.0, q.threshold.value) for q in errors]
    return tuple(rows), ""
