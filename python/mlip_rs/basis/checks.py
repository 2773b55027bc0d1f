"""Ranges and choices of the settings of a basis."""

from collections.abc import Callable, Sequence
from typing import Any

from mlip_rs.basis.orders import COUPLINGS
from mlip_rs.basis.presets import PRESETS
from mlip_rs.basis.sizes import SIZES
from mlip_rs.errors import ConfigError
from mlip_rs.settings import check_integer, check_least

HIERARCHIES: tuple[str, ...] = (*PRESETS, "invariants")
"""From pair potentials to polynomials of invariants up to order 6."""

MIN_CUTOFF: float = 0.1
"""Smallest cutoff accepted, Å."""

CUTOFF_FUNCTIONS: tuple[str, ...] = ("cosine", "polynomial")
"""C¹ and C² at the cutoff."""


def _check_distance(name: str, value: float) -> None:
    if value <= 0:
        raise ConfigError(f"{name} is {value!r} Å; it must be a positive number")
    if value < MIN_CUTOFF:
        raise ConfigError(f"{name} is {value!r} Å; no two atoms are that close; raise it")


def _check_r_min(name: str, value: float) -> None:
    if value < 0:
        raise ConfigError(f"{name} is {value} Å; it must not be negative")


def _check_not_negative(name: str, value: int) -> None:
    check_least(name, value, 0)


def _check_count(name: str, value: int) -> None:
    check_least(name, value, 0)
    if value < 1:
        raise ConfigError(f"{name} is {value}; at least one radial function is needed")


def _check_repulsion(name: str, value: object) -> None:
    if isinstance(value, str) and value != "zbl":
        raise ConfigError(f'{name} is {value!r}; it must be "zbl", None or a Repulsion')


def _check_size(name: str, value: object) -> None:
    if isinstance(value, str):
        _one_of(
            tuple(SIZES),
            f"choose one of {', '.join(SIZES)}, or a number of features (a whole one, without quotes)",
        )(name, value)
    else:
        check_integer(name, value, 1)


def _one_of(choices: Sequence[str], text: str) -> Callable[[str, object], None]:
    """Return a check that a setting is one of some names."""

    def check(name: str, value: object) -> None:
        if value not in choices:
            raise ConfigError(f"{name} {value!r} does not exist; {text}")

    return check


CHECKS: dict[str, Callable[[str, Any], None]] = {
    "hierarchy": _one_of(HIERARCHIES, f"choose one of {', '.join(HIERARCHIES)}"),
    "size": _check_size,
    "repulsion": _check_repulsion,
    "cutoff": _check_distance,
    "angular_cutoff": _check_distance,
    "r_min": _check_r_min,
    "n_radial": _check_count,
    "n_angular": _check_count,
    "n_linear": _check_not_negative,
    "max_l": _check_not_negative,
    "linear_max_l": _check_not_negative,
    "pair_degree": _check_not_negative,
    "pair_cross_degree": _check_not_negative,
    "angular_degree": _check_not_negative,
    "angular_cross_degree": _check_not_negative,
    "mixed_degree": _check_not_negative,
    "product_max_l": _check_not_negative,
    "radial_cutoffs": _one_of(("own", "common"), "choose own or common"),
    "cutoff_function": _one_of(CUTOFF_FUNCTIONS, f"choose {' or '.join(CUTOFF_FUNCTIONS)}"),
    "radial_coupling": _one_of(COUPLINGS, f"choose {' or '.join(COUPLINGS)}"),
    "product_coupling": _one_of(COUPLINGS, f"choose {' or '.join(COUPLINGS)}"),
}
"""Check of each setting that is not None."""
