"""Small fits of every method, and what is compared of them: `python golden_fits.py` writes the file anew.

The fits hold what a change of structure must not change. Aluminium is the shipped set; silver–gold is read from the
shared data and skipped without them.
"""

import hashlib
import json
import os
import platform
import sys
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

FILE = Path(__file__).with_name("golden_fits.json")
SHARED = Path(os.environ.get("MLIP_RS_SHARED_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
SILVER_GOLD = SHARED / "agau" / "AgAu_train.xyz"

METHODS = ("cost-aware", "adaptive-lasso", "lasso", "elastic-net", "group-lasso", "omp", "ridge")

BASES = {
    ("Al", "pair-poly"): {"cutoff": 5.0, "hierarchy": "pair-poly", "n_radial": 6},
    ("Al", "angular-poly"): {
        "cutoff": 4.5,
        "hierarchy": "angular-poly",
        "n_radial": 4,
        "n_angular": 3,
        "max_l": 3,
        "n_linear": 4,
        "linear_max_l": 4,
    },
    ("Al", "invariants"): {"cutoff": 5.0, "size": "small", "angular_cutoff": 4.2},
    ("AgAu", "pair-poly"): {"cutoff": 4.5, "hierarchy": "pair-poly", "n_radial": 4},
    ("AgAu", "angular-poly"): {
        "cutoff": 4.2,
        "hierarchy": "angular-poly",
        "n_radial": 3,
        "n_angular": 2,
        "max_l": 2,
        "n_linear": 0,
    },
    ("AgAu", "invariants"): {"cutoff": 4.5, "size": "small", "angular_cutoff": 4.0},
}
"""Settings of the basis by data set and hierarchy."""

KEYS = ("energy_mev_per_atom", "force_ev_per_angstrom", "stress_gpa")

CASES = tuple((data, hierarchy, method) for data, hierarchy in BASES for method in METHODS)


def data_of(name):
    """Every third structure of aluminium, every fortieth of silver–gold."""
    from mlip_rs import read_dataset
    from mlip_rs.demo import DATA_PATH

    return read_dataset(DATA_PATH, index="::3") if name == "Al" else read_dataset(SILVER_GOLD, index="::40")


def with_fixed_times(replace=setattr):
    """Let every potential take a time that follows from its number of coefficients, so that fronts are repeatable."""
    from types import SimpleNamespace

    import mlip_rs

    def measure(potential, *_, **__):
        return SimpleNamespace(us_per_atom=1.0 + 0.01 * potential.n_nonzero)

    _ = mlip_rs.fit  # imports all that measures
    for name, module in list(sys.modules.items()):
        if name.startswith("mlip_rs") and callable(vars(module).get("measure")):
            replace(module, "measure", measure)


def without_stress_tests(replace=setattr):
    """Let fits choose repulsions but test nothing: dynamics are chaotic, and have tests of their own."""
    from mlip_rs.fitting.repulsion import RepulsionChooser
    from mlip_rs.fitting.robustness import Robustness

    def potential(self, coefficients, info):
        problem = self.selection.folds.problem
        chooser = RepulsionChooser(problem.basis, problem.domain)
        return chooser.potential(coefficients, problem.reference.values, info, None)

    replace(Robustness, "_potential", potential)


def without_error_bars(replace=setattr):
    """Let potentials have no committee and no index: what is compared is older than they are."""
    from mlip_rs.fitting import pipeline

    replace(pipeline, "with_uncertainty", lambda _chosen, points, _progress: tuple(points))


def numbers(errors):
    """RMSE, MAE and largest error of energies, forces and stresses."""
    document = errors.to_dict()
    return [document[key][size] for key in KEYS for size in ("rmse", "mae", "max")]


@threadpool_limits.wrap(1)
def golden(name, hierarchy, method, directory=None):
    """What is compared of one fit, on one thread of BLAS: sums are rounded alike whatever the environment allows."""
    import mlip_rs

    basis = mlip_rs.Basis(**BASES[name, hierarchy])
    settings = mlip_rs.FitSettings(
        method=method,
        n_folds=3,
        n_path=12,
        n_prior=5,
        max_nonzero=120,
        anchor_weight=0.0,
        elastic_weight=0.0,
        weights=mlip_rs.Weights(force_scale=None),
    )
    data = data_of(name)
    run = mlip_rs.fit(data, basis, settings, test=data.subset(range(0, len(data), 5)), directory=directory)
    points = []
    for point in run.points:
        potential = point.potential
        coefficients = np.array([w for e in potential.elements for w in potential.coefficients(e).values()])
        directions = np.random.default_rng(0).standard_normal((2, len(coefficients)))
        points.append(
            {
                "n_nonzero": potential.n_nonzero,
                "coefficients": [float(np.abs(coefficients).sum()), *(directions @ coefficients).tolist()],
                "score": point.score,
                "score_error": point.score_error,
                "penalty": point.penalty,
                "predicted_us_per_atom": point.predicted_us_per_atom,
                "training": numbers(point.training),
                "validation": numbers(point.validation),
                "test": numbers(point.test),
                "potential": hashlib.sha256(potential.to_json().encode()).hexdigest(),
            }
        )
    chosen = sorted({*run.front, run.best_index, run.knee_index, run.one_standard_error_index})
    return {
        "points": points,
        "repulsion": {str(k): run.points[k].potential.spec.get("repulsion") for k in chosen},
        "short_range": {str(k): run.points[k].potential.info.get("short_range") for k in chosen},
        "front": list(run.front),
        "best": run.best_index,
        "knee": run.knee_index,
        "one_standard_error": run.one_standard_error_index,
    }


def processor():
    """The machine whose rounding the file has; processors of different vector instructions share a model name."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    parts = [line.split(":", 1) for line in lines.splitlines() if ":" in line]
    facts = {key.strip(): value.strip() for key, value in parts}
    known = [facts.get(key, "") for key in ("model name", "cpu family", "model")]
    return " ".join([platform.machine(), *known]).strip()


if __name__ == "__main__":
    with_fixed_times()
    without_stress_tests()
    without_error_bars()
    fits = {"/".join(case): golden(*case) for case in CASES}
    document = {"processor": processor(), "fits": fits}
    FILE.write_text(json.dumps(document, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")
