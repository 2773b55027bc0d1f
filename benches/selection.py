"""Which selection gives the best potentials at a cost, and how many functions suffice.

    python benches/selection.py DATA [--sets Mo Si Li] [--parts methods literature] [--size standard] [-o benches/out]

DATA as for `accuracy.py`. `methods`: one basis, one set of normal equations, every method of selection; the
best potential of each below given costs, and a figure of the fronts, `selection-SET.png`. `literature`:
errors against the number of coefficients from a pool of about 5,000 pairwise descriptors, powers and products
(A. Seko, A. Takahashi, I. Tanaka, PRB 92, 054113 (2015)) and from invariants up to order 5, by elimination
with γ = 0; draws `literature.png`. Times are core times of one thread.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from accuracy import SETS
from learning import row

import mlip_rs as mlip
from mlip_rs.cost.model import CostModel, timed_structure
from mlip_rs.cost.units import UnitCosts
from mlip_rs.data import Dataset, read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.fitting import Point, Run
from mlip_rs.fitting.figures import predicted_cost
from mlip_rs.fitting.settings import METHODS
from mlip_rs.plot.saving import save_figure
from mlip_rs.plot.style import dress, label_decades
from mlip_rs.report.fit import model_points

COSTS = (2.0, 3.0, 5.0, 8.0, 13.0)
WITHIN = 1.1
PAIR_POOL = 28  # radial functions: 4,494 descriptors with all products up to degree 3


def methods(args: argparse.Namespace) -> None:
    """All methods on the same equations."""
    row("set", "method", "below µs/atom", "coefficients", "µs/atom", "score", "energy meV/atom", "force eV/Å")
    row(*["---"] * 8)
    for name in args.sets:
        training, test = data_of(args.data, name)
        settings = settings_of(name)
        basis = mlip.Basis(SETS[name]["elements"], size=args.size)
        runs = {}
        for method in args.methods:
            own = replace(settings, method=method)
            directory = args.output / f"{name}-{args.size}-selection"
            runs[method] = mlip.fit(training, basis, own, test=test, directory=directory)
            for limit in COSTS:
                below = [point for point in runs[method].points if point.us_per_atom <= limit]
                if below:
                    point = min(below, key=lambda point: point.score)
                    row(name, method, f"{limit:g}", *cells(point))
            dense = runs[method].points[-1]
        row(name, "all features", "", *cells(dense))
        fronts(runs, args.output / f"selection-{name}.png", name)
        cost_model(runs["cost-aware"], args.output / f"cost-model-{name}.png", name)
        shares(runs["cost-aware"], basis.resolved(training), training, name)


def cells(point: Point) -> Sequence[str]:
    assert point.test is not None
    errors = point.test.to_dict()
    energy, force = errors["energy_mev_per_atom"], errors["force_ev_per_angstrom"]
    return (
        str(point.potential.n_nonzero),
        f"{point.us_per_atom:.2f}",
        f"{point.score:.3f}",
        f"{energy['mae']:.2f} ({energy['rmse']:.2f})",
        f"{force['mae']:.4f} ({force['rmse']:.4f})",
    )


def fronts(runs: dict[str, Run], path: Path, name: str) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for method, run in runs.items():
        best = [run.points[k] for k in run.front]
        costs = [point.us_per_atom for point in best]
        for axis, values in zip(
            axes,
            ([p.validation.energy.rmse for p in best], [1e3 * p.validation.forces.rmse for p in best]),
            strict=True,
        ):
            axis.plot(costs, values, ".-", label=method, drawstyle="steps-post")
    finish(axes, (30.0, 400.0), "time per atom and evaluation (µs)", name)
    figure.savefig(path, dpi=150)


def cost_model(run: Run, path: Path, name: str) -> None:
    """Predicted against measured cost over the path."""
    points = model_points(run)
    off = np.abs([p.predicted_us_per_atom / p.us_per_atom - 1.0 for p in points])
    print(
        f"{name}: predicted/measured cost off by {np.median(off):.0%} in the median, {off.max():.0%} at most"
    )
    save_figure(predicted_cost(points), path)


def shares(run: Run, basis: mlip.Basis, training: Dataset, name: str) -> None:
    """Time that the cheapest potential within 110 % of the error of all features saves, by operation."""
    dense = run.points[-1]
    enough = [point for point in run.points if point.score <= WITHIN * dense.score]
    sparse = min(enough, key=lambda point: point.us_per_atom)
    costs = CostModel.of(basis, timed_structure(training), UnitCosts())
    labels = basis.labels()
    parts = {}
    for key, point in (("sparse", sparse), ("dense", dense)):
        kept = [set(point.potential.coefficients(element)) for element in basis.elements]
        support = np.array([label in own for own in kept for label in labels])
        parts[key] = costs.shares(support)
    whole = sum(parts["dense"].values())
    saved = {part: f"{(parts['dense'][part] - parts['sparse'][part]) / whole:.0%}" for part in parts["dense"]}
    print(
        f"{name}: {sparse.potential.n_nonzero} of {dense.potential.n_nonzero} coefficients at 110 %, "
        f"{sparse.us_per_atom:.2f} of {dense.us_per_atom:.2f} µs/atom "
        f"({sparse.us_per_atom / dense.us_per_atom:.2f}); of the predicted cost of all features saved: {saved}"
    )


def literature(args: argparse.Namespace) -> None:
    """Error against number of coefficients, six elements."""
    row(
        "element",
        "pool",
        "candidates",
        "lowest force RMSE eV/Å",
        "energy meV/atom",
        "coefficients for 110 % (score)",
    )
    row(*["---"] * 6)
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for k, (element, training) in enumerate(elements(args.data).items()):
        pools = {
            "pairwise": mlip.Basis([element], hierarchy="pair-poly", n_radial=PAIR_POOL),
            "invariants": mlip.Basis([element], size="standard"),
        }
        for pool, basis in pools.items():
            settings = mlip.FitSettings(cost_power=0.0, allow_underdetermined=True)
            run = mlip.fit(training, basis, settings)
            best = min(run.points, key=lambda point: point.score)
            enough = [p.potential.n_nonzero for p in run.points if p.score <= WITHIN * best.score]
            row(
                element,
                pool,
                run.record["n_features"],
                f"{best.validation.forces.rmse:.4f}",
                f"{best.validation.energy.rmse:.2f}",
                min(enough),
            )
            numbers = [point.potential.n_nonzero for point in run.points]
            style = "--" if pool == "pairwise" else "-"
            energies = [point.validation.energy.rmse for point in run.points]
            forces = [1e3 * point.validation.forces.rmse for point in run.points]
            for axis, values in zip(axes, (energies, forces), strict=True):
                label = element if pool == "invariants" else None
                axis.plot(numbers, values, style, color=f"C{k}", label=label)
    finish(axes, (300.0, 2000.0), "coefficients", "dashed: pairwise only")
    figure.savefig(args.output / "literature.png", dpi=150)


def elements(data: Path) -> dict[str, Dataset]:
    """Training data of one element each: mlearn's, those of the demo, and the pure frames of Ag–Au."""
    found = {name: data_of(data, name)[0] for name in ("Li", "Mo", "Si")}
    found["Al"] = read_dataset(DATA_PATH)
    alloy = data_of(data, "AgAu")[0]
    for symbol, number in (("Ag", 47), ("Au", 79)):
        own = [k for k, frame in enumerate(alloy) if set(frame.numbers.tolist()) == {number}]
        found[symbol] = alloy.subset(own)
    return found


