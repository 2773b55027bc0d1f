"""The report of several potentials side by side: a summary table, and every property with one figure for all."""

from mlip_rs.report.document import Code, Item, Report, Table
from mlip_rs.report.evaluation import data_content
from mlip_rs.report.validation import (
    ERRORS,
    LOSSES,
    command,
    error_bar_items,
    figure_items,
    notices,
    number,
    provenance,
    subtitle,
)
from mlip_rs.validate.result import OUTSIDE, PropertyResult, ValidationComparison, ValidationRow

MISSED = "✗"
"""Mark of a number outside its threshold; a colour alone could be lost in print."""


def comparison_report(comparison: ValidationComparison) -> Report:
    """Build the report; a figure that cannot be drawn is replaced by the reason."""
    validations = list(comparison.validations.values())
    report = Report(f"Validation of {', '.join(comparison.validations)}", subtitle(validations[0]))
    header, rows = comparison.table()
    bad = frozenset(
        i for i, row in enumerate(comparison.properties) if not all(found.passed for found in row.values())
    )
    legend = "Status of each property, and how many of its quantities are within their thresholds."
    report.add_section(
        "Summary",
        *notices(validations[0]),
        Table(header, rows, legend, bad),
        *error_bar_items(comparison),
    )
    for row in comparison.properties:
        report.add_section(next(iter(row.values())).title, *_content(row))
    evaluations = {
        name: found.evaluation
        for name, found in comparison.validations.items()
        if found.evaluation is not None
    }
    if evaluations:
        report.add_section(ERRORS, *data_content(evaluations, validations[0].data))
    report.add_section("Provenance", provenance(validations), Code(command(validations)))
    return report


def _content(row: dict[str, PropertyResult]) -> list[Item]:
    lines = []
    for name, found in row.items():
        reasons = [found.error, *found.failures, found.undecided[1], found.reference_error]
        text = "; ".join(reason for reason in reasons if reason)
        lines.append(f"{name}: {found.status}{f'. {text}' if text else ''}")
    content: list[Item] = ["\n".join(lines)]
    outside = [name for name, found in row.items() if found.outside]
    if outside:
        reasons_of = [f"{name}: {OUTSIDE}: {'; '.join(row[name].outside or ())}." for name in outside]
        content.append("\n".join(reasons_of))
    notes = [f"{name}: {note}" for name, found in row.items() for note in found.notes]
    if notes:
        content.append("\n".join(notes))
    lost = [f"{name}: {loss}" for name, found in row.items() for loss in found.losses]
    if lost:
        content.append("\n".join([LOSSES, *lost]))
    if any(found.rows for found in row.values()):
        content.append(_table(row))
    results = {name: found.value for name, found in row.items() if found.value is not None}
    if results:
        first = next(iter(row.values()))
        members = {name: found.members for name, found in row.items()}
        content += figure_items(first.name, results, first.reference, outside, members)
    return content


def _table(row: dict[str, PropertyResult]) -> Table:
    columns = {name: {number.name: number for number in found.rows} for name, found in row.items()}
    quantities = list(dict.fromkeys(quantity for column in columns.values() for quantity in column))
    rows, missed = [], set()
    for i, quantity in enumerate(quantities):
        cells = [column.get(quantity) for column in columns.values()]
        known = next(cell for cell in cells if cell is not None)
        compared = next((cell for cell in cells if cell is not None and cell.reference is not None), known)
        rows.append(
            (
                quantity,
                known.unit,
                "–" if compared.reference is None else number(compared.reference),
                "–" if compared.threshold is None else f"± {compared.threshold:.2g}",
                *map(_cell, cells),
            )
        )
        if any(cell is not None and cell.passed is False for cell in cells):
            missed.add(i)
    header = ("quantity", "unit", "reference", "allowed", *columns)
    return Table(header, rows, f"{MISSED}: outside the allowed deviation.", frozenset(missed))


def _cell(row: ValidationRow | None) -> str:
    if row is None:
        return "–"
    return f"{row.shown} {MISSED}" if row.passed is False else row.shown
