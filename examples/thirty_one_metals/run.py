"""Pairwise beside angular potentials of 31 elemental metals, with a universal potential as teacher.

    python examples/thirty_one_metals/run.py -o metals31 [--teacher 7net-0] [--elements Cu Mo Mg] [-n 250]

For each element: structures, labels by the teacher, a fit of the invariants of the default size and one of the pairwise
hierarchy `pair-poly` to the same labels, errors on the sixth of the labels that neither has seen. The same command
resumes; `--elements` with another `--teacher` adds those that the first one cannot do. At the end: metals31/index.html
(index.md) with the table and the figure, and metals31/results.json with all numbers. The elements are those of A. Seko,
A. Takahashi, I. Tanaka, Phys. Rev. B 99, 214108 (2019), whose labels came from density functional theory; here they
come from the teacher.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlip_rs import Basis
from mlip_rs.cli.output import progress
from mlip_rs.errors import MlipError
from mlip_rs.evaluate.errors import Errors
from mlip_rs.files import write_atomically
from mlip_rs.fitting import Point, Run
from mlip_rs.plot.style import MARKER_SIZE, PALETTE, dress, label_decades, legend_above, new_figure
from mlip_rs.report.document import Image, Report, Table
from mlip_rs.report.html import save_html
from mlip_rs.report.markdown import save_markdown
from mlip_rs.workflows.distillation import TEST, DistilJob
from mlip_rs.workflows.fit_job import Job, Sources
from mlip_rs.workflows.learning import TRAINING

ELEMENTS = (
    "Li", "Be", "Na", "Mg", "Al", "K", "Ca", "Sc", "Ti", "V", "Cr", "Cu", "Zn", "Ga", "Rb", "Sr", "Y", "Zr", "Nb", "Mo",
    "Ag", "Cd", "In", "Cs", "Ba", "Hf", "Ta", "W", "Au", "Hg", "Tl",
)  # fmt: skip
PAIR = "pair-poly"
SERIES = {"pairwise": "s", "angular": "o"}


def potential_record(point: Point) -> dict[str, Any]:
    assert point.test is not None
    return {
        "n_coefficients": point.potential.n_nonzero,
        "us_per_atom": point.us_per_atom,
        "test": Errors(point.test.energy, point.test.forces, point.test.stress).to_dict(),
    }


def run_record(run: Run) -> dict[str, Any]:
    chosen = {"knee": run.knee_index, "best": run.best_index}
    return {name: potential_record(run.points[place]) for name, place in chosen.items()}


def metal(element: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Distil an element, and fit pair potentials to the same labels."""
    folder = arguments.output / element
    options = {"n_workers": arguments.workers}
    with progress() as receiver:
        angular = DistilJob(
            [element],
            arguments.teacher,
            folder,
            n_structures=arguments.number,
            properties="",
            options=options,
        ).run(receiver)
        pair = Job(
            Sources((str(folder / TRAINING),), (str(folder / TEST),)),
            Basis(hierarchy=PAIR),
            directory=folder / "pair",
        ).run(receiver)
    return {
        "label_sources": dict(angular.label_sources),
        "n_labels": angular.n_labels,
        "n_test": angular.n_test,
        "ground_state": next((text for text in angular.notices if text.startswith(f"{element}:")), ""),
        "angular": run_record(angular.run),
        "pairwise": run_record(pair.run),
    }


def figure(results: Mapping[str, Any]) -> Any:
    """RMSE of energy and force by element, pairwise and angular."""
    drawn = new_figure(7.2, 4.4)
    keys = {
        "energy_mev_per_atom": "energy RMSE (meV/atom)",
        "force_ev_per_angstrom": "force RMSE (eV/Å)",
    }
    names = list(results)
    for axes, (key, label) in zip(drawn.subplots(2, 1, sharex=True), keys.items(), strict=True):
        for color, (kind, marker) in zip(PALETTE, SERIES.items(), strict=False):
            values = [results[name][kind]["best"]["test"][key]["rmse"] for name in names]
            axes.plot(names, values, marker, color=color, ms=MARKER_SIZE, label=kind)
        axes.set_yscale("log")
        label_decades(axes.yaxis)
        dress(axes, x="", y=label)
    legend_above(drawn.axes[0])
    return drawn


def page(results: Mapping[str, Any], failed: Mapping[str, str], output: Path) -> Path:
    """Write the table, the figure and links."""
    teachers = sorted({source for own in results.values() for source in own["label_sources"]})
    report = Report(
        f"{len(results)} elemental metals, pairwise and angular",
        f"Labels: {', '.join(teachers)}. All errors are those against the teacher on structures that the fit has not "
        "seen; the teacher's own errors are not known here.",
    )
    header = ["element", "labels", "teacher"]
    for kind in SERIES:
        header += [f"{kind}: coefficients", "µs/atom", "energy (meV/atom)", "force (eV/Å)", "stress (GPa)"]
    rows = []
    for name, own in results.items():
        row = [name, str(own["n_labels"]), ", ".join(own["label_sources"]).removeprefix("teacher ")]
        for kind in SERIES:
            best = own[kind]["best"]
            energy, force, stress = (entry["rmse"] for entry in list(best["test"].values())[:3])
            row += [str(best["n_coefficients"]), f"{best['us_per_atom']:.2g}"]
            row += [f"{energy:.2f}", f"{force:.4f}", f"{stress:.3f}"]
        rows.append(row)
    report.add_section(
        "Errors of the best potentials",
        Image(
            figure(results),
            f"Root mean squared errors against the teacher ({', '.join(teachers)}), not against first principles.",
        ),
        Table(
            header,
            rows,
            "Reports: ELEMENT/distillation.html, ELEMENT/fit/report.html, ELEMENT/pair/report.html.",
        ),
    )
    if failed:
        report.add_section("Left out", "\n".join(f"{name}: {why}" for name, why in failed.items()))
    save_markdown(report, output / "index.md")
    return save_html(report, output / "index.html")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--teacher", default="7net-0")
    parser.add_argument("--elements", nargs="+", default=ELEMENTS)
    parser.add_argument("-n", "--number", type=int, default=250)
    parser.add_argument("--workers", type=int)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "results.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    failed = {}
    for element in arguments.elements:
        if element not in known:
            try:
                known[element] = metal(element, arguments)
            except MlipError as error:
                failed[element] = str(error)
                print(f"{element} is left out: {error}")
                continue
            write_atomically(path, json.dumps(known, indent=1, ensure_ascii=False) + "\n")
    if not known:
        raise SystemExit("no element was fitted")
    print("->", page({name: known[name] for name in ELEMENTS if name in known}, failed, arguments.output))


if __name__ == "__main__":
    main()
