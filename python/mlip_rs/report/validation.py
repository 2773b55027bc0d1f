"""The report of a validation: a summary, every property with its quantities and its figure, and the provenance."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from mlip_rs.errors import MlipError
from mlip_rs.plot.series import POTENTIAL, Members
from mlip_rs.plot.style import SMALL_SIZE, WARNING, plain
from mlip_rs.report.document import Code, Image, Item, Report, Table
from mlip_rs.report.evaluation import data_content
from mlip_rs.uncertainty.derived import LEAST_MEMBERS
from mlip_rs.validate.figures import FIGURES
from mlip_rs.validate.properties import PROPERTIES
from mlip_rs.validate.result import (
    OUTSIDE,
    WITHIN,
    PropertyResult,
    Validation,
    ValidationComparison,
    ValidationRow,
)

ERRORS = "Errors on labelled structures"

BANDS = "Shades and error bars: ± σ by the members of the committee."
"""Added to the caption of a figure that has them."""

LOSSES = "Members of the committee without a value; error bars are lower bounds there:"
"""Headline of the reasons."""


def validation_report(validation: Validation) -> Report:
    """Build the report; a figure that cannot be drawn is replaced by the reason."""
    report = Report(f"Validation of {validation.potential}", subtitle(validation))
    header, rows = validation.table()
    bad = frozenset(i for i, found in enumerate(validation.properties) if not found.passed)
    report.add_section(
        "Summary",
        *notices(validation),
        _sentence(validation),
        Table(header, rows, highlighted=bad),
        *error_bar_items(validation),
    )
    for found in validation.properties:
        report.add_section(found.title, *_content(found))
    if validation.evaluation is not None:
        report.add_section(ERRORS, *data_content({"potential": validation.evaluation}, validation.data))
    report.add_section("Provenance", provenance([validation]), Code(command([validation])))
    return report


def subtitle(validation: Validation) -> str:
    """Crystal, reference and extent of a validation."""
    against = f"against {validation.reference}" if validation.reference else "without a reference"
    crystal = f" {validation.crystal}," if validation.crystal else ""
    return f"Physical properties,{crystal} {against}{', quick' if validation.quick else ''}."


def notices(validation: Validation) -> list[str]:
    """Paragraphs with the remarks that concern the whole validation."""
    return [f"Notice: {notice}" for notice in validation.notices]


def error_bar_items(found: Validation | ValidationComparison) -> list[Item]:
    """Tables of the quantities with error bars, and in how many the reference lies within; none without error bars."""
    items: list[Item] = []
    for (header, rows), sentence in found.error_bar_tables():
        outside = frozenset(i for i, row in enumerate(rows) if row[-1] == "no")
        items += [sentence, Table(header, rows, highlighted=outside)]
    return items


def _sentence(validation: Validation) -> str:
    statuses = [found.status for found in validation.properties]
    parts = [
        f"{statuses.count(status)} {text}"
        for status, text in (
            ("pass", "passed"),
            ("FAIL", "failed"),
            ("not computed", "could not be computed"),
            ("not compared", "could not be compared with the reference"),
            ("did not melt", "did not melt"),
            ("not applicable", "not defined for this crystal"),
            ("no reference", "broke no criterion, but had no reference to compare with"),
        )
        if status in statuses
    ]
    done = {found.name for found in validation.properties}
    left = [entry.name for entry in PROPERTIES if entry.name not in done]
    rest = f" Left out of this run: {', '.join(left)}." if left else ""
    return f"Of {len(statuses)} properties: {', '.join(parts)}.{rest}"


def _content(found: PropertyResult) -> list[Item]:
    content: list[Item] = [f"Status: {found.status}."]
    if found.error:
        content.append(f"{found.status.capitalize()}: {found.error}")
    content += [f"Failure: {failure}" for failure in found.failures]
    if found.undecided[1]:
        content.append(f"{found.undecided[0].capitalize()}: {found.undecided[1]}")
    if found.reference_error:
        content.append(f"Not compared: {found.reference_error}")
    if found.outside:
        content.append(f"{OUTSIDE.capitalize()}: {'; '.join(found.outside)}.")
    if found.notes:
        content.append("\n".join(found.notes))
    if found.rows:
        content.append(quantity_table(found.rows))
    if found.losses:
        content.append("\n".join([LOSSES, *found.losses]))
    if found.value is not None:
        outside = (POTENTIAL,) if found.outside else ()
        members = {POTENTIAL: found.members}
        content += figure_items(found.name, {POTENTIAL: found.value}, found.reference, outside, members)
    return content


def figure_items(
    name: str,
    results: Mapping[str, Any],
    reference: Any,  # noqa: ANN401 (of all kinds)
    outside: Sequence[str] = (),
    members: Members[Any] | None = None,
) -> list[Item]:
    """Draw the figure of a property, if it has one, or say why it cannot be drawn.

    Parameters
    ----------
    name
        Name of the property.
    results, reference
        Results by the name of the potential, and that of the reference, None if there is none.
    outside
        Names of the results that rest on surroundings outside the data; the figure is marked.
    members
        Results of the members of the committee of each potential, for ± σ.
    """
    if name not in FIGURES:
        return []
    figure = FIGURES[name]
    try:
        barred = figure.bars and any(len(own) >= LEAST_MEMBERS for own in (members or {}).values())
        drawn = figure.draw(results, reference, members) if barred else figure.draw(results, reference)
        if outside:
            which = "" if len(results) == 1 else f": {', '.join(outside)}"
            drawn.suptitle(plain(f"{OUTSIDE}{which}"), fontsize=SMALL_SIZE, color=WARNING, x=0.01, ha="left")
        return [Image(drawn, f"{figure.caption} {BANDS}" if barred else figure.caption)]
    except MlipError as error:
        return [f"No figure: {error}"]


def quantity_table(rows: tuple[ValidationRow, ...]) -> Table:
    """Quantities of a property with ± σ, reference, deviation and threshold; failed rows are highlighted."""
    cells = []
    barred = any(row.bar is not None for row in rows)
    for row in rows:
        cells.append(
            (
                row.name,
                row.unit,
                row.shown,
                number(row.reference) if row.reference is not None else "–",
                f"{row.deviation:+.3g}".replace("-", "−") if row.deviation is not None else "–",
                f"± {row.threshold:.2g}" if row.threshold is not None else "–",
                "–" if row.passed is None else "pass" if row.passed else "FAIL",
                *((WITHIN[row.inside],) if barred else ()),
            )
        )
    header: tuple[str, ...] = ("quantity", "unit", "potential", "reference", "deviation", "allowed", "status")
    header += ("within 90 %",) if barred else ()
    return Table(header, cells, highlighted=frozenset(i for i, row in enumerate(rows) if row.passed is False))


def number(value: float | None) -> str:
    """Format a number with four digits and a minus sign; None is not determined."""
    return "not determined" if value is None else f"{value:.4g}".replace("-", "−")


def provenance(validations: Sequence[Validation]) -> str:
    """Versions of the programs and computing time."""
    import ase
    import phonopy

    from mlip_rs._core import __version__

    seconds = sum(found.seconds for validation in validations for found in validation.properties)
    return (
        f"mlip_rs {__version__}, ASE {ase.__version__}, phonopy {phonopy.__version__}; {seconds:.0f} s,"
        " without the properties that were restored from an earlier run. To repeat:"
    )


def command(validations: Sequence[Validation]) -> str:
    """Command line that repeats the validation."""
    first = validations[0]
    words = ["mlip-rs", "validate", *(validation.potential for validation in validations)]
    if first.reference:
        words += ["--reference", first.reference]
    if first.given_crystal:
        words += ["--crystal", first.given_crystal]
    if first.quick:
        words.append("--quick")
    if first.data:
        words += ["--data", first.data]
    if first.isolated_atoms:
        words += [
            "--isolated-atoms",
            *(f"{symbol}={value!r}" for symbol, value in first.isolated_atoms.items()),
        ]
    if first.error_bars is not None:
        words.append("--error-bars" if first.error_bars else "--no-error-bars")
    if len(first.properties) < len(PROPERTIES):
        words += ["--only", *(found.name for found in first.properties)]
    return shlex.join([*words, "-o", "DIR"])
