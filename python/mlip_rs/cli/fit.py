"""`mlip-rs fit`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.output import Json, print_json, print_table, progress

_Data = Annotated[
    list[str],
    typer.Argument(
        metavar="CONFIG.toml | DATA...", help="A configuration, or files that ASE reads.", show_default=False
    ),
]


def run(
    data: _Data,
    test: Annotated[
        list[str] | None, typer.Option(metavar="DATA", help="Test data; repeat for more.")
    ] = None,
    index: Annotated[str | None, typer.Option(help="Frames to take of each file, as in ASE: '::10'.")] = None,
    energy: Annotated[str | None, typer.Option(help="auto, energy or free_energy.")] = None,
    energy_key: Annotated[str | None, typer.Option(help="Key of the energy in the files.")] = None,
    forces_key: Annotated[str | None, typer.Option(help="Key of the forces.")] = None,
    stress_key: Annotated[str | None, typer.Option(help="Key of the stress.")] = None,
    virial_key: Annotated[str | None, typer.Option(help="Key of the virial.")] = None,
    drop_outliers: Annotated[
        bool, typer.Option("--drop-outliers", help="Leave out what looks wrong.")
    ] = False,
    drop_duplicates: Annotated[
        bool, typer.Option("--drop-duplicates", help="Keep the first of equal structures.")
    ] = False,
    elements: Annotated[
        list[str] | None, typer.Option(metavar="SYMBOL...", help="Elements; those of the data by default.")
    ] = None,
    cutoff: Annotated[
        float | None, typer.Option(help="Cutoff radius, Å; taken from the data by default.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="small, medium, standard (the default), large or huge: 100 to 30 000 candidates."),
    ] = None,
    angular_cutoff: Annotated[
        float | None,
        typer.Option(
            help="How far invariants with angles reach, Å; that of the default hierarchy is chosen if left out."
        ),
    ] = None,
    hierarchy: Annotated[
        str | None, typer.Option(help="pair, pair-poly, angular, angular-poly or invariants (the default).")
    ] = None,
    radial: Annotated[str | None, typer.Option(help="Family of radial functions, such as gaussian.")] = None,
    n_radial: Annotated[int | None, typer.Option(help="Radial functions of the pairwise invariants.")] = None,
    n_angular: Annotated[int | None, typer.Option(help="Radial functions of the angular invariants.")] = None,
    max_l: Annotated[int | None, typer.Option(help="Largest degree of the angular invariants.")] = None,
    cutoff_function: Annotated[str | None, typer.Option(help="cosine or polynomial.")] = None,
    pair_degree: Annotated[int | None, typer.Option(help="Largest power of a pairwise invariant.")] = None,
    angular_degree: Annotated[int | None, typer.Option(help="Largest power of an angular invariant.")] = None,
    mixed_degree: Annotated[int | None, typer.Option(help="Largest degree of mixed products.")] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="cost-aware (the default), adaptive-lasso, lasso, elastic-net, group-lasso, omp or ridge."
        ),
    ] = None,
    cost_power: Annotated[
        float | None, typer.Option(help="1 (the default) for little evaluation time, 0 for few coefficients.")
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Measure on this machine what evaluation costs.")
    ] = False,
    folds: Annotated[int | None, typer.Option(help="Folds of the cross-validation.")] = None,
    max_nonzero: Annotated[int | None, typer.Option(help="Most coefficients of a sparse potential.")] = None,
    energy_precision: Annotated[
        float | None, typer.Option(help="Precision asked for, eV/atom; 0 leaves energies out.")
    ] = None,
    force_precision: Annotated[float | None, typer.Option(help="The same for forces, eV/Å.")] = None,
    stress_precision: Annotated[float | None, typer.Option(help="The same for stresses, GPa.")] = None,
    reference_energy: Annotated[
        list[str] | None, typer.Option(metavar="SYMBOL=EV...", help="Energies of the isolated atoms.")
    ] = None,
    allow_underdetermined: Annotated[
        bool, typer.Option("--allow-underdetermined", help="Go on with more features than rows.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Of the assignment of folds.")] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="N", help="Threads; 0 takes MLIP_RS_NUM_THREADS or all cores.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Run directory; mlip-run by default.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another fit in it.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Read the data, print the basis and the memory needed, and stop."),
    ] = False,
    scan_weights: Annotated[
        bool,
        typer.Option(
            "--scan-weights",
            help="Cross-validate other precisions of energies and stresses, print the errors, and stop.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Fit a path of potentials, from sparse to dense, and write a run directory.

    All options can stand in CONFIG.toml; those given here have the last word. A fit that was interrupted
    resumes when the same command is given again.
    """
    if scan_weights and test:
        raise typer.BadParameter(
            "--scan-weights compares cross-validated errors and takes no test data; leave out --test"
        )
    from mlip_rs.workflows.config import load_job

    given: dict[str, dict[str, Any]] = {
        "data": {"test": test, "index": index, "energy": energy},
        "basis": {
            "elements": elements,
            "cutoff": cutoff,
            "size": size,
            "angular_cutoff": angular_cutoff,
            "hierarchy": hierarchy,
            "radial": radial,
            "n_radial": n_radial,
            "n_angular": n_angular,
            "max_l": max_l,
            "cutoff_function": cutoff_function,
            "pair_degree": pair_degree,
            "angular_degree": angular_degree,
            "mixed_degree": mixed_degree,
        },
        "fit": {
            "method": method,
            "cost_power": cost_power,
            "calibrate": calibrate or None,
            "n_folds": folds,
            "max_nonzero": max_nonzero,
            "reference_energies": _energies(reference_energy),
            "allow_underdetermined": allow_underdetermined or None,
            "seed": seed,
            "threads": threads,
        },
        "weights": {
            "energy": _precision(energy_precision),
            "forces": _precision(force_precision),
            "stress": _precision(stress_precision),
        },
        "output": {"directory": None if output is None else str(output)},
    }
    keys = {"energy": energy_key, "forces": forces_key, "stress": stress_key, "virial": virial_key}
    given["data"] |= {
        "keys": {name: key for name, key in keys.items() if key is not None} or None,
        "drop_outliers": drop_outliers or None,
        "drop_duplicates": drop_duplicates or None,
    }
    config = _config(data)
    if config is None:
        given["data"]["train"] = data
    settings = {
        section: {key: value for key, value in values.items() if value is not None}
        for section, values in given.items()
    }
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
    from mlip_rs.potential.short_range import short_range_failures

    points = outcome.run.pareto()
    files = {
        "best": str(outcome.directory / "best.mlip.json"),
        "knee": str(outcome.directory / "knee.mlip.json"),
        "report": str(outcome.report),
    }
    if as_json:
        print_json({"directory": str(outcome.directory), **files, "points": points})
        return
    print_table(*table(points))
    print(f"\nall in {outcome.directory}/ (cross-validation errors above)")
    for name, file in files.items():
        print(f"  {name:<7} {file}")
    for name, potential in (("best", outcome.run.best()), ("knee", outcome.run.knee())):
        for failure in short_range_failures(potential.info):
            print(f"warning: {name}: not to be trusted at short range: {failure}")


def _config(data: list[str]) -> Path | None:
    configs = [name for name in data if name.lower().endswith(".toml")]
    if not configs:
        return None
    if len(data) > 1:
        raise typer.BadParameter(
            f"give one configuration, or data, not both: {configs[0]} with {len(data) - 1} more"
        )
    return Path(configs[0])


def _precision(value: float | None) -> float | bool | None:
    return False if value == 0 else value


def _energies(entries: list[str] | None) -> dict[str, float] | None:
    if not entries:
        return None
    energies = {}
    for entry in entries:
        symbol, _, value = entry.partition("=")
        try:
            energies[symbol] = float(value)
        except ValueError:
            raise typer.BadParameter(f"{entry!r} is not SYMBOL=ENERGY, such as Al=-0.1") from None
    return energies
