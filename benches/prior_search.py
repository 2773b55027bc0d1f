"""The search for the smoothness prior: Newton's method against a search by gradients, from the same equations.

`python benches/prior_search.py Si_train.xyz Mo_train.xyz --directory equations` prints, for each file and method, the
evaluations of the cross-validation, core seconds, the cross-validated score and errors of the dense fit. Equations are
kept in the directory, so that a second run needs no sums.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from mlip_rs import Basis, FitSettings
from mlip_rs.arrays import Array
from mlip_rs.data.convert import as_dataset
from mlip_rs.fitting import dense_fit
from mlip_rs.fitting.assemble import assemble
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.phases import Phases
from mlip_rs.fitting.pipeline import prepare
from mlip_rs.fitting.smoothness_prior import STEEPEST, STRONGEST, WEAKEST, Prior, Score
from mlip_rs.progress import Silent

Tune = Callable[[Prior, Score, int, Callable[[], None]], Array]

METHODS: tuple[tuple[str, int], ...] = (("L-BFGS-B", 15), ("Newton", 8))


def by_gradients(prior: Prior, score: Score, n_evaluations: int, advance: Callable[[], None]) -> Array:
    """What `Prior.tune` did before it knew second derivatives."""
    best: list[tuple[float, Array]] = []
    reference: list[float] = []

    def log(strengths: Array) -> tuple[float, Array]:
        found = score(strengths)
        advance()
        if found is None:
            raise SystemExit("a matrix is singular: raise the weakest penalty")
        value, gradient = float(np.log(found.value)), found.gradient / found.value
        best.append((value, strengths.copy()))
        if not reference:
            reference.extend([value, 3.0 / float(np.linalg.norm(gradient))])
        start, scale = reference
        return scale * (value - start), scale * gradient

    exponents = prior.is_exponent
    lower = np.where(exponents, 0.0, np.log(WEAKEST))
    upper = np.where(exponents, STEEPEST, np.log(STRONGEST))
    minimize(
        log,
        np.clip(prior.start(), lower, upper),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(lower, upper, strict=True)),
        options={"maxfun": n_evaluations, "ftol": 1e-3},
    )
    return min(best, key=lambda own: own[0])[1]


def compare(path: Path, directory: Path, size: str | None) -> None:
    """Print the table of one file."""
    settings, dataset = FitSettings(), as_dataset(str(path))
    folder = directory / path.stem
    problem = prepare(dataset, Basis(size=size), settings, str(folder), Phases(Silent()), persistent=True)
    equations = assemble(problem, folder / "equations")
    print(f"{path.stem}: {problem.basis.n_features} features, {problem.n_folds} folds")
    print(f"{'method':10} {'evaluations':>11} {'core s':>7} {'score':>8} {'meV/atom':>9} {'eV/Å':>7}")
    newton = Prior.tune
    with equations.totalled():
        for name, most in METHODS:
            folds = CrossValidation(problem, equations, settings, Silent())
            folds.settings = FitSettings(n_prior=most)
            folds.pieces._found.clear()
            counted: list[int] = []
            tune: Tune = newton if name == "Newton" else by_gradients

            def counting(
                prior: Prior,
                score: Score,
                most: int,
                _: object,
                tune: Tune = tune,
                counted: list[int] = counted,
            ) -> Array:
                return tune(prior, score, most, lambda: counted.append(1))

            Prior.tune = counting  # type: ignore[assignment]
            begin = time.process_time()
            found = dense_fit.dense_fit(folds)
            seconds = time.process_time() - begin
            Prior.tune = newton  # type: ignore[method-assign]
            errors, (scores, _) = found.validation.errors(0), folds.scores(found.validation)
            energy = errors.energy.rmse if errors.energy is not None else np.nan
            force = errors.forces.rmse if errors.forces is not None else np.nan
            print(
                f"{name:10} {len(counted):11} {seconds:7.1f} {scores[0]:8.4f} {energy:9.3f} {force:7.4f}",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--size")
    chosen = parser.parse_args()
    for path in chosen.data:
        compare(path, chosen.directory, chosen.size)
