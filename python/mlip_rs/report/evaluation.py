"""Errors on labelled structures, as a section of the report: tables, parity, kinds of structure, size of the force."""

from collections.abc import Mapping
from pathlib import Path

from mlip_rs.errors import DataError
from mlip_rs.evaluate.errors import FORCE_KEY
from mlip_rs.evaluate.evaluation import Evaluation
from mlip_rs.evaluate.figures import error_by_config_type
from mlip_rs.evaluate.force_figure import force_error_by_size
from mlip_rs.evaluate.trust_tables import coverage_table, finding, index_table, promise
from mlip_rs.report.document import Image, Item, Table
from mlip_rs.text import counted

_CAPTIONS = {"energy": "Energies per atom", "force": "Force components", "stress": "Stress components"}


def data_content(evaluations: Mapping[str, Evaluation], file: str) -> list[Item]:
    """Tables and figures of the errors of potentials on one file of labelled structures.

    Parameters
    ----------
    evaluations
        Evaluations by the name of the potential, all on the same structures.
    file
        The structures.
    """
    first = next(iter(evaluations.values()))
    several = len(evaluations) > 1
    content: list[Item] = [
        f"{counted(len(first.config_types), 'structure')} of {Path(file).name}. Whether a potential has been fitted to "
        "some of them is not known here; errors of structures that it has not seen are larger.",
        _table(evaluations),
    ]
    for name, evaluation in evaluations.items():
        of = f"{name}: " if several else ""
        for quantity, figure in evaluation.figures().items():
            content.append(
                Image(figure, f"{of}{_CAPTIONS[quantity]}, predicted against labels; below, their errors.")
            )
        if len(evaluation.errors.by_config_type) > 1:
            content.append(
                Image(error_by_config_type(evaluation.errors), f"{of}Errors by kind of structure.")
            )
    for name, evaluation in evaluations.items():
        content += _trust(evaluation, f"{name}: " if several else "")
    if len(first.pairs[FORCE_KEY].reference):
        pairs = {name: evaluation.pairs[FORCE_KEY] for name, evaluation in evaluations.items()}
        caption = (
            "Error of the force vector against its length, in groups of as many atoms; dashed: 10 % of it."
        )
        try:
            content.append(Image(force_error_by_size(pairs), caption))
        except DataError as error:  # crystals at rest
            content.append(f"No figure: {error}")
    return content


def _trust(evaluation: Evaluation, of: str) -> list[Item]:
    """Coverage of the error bars by class, and force errors by index; nothing for a potential without them."""
    trust = evaluation.trust
    if trust is None:
        return []
    content: list[Item] = []
    captions = {
        "coverage": "Part of the labels within the error bars against the part that they should cover; points: classes "
        "of structures at 90 %.",
        "force-error-by-index": "Errors of the forces against the index of anomaly of their atoms.",
    }
    figures = evaluation.trust_figures()
    for name, table, sentence in (
        ("coverage", coverage_table, promise),
        ("force-error-by-index", index_table, finding),
    ):
        header, rows = table(trust)
        if rows:
            content.append(Table(tuple(header), rows))
            content += [f"{of}{text}" for text in (sentence(trust),) if text]
        if name in figures:
            content.append(Image(figures[name], of + captions[name]))
    return content


def _table(evaluations: Mapping[str, Evaluation]) -> Table:
    header: tuple[str, ...] = ()
    rows = []
    for name, evaluation in evaluations.items():
        columns, own = evaluation.table()
        header = (*(("potential",) if len(evaluations) > 1 else ()), *columns)
        rows += [[name, *row] if len(evaluations) > 1 else row for row in own]
    return Table(header, rows)
