"""Settings of a fit; the defaults suit most fits."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from mlip_rs.cost.units import UnitCosts
from mlip_rs.errors import ConfigError
from mlip_rs.fitting.weights import Weights
from mlip_rs.settings import check_least, check_types
from mlip_rs.threads import MAX_THREADS

MAX_POINTS: int = 10_000
"""Most points of a path."""

RUN_ONLY: tuple[str, ...] = ("threads", "memory_gib", "scheduler")
"""Settings of the machines, on which the result does not depend."""

METHODS: tuple[str, ...] = (
    "cost-aware",
    "adaptive-lasso",
    "lasso",
    "elastic-net",
    "group-lasso",
    "omp",
    "ridge",
)
"""Estimators; all but ridge give a path of sparse potentials and end with the dense one."""


PRIORS: tuple[str, ...] = ("smooth", "flat")
"""Ridge penalties that depend on order and roughness of the features, or one for all."""


@dataclass(frozen=True)
class FitSettings:
    """How coefficients are found.

    Parameters
    ----------
    method
        Estimator: "cost-aware", "adaptive-lasso", "lasso", "elastic-net", "group-lasso", "omp" or "ridge".
        "cost-aware" removes the features with the smallest loss per evaluation time saved (`fitting/elimination.py`),
        "group-lasso" keeps or drops features together that share the work of the evaluator, "omp" adds the feature
        with the largest gain, one after the other. The ℓ1 paths include the ridge penalty found by cross-validation
        (elastic net). Every point is refitted on its support with the ridge penalty only. In Python also an object
        with `fit(X, y)` and `coef_` that scikit-learn can clone (`fitting/estimators/own.py`).
    n_folds
        Number of folds of the cross-validation.
    prior
        One of `PRIORS`: "smooth" gives every order and degree a ridge penalty of its own, growing with l and n, with
        strengths found by cross-validation (`fitting/smoothness_prior.py`); "flat" takes the best of `ridge_penalties`.
    n_prior
        Evaluations of the cross-validation by the search for the strengths of the smoothness prior, at most.
    ridge_penalties
        Candidates of the flat prior, relative to features of unit norm.
    n_path
        Points of the path: from the largest ℓ1 penalty to `path_ratio` times it, or from the cost of all features to
        that of none.
    path_ratio
        Smallest over largest ℓ1 penalty.
    cost_power
        Exponent γ of the elimination, 0 to 1: 1 for a short evaluation time, 0 for few coefficients.
    unit_costs
        Unit costs in ns, keyed by the fields of `UnitCosts`. None takes the defaults of `UnitCosts`, so that the same
        fit gives the same potentials on every machine.
    calibrate
        Measure the unit costs of the evaluation on this machine. They are stored in the run directory.
    max_nonzero
        Largest number of nonzero coefficients of a sparse potential; the ℓ1 path ends there.
    adaptive_power
        Exponent γ of the adaptive weights `1 / |w|^γ`, w the ridge coefficients of features of unit norm.
    l1_ratio
        ρ of "elastic-net", whose penalty is `λ (|w| + (1 − ρ)/(2ρ) w²)` for features of unit norm; 1 is the LASSO.
    weights
        Weights of the residuals.
    reference_energies
        Energies of the isolated atoms by element, eV; found in the data or fitted by default.
    anchor_weight
        Weight of the anchor rows, which keep sparse potentials out of holes where no data are
        (`fitting/anchors.py`), in that of a structure of the data; 0 for none. A basis without repulsion has none.
    elastic_weight
        Weight of the elastic rows, by which sparse potentials keep the elastic response of the dense fit
        (`fitting/elastic_rows.py`): a relative error e of it costs e² times this, in the squared residuals of the dense
        fit; 0 for none. Estimators of other libraries choose without them.
    hold_out_classes
        Repeat the fit without each class of structures, to calibrate the error bars on data unlike the rest
        (`fitting/held_out_classes.py`). Takes about as long as the fit, once for each class.
    allow_underdetermined
        Fit although there are more features than rows.
    correct_labels
        Put labels right that certainly contradict the others: signs, units and constants are converted, zeros and
        single wrong energies left out.
    allow_contradictory_labels
        Fit although labels contradict each other.
    seed
        Seed of the random assignment of structures to folds.
    threads
        Number of threads; 0 takes MLIP_RS_NUM_THREADS or all cores.
    memory_gib
        Memory that the fit may take, GiB; a fit that needs more is refused before it starts. None: what is
        available.
    scheduler
        Scheduler of Dask, by address or by the file that it writes, whose workers sum the normal equations; "local"
        for processes of this machine; None: this process does.

    Raises
    ------
    ConfigError
        A setting out of range.

    Examples
    --------
    >>> FitSettings(method="omp", n_folds=3).method_name
    'omp'
    """

    method: str | Any = "cost-aware"
    n_folds: int = 5
    prior: str = "smooth"
    n_prior: int = 8
    ridge_penalties: tuple[float, ...] = tuple(10.0**k for k in range(-9, -2))
    n_path: int = 50
    path_ratio: float = 1e-7
    cost_power: float = 1.0
    unit_costs: Mapping[str, float] | None = None
    calibrate: bool = False
    max_nonzero: int = 1500
    adaptive_power: float = 0.5
    l1_ratio: float = 0.5
    weights: Weights = field(default_factory=Weights)
    reference_energies: Mapping[str, float] | None = None
    anchor_weight: float = 5e-3
    elastic_weight: float = 100.0
    hold_out_classes: bool = False
    allow_underdetermined: bool = False
    correct_labels: bool = False
    allow_contradictory_labels: bool = False
    seed: int = 0
    threads: int = 0
    memory_gib: float | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        check_types(self)
        check_least("seed", self.seed, 0)
        if self.memory_gib is not None and not self.memory_gib > 0:
            raise ConfigError(f"memory_gib is {self.memory_gib}; it must be positive, or None")
        self._check_unit_costs()
        self._check_method()
        if self.prior not in PRIORS:
            raise ConfigError(f"prior {self.prior!r} does not exist; choose {' or '.join(PRIORS)}")
        if self.n_prior < 1:
            raise ConfigError("n_prior must be at least 1")
        if self.n_folds < 2:
            raise ConfigError(f"n_folds is {self.n_folds}; cross-validation needs at least 2")
        penalties = tuple(float(p) for p in self.ridge_penalties)
        if not penalties or min(penalties) <= 0:
            raise ConfigError("ridge_penalties must be a list of positive numbers")
        object.__setattr__(self, "ridge_penalties", penalties)
        if self.n_path < 1 or self.max_nonzero < 1:
            raise ConfigError("n_path and max_nonzero must be at least 1")
        if self.n_path > MAX_POINTS:
            raise ConfigError(f"n_path is {self.n_path}; it must be at most {MAX_POINTS}")
        if not 0 < self.path_ratio < 1:
            raise ConfigError(f"path_ratio is {self.path_ratio}; it must lie between 0 and 1")
        if not 0 <= self.cost_power <= 1:
            raise ConfigError(f"cost_power is {self.cost_power}; it must lie between 0 and 1")
        if not 0 <= self.anchor_weight <= 1:
            raise ConfigError(
                f"anchor_weight is {self.anchor_weight}; it must lie between 0, for no anchor rows, and 1"
            )
        if not 0 <= self.elastic_weight <= 1e6:
            raise ConfigError(
                f"elastic_weight is {self.elastic_weight}; it must lie between 0, for no elastic rows, and 1,000,000"
            )
        if self.adaptive_power < 0:
            raise ConfigError(f"adaptive_power is {self.adaptive_power}; it must not be negative")
        if not 0 < self.l1_ratio <= 1:
            raise ConfigError(f"l1_ratio is {self.l1_ratio}; it must be positive and at most 1")
        if not 0 <= self.threads <= MAX_THREADS:
            raise ConfigError(
                f"threads is {self.threads}; give a number up to {MAX_THREADS}, or 0 for all cores"
            )

    @property
    def method_name(self) -> str:
        """Name of the method, or the text of an estimator that was given."""
        return self.method if isinstance(self.method, str) else repr(self.method)

    def to_dict(self) -> dict[str, Any]:
        """Record of numbers and strings; an estimator appears as its text."""
        return asdict(replace(self, method="ridge")) | {"method": self.method_name}

    def _check_method(self) -> None:
        if isinstance(self.method, str) and self.method not in METHODS:
            raise ConfigError(f"method {self.method!r} does not exist; choose one of {', '.join(METHODS)}")
        if not isinstance(self.method, str) and (
            isinstance(self.method, type) or not hasattr(self.method, "fit")
        ):
            raise ConfigError(
                f"method {self.method!r} is neither a name ({', '.join(METHODS)}) nor an estimator, an object with "
                "fit(X, y) and coef_"
            )

    def _check_unit_costs(self) -> None:
        if self.unit_costs is None:
            return
        names = [entry.name for entry in fields(UnitCosts)]
        if sorted(self.unit_costs) != sorted(names):
            raise ConfigError(f"unit_costs must be times in ns by name, exactly: {', '.join(names)}")
        for name, cost in self.unit_costs.items():
            if not cost > 0:
                raise ConfigError(f"the unit cost {name} is {cost}; it must be positive")
