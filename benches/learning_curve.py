"""Labels chosen by the loop beside labels chosen at random, with a pool held back as oracle.

    python benches/learning_curve.py DATA -o OUT.json [--seeds 5] [--batch 10] [--size medium] [--search]
    python benches/learning_curve.py DATA -o OUT.json --figure FIGURE

For each seed a sixth of the data in random blocks is the test set, the rest the pool, whose labels are shown when asked
for. The first batch of the loop is chosen by design rows alone, as `mlip-rs learn` does. Errors are those of fits to
all features on the test set, with penalties of the features held at those that the cross-validation finds with all of
the pool, so that the two ways differ by their data alone; with `--search` each fit finds its own, as `mlip-rs learn`
does (`GrowingFit`; some seconds a fit). What is there is not computed again.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve
from threadpoolctl import threadpool_limits

from mlip_rs import Basis, FitSettings, read_dataset
from mlip_rs.data import Dataset, folds
from mlip_rs.design.information import Information
from mlip_rs.evaluate.evaluation import evaluate
from mlip_rs.files import write_atomically
from mlip_rs.fitting.weights import Weights
from mlip_rs.learn import LearnSettings
from mlip_rs.learn.growing_fit import Fitted, GrowingFit, weighted_rows
from mlip_rs.learn.loop import closed_basis
from mlip_rs.learn.pool import Pool
from mlip_rs.learn.wanted import Wanted
from mlip_rs.plot.style import COLUMN_WIDTH, PALETTE, dress, new_figure

TOLERANCE = 1.05
WAYS = ("chosen", "random")
SETTINGS = FitSettings(threads=1)

Errors = tuple[float, float]
"""RMSE of energy (meV/atom) and forces (eV/Å) on the test set."""


@dataclass(frozen=True, eq=False)
class Case:
    """Pool and test set of one seed."""

    pool: Dataset
    test: Dataset
    basis: Basis
    wanted: NDArray[np.float64]
    rows: list[NDArray[np.float64]]

    @classmethod
    def of(cls, dataset: Dataset, size: str, seed: int) -> "Case":
        testing = folds(dataset, 6, seed) == 0
        pool, test = dataset.subset(~testing), dataset.subset(testing)
        basis = closed_basis(Basis(dataset.elements, size=size), pool)
        basis = GrowingFit(pool.subset([0, 1]), basis, SETTINGS).problem.basis
        wanted = Wanted(Pool(everything=list(pool)), LearnSettings()).gram(basis)
        return cls(pool, test, basis, wanted, [weighted_rows(basis, frame, Weights()) for frame in pool])

    def growing(self, known: list[int]) -> GrowingFit:
        assigned = folds(self.pool, SETTINGS.n_folds, SETTINGS.seed)
        return GrowingFit(self.pool.subset(known), self.basis, SETTINGS, folds=assigned[known].tolist())

    def first(self, n: int) -> list[int]:
        """The first batch, by design rows alone."""
        return self.most_informative(Information.before_labels(self.rows), range(len(self.rows)), n)

    def most_informative(self, information: Information, rest: Any, n: int) -> list[int]:
        names = [str(k) for k in rest]
        return [
            int(k) for k in information.most_informative(names, lambda k: self.rows[int(k)], self.wanted, n)
        ]

    def errors(self, fitted: Fitted) -> Errors:
        found = evaluate(fitted.point.potential, self.test).errors
        return found.energy.rmse, found.forces.rmse


class HeldPenalties:
    """Fits with the penalties found with all of the pool."""

    def __init__(self, case: Case) -> None:
        self.case = case
        growing = case.growing(list(range(len(case.pool))))
        whole = growing.fit()
        self.full = case.errors(whole)
        self.scale = whole.information.scale
        self._reference, weights = growing.problem.reference, Weights().of_properties()
        scaled = [rows / self.scale for rows in case.rows]
        matrix = whole.information.factor @ whole.information.factor.T
        self._penalty = np.maximum(np.diag(matrix) - sum((own**2).sum(axis=0) for own in scaled), 0.0)
        self._labels = [
            self._targets(frame) * np.sqrt(np.repeat(weights, self._n(frame))) for frame in case.pool
        ]
        self._test = [
            weighted_rows(case.basis, frame, Weights(1.0, 1.0, None)) / self.scale for frame in case.test
        ]

    @staticmethod
    def _n(frame: Any) -> list[int]:
        return [1, 3 * frame.n_atoms, 6]

    def _targets(self, frame: Any) -> NDArray[np.float64]:
        energy = (frame.energy - self._reference.of(frame)) / frame.n_atoms
        stress = np.zeros(6) if frame.stress is None or not frame.pbc.all() else frame.stress
        return np.concatenate([[energy], frame.forces.ravel(), stress])

    def __call__(self, known: list[int]) -> tuple[Information, Errors]:
        rows = np.vstack([self.case.rows[k] for k in known]) / self.scale
        gram = rows.T @ rows
        information = Information.of(gram, self._penalty, self.scale)
        right = rows.T @ np.concatenate([self._labels[k] for k in known])
        coefficients = cho_solve((information.factor, True), right)
        residuals = [
            own @ coefficients - self._targets(frame)
            for own, frame in zip(self._test, self.case.test, strict=True)
        ]
        energy = np.sqrt(np.mean([own[0] ** 2 for own in residuals]))
        forces = np.sqrt(np.mean(np.concatenate([own[1:-6] for own in residuals]) ** 2))
        return information, (1000.0 * float(energy), float(forces))


class SearchedPenalties:
    """Fits that find their own penalties, as those of a loop."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.full = self(list(range(len(case.pool))))[1]

    def __call__(self, known: list[int]) -> tuple[Information, Errors]:
        fitted = self.case.growing(known).fit()
        return fitted.information, self.case.errors(fitted)


