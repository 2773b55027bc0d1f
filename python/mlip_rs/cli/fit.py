"""`mlip-rs fit`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.options import LABELS, READING, SettingOption, basis_size, element_energies, with_settings
from mlip_rs.cli.output import Json, print_json, print_table, progress
from mlip_rs.cli.pages import with_page


def _switched(precision: float) -> float | bool:
    return precision or False


ESSENTIALS: str = "Essentials"
"""First heading in `--help`."""

OPTIONS: tuple[SettingOption, ...] = (
    SettingOption("data.test", metavar="DATA", note="Repeat for more.", panel=ESSENTIALS),
    SettingOption("basis.size", metavar="SIZE", panel=ESSENTIALS, convert=basis_size),
    SettingOption("basis.cutoff", panel=ESSENTIALS),
    SettingOption(
        "fit.reference_energies",
        "--isolated-atoms",
        "--reference-energy",
        metavar="SYMBOL=EV...",
        panel=ESSENTIALS,
        convert=element_energies,
    ),
    SettingOption("fit.threads", metavar="N", panel=ESSENTIALS),
    SettingOption("output.directory", "--output", short="-o", metavar="DIR", panel=ESSENTIALS),
    *READING,
    *LABELS,
    SettingOption("data.drop_outliers"),
    SettingOption("data.drop_duplicates"),
    SettingOption("data.drop_unconverged"),
    SettingOption("fit.correct_labels", panel="Data"),
    SettingOption("fit.allow_contradictory_labels", panel="Data"),
    SettingOption("weights.energy", "--energy-precision", note="0 leaves energies out.", convert=_switched),
    SettingOption("weights.forces", "--force-precision", note="0 leaves forces out.", convert=_switched),
    SettingOption("weights.stress", "--stress-precision", note="0 leaves stresses out.", convert=_switched),
    SettingOption("basis.elements", metavar="SYMBOL..."),
    SettingOption("basis.angular_cutoff"),
    SettingOption("basis.hierarchy"),
    SettingOption("basis.radial"),
    SettingOption("basis.n_radial"),
    SettingOption("basis.n_angular"),
    SettingOption("basis.max_l"),
    SettingOption("basis.cutoff_function"),
    SettingOption("basis.pair_degree"),
    SettingOption("basis.angular_degree"),
    SettingOption("basis.mixed_degree"),
    SettingOption("fit.method"),
    SettingOption("fit.cost_power"),
    SettingOption("fit.max_nonzero"),
    SettingOption("fit.n_folds", "--folds"),
    SettingOption("fit.seed"),
    SettingOption("fit.calibrate"),
    SettingOption("fit.hold_out_classes"),
    SettingOption("fit.allow_underdetermined"),
    SettingOption("fit.scheduler", metavar="ADDRESS|FILE|local", note="See docs/large-data.md."),
)
"""Settings with an option of their own; `--set` sets any other."""


@with_settings(*OPTIONS)
def run(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CONFIG.toml | DATA...",
            help="A configuration, or files that ASE reads; not needed with --set data.train.",
            show_default=False,
        ),
    ] = None,
    *,
    settings: dict[str, Any],
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace another fit in the run directory.", rich_help_panel=ESSENTIALS
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Read the data, print the basis and the memory needed, and stop.",
            rich_help_panel=ESSENTIALS,
        ),
    ] = False,
    scan_weights: Annotated[
        bool,
        typer.Option(
            "--scan-weights",
            help="Cross-validate other precisions of energies and stresses, print the errors, and stop.",
            rich_help_panel="Weights",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Fit potentials from sparse to dense, and write them to a run directory.

    Every option can be given in CONFIG.toml instead; options override the file. The same command resumes a fit
    that was interrupted.
    """
    if scan_weights and "data.test" in settings:
        raise typer.BadParameter(
            "--scan-weights compares cross-validated errors and takes no test data; leave out --test"
        )
    from mlip_rs.workflows.config import load_job

    data = data or []
    if not data and "data.train" not in settings:
        raise typer.BadParameter("give a configuration, files of data, or --set data.train=FILE")
    config = _config(data)
    if config is None and data:
        if "data.train" in settings:
            raise typer.BadParameter("DATA and --set data.train give the same setting; give one of them")
        settings["data.train"] = data
    job = load_job(config, settings, overwrite=overwrite)
    if dry_run:
        with progress() as receiver:
            plan = job.plan(receiver)
        if as_json:
            print_json(plan.to_dict())
        else:
            print("\n".join(plan.lines()))
        return
    if scan_weights:
        with progress() as receiver:
            scan = job.scan_weights(receiver)
        if as_json:
            print_json(scan.to_dict())
        else:
            print_table(*scan.table())
            print(
                f"\ncross-validated, all features; a fit with other precisions and -o {job.directory} begins from here"
            )
        return
    with progress() as receiver:
        outcome = job.run(receiver)
    _show(outcome, as_json)


def _show(outcome: Any, as_json: bool) -> None:  # noqa: ANN401 (Outcome, imported lazily)
    from mlip_rs.fitting.result import table
    from mlip_rs.report.error_bars import coverage_sentence

    points = outcome.run.pareto()
    warnings = _warnings(outcome.run)
    files = {
        "best": str(outcome.directory / "best.mlip.json"),
        "knee": str(outcome.directory / "knee.mlip.json"),
        "report": str(outcome.report),
    }
    if as_json:
        print_json({"directory": str(outcome.directory), **files, "points": points, "warnings": warnings})
        return
    print_table(*table(points))
    print(f"\nall in {outcome.directory}/ (cross-validation errors above)")
    for name, file in files.items():
        print(f"  {name:<7} {file}")
    if bars := coverage_sentence(outcome.run.points[outcome.run.knee_index]):
        print(f"knee: {bars}")
    for warning in warnings:
        print(f"warning: {with_page(warning)}")


def _warnings(run: Any) -> list[str]:  # noqa: ANN401 (Run, imported lazily)
    """What those who take `best` and `knee` have to know."""
    from mlip_rs.fitting.stress_warnings import stress_test_warnings
    from mlip_rs.potential.short_range import short_range_failures

    named = {"best": run.best_index, "knee": run.knee_index}
    return [
        *(
            f"{name}: not to be trusted at short range: {failure}"
            for name, k in named.items()
            for failure in short_range_failures(run.points[k].potential.info)
        ),
        *stress_test_warnings([point.to_dict("") for point in run.points], run.front, named),
    ]


def _config(data: list[str]) -> Path | None:
    configs = [name for name in data if name.lower().endswith(".toml")]
    if not configs:
        return None
    if len(data) > 1:
        raise typer.BadParameter(
            f"give one configuration, or data, not both: {configs[0]} with {len(data) - 1} more"
        )
    return Path(configs[0])
