"""The report of the demo: accuracy, cost and physical properties of sparse potentials of aluminium."""

from contextlib import suppress
from pathlib import Path

from mlip_rs.data import Dataset, summarize
from mlip_rs.demo.result import Choice, DemoResult, HierarchyResult
from mlip_rs.errors import PropertyError
from mlip_rs.evaluate.evaluation import evaluate
from mlip_rs.fitting.figures import pareto_fronts, sparsity_paths
from mlip_rs.report.comparison import MISSED
from mlip_rs.report.document import Code, Image, Item, Report, Table
from mlip_rs.report.fit import (
    ERROR_COLUMNS,
    by_config_type_content,
    data_content,
    error_cells,
    model_points,
    parity_content,
    point_text,
    settings_table,
)
from mlip_rs.report.html import save_html
from mlip_rs.report.validation import number
from mlip_rs.text import counted
from mlip_rs.validate.eos import equation_of_state
from mlip_rs.validate.figures.prototypes import energy_volume_curves
from mlip_rs.validate.result import ValidationRow

NEAR_GROUND_STATE: float = 0.5
"""Energy in eV/atom above the ground state up to which ordinary simulations go."""

WORST_KINDS: int = 4
"""Number of kinds of structure named as those with the largest errors."""


def write_demo_report(
    result: DemoResult, training: Dataset, held_out: Dataset, threads: int | None = None
) -> Path:
    """Write `report.html` of the demo."""
    chosen = result.recommended_hierarchy
    report = Report("Aluminium by sparse estimation", _headline(result))
    report.add_section("Accuracy", *_accuracy(result, held_out, threads))
    report.add_section("Error against sparsity and cost", *_paths(result))
    report.add_section("Properties against first principles", *_properties(result))
    report.add_section("Energy–volume curves", *_curves(result))
    report.add_section(
        "Predictions against labels",
        *parity_content(chosen.best.point.potential, training, held_out, threads),
    )
    report.add_section("Errors by kind of structure", *by_config_type_content(chosen.best.point))
    report.add_section("What to be careful about", *_limits(result, training))
    report.add_section("Training data", *data_content(training, summarize(training, reference={"Al": 0.0})))
    report.add_section(f"Settings and provenance: {chosen.name}", settings_table(chosen.run.record))
    report.add_section("Using and repeating it", *_repeat())
    return save_html(report, result.report)


def _headline(result: DemoResult) -> str:
    chosen = result.recommended_hierarchy
    rows = chosen.best.rows
    return "\n".join(
        [
            f"{counted(result.n_training, 'structure')} computed with density-functional theory (PBE), "
            f"{result.n_held_out} more held out; {len(result.hierarchies)} hierarchies of potentials, from pairs to "
            f"invariants of many atoms, fitted and validated in about {result.seconds:.0f} s.",
            f"The best one ({chosen.name}, al.mlip.json): {point_text(chosen.best.point)}; "
            f"{sum(row.passed is True for _, row in rows)} of {len(rows)} quantities within the limits of the table "
            "below.",
        ]
    )


def _accuracy(result: DemoResult, held_out: Dataset, threads: int | None) -> list[Item]:
    header = ("potential", "coefficients", "µs/atom", "data", *ERROR_COLUMNS)
    rows = []
    for entry in result.hierarchies.values():
        for choice in (entry.knee, entry.best):
            name = (f"{entry.name} {choice.label}", *_size(choice))
            rows.append((*name, "validation", *error_cells(choice.point.validation)))
            rows.append(("", "", "", "held out", *error_cells(choice.held_out)))
    caption = (
        "Best, knee: the cheapest potential whose cross-validation error is within 0.5 and 10 % of the lowest. "
        "Validation: each training structure is predicted by potentials fitted without it; bases, weights and the "
        "choice of the potential are based on these errors. Held out (test): used for no fit and no choice."
    )
    return [Table(header, rows, caption), _near_ground_state(result, held_out, threads)]


def _near_ground_state(result: DemoResult, held_out: Dataset, threads: int | None) -> str:
    """Errors of structures near the ground state, without the strongly distorted ones of the data."""
    ground = -result.reference.cohesive_energy
    near = [
        i
        for i, frame in enumerate(held_out)
        if frame.energy is not None and frame.energy / frame.n_atoms < ground + NEAR_GROUND_STATE
    ]
    chosen = result.recommended_hierarchy
    errors = evaluate(
        chosen.best.point.potential, held_out.subset(near), error_bars=False, threads=threads
    ).errors
    cells = error_cells(errors)
    return (
        "The data reach pressures from −11 to 96 GPa and forces of 10 eV/Å. "
        f"For the {len(near)} held-out structures "
        f"within {NEAR_GROUND_STATE:g} eV/atom of the ground state, {chosen.name} best has an RMSE (MAE) of "
        f"{cells[0]} ({cells[1]}) meV/atom, {cells[2]} ({cells[3]}) eV/Å and {cells[4]} ({cells[5]}) GPa. "
        "The labels themselves are uncertain by about 2 meV/atom, 0.006 eV/Å and 0.1 GPa."
    )


