"""Error against training structures and candidates by highest order; what contracted and shared radial functions gain.

    python benches/learning.py DATA [--sets Mo Si] [--parts learning orders contraction shared] [-o benches/out]

DATA as for `accuracy.py`. Dense fits (ridge with the smooth prior), default cutoff and weights, published isolated-atom
energies. Prints Markdown tables of the MAE on the test file and draws `learning.png` and `orders.png`.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from accuracy import SETS

import mlip_rs as mlip
from mlip_rs.basis.radial import RadialSet, radial_grid
from mlip_rs.data import Dataset, read_dataset
from mlip_rs.evaluate.errors import Errors
from mlip_rs.fitting.contraction import contract
from mlip_rs.plot.style import label_decades

SIZES = ("small", "medium", "standard")
FRACTIONS = (0.125, 0.25, 0.5, 1.0)
HIGHEST = (2, 3, 4, 5)
PRIMITIVES = 10

HIGHER = (
    mlip.HigherOrder(3, 4, radial_coupling="free"),
    mlip.HigherOrder(4, 3, radial_coupling="diagonal"),
)
"""Higher orders of the bases with contracted or shared radial functions."""


class Case:
    """One data set."""

    def __init__(self, data: Path, name: str) -> None:
        self.name, case = name, SETS[name]
        self.elements = case["elements"]
        self.training, self.test = (
            read_dataset(data / f"{case['path']}_{part}.xyz") for part in ("train", "test")
        )
        self.settings = mlip.FitSettings(
            method="ridge",
            weights=mlip.Weights(stress=case.get("stress", 1.0)),
            reference_energies=case.get("reference"),
        )

    def basis(self, **settings: object) -> mlip.Basis:
        return mlip.Basis(self.elements, **settings).resolved(self.training)

    def errors(self, basis: mlip.Basis, training: Dataset | None = None) -> tuple[int, Errors]:
        """Number of candidates, and errors on the test data."""
        run = mlip.fit(self.training if training is None else training, basis, self.settings, test=self.test)
        assert run.points[-1].test is not None
        return run.record["n_features"], run.points[-1].test


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def text(errors: Errors) -> tuple[str, str]:
    found = errors.to_dict()
    energy, force = found["energy_mev_per_atom"], found["force_ev_per_angstrom"]
    return f"{energy['mae']:.2f} ({energy['rmse']:.2f})", f"{force['mae']:.4f} ({force['rmse']:.4f})"


def learning(cases: Sequence[Case], output: Path) -> None:
    """Errors of the standard and the medium size against the number of training structures."""
    row("set", "structures", "size", "energy meV/atom", "force eV/Å")
    row(*["---"] * 5)
    figure, axes = panels()
    for case in cases:
        order = np.random.default_rng(0).permutation(len(case.training))
        for size in SIZES[1:]:
            counts, found = [], []
            for fraction in FRACTIONS:
                count = round(fraction * len(order))
                chosen = sorted(int(k) for k in order[:count])
                _, errors = case.errors(case.basis(size=size), case.training.subset(chosen))
                row(case.name, count, size, *text(errors))
                counts.append(count)
                found.append(errors)
            curve(axes, counts, found, f"{case.name}, {size}")
    finish(figure, axes, "training structures", output / "learning.png")


def orders(cases: Sequence[Case], output: Path) -> None:
    """Errors against the number of candidates, by the highest order of their invariants."""
    row("set", "highest order", "size", "candidates", "energy meV/atom", "force eV/Å")
    row(*["---"] * 6)
    figure, axes = panels()
    for case in cases:
        for highest in HIGHEST:
            counts, found = [], []
            for size in SIZES:
                basis = case.basis(size=size)
                present = [entry for entry in basis.to_dict()["invariants"] if entry["order"] > 2]
                if highest > max([2, *(entry["order"] for entry in present)]):
                    continue
                kept = [
                    mlip.HigherOrder(
                        **{"radial_coupling": "free"}
                        | {"radial_coupling" if k == "radial" else k: v for k, v in entry.items()}
                    )
                    for entry in present
                    if entry["order"] <= highest
                ]
                count, errors = case.errors(replace(basis, higher=kept))
                row(case.name, highest, size, count, *text(errors))
                counts.append(count)
                found.append(errors)
            curve(axes, counts, found, f"{case.name}, order ≤ {highest}")
    finish(figure, axes, "candidate functions", output / "orders.png")


def contraction(cases: Sequence[Case], _output: Path) -> None:
    """Errors at equal numbers of order parameters: an even grid, and combinations of a finer one."""
    row("set", "functions per l", "made from", "energy meV/atom", "force eV/Å")
    row(*["---"] * 5)
    for case in cases:
        cutoff = float(case.basis(size="small").cutoff or 6.0)
        pair = radial_grid("gaussian", 16, cutoff, orders=(1,))
        for count in (2, 3, 4):
            sets: dict[str, RadialSet] = {
                "gaussian grid": radial_grid("gaussian", count, cutoff, orders=(2, 3, 4)),
                "chebyshev": radial_grid("chebyshev", count, cutoff, orders=(2, 3, 4)),
            }
            fine = replace(radial_grid("gaussian", PRIMITIVES, cutoff, orders=(2, 3, 4)), cutoff=cutoff)
            for method in ("supervised", "principal"):
                found = contract(
                    case.training,
                    case.elements,
                    fine,
                    count,
                    max_l=6,
                    method=method,
                    settings=replace(case.settings, prior="flat"),
                )
                sets[f"{PRIMITIVES} gaussians, {method}"] = found.radial
            for label, radial in sets.items():
                basis = case.basis(
                    cutoff=cutoff, radial=[pair, radial], size="small", max_l=6, radial_coupling="free",
                    higher=HIGHER, pair_degree=1, mixed_degree=0,
                )  # fmt: skip
                _, errors = case.errors(basis)
                row(case.name, count, label, *text(errors))


def shared(cases: Sequence[Case], output: Path) -> None:
    """One set of radial functions for all orders above one: cheap to evaluate. Keeps the potentials."""
    row("set", "functions", "candidates", "energy meV/atom", "force eV/Å")
    row(*["---"] * 5)
    for case in cases:
        cutoff = float(case.basis(size="small").cutoff or 6.0)
        pair = radial_grid("gaussian", 16, cutoff, orders=(1,))
        for count in (5, 6):
            radial = radial_grid("gaussian", count, cutoff, orders=(2, 3, 4))
            basis = case.basis(
                cutoff=cutoff, radial=[pair, radial], size="small", max_l=6, radial_coupling="free",
                higher=HIGHER, pair_degree=3, pair_cross_degree=2, mixed_degree=0,
            )  # fmt: skip
            run = mlip.fit(case.training, basis, case.settings, test=case.test)
            point = run.points[-1]
            assert point.test is not None
            point.potential.save(output / f"{case.name}-shared{count}.mlip.json")
            row(case.name, count, run.record["n_features"], *text(point.test))


def panels() -> tuple[plt.Figure, np.ndarray]:
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    return figure, axes


def curve(axes: np.ndarray, x: Sequence[int], found: Sequence[Errors], label: str) -> None:
    records = [errors.to_dict() for errors in found]
    axes[0].plot(x, [r["energy_mev_per_atom"]["mae"] for r in records], "o-", label=label)
    axes[1].plot(x, [1e3 * r["force_ev_per_angstrom"]["mae"] for r in records], "o-", label=label)


def finish(figure: plt.Figure, axes: np.ndarray, x: str, path: Path) -> None:
    for axis, name in zip(axes, ("energy MAE (meV/atom)", "force MAE (meV/Å)"), strict=True):
        axis.set(xscale="log", yscale="log", xlabel=x, ylabel=name)
        axis.grid(alpha=0.3, which="both")
        label_decades(axis.xaxis)
        label_decades(axis.yaxis)
    axes[1].legend(fontsize=8)
    figure.savefig(path, dpi=150)


PARTS = {"learning": learning, "orders": orders, "contraction": contraction, "shared": shared}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["Mo", "Si"])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("-o", "--output", type=Path, default=Path("benches/out"))
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    cases = [Case(args.data, name) for name in args.sets]
    for part in args.parts:
        print(f"\n{part}\n", flush=True)
        PARTS[part](cases, args.output)


if __name__ == "__main__":
    main()