def data_of(data: Path, name: str) -> tuple[Dataset, Dataset]:
    training, test = (read_dataset(data / f"{SETS[name]['path']}_{part}.xyz") for part in ("train", "test"))
    return training, test


def settings_of(name: str) -> mlip.FitSettings:
    case = SETS[name]
    weights = mlip.Weights(stress=case.get("stress", 1.0))
    return mlip.FitSettings(weights=weights, reference_energies=case.get("reference"))


def finish(axes: np.ndarray, tops: Sequence[float], x: str, title: str) -> None:
    labels = ("energy RMSE (meV/atom)", "force RMSE (meV/Å)")
    for axis, top, label in zip(axes, tops, labels, strict=True):
        axis.set(xscale="log", yscale="log")
        axis.set_xlim(axis.get_xlim())
        axis.set_ylim(axis.get_ylim()[0], top)
        dress(axis, x=x, y=label, title=title)
        for direction in (axis.xaxis, axis.yaxis):
            label_decades(direction)
        axis.grid(alpha=0.3)
    axes[1].legend(fontsize=8, frameon=False)


PARTS = {"methods": methods, "literature": literature}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["Mo", "Si", "Li"])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--size", default="standard")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[m for m in METHODS if m != "ridge"])
    parser.add_argument("-o", "--output", type=Path, default=Path("benches/out"))
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for part in args.parts:
        print(f"\n{part}\n", flush=True)
        PARTS[part](args)


if __name__ == "__main__":
    main()
