"""The page of a validation: verdicts first, then every property with its numbers and its figure, then provenance."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from mlip_rs.errors import MlipError
from mlip_rs.report.document import Code, Image, Item, Report, Table
from mlip_rs.report.evaluation import data_content
from mlip_rs.validate.outcome import Outcome, Validation, ValidationRow
from mlip_rs.validate.properties import PROPERTIES

ERRORS = "Errors on labelled structures"


def validation_report(validation: Validation) -> Report:
    """Build the page; a figure that cannot be drawn is replaced by the reason."""
    report = Report(f"Validation of {validation.potential}", subtitle(validation))
    header, rows = validation.table()
    bad = frozenset(i for i, outcome in enumerate(validation.outcomes) if not outcome.passed)
    report.add_section(
        "Summary", *notices(validation), _sentence(validation), Table(header, rows, highlighted=bad)
    )
    for outcome in validation.outcomes:
        report.add_section(outcome.title, *_content(outcome))
    if validation.evaluation is not None:
        report.add_section(ERRORS, *data_content({"potential": validation.evaluation}, validation.data))
    report.add_section("Provenance", provenance([validation]), Code(command([validation])))
    return report


def subtitle(validation: Validation) -> str:
    """Crystal, reference, and whether it is quick."""
    against = f"against {validation.reference}" if validation.reference else "without a reference"
    crystal = f" {validation.crystal}," if validation.crystal else ""
    return f"Physical properties,{crystal} {against}{', quick' if validation.quick else ''}."


def notices(validation: Validation) -> list[str]:
    """Paragraphs of what a reader of the whole must know."""
    return [f"Notice: {notice}" for notice in validation.notices]


def _sentence(validation: Validation) -> str:
    verdicts = [outcome.verdict for outcome in validation.outcomes]
    parts = [
        f"{verdicts.count(verdict)} {text}"
        for verdict, text in (
            ("pass", "passed"),
            ("FAIL", "failed"),
            ("not computed", "could not be computed"),
            ("not compared", "could not be compared with the reference"),
            ("not applicable", "not defined for this crystal"),
            ("no reference", "sound, but without a reference to compare with"),
        )
        if verdict in verdicts
    ]
    done = {outcome.name for outcome in validation.outcomes}
    left = [entry.name for entry in PROPERTIES if entry.name not in done]
    rest = f" Left out of this run: {', '.join(left)}." if left else ""
    return f"Of {len(verdicts)} properties: {', '.join(parts)}.{rest}"


def _content(outcome: Outcome) -> list[Item]:
    content: list[Item] = [f"Verdict: {outcome.verdict}."]
    if outcome.failure:
        content.append(f"{outcome.verdict.capitalize()}: {outcome.failure}")
    content += [f"Objection: {objection}" for objection in outcome.objections]
    if outcome.reference_failure:
        content.append(f"Not compared: {outcome.reference_failure}")
    if outcome.notes:
        content.append("\n".join(outcome.notes))
    if outcome.rows:
        content.append(_table(outcome.rows))
    if outcome.result is not None:
        content += figure_items(outcome.name, {"potential": outcome.result}, outcome.reference)
    return content


def figure_items(name: str, results: Mapping[str, Any], reference: Any) -> list[Item]:  # noqa: ANN401 (of all kinds)
    """The figure of a property, if it has one, or the reason why it cannot be drawn.

    Parameters
    ----------
    name
        Of the property.
    results, reference
        By potential, and of the reference, None if there is none.
    """
    entry = next(entry for entry in PROPERTIES if entry.name == name)
    if entry.figure is None:
        return []
    try:
        return [Image(entry.figure(results, reference), entry.caption)]
    except MlipError as error:
        return [f"No figure: {error}"]


def _table(rows: tuple[ValidationRow, ...]) -> Table:
    cells = []
    for row in rows:
        known = row.reference is not None and row.threshold is not None
        cells.append(
            (
                row.name,
                row.unit,
                number(row.value),
                number(row.reference) if row.reference is not None else "–",
                f"{row.value - row.reference:+.3g}".replace("-", "−") if row.reference is not None else "–",
                f"± {row.threshold:.2g}" if row.threshold is not None else "–",
                ("pass" if row.passed else "FAIL") if known else "–",
            )
        )
    header = ("quantity", "unit", "potential", "reference", "deviation", "allowed", "verdict")
    return Table(header, cells, highlighted=frozenset(i for i, row in enumerate(rows) if row.passed is False))


def number(value: float) -> str:
    """Four digits, a real minus sign."""
    return f"{value:.4g}".replace("-", "−")


def provenance(validations: Sequence[Validation]) -> str:
    """Versions and time."""
    import ase
    import phonopy

    from mlip_rs._core import __version__

    seconds = sum(outcome.seconds for validation in validations for outcome in validation.outcomes)
    return (
        f"mlip_rs {__version__}, ASE {ase.__version__}, phonopy {phonopy.__version__}; {seconds:.0f} s,"
        " less where finished properties were taken from an earlier run. To repeat:"
    )


def command(validations: Sequence[Validation]) -> str:
    """What to type for the same once more."""
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
    if len(first.outcomes) < len(PROPERTIES):
        words += ["--only", *(outcome.name for outcome in first.outcomes)]
    return shlex.join([*words, "-o", "DIR"])
