"""Report of a fit on one self-contained page: errors, costs, data, settings."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlip_rs.data import Dataset, DataSummary, GroupSummary, ReferenceEnergies, summarize
from mlip_rs.data import figures as data_figures
from mlip_rs.data.label_source import sources_text, teacher_sentence
from mlip_rs.evaluate.errors import Errors, ErrorSummary
from mlip_rs.evaluate.evaluation import evaluate
from mlip_rs.evaluate.figures import error_by_config_type
from mlip_rs.fitting import Point, Run
from mlip_rs.fitting.figures import ModelPoint, pareto, predicted_cost, sparsity_path
from mlip_rs.fitting.result import LOSS
from mlip_rs.fitting.run_config import configuration
from mlip_rs.fitting.weights import precisions_text
from mlip_rs.potential import Potential
from mlip_rs.report.document import Code, Image, Item, Report, Table
from mlip_rs.report.error_bars import error_bars_content
from mlip_rs.report.html import save_html
from mlip_rs.report.outside_data import outside_data_content
from mlip_rs.text import counted
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA

REPORT_NAME: str = "report.html"

SHOWN_NOTICES: int = 20
"""Notices about the data that are listed before the rest is only counted."""

_DATA_CAPTIONS: Mapping[str, str] = {
    "energy_volume": "Energy of every training structure against its volume.",
    "forces": "Lengths of the forces in the training data.",
    "distances": "Distance of every atom to its nearest neighbour: the potential knows nothing of shorter ones.",
    "stresses": "Stress components of the training data.",
}


def write_run_report(directory: Path, run: Run, training: Dataset, test: Dataset | None) -> Path:
    """Write `report.html` of a fit.

    Parameters
    ----------
    directory
        The run directory; must exist.
    run
        The fit.
    training
        The data fitted to.
    test
        Data that only the errors reported see, if any.

    Returns
    -------
    The path of the page.

    Raises
    ------
    OSError
        The page cannot be written.
    """
    best = run.best()
    summary = summarize(training, reference=ReferenceEnergies(**run.record["reference_energies"]))
    report = Report(f"Fit of {'-'.join(best.elements)}, {best.hierarchy}", _headline(run))
    report.add_section("Accuracy", *_accuracy(run))
    report.add_section("Error against sparsity and cost", *path_content(run))
    report.add_section("Outside the data", *outside_data_content(run))
    report.add_section("Error bars", *error_bars_content(run))
    report.add_section("Predictions against labels", *parity_content(best, training, test))
    report.add_section("Errors by kind of structure", *by_config_type_content(run.points[run.best_index]))
    report.add_section("Training data", _label_check(run.record), *data_content(training, summary))
    report.add_section("Settings and provenance", settings_table(run.record))
    report.add_section("Using and repeating it", *_repeat_content(run.record))
    return save_html(report, Path(directory) / REPORT_NAME)


def accuracy_table(named: Mapping[str, Point], caption: str = "") -> Table:
    """RMSE and MAE of potentials on training, validation and test data.

    Parameters
    ----------
    named
        The potentials by the name in the first column.
    caption
        Below the title of the section.
    """
    header = ("potential", "data", *ERROR_COLUMNS)
    rows = []
    for name, point in named.items():
        parts = {"training": point.training, "validation": point.validation, "test": point.test}
        for part, errors in parts.items():
            if errors is not None:
                rows.append((name, part, *error_cells(errors)))
    return Table(header, rows, caption)


ERROR_COLUMNS: tuple[str, ...] = (
    "energy RMSE (meV/atom)",
    "MAE",
    "force RMSE (eV/Å)",
    "MAE",
    "stress RMSE (GPa)",
    "MAE",
)
"""Header of the cells that `error_cells` gives."""


def error_cells(errors: Errors) -> tuple[str, ...]:
    """RMSE and MAE of energy (meV/atom), force (eV/Å) and stress (GPa), a dash without labels."""
    cells: list[str] = []
    for summary, digits in ((errors.energy, 2), (errors.forces, 4), (errors.stress, 3)):
        cells += _pair_of_cells(summary, digits)
    return tuple(cells)


def path_content(run: Run) -> list[Item]:
    """The regularisation path and the front of cost and error."""
    points, selected = model_points(run), {"knee": run.knee_index, "best": run.best_index}
    items: list[Item] = [
        Image(
            sparsity_path(points, selected=selected),
            "Error against the number of nonzero coefficients along the path, each point refitted on its support. "
            "Validation: predicted by potentials that were chosen and fitted without the structure.",
        ),
        Image(
            pareto(points, selected=selected, front=run.front),
            "Validation error against the time of energy, forces and stress together on one thread, as predicted; thin "
            "lines lead to the time measured on this machine, on which no choice depends. The front goes by the score, "
            "which weighs all errors, and ends at the best; grey are potentials that others beat, that are dearer than "
            "the best, or that failed their stress test.",
        ),
    ]
    if any(point.predicted_us_per_atom is not None and point.us_per_atom is not None for point in points):
        items.append(
            Image(
                predicted_cost(points),
                "Time by the cost model against the measured time; its unit costs are fitted to the path.",
            )
        )
    return items


def model_points(run: Run) -> list[ModelPoint]:
    """The points of a run as the figures take them."""
    return [
        ModelPoint(
            p.potential.n_nonzero,
            p.us_per_atom,
            p.validation,
            p.test,
            p.potential.hierarchy,
            p.predicted_us_per_atom,
        )
        for p in run.points
    ]


def parity_content(
    potential: Potential, training: Dataset, test: Dataset | None, threads: int | None = None
) -> list[Item]:
    """Parity plots on the test data, or else on the training data, with a sentence that says which."""
    dataset, which = (training, "training") if test is None else (test, "test")
    text = (
        f"Predictions of the best potential for the {counted(len(dataset), 'structure')} of the {which} data"
        + (
            ", which it was fitted to: errors for new structures are larger, see validation above."
            if test is None
            else ", which neither the fit nor the choice of the potential has seen."
        )
    )
    drawn = evaluate(potential, dataset, error_bars=False, threads=threads).figures()
    captions = {"energy": "Energies per atom", "force": "Force components", "stress": "Stress components"}
    images = [Image(figure, f"{captions[name]}, {which} data.") for name, figure in drawn.items()]
    return [text, *images]


def by_config_type_content(point: Point) -> list[Item]:
    """Validation errors of each kind of structure."""
    groups = point.validation.by_config_type
    if len(groups) < 2:
        return ["All structures are of one kind."]
    return [
        Image(
            error_by_config_type(point.validation),
            "Cross-validation errors of the best potential by kind of structure. Kinds with few structures "
            "are predicted from the other kinds when they are left out.",
        )
    ]


def data_content(dataset: Dataset, summary: DataSummary) -> list[Item]:
    """Labels, ranges, notices and figures of the data."""
    labels = dataset.labels
    reference = summary.reference
    lines = [
        f"{counted(len(dataset), 'structure')}, {counted(dataset.n_atoms, 'atom')} of {', '.join(dataset.elements)}; "
        f"labels: {counted(labels.energies, 'energy')}, {counted(labels.forces, 'set')} of forces, "
        f"{counted(labels.stresses, 'stress')}.",
        f"Energy taken: {dataset.energy_source}. Reference energies: "
        f"{'none' if reference is None else reference.text()}.",
    ]
    kinds = [*summary.config_types, summary.total] if len(summary.config_types) > 1 else [summary.total]
    table = Table(
        (
            "kind",
            "structures",
            "atoms",
            "energy (eV/atom)",
            "max |F| (eV/Å)",
            "stress (GPa)",
            "volume (Å³/atom)",
        ),
        [_group_row(group) for group in kinds],
        "Energies are relative to the "
        + ("isolated atoms." if reference is None or not reference.undetermined else "reference energies."),
    )
    images = [Image(figure, _DATA_CAPTIONS[name]) for name, figure in data_figures(dataset, summary).items()]
    return ["\n".join(lines), _notices(summary), table, *images]


def settings_table(record: Mapping[str, Any]) -> Table:
    """Basis, estimator, weights and origin of a run."""
    spec, settings, data = record["basis"], record["settings"], record["data"]
    families = ", ".join(dict.fromkeys(entry["function"]["family"] for entry in spec["radial"]))
    rows = [
        ("elements", ", ".join(spec["elements"])),
        ("hierarchy", str(record["hierarchy"])),
        ("cutoff", f"{spec['cutoff']:g} Å, {spec['cutoff_function']}"),
        ("radial functions", families),
        ("candidate features", f"{record['n_features']}"),
        ("method", settings["method"] + _power(settings)),
        ("folds of the cross-validation", f"{settings['n_folds']}, seed {settings['seed']}"),
        ("ridge penalty chosen", _penalty_text(record)),
        ("precision asked for", precisions_text(settings["weights"])),
        *(("elastic rows", text) for text in [_elastic_text(record)] if text),
        ("training data", ", ".join(data["files"])),
        *(("labels made by", text) for text in [_made_by(data)] if text),
        ("fingerprint of the training data", data["fingerprint"]),
    ]
    if record["test_data"] is not None:
        rows.append(("test data", ", ".join(record["test_data"]["files"])))
        rows.append(("fingerprint of the test data", record["test_data"]["fingerprint"]))
    phases = (f"{name.replace('_', ' ')} {value:.1f} s" for name, value in record["seconds"].items())
    rows.append(("time", ", ".join(phases)))
    if record.get("n_workers"):
        rows.append(("workers of Dask that summed the equations", str(record["n_workers"])))
    rows.append(("version of mlip_rs", str(record["package_version"])))
    return Table(("setting", "value"), rows)


def _elastic_text(record: Mapping[str, Any]) -> str:
    """The crystals whose response to strain sparse fits keep; empty for runs before there were any."""
    rows = record.get("elastic_rows")
    if rows is not None:
        return f"response of {', '.join(rows['crystals'])} to strain, weight {rows['weight']:g}"
    if "elastic_rows" not in record:
        return ""
    if not record["settings"].get("elastic_weight"):
        return "none: elastic_weight is 0"
    return "none: the data have no crystal at rest that resists strain, or the method is of another library"


def _made_by(data: Mapping[str, Any]) -> str:
    return sources_text(data["label_sources"], data["n_structures"])


def _penalty_text(record: Mapping[str, Any]) -> str:
    if record["ridge_penalty"] is not None:
        return f"{record['ridge_penalty']:.0e}"
    return "; ".join(
        f"{name} {value:.1f}" if name.startswith("exponent") else f"{name} {value:.0e}"
        for name, value in record["prior"].items()
    )


def _headline(run: Run) -> str:
    best, knee = run.points[run.best_index], run.points[run.knee_index]
    data = run.record["data"]
    first = (
        f"{counted(run.record['n_features'], 'candidate feature')}, {counted(data['n_structures'], 'structure')} with "
        f"{counted(data['n_atoms'], 'atom')}; {counted(len(run.points), 'potential')} from sparse to dense."
    )
    taught = [text for text in [teacher_sentence(data["label_sources"])] if text]
    return "\n".join([first, *taught, f"Best: {point_text(best)}.", f"Knee: {point_text(knee)}."])


def point_text(point: Point) -> str:
    """One potential in half a sentence."""
    errors = point.validation if point.test is None else point.test
    which = "validation" if point.test is None else "test"
    shown = ((errors.energy, 2, "meV/atom"), (errors.forces, 3, "eV/Å"), (errors.stress, 2, "GPa"))
    known = ", ".join(f"{s.rmse:.{digits}f} {unit}" for s, digits, unit in shown if s is not None)
    return f"{counted(point.potential.n_nonzero, 'coefficient')}, {point.us_per_atom:.3g} µs/atom, {which} RMSE {known}"


def _accuracy(run: Run) -> list[Item]:
    best, knee = run.points[run.best_index], run.points[run.knee_index]
    sizes = Table(
        ("potential", "coefficients", "µs/atom", "measured", "score", "file"),
        [
            (
                name,
                str(p.potential.n_nonzero),
                f"{p.cost:.3g}",
                f"{p.us_per_atom:.3g}",
                f"{p.score:.3f}",
                f"{name}.mlip.json",
            )
            for name, p in (("best", best), ("knee", knee))
        ],
        "Best, knee: the cheapest by predicted time whose score is within 0.5 and 10 % of the lowest. Potentials that "
        f"failed their stress test are left out while one that held has at most {LOSS:g} times the lowest score, and "
        "those whose energy does not rise at short range while one that does is within 10 % of it. Score: root mean "
        "squared error of the cross-validation in units of the precisions asked for. Time: one thread, neighbour list "
        "reused; predicted, and as measured on this machine.",
    )
    errors = accuracy_table(
        {"best": best, "knee": knee},
        "Training: data fitted to. Validation: each structure predicted by potentials fitted without it; the "
        "choice of the potential rests on it."
        + ("" if best.test is None else " Test: data that neither the fit nor the choice has seen."),
    )
    return [sizes, errors]


def _repeat_content(record: Mapping[str, Any]) -> list[Item]:
    use = (
        "import mlip_rs\n\n"
        'potential = mlip_rs.Potential.load("best.mlip.json")\n'
        "atoms.calc = potential.calculator()  # any ase.Atoms"
    )
    command = "mlip-rs fit repeat.toml -o another-run"
    return [
        "In Python, with the file beside this page:",
        Code(use),
        "To repeat the fit, save this as repeat.toml beside the data files and run the command below it. The "
        "number of threads does not change the result. run.json beside this page has every number shown here.",
        Code(configuration(record)),
        Code(command),
    ]


def _pair_of_cells(summary: ErrorSummary | None, digits: int) -> tuple[str, str]:
    if summary is None:
        return "–", "–"
    return f"{summary.rmse:.{digits}f}", f"{summary.mae:.{digits}f}"


def _group_row(group: GroupSummary) -> Sequence[str]:
    ranges = (group.binding_energy_per_atom, group.stress, group.volume_per_atom)
    energy, stress, volume = (
        "–" if values is None else _signed(values.text(digits, factor))
        for values, digits, factor in zip(ranges, (2, 1, 1), (1.0, EV_PER_ANGSTROM3_IN_GPA, 1.0), strict=True)
    )
    force = "–" if group.max_force is None else f"{group.max_force:.2f}"
    return (group.name, str(group.n_frames), str(group.n_atoms), energy, force, stress, volume)


def _signed(text: str) -> str:
    """With real minus signs, and none before zero."""
    return re.sub(r"-(0\.0*)(?!\d)", r"\1", text).replace("-", "−")


def _label_check(record: Mapping[str, Any]) -> str:
    """What the check of the labels against each other found, and what was done about it."""
    check = record["label_check"]
    entries = [f"corrected: {found['message']}" for found in check["corrected"]]
    entries += [f"contradiction, allowed on request: {found['message']}" for found in check["errors"]]
    entries += [f"warning: {found['message']} {found['cure']}." for found in check["warnings"]]
    entries += [f"not checked: {sentence}." for sentence in check["unchecked"]]
    if not entries:
        return "Energies, forces and stresses agree with each other as far as they can be compared."
    return "\n".join(["Labels against each other:", *(f"• {text}" for text in entries)])


def _notices(summary: DataSummary) -> str:
    found = [
        f"{len(frames.frames)} equal structures: {', '.join(frames.locations)}"
        for frames in summary.duplicates
    ]
    found += [f"outlier {outlier.location}: {outlier.reason}" for outlier in summary.outliers]
    found += summary.notices
    if not found:
        return "No duplicates, no outliers, nothing odd."
    left = len(found) - SHOWN_NOTICES
    return "\n".join(["To look at:", *(f"• {text}" for text in found[:SHOWN_NOTICES])]) + (
        f"\n… and {left} more" if left > 0 else ""
    )


def _power(settings: Mapping[str, Any]) -> str:
    powers = {"adaptive-lasso": "adaptive_power", "cost-aware": "cost_power"}
    name = powers.get(settings["method"])
    return "" if name is None else f", γ = {settings[name]:g}"
