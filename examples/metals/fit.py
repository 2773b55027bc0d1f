"""Fits of elemental metals to our own first principles, beside the method as published.

    python examples/metals/fit.py -o metals [--elements Li Al]

For each element with data (ELEMENT/labels.extxyz in this folder; Al comes with the package): `pair-poly` with LASSO
as published (A. Seko, A. Takahashi, I. Tanaka, Phys. Rev. B 92, 054113 (2015)), and the default fit. A sixth of the
structures is seen by neither. Written are metals/results.json, figures of the error of held-out forces and energies
against the number of coefficients and the time, and metals/README.md with tables of errors and properties. What is
there is not computed again.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from properties import properties

from mlip_rs import Basis, FitSettings, read_dataset
from mlip_rs.cli.output import progress
from mlip_rs.data import holdout
from mlip_rs.demo import DATA_PATH, REFERENCE_PATH
from mlip_rs.evaluate.errors import Errors
from mlip_rs.files import write_atomically
from mlip_rs.fitting import Run
from mlip_rs.plot.saving import save_figure
from mlip_rs.plot.style import MARKER_SIZE, PALETTE, dress, label_decades, new_figure
from mlip_rs.potential import Potential
from mlip_rs.workflows.fit_job import Job, Sources

HERE = Path(__file__).parent
METALS = ("Ag", "Al", "Au", "Ca", "Cu", "Ga", "In", "K", "Li", "Zn")
HELD_OUT = 1.0 / 6.0
KINDS = {
    "pairwise, LASSO": (
        Basis(hierarchy="pair-poly"),
        FitSettings(method="lasso", allow_underdetermined=True),
    ),
    "invariants, default": (Basis(), FitSettings()),
}
MARKERS = ("s", "o")
ENERGY, FORCE, STRESS = "energy_mev_per_atom", "force_ev_per_angstrom", "stress_gpa"


def data_of(element: str) -> Path | None:
    """Labels of an element, if there are any."""
    path = DATA_PATH if element == "Al" else HERE / element / "labels.extxyz"
    return path if path.exists() else None


def split(path: Path, folder: Path) -> tuple[Path, Path]:
    """Files with the structures that are fitted to, and with those held out."""
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "training.extxyz", folder / "test.extxyz"
    dataset = read_dataset(path)
    frames = list(ase.io.iread(path, ":"))
    held = holdout(dataset, HELD_OUT)
    for file, chosen in zip(files, (~held, held), strict=True):
        ase.io.write(file, [frames[frame.index] for frame in dataset.subset(chosen)])
    return files


def front(run: Run) -> list[dict[str, Any]]:
    """Size, time and errors of every potential."""
    found = []
    for point in run.points:
        assert point.test is not None
        errors = Errors(point.test.energy, point.test.forces, point.test.stress).to_dict()
        found.append(
            {
                "n_coefficients": point.potential.n_nonzero,
                "us_per_atom": point.us_per_atom,
                **{key: errors[key]["rmse"] for key in (ENERGY, FORCE, STRESS)},
            }
        )
    return found


def fitted(element: str, path: Path, output: Path) -> dict[str, Any]:
    """Fits of an element."""
    training, test = split(path, output / element)
    found: dict[str, Any] = {"n_labels": len(read_dataset(path)), "fits": {}}
    for name, (basis, settings) in KINDS.items():
        with progress() as receiver:
            job = Job(
                Sources((str(training),), (str(test),)), basis, settings, folder_of(output, element, name)
            )
            run = job.run(receiver).run
        found["fits"][name] = {"front": front(run), "best": run.best_index}
    return found


def folder_of(output: Path, element: str, name: str) -> Path:
    """Run directory of a fit."""
    return output / element / name.split(",")[0]


def with_properties(element: str, found: dict[str, Any], output: Path) -> bool:
    """Add the properties of the best potential of each fit where there is a reference; whether any were missing."""
    reference = reference_of(element)
    missing = [] if reference is None else [n for n, own in found["fits"].items() if "properties" not in own]
    for name in missing:
        assert reference is not None
        guess = reference["a0"] ** 3 / {"fcc": 4, "bcc": 2}[reference["structure"]]
        potential = Potential.load(folder_of(output, element, name) / "best.mlip.json")
        calculator = potential.calculator(index=False)
        found["fits"][name]["properties"] = properties(element, calculator, guess, {}, lambda known: None)
    return bool(missing)


def reference_of(element: str) -> dict[str, Any] | None:
    """Properties by the first principles of the labels."""
    if element == "Al":
        return aluminium(json.loads(REFERENCE_PATH.read_text(encoding="utf-8")))
    path = HERE / element / "reference.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def aluminium(found: Mapping[str, Any]) -> dict[str, Any]:
    """The reference of the data that come with the package, in the form of `properties.py`."""
    curves, phonon = found["eos_dataset"], found["phonon"]
    lowest = curves["fcc"]["E0"]
    names = {"bcc": "bcc", "hcp": "hcp", "sc": "sc", "diamond": "dia"}
    return {
        "element": "Al",
        "structure": "fcc",
        "a0": curves["fcc"]["a0"],
        "B": curves["fcc"]["B_GPa"],
        **{name: found["elastic_dataset"][name] for name in ("C11", "C12", "C44")},
        "phases": {name: 1e3 * (curves[own]["E0"] - lowest) for name, own in names.items() if own in curves},
        "vacancy": found["vacancy32"]["unrelaxed_eV"],
        "phonons": {
            f"{point} {name}": phonon[f"{point}_{key}_THz"]
            for point in ("X", "L")
            for name, key in (("longitudinal", "long"), ("transverse", "trans"))
        },
    }


def fronts(results: Mapping[str, Any], key: str, label: str, x: str, x_label: str) -> Any:
    """Errors on held-out structures of all potentials, one panel for each element."""
    rows = -(-len(results) // 5)
    columns = -(-len(results) // rows)
    figure = new_figure(max(1.9 * columns + 0.5, 3.4), 1.9 * rows + 0.6)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=False)
    for axes in panels.ravel()[len(results) :]:
        axes.set_visible(False)
    for k, (element, own) in enumerate(results.items()):
        axes = panels.ravel()[k]
        for color, marker, (name, fit) in zip(PALETTE, MARKERS, own["fits"].items(), strict=False):
            points = sorted((point[x], point[key]) for point in fit["front"])
            axes.plot(*zip(*points, strict=True), marker, color=color, ms=0.7 * MARKER_SIZE, label=name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        label_decades(axes.xaxis)
        label_decades(axes.yaxis)
        below = k // columns == rows - 1 or k + columns >= len(results)
        dress(axes, x=x_label if below else "", y=label if k % columns == 0 else "", title=element)
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=2,
        frameon=False,
        fontsize=8,
    )
    return figure


def error_table(results: Mapping[str, Any]) -> list[str]:
    lines = [
        "| element | labels | potential | coefficients | µs/atom | energy (meV/atom) | force (eV/Å) | stress (GPa) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for element, own in results.items():
        for name, fit in own["fits"].items():
            best = fit["front"][fit["best"]]
            lines.append(
                f"| {element} | {own['n_labels']} | {name} | {best['n_coefficients']} | {best['us_per_atom']:.2g} | "
                f"{best[ENERGY]:.2f} | {best[FORCE]:.4f} | {best[STRESS]:.3f} |"
            )
    return lines


def property_rows(found: Mapping[str, Any]) -> dict[str, str]:
    """Properties as text."""
    return {
        "a0 (Å)": f"{found['a0']:.3f}",
        **{f"{name} (GPa)": f"{found[name]:.1f}" for name in ("B", "C11", "C12", "C44")},
        **{
            f"{name} − ground state (meV/atom)": "no minimum" if value is None else f"{value:.0f}"
            for name, value in found["phases"].items()
        },
        "vacancy, not relaxed (eV)": "–" if found["vacancy"] is None else f"{found['vacancy']:.2f}",
        **{f"phonon {name} (THz)": f"{value:.2f}" for name, value in found["phonons"].items()},
    }


def property_tables(results: Mapping[str, Any]) -> list[str]:
    lines = []
    for element, own in results.items():
        reference = reference_of(element)
        if reference is None:
            continue
        columns = {"DFT": property_rows(reference)}
        columns |= {
            name: property_rows(fit["properties"]) for name, fit in own["fits"].items() if "properties" in fit
        }
        lines += ["", f"### {element}, {reference['structure']}", "", "| | " + " | ".join(columns) + " |"]
        lines.append("|---" * (len(columns) + 1) + "|")
        for row in columns["DFT"]:
            lines.append(f"| {row} | " + " | ".join(own.get(row, "–") for own in columns.values()) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--elements", nargs="+", default=METALS)
    arguments = parser.parse_args()
    output: Path = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    path = output / "results.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for element in arguments.elements:
        data = data_of(element)
        if data is None:
            print(f"{element}: there are no labels yet")
        elif element not in results:
            results[element] = fitted(element, data, output)
            write_atomically(path, json.dumps(results, indent=1) + "\n")
        if element in results and with_properties(element, results[element], output):
            write_atomically(path, json.dumps(results, indent=1) + "\n")
    results = {element: results[element] for element in METALS if element in results}
    if not results:
        raise SystemExit("no element has labels")
    labels = {"energy": (ENERGY, "meV/atom"), "force": (FORCE, "eV/Å"), "stress": (STRESS, "GPa")}
    for name, (key, unit) in labels.items():
        label = f"{name} ({unit})"
        for x, x_label in (("n_coefficients", "coefficients"), ("us_per_atom", "µs/atom")):
            save_figure(fronts(results, key, label, x, x_label), output / f"{name}_{x}.png")
    text = [
        "# Metals from our own first principles",
        "",
        *error_table(results),
        *property_tables(results),
        "",
    ]
    write_atomically(output / "README.md", "\n".join(text))
    worst = {
        element: float(np.min([p[FORCE] for p in own["fits"]["invariants, default"]["front"]]))
        for element, own in results.items()
    }
    print(f"-> {output}/README.md; lowest force errors: {worst}")


if __name__ == "__main__":
    main()
