"""Settings as plain Python numbers, so that they can be stored, and refused at once when they are none."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from mlip_rs.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def plain(value: Any) -> Any:  # noqa: ANN401 (whatever a setting may be)
    """NumPy numbers and arrays become Python numbers and lists, also inside lists and mappings."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(plain(item) for item in value)
    return value


def make_plain(settings: "DataclassInstance") -> None:
    """Make all fields of a frozen dataclass plain; for its constructor."""
    for entry in fields(settings):
        object.__setattr__(settings, entry.name, plain(getattr(settings, entry.name)))


def check_integer(name: str, value: object, least: int) -> None:
    """Refuse what is no integer, or too small.

    Raises
    ------
    ConfigError
        Naming the setting.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name} is {value!r}; it must be an integer, at least {least}")


def check_number(name: str, value: object) -> None:
    """Refuse what is no finite number.

    Raises
    ------
    ConfigError
        Naming the setting.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{name} is {value!r}; it must be a finite number")
