"""Figure of the table "Beside the rivals" in README.md: errors and costs of the front beside the peers.

python benches/peers_figure.py -o docs/figures/front-beside-peers.png
"""

import argparse
import re
from collections import defaultdict
from pathlib import Path

from mlip_rs.fitting.pareto import pareto_front
from mlip_rs.plot.saving import save_figure
from mlip_rs.plot.style import (
    MARKER_SIZE,
    MARKERS,
    PALETTE,
    SMALL_SIZE,
    dress,
    label_decades,
    new_figure,
)

HEADING = "### Beside the rivals"
SETS = ("Li", "Mo", "Si", "Ge")
KINDS = ("mlip_rs", "ace-jax", "NEP", "pypolymlp", "POD", "SNAP")
ERRORS = {"energy": "energy error, MAE (meV/atom)", "force": "force error, MAE (eV/Å)"}
ROW = re.compile(
    r"^\| (?P<set>\w+) \| (?P<name>[^|]+) \|[^|]*\| (?P<energy>[\d.]+) \([\d.]+\) "
    r"\| (?P<force>[\d.]+) \([\d.]+\) \| (?P<cost>[\d.]+) \|"
)


def points(text: str, error: str) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Costs (µs/atom) and errors, by set and kind of potential: the front of each."""
    found = defaultdict(list)
    section = text.partition(HEADING)[2].partition("\n### ")[0]
    for row in filter(None, map(ROW.match, section.splitlines())):
        kind = next((kind for kind in KINDS if kind.lower() in row["name"].lower()), None)
        if kind is not None:
            found[row["set"], kind].append((float(row["cost"]), float(row[error])))
    return {key: [own[k] for k in pareto_front(own)] for key, own in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    text = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    fronts = {error: points(text, error) for error in ERRORS}
    sets = [name for name in SETS if (name, KINDS[0]) in fronts["force"]]
    figure = new_figure(0.8 + 3.1 * len(sets), 5.4)
    panels = figure.subplots(len(ERRORS), len(sets), sharex=True)
    for row, (error, label) in zip(panels, ERRORS.items(), strict=True):
        found = fronts[error]
        for axes, name in zip(row, sets, strict=True):
            for kind, color, marker in zip(KINDS, PALETTE, MARKERS, strict=False):
                if (name, kind) in found:
                    x, y = zip(*found[name, kind], strict=True)
                    axes.plot(x, y, marker + "-", color=color, ms=MARKER_SIZE, linewidth=0.9, label=kind)
            axes.set(xscale="log", yscale="log")
            axes.text(0.06, 0.07, name, transform=axes.transAxes)
            label_decades(axes.yaxis)
            dress(
                axes, x="time per atom (µs)" if error == "force" else "", y=label if name == sets[0] else ""
            )
    for axes in panels[-1]:
        label_decades(axes.xaxis)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=len(KINDS), frameon=False, fontsize=SMALL_SIZE
    )
    save_figure(figure, arguments.output)


if __name__ == "__main__":
    main()
