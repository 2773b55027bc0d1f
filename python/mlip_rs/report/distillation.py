"""Report of a distillation on one page: teacher, structures, errors of the student, physical properties."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlip_rs.data.label_source import teacher_sentence
from mlip_rs.evaluate.errors import Errors
from mlip_rs.fitting import Run
from mlip_rs.report.document import Item, Report, Table
from mlip_rs.report.fit import ERROR_COLUMNS, accuracy_table, error_cells, path_content, point_text
from mlip_rs.report.html import save_html
from mlip_rs.text import counted
from mlip_rs.validate.result import Validation

REPORT_NAME: str = "distillation.html"


@dataclass(frozen=True)
class Distilled:
    """A student and what it was measured by.

    Parameters
    ----------
    directory
        Of everything.
    run
        The fit.
    structures
        Numbers of the structures by kind, as a table.
    notices
        One sentence each.
    n_labels, n_test
        Labelled structures in all, and those held out.
    label_sources
        Numbers of structures by what made their labels.
    against_data
        Errors of the teacher and of the student on first-principles data, by name; empty without such data.
    validation
        Physical properties against the teacher; None if they were not asked for or could not be computed.
    """

    directory: Path
    run: Run
    structures: tuple[list[str], list[list[str]]]
    notices: tuple[str, ...]
    n_labels: int
    n_test: int
    label_sources: Mapping[str, int]
    against_data: Mapping[str, Errors]
    validation: Validation | None

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        best, knee = self.run.points[self.run.best_index], self.run.points[self.run.knee_index]
        return {
            "directory": str(self.directory),
            "label_sources": dict(self.label_sources),
            "n_labels": self.n_labels,
            "n_test": self.n_test,
            "against_teacher": {
                name: None if point.test is None else point.test.to_dict()
                for name, point in (("knee", knee), ("best", best))
            },
            "against_data": {name: errors.to_dict() for name, errors in self.against_data.items()},
            "validation": None if self.validation is None else self.validation.to_dict(),
            "notices": list(self.notices),
        }


def write_distillation_report(distilled: Distilled) -> Path:
    """Write `distillation.html`, and return its path.

    Parameters
    ----------
    distilled
        The student and what it was measured by.

    Raises
    ------
    OSError
        The page cannot be written.
    """
    run = distilled.run
    named = {"knee": run.points[run.knee_index], "best": run.points[run.best_index]}
    report = Report(
        f"Distillation of {'-'.join(run.best().elements)}",
        "\n".join(
            [
                teacher_sentence(distilled.label_sources),
                *(f"{name.capitalize()}: {point_text(point)}." for name, point in named.items()),
            ]
        ),
    )
    report.add_section(
        "Student against teacher",
        accuracy_table(
            named,
            f"Test: {counted(distilled.n_test, 'structure')} of {distilled.n_labels}, labelled by the teacher, too, "
            "that neither the fit nor the choice of the potential has seen. More on the fit in fit/report.html.",
        ),
        *path_content(run),
    )
    if distilled.against_data:
        report.add_section("Against first principles", data_table(distilled.against_data))
    if distilled.validation is not None:
        report.add_section(
            "Physical properties",
            "Of the knee, against those of the teacher; pages and figures in validation/report.html.",
            Table(*distilled.validation.table()),
        )
    report.add_section("Structures", *_structures(distilled))
    return save_html(report, distilled.directory / REPORT_NAME)


def data_table(errors: Mapping[str, Errors]) -> Table:
    """Errors of teacher and students on first-principles data.

    Parameters
    ----------
    errors
        By name.
    """
    return Table(
        ("potential", *ERROR_COLUMNS),
        [(name, *error_cells(own)) for name, own in errors.items()],
        "Energies are compared after a constant for each element is fitted, since those of other codes and "
        "pseudopotentials count from other zeros.",
    )


def _structures(distilled: Distilled) -> list[Item]:
    header, rows = distilled.structures
    return [Table(header, rows), *(["\n".join(distilled.notices)] if distilled.notices else [])]