def curve(
    case: Case,
    fit: Callable[[list[int]], tuple[Information, Errors]],
    seed: int,
    batch: int,
    last: int,
    way: str,
) -> list[list[float]]:
    """Structures, atoms, energy (meV/atom) and force (eV/Å) RMSE on the test set after each batch."""
    order = [int(k) for k in np.random.default_rng(seed).permutation(len(case.pool))]
    known = case.first(batch) if way == "chosen" else order[:batch]
    found: list[list[float]] = []
    while True:
        information, errors = fit(known)
        found.append([len(known), sum(case.pool[k].n_atoms for k in known), *errors])
        print(way, *found[-1], flush=True)
        rest = [k for k in order if k not in set(known)]
        if not rest or len(known) >= last:
            return found
        known = known + (case.most_informative(information, rest, batch) if way == "chosen" else rest[:batch])


def labels_needed(ratios: list[tuple[int, float]], stays: bool) -> int | None:
    """Structures at which the error of all is met within the tolerance, for the first time or from which on."""
    within = [ratio <= TOLERANCE for _, ratio in ratios]
    outside = [k for k, own in enumerate(within) if not own]
    place = (
        (outside[-1] + 1 if outside else 0) if stays else (within.index(True) if any(within) else len(within))
    )
    return ratios[place][0] if place < len(ratios) else None


def ratios(own: dict[str, Any], way: str) -> list[tuple[int, float]]:
    """Structures, and error of the forces in that with all of them."""
    return [(int(row[0]), row[3] / own["full"][1]) for row in own[way]]


def report(results: dict[str, dict[str, Any]]) -> None:
    """Print both tables."""
    print(
        "| seed | all: force RMSE | chosen: first | stays | random: first | stays |\n|---|---|---|---|---|---|"
    )
    for seed, own in results.items():
        cells = [labels_needed(ratios(own, way), stays) for way in WAYS for stays in (False, True)]
        print(f"| {seed} | {own['full'][1]:.4f} | " + " | ".join(str(cell or "–") for cell in cells) + " |")
    means = {way: mean_ratios(results, way) for way in WAYS}
    cells = [labels_needed(means[way], stays) for way in WAYS for stays in (False, True)]
    print("| mean curve | | " + " | ".join(str(cell or "–") for cell in cells) + " |")
    print(
        "\n| structures | chosen: energy | force | atoms | random: energy | force | atoms |\n"
        "|---|---|---|---|---|---|---|"
    )
    for k in range(min(len(means[way]) for way in WAYS)):
        cells = [str(means["chosen"][k][0])]
        for way in WAYS:
            rows = [own[way][k] for own in results.values()]
            energy = np.mean(
                [row[2] / own["full"][0] for row, own in zip(rows, results.values(), strict=True)]
            )
            cells += [f"{energy:.2f}", f"{means[way][k][1]:.2f}", f"{np.mean([row[1] for row in rows]):.0f}"]
        print("| " + " | ".join(cells) + " |")


def mean_ratios(results: dict[str, dict[str, Any]], way: str) -> list[tuple[int, float]]:
    """`ratios` in the mean over the seeds."""
    every = [ratios(own, way) for own in results.values()]
    n = min(map(len, every))
    return [(every[0][k][0], float(np.mean([own[k][1] for own in every]))) for k in range(n)]


def draw(results: dict[str, dict[str, Any]], path: Path) -> None:
    """Every curve, and the means."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for way, color in (("random", PALETTE[1]), ("chosen", PALETTE[0])):
        for own in results.values():
            axes.plot(*zip(*ratios(own, way), strict=True), color=color, linewidth=0.5, alpha=0.4)
        mean = mean_ratios(results, way)
        axes.plot(
            *zip(*mean, strict=True), color=color, linewidth=1.6, label=f"{way}, mean of {len(results)}"
        )
    axes.axhline(TOLERANCE, color="#4D4D4D", linestyle="--", linewidth=0.8, label="5 % above all")
    axes.set_yscale("log")
    axes.set_ylim(0.85, 4.5)
    dress(axes, x="labelled structures", y="force RMSE over that with all")
    axes.set_yticks([1, 2, 3, 4], ["1", "2", "3", "4"])
    axes.set_yticks([], minor=True)
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
    parser.add_argument("--last", type=int, default=10**9, help="structures at which curves end")
    parser.add_argument("--size", default="medium")
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    dataset = read_dataset(str(arguments.data))
    results = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
    for seed in range(1, arguments.seeds + 1):
        own = results.setdefault(str(seed), {})
        if set(WAYS) <= set(own):
            continue
        case = Case.of(dataset, arguments.size, seed)
        with threadpool_limits(1):
            fit = (SearchedPenalties if arguments.search else HeldPenalties)(case)
            own["full"] = fit.full
            print("all", len(case.pool), *fit.full, flush=True)
            for way in WAYS:
                own[way] = curve(case, fit, seed, arguments.batch, arguments.last, way)
        write_atomically(arguments.output, json.dumps(results))
    report(results)
    if arguments.figure:
        draw(results, arguments.figure)


if __name__ == "__main__":
    main()