def _paths(result: DemoResult) -> list[Item]:
    points = {name: model_points(entry.run) for name, entry in result.hierarchies.items()}
    selected = {
        name: {"knee": entry.run.knee_index, "best": entry.run.best_index}
        for name, entry in result.hierarchies.items()
    }
    fronts = {name: entry.run.front for name, entry in result.hierarchies.items()}
    return [
        Image(
            sparsity_paths(points, selected=selected),
            "Validation error against the number of coefficients, along the path of sparse potentials of each "
            "hierarchy (as A. Seko, A. Takahashi and I. Tanaka, PRB 92, 054113 (2015), for LASSO): a few dozen "
            "coefficients achieve most of the reduction, and a richer hierarchy reaches errors that a simpler one "
            "cannot reach with more.",
        ),
        Image(
            pareto_fronts(points, fronts=fronts, selected=selected),
            "Validation error against the predicted time of energy, forces and stress together, on one thread: the "
            "front of each hierarchy, by the score, which weighs all errors.",
        ),
    ]


def _properties(result: DemoResult) -> list[Item]:
    best = {name: entry.best for name, entry in result.hierarchies.items()}
    quantities = {(found.title, row.name): row for choice in best.values() for found, row in choice.rows}
    known = {
        name: {(found.title, row.name): row for found, row in choice.rows} for name, choice in best.items()
    }
    rows: list[tuple[str, ...]] = []
    shown = ""
    for key, row in quantities.items():
        title, shown = ("" if key[0] == shown else key[0]), key[0]
        cells = [_cell(column.get(key)) for column in known.values()]
        reference = "–" if row.reference is None else number(row.reference)
        allowed = "–" if row.threshold is None else f"± {row.threshold:.2g}"
        rows.append((title, row.name, row.unit, reference, allowed, *cells))
    caption = (
        f"The best potential of each hierarchy; {MISSED} marks values outside the allowed deviation, a dash a quantity "
        "that could not be computed. None of these numbers was used in a fit or in a choice. The vacancy has 32 sites "
        "and is not relaxed; the structures fitted to have at most 8 atoms. mlip-rs validate computes more properties."
    )
    failures = [
        f"{name}: {failure}"
        for name, choice in best.items()
        for found in choice.properties
        for failure in (*found.failures, *([found.error] if found.error else []))
    ]
    header = ("property", "quantity", "unit", "DFT", "allowed", *best)
    table = Table(header, rows, caption)
    return [table, "\n".join(["Failures that need no reference:", *failures])] if failures else [table]


def _curves(result: DemoResult) -> list[Item]:
    """Equations of state of every hierarchy but the pair potentials, at the volumes of the reference."""
    known = result.reference.curves
    images: list[Item] = []
    for name, entry in result.hierarchies.items():
        if name == "pair":
            continue
        potential = entry.best.point.potential
        calculator, curves = potential.calculator(threads=1, index=False), {}
        for structure, curve in known.items():
            with suppress(PropertyError):  # no minimum within these volumes: no line
                curves[structure] = equation_of_state(calculator, structure, "Al", curve.volumes)
        caption = f"{name} best, {counted(potential.n_nonzero, 'coefficient')}."
        images.append(Image(energy_volume_curves({"potential": curves}, known), caption))
    return images


def _limits(result: DemoResult, training: Dataset) -> list[Item]:
    chosen = result.recommended_hierarchy
    missed = {name: entry.best.missed for name, entry in result.hierarchies.items()}
    lists = [f"{name}: {text}" for name, text in missed.items() if text]
    within = [name for name, text in missed.items() if not text]
    shortest = summarize(training).total.nearest_distance
    distance = "" if shortest is None else f" {shortest.low:.2f} Å"
    return [
        "\n".join(
            ["Outside the allowed deviation from DFT:", *lists]
            + ([f"Within all of them: {', '.join(within)}."] if within else [])
        ),
        f"Kinds of structure that {chosen.name} best predicts worst when they are left out of the fit "
        f"(cross-validation): {_worst_kinds(chosen, training)}. Most of them are rare in the data and unlike the rest; "
        "adding a few structures like those of the intended simulation lowers these errors.",
        f"No two atoms of the training data are closer than{distance}; the potentials extrapolate below it.",
    ]


def _worst_kinds(entry: HierarchyResult, training: Dataset) -> str:
    groups = entry.best.point.validation.by_config_type
    sizes = {name: sum(frame.config_type == name for frame in training) for name in groups}
    errors = {name: group.energy.rmse for name, group in groups.items() if group.energy is not None}
    worst = sorted(errors, key=lambda name: -errors[name])[:WORST_KINDS]
    return ", ".join(
        f"{name} ({errors[name]:.0f} meV/atom; {sizes[name]} in the training data)" for name in worst
    )


def _repeat() -> list[Item]:
    use = (
        "import mlip_rs\n\n"
        'potential = mlip_rs.Potential.load("al.mlip.json")\n'
        "atoms.calc = potential.calculator()  # any ase.Atoms"
    )
    return [
        "In Python, with the file beside this page:",
        Code(use),
        "In LAMMPS, on any number of ranks:",
        Code("mlip-rs lammps run al.mlip.json STRUCTURE --ensemble npt --temperature 300 --ranks 2 -o md"),
        "To repeat everything (the number of threads does not change the potentials; times depend on the machine):",
        Code("mlip-rs demo -o al-demo"),
        "Each hierarchy has a run directory with its whole Pareto front; demo.json contains every number shown here.",
        Code("mlip-rs pareto al-demo/invariants"),
    ]


def _size(choice: Choice) -> tuple[str, str]:
    return f"{choice.point.potential.n_nonzero}", f"{choice.point.us_per_atom:.3g}"


def _cell(row: ValidationRow | None) -> str:
    if row is None:
        return "–"
    return f"{number(row.value)} {MISSED}" if row.passed is False else number(row.value)
