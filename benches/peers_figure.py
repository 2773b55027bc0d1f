"""Figure of the table "Speed" in README.md: force errors and costs of the front beside the peers.

python benches/peers_figure.py -o docs/figures/front-beside-peers.png
"""

import argparse
import re
from collections import defaultdict
from pathlib import Path

from mlip_rs.fitting.pareto import pareto_front
from mlip_rs.plot.saving import save_figure
from mlip_rs.plot.style import MARKER_SIZE, PALETTE, dress, label_decades, legend_above, new_figure

SETS = ("Li", "Mo", "Si")
KINDS = {"mlip_rs": "o-", "pypolymlp": "s", "SNAP": "^"}
ROW = re.compile(
    r"^\| (?P<set>\w+) \| (?P<name>[^|]+) \|[^|]*\|[^|]*\| (?P<force>[\d.]+) \([\d.]+\) \| (?P<cost>[\d.]+) \|"
)


def points(text: str) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Costs (µs/atom) and force errors (eV/Å), by set and kind of potential, ascending by cost."""
    found = defaultdict(list)
    for line in text.splitlines():
        row = ROW.match(line)
        if row is not None:
            kind = next((kind for kind in KINDS if kind.lower() in row["name"].lower()), None)
            if kind is not None:
                found[row["set"], kind].append((float(row["cost"]), float(row["force"])))
    return {key: sorted(own) for key, own in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    found = points((Path(__file__).parent / "README.md").read_text(encoding="utf-8"))
    figure = new_figure(9.0, 3.1)
    for axes, name in zip(figure.subplots(1, len(SETS)), SETS, strict=True):
        for color, (kind, style) in zip(PALETTE, KINDS.items(), strict=False):
            own = found[name, kind]
            own = [own[k] for k in pareto_front(own)] if kind == "mlip_rs" else own
            axes.plot(*zip(*own, strict=True), style, color=color, ms=MARKER_SIZE, label=kind)
        axes.set(xscale="log", yscale="log")
        axes.text(0.06, 0.07, name, transform=axes.transAxes)
        label_decades(axes.xaxis)
        label_decades(axes.yaxis)
        dress(axes, x="time per atom (µs)", y="force error, MAE (eV/Å)" if name == SETS[0] else "")
    legend_above(figure.axes[0])
    save_figure(figure, arguments.output)


if __name__ == "__main__":
    main()
