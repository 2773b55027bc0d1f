"""Settings of a fit; the defaults suit most fits."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

from mlip_rs.cost.units import UnitCosts
from mlip_rs.errors import ConfigError
from mlip_rs.fitting.weights import Weights
from mlip_rs.settings import check_integer, check_number, make_plain
from mlip_rs.threads import MAX_THREADS

RUN_ONLY: tuple[str, ...] = ("threads", "memory_gib")
"""Settings of the machine, on which the result does not depend."""

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
        One of `METHODS`, or an estimator: an object with `fit(X, y)` and `coef_` that scikit-learn can clone
        (`fitting/estimators/own.py`). "cost-aware" removes the features with the smallest loss per evaluation time
        saved (`fitting/elimination.py`), "group-lasso" selects together the features that the evaluator computes
        together, "omp" adds the feature with the largest gain, one after the other. The ℓ1 paths carry the ridge
        penalty found by cross-validation as well. Every point is refitted on its support with the ridge penalty only.
    n_folds
        Folds of the cross-validation.
    prior
        One of `PRIORS`: "smooth" gives every order and degree a ridge penalty of its own, growing with l and n, with
        strengths found by cross-validation (`fitting/smoothness_prior.py`); "flat" takes the best of `ridge_penalties`.
    n_prior
        Most evaluations of the cross-validation in the search for the strengths of the smoothness prior.
    ridge_penalties
        Candidates of the flat prior, relative to features of unit norm.
    n_path
        Points of the path: from the largest ℓ1 penalty to `path_ratio` times it, or from the cost of all features to
        that of none.
    path_ratio
        Smallest over largest ℓ1 penalty.
    cost_power
        Exponent γ of the elimination: 1 for a small cost, 0 for a small number of coefficients, or between.
    unit_costs
        Unit costs in ns, keyed by the fields of `UnitCosts`; None takes their defaults, so that the same fit gives
        the same potentials on every machine.
    calibrate
        Measure the unit costs on this machine instead; they are stored in the run directory.
    max_nonzero
        The ℓ1 path ends where more coefficients are non-zero.
    adaptive_power
        Exponent γ of the adaptive weights 1 / |w|^γ, w the ridge coefficients of features of unit norm.
    l1_ratio
        ρ of "elastic-net", whose penalty is λ (|w| + (1 − ρ)/(2ρ) w²) for features of unit norm; 1 is the LASSO.
    weights
        Weights of the residuals.
    reference_energies
        Energies of the isolated atoms (eV) by element; found in the data or fitted if None.
    allow_underdetermined
        Accept more features than rows.
    seed
        Seed of the assignment of structures to folds.
    threads
        Number of threads; 0 takes the environment variable MLIP_RS_NUM_THREADS, or all cores.
    memory_gib
        Memory that the fit may take, GiB; a fit that needs more is refused before it starts. None: what is
        available.

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
    n_prior: int = 15
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
    allow_underdetermined: bool = False
    seed: int = 0
    threads: int = 0
    memory_gib: float | None = None

    def __post_init__(self) -> None:
        make_plain(self)
        for name in ("n_folds", "n_prior", "n_path", "max_nonzero", "threads"):
            check_integer(name, getattr(self, name), -MAX_THREADS)  # the limits of each are below
        check_integer("seed", self.seed, 0)
        for name in ("path_ratio", "adaptive_power", "cost_power", "l1_ratio"):
            check_number(name, getattr(self, name))
        if self.memory_gib is not None:
            check_number("memory_gib", self.memory_gib)
            if not self.memory_gib > 0:
                raise ConfigError(f"memory_gib is {self.memory_gib}; it must be positive, or None")
        self._check_reference_energies()
        self._check_unit_costs()
        self._check_method()
        if self.prior not in PRIORS:
            raise ConfigError(f"prior {self.prior!r} does not exist; choose {' or '.join(PRIORS)}")
        if self.n_prior < 1:
            raise ConfigError("n_prior must be at least 1")
        if self.n_folds < 2:
            raise ConfigError(f"n_folds is {self.n_folds}; cross-validation needs at least 2")
        penalties = tuple(float(p) for p in self.ridge_penalties)
        if not penalties or not all(np.isfinite(p) and p > 0 for p in penalties):
            raise ConfigError("ridge_penalties must be a list of positive numbers")
        object.__setattr__(self, "ridge_penalties", penalties)
        if self.n_path < 1 or self.max_nonzero < 1:
            raise ConfigError("n_path and max_nonzero must be at least 1")
        if not 0 < self.path_ratio < 1:
            raise ConfigError(f"path_ratio is {self.path_ratio}; it must lie between 0 and 1")
        if not 0 <= self.cost_power <= 1:
            raise ConfigError(f"cost_power is {self.cost_power}; it must lie between 0 and 1")
        if not (self.adaptive_power >= 0 and np.isfinite(self.adaptive_power)):
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

    def _check_reference_energies(self) -> None:
        if self.reference_energies is None:
            return
        if not isinstance(self.reference_energies, Mapping):
            raise ConfigError("reference_energies must be energies (eV) by element, such as {'Al': -0.1}")
        for symbol, energy in self.reference_energies.items():
            check_number(f"the reference energy of {symbol}", energy)

    def _check_unit_costs(self) -> None:
        if self.unit_costs is None:
            return
        names = [entry.name for entry in fields(UnitCosts)]
        if not isinstance(self.unit_costs, Mapping) or sorted(self.unit_costs) != sorted(names):
            raise ConfigError(f"unit_costs must be times in ns by name, exactly: {', '.join(names)}")
        for name, cost in self.unit_costs.items():
            check_number(f"the unit cost {name}", cost)
            if not cost > 0:
                raise ConfigError(f"the unit cost {name} is {cost}; it must be positive")
