"""The page of a validation: verdicts first, then every property with its numbers and its figure, then provenance."""

import shlex
from typing import TYPE_CHECKING

from mlip_rs.errors import MlipError
from mlip_rs.validate.properties import PROPERTIES
from mlip_rs.validate.report import Code, Image, Item, Report, Table

if TYPE_CHECKING:
    from mlip_rs.validate.validation import Outcome, Validation, ValidationRow


def validation_report(validation: "Validation") -> Report:
    """Build the page; a figure that cannot be drawn is replaced by the reason."""
    report = Report(f"Validation of {validation.potential}", _subtitle(validation))
    header, rows = validation.table()
    bad = frozenset(
        i for i, outcome in enumerate(validation.outcomes) if outcome.verdict in ("FAIL", "not computed")
    )
    report.add_section("Summary", _sentence(validation), Table(header, rows, highlighted=bad))
    for outcome in validation.outcomes:
        report.add_section(outcome.title, *_content(outcome))
    report.add_section("Provenance", _provenance(validation), Code(_command(validation)))
    return report


def _subtitle(validation: "Validation") -> str:
    against = f"against {validation.reference}" if validation.reference else "without a reference"
    crystal = f" {validation.crystal}," if validation.crystal else ""
    return f"Physical properties,{crystal} {against}{', quick' if validation.quick else ''}."


def _sentence(validation: "Validation") -> str:
    verdicts = [outcome.verdict for outcome in validation.outcomes]
    parts = [
        f"{verdicts.count(verdict)} {text}"
        for verdict, text in (
            ("pass", "passed"),
            ("FAIL", "failed"),
            ("not computed", "could not be computed"),
            ("not applicable", "not defined for this crystal"),
            ("no reference", "sound, but without a reference to compare with"),
        )
        if verdict in verdicts
    ]
    done = {outcome.name for outcome in validation.outcomes}
    left = [entry.name for entry in PROPERTIES if entry.name not in done]
    rest = f" Left out of this run: {', '.join(left)}." if left else ""
    return f"Of {len(verdicts)} properties: {', '.join(parts)}.{rest}"


def _content(outcome: "Outcome") -> list[Item]:
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
    entry = next(entry for entry in PROPERTIES if entry.name == outcome.name)
    if outcome.result is not None and entry.figure is not None:
        try:
            content.append(Image(entry.figure(outcome.result, outcome.reference), entry.caption))
        except MlipError as error:
            content.append(f"No figure: {error}")
    return content


def _table(rows: "tuple[ValidationRow, ...]") -> Table:
    cells = []
    for row in rows:
        known = row.reference is not None and row.threshold is not None
        cells.append(
            (
                row.name,
                row.unit,
                _number(row.value),
                _number(row.reference) if row.reference is not None else "–",
                f"{row.value - row.reference:+.3g}".replace("-", "−") if row.reference is not None else "–",
                f"± {row.threshold:.2g}" if row.threshold is not None else "–",
                ("pass" if row.passed else "FAIL") if known else "–",
            )
        )
    header = ("quantity", "unit", "potential", "reference", "deviation", "allowed", "verdict")
    return Table(header, cells, highlighted=frozenset(i for i, row in enumerate(rows) if row.passed is False))


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _provenance(validation: "Validation") -> str:
    import ase
    import phonopy

    import mlip_rs

    seconds = sum(outcome.seconds for outcome in validation.outcomes)
    return (
        f"mlip_rs {mlip_rs.__version__}, ASE {ase.__version__}, phonopy {phonopy.__version__}; {seconds:.0f} s,"
        " less where finished properties were taken from an earlier run. To repeat:"
    )


def _command(validation: "Validation") -> str:
    words = ["mlip-rs", "validate", validation.potential]
    if validation.reference:
        words += ["--reference", validation.reference]
    if validation.quick:
        words.append("--quick")
    if len(validation.outcomes) < len(PROPERTIES):
        words += ["--only", *(outcome.name for outcome in validation.outcomes)]
    return shlex.join([*words, "-o", "DIR"])
