"""The page of the demo: what sparse estimation does for aluminium, and what it does not."""

from pathlib import Path

from mlip_rs.data import Dataset, summarize
from mlip_rs.demo.result import Choice, DemoResult, HierarchyResult
from mlip_rs.evaluate.evaluation import evaluate
from mlip_rs.fitting.figures import pareto_fronts, sparsity_paths
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
from mlip_rs.validate import Comparison, PropertyRow
from mlip_rs.validate.figures.prototypes import energy_volume_curves

NEAR_GROUND_STATE: float = 0.5
"""eV/atom above the lowest energy: what ordinary simulations visit."""

WORST_KINDS: int = 4
"""Kinds of structure named as the weakest."""

MISSED = "✗"


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
    rows = chosen.best.comparison.rows
    return "\n".join(
        [
            f"{result.n_training} structures computed with density-functional theory (PBE), "
            f"{result.n_held_out} more held out; four hierarchies of potentials, from pairs to polynomials of "
            f"angular invariants, fitted and judged in about {result.seconds:.0f} s.",
            f"The best one ({chosen.name}, al.mlip.json): {point_text(chosen.best.point)}; "
            f"{sum(row.passed for row in rows)} of {len(rows)} properties within the limits of the table below.",
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
        "Best: lowest cross-validation error of the path; knee: the cheapest within 10 % of it. Validation: each "
        "training structure predicted by potentials fitted without it; bases, weights and the choice of the "
        "potential rest on it. Held out (test): no fit and no choice of a potential has seen it."
    )
    return [Table(header, rows, caption), _near_ground_state(result, held_out, threads)]


def _near_ground_state(result: DemoResult, held_out: Dataset, threads: int | None) -> str:
    """Errors where simulations go, apart from the violent structures that the data also hold."""
    ground = -result.reference.cohesive_energy
    near = [
        i
        for i, frame in enumerate(held_out)
        if frame.energy is not None and frame.energy / frame.n_atoms < ground + NEAR_GROUND_STATE
    ]
    chosen = result.recommended_hierarchy
    errors = evaluate(chosen.best.point.potential, held_out.subset(near), threads=threads).errors
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
    return [
        Image(
            sparsity_paths(points, selected=selected),
            "Validation error along the LASSO path of each hierarchy, as in A. Seko, A. Takahashi and I. Tanaka, "
            "PRB 92, 054113 (2015): a few dozen coefficients do most of the work, and each step of the "
            "hierarchy lowers what more coefficients cannot.",
        ),
        Image(
            pareto_fronts(points, selected=selected),
            "Validation error against the measured time of energy, forces and stress together, on one thread: the "
            "front of each hierarchy.",
        ),
    ]


def _properties(result: DemoResult) -> list[Item]:
    best = {name: entry.best.comparison for name, entry in result.hierarchies.items()}
    header = ("property", "unit", "DFT", "allowed", *best)
    rows = []
    for across in zip(*(comparison.rows for comparison in best.values()), strict=True):
        row = across[0]
        allowed = f"± {row.threshold:.2g}"
        rows.append((row.name, row.unit, f"{row.reference:.4g}", allowed, *map(_cell, across)))
    chosen = result.recommended_hierarchy
    caption = (
        f"The best potential of each hierarchy; {MISSED} marks what is outside the allowed deviation. None of these "
        "numbers was fitted to or used in a choice. The vacancy has 32 sites and is not relaxed; the "
        "cells fitted to have 8 atoms at most."
    )
    return [
        Table(header, rows, caption),
        comparison_table(chosen.best.comparison, f"{chosen.name} best in detail."),
    ]


def _curves(result: DemoResult) -> list[Item]:
    return [
        Image(
            energy_volume_curves({"potential": entry.best.comparison.curves}, result.reference.curves),
            f"{name} best, {entry.best.point.potential.n_nonzero} coefficients.",
        )
        for name, entry in result.hierarchies.items()
        if name != "pair"
    ]


def _limits(result: DemoResult, training: Dataset) -> list[Item]:
    chosen = result.recommended_hierarchy
    failed = {
        name: [row.name for row in entry.best.comparison.rows if not row.passed]
        for name, entry in result.hierarchies.items()
    }
    lists = [f"{name}: {', '.join(rows)}" for name, rows in failed.items() if rows]
    within = [name for name, rows in failed.items() if not rows]
    shortest = summarize(training).total.nearest_distance
    distance = "" if shortest is None else f" {shortest.low:.2f} Å"
    return [
        "\n".join(
            ["Outside the allowed deviation from DFT:", *lists]
            + ([f"Within all of them: {', '.join(within)}."] if within else [])
        ),
        f"Kinds of structure that {chosen.name} best predicts worst when they are left out (cross-validation): "
        f"{_worst_kinds(chosen, training)}. Most are rare in the data and unlike the rest: "
        "adding a few of what a simulation visits is the cure.",
        f"No two atoms of the training data come closer than{distance}; what the potentials say below that is an "
        "extrapolation.",
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
        "To repeat everything (the number of threads does not change the potentials; times depend on the machine):",
        Code("mlip-rs demo -o al-demo"),
        "Each hierarchy has a run directory with its whole front; demo.json has every number shown here.",
        Code("mlip-rs pareto al-demo/angular-poly"),
    ]


def _size(choice: Choice) -> tuple[str, str]:
    return f"{choice.point.potential.n_nonzero}", f"{choice.point.us_per_atom:.3g}"


def _cell(row: PropertyRow) -> str:
    value = "–" if row.potential is None else f"{row.potential:.4g}".replace("-", "−")
    return value if row.passed else f"{value} {MISSED}"


def comparison_table(comparison: Comparison, caption: str) -> Table:
    """Table of physical properties; failed rows are highlighted."""
    rows = []
    for row in comparison.rows:
        value = "–" if row.potential is None else f"{row.potential:.4g}".replace("-", "−")
        deviation = "–" if row.deviation is None else f"{row.deviation:+.3g}".replace("-", "−")
        verdict = ("pass" if row.passed else "FAIL") + (f": {row.message}" if row.message else "")
        allowed = f"± {row.threshold:.2g}"
        rows.append((row.name, row.unit, value, f"{row.reference:.4g}", deviation, allowed, verdict))
    failed = frozenset(i for i, row in enumerate(comparison.rows) if not row.passed)
    header = ("property", "unit", "potential", "reference", "deviation", "allowed", "verdict")
    return Table(header, rows, caption, failed)
