"""Labels chosen by the loop beside labels chosen at random: aluminium by DFT with a held-back pool as oracle.

    python benches/learning_curve.py SHARED_DATA -o OUT.json [--seeds 5] [--batch 10] [--size medium]
    python benches/learning_curve.py SHARED_DATA -o OUT.json --figure FIGURE

A sixth of the data in random blocks is the test set, the rest the pool, whose labels are shown when asked for. Both
begin with the same 30 structures at random. Errors are those of the fit to all features on the test set. What is
there is not computed again.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlip_rs import Basis, FitSettings, read_dataset
from mlip_rs.data import Dataset, folds
from mlip_rs.evaluate.evaluation import evaluate
from mlip_rs.files import write_atomically
from mlip_rs.learn.growing_fit import GrowingFit
from mlip_rs.learn.loop import closed_basis
from mlip_rs.plot.style import COLUMN_WIDTH, PALETTE, dress, new_figure

START = 30
TOLERANCE = 1.05


def curve(
    pool: Dataset, test: Dataset, basis: Basis, order: NDArray[np.int64], batch: int, chosen: bool
) -> list[list[float]]:
    """Structures, atoms, energy (meV/atom) and force (eV/Å) RMSE on the test set after each batch."""
    known = [int(k) for k in order[:START]]
    settings = FitSettings(threads=1)
    assigned = folds(pool, settings.n_folds, settings.seed)
    growing = GrowingFit(pool.subset(known), basis, settings, folds=assigned[known].tolist())
    found = []
    while True:
        fitted = growing.fit()
        errors = evaluate(fitted.point.potential, test).errors
        n_atoms = sum(pool[k].n_atoms for k in known)
        found.append([len(known), n_atoms, errors.energy.rmse, errors.forces.rmse])
        print(("chosen" if chosen else "random"), *found[-1], flush=True)
        rest = [int(k) for k in order if k not in set(known)]
        if not rest:
            return found
        new = rest[:batch]
        if chosen:
            names = {str(k): k for k in rest}
            gains = fitted.information.most_informative(
                list(names), lambda name, names=names: growing.rows(pool[names[name]]), batch
            )
            new = [names[name] for name in gains]
        growing.add(pool.subset(new), assigned[new].tolist())
        known += new


def labels_needed(found: list[list[float]], full: float) -> float:
    """Structures from which on the error of the force stays within the tolerance of that of all."""
    within = [row[3] <= TOLERANCE * full for row in found]
    last = max((k for k, own in enumerate(within) if not own), default=-1)
    return found[last + 1][0]


def first_within(found: list[list[float]], full: float) -> float:
    """Structures at which the error of the force is within the tolerance for the first time."""
    return next(row[0] for row in found if row[3] <= TOLERANCE * full)


def report(results: dict[str, dict[str, list[list[float]]]]) -> None:
    full = np.mean([own["random"][-1][3] for own in results.values()])
    print(f"all structures: {full:.4f} eV/Å")
    print("| seed | chosen: first within 5 % | stays | random: first | stays |\n|---|---|---|---|---|")
    for seed, own in results.items():
        cells = [f(own[name], full) for name in ("chosen", "random") for f in (first_within, labels_needed)]
        print(f"| {seed} | " + " | ".join(f"{cell:.0f}" for cell in cells) + " |")
    for name in ("chosen", "random"):
        mean = np.mean([own[name] for own in results.values()], axis=0)
        print(name, "mean curve:", [(int(n), round(e, 2), round(f, 4)) for n, _, e, f in mean])
        print(
            name,
            "mean curve: first",
            first_within(mean.tolist(), full),
            "stays",
            labels_needed(mean.tolist(), full),
        )


def draw(results: dict[str, dict[str, list[list[float]]]], path: Path) -> None:
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for name, color in (("random", PALETTE[1]), ("chosen", PALETTE[0])):
        curves = np.array([own[name] for own in results.values()])
        for one in curves:
            axes.plot(one[:, 0], one[:, 3], color=color, linewidth=0.5, alpha=0.4)
        mean = curves.mean(axis=0)
        axes.plot(mean[:, 0], mean[:, 3], color=color, linewidth=1.6, label=f"{name}, mean of {len(curves)}")
    full = np.mean([own["random"][-1][3] for own in results.values()])
    axes.axhline(
        TOLERANCE * full, color="#4D4D4D", linestyle="--", linewidth=0.8, label="5 % above all structures"
    )
    axes.set_yscale("log")
    dress(axes, x="labelled structures", y="force RMSE on test data (eV/Å)")
    axes.legend(fontsize=7, frameon=False)
    figure.savefig(path, dpi=200)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--size", default="medium")
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    dataset = read_dataset(str(arguments.data / "al_dft/al_dft.extxyz"))
    testing = folds(dataset, 6, 1) == 0
    pool, test = dataset.subset(~testing), dataset.subset(testing)
    basis = closed_basis(Basis(["Al"], size=arguments.size, angular_cutoff=6.1), pool)
    results = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
    for seed in range(arguments.seeds):
        own = results.setdefault(str(seed), {})
        order = np.random.default_rng(seed).permutation(len(pool))
        for name in ("chosen", "random"):
            if name not in own:
                own[name] = curve(pool, test, basis, order, arguments.batch, name == "chosen")
                write_atomically(arguments.output, json.dumps(results))
    report(results)
    if arguments.figure:
        draw(results, arguments.figure)


if __name__ == "__main__":
    main()
