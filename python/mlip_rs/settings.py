"""Checks that every class of settings shares: built-in values, of the annotated types, within limits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from mlip_rs.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

annotations_of = cache(get_type_hints)
"""Annotations of the fields of a class by name, resolved."""


def to_builtin(value: Any) -> Any:  # noqa: ANN401 (any setting)
    """Convert NumPy numbers and arrays to Python numbers and lists, also inside lists and mappings.

    >>> to_builtin({"mu": np.linspace(1.0, 2.0, 3), "n": (np.int64(4),)})
    {'mu': [1.0, 1.5, 2.0], 'n': (4,)}
    """
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {to_builtin(key): to_builtin(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(to_builtin(item) for item in value)
    return value


def check_types(settings: "DataclassInstance") -> None:
    """Check every field of a frozen dataclass against its annotation; call it in `__post_init__`.

    NumPy values become built-in ones, and lists become tuples where the annotation is a tuple.

    Raises
    ------
    ConfigError
        A value of another type, or a number that is not finite: names the field and the value.
    """
    annotations = annotations_of(type(settings))
    for entry in fields(settings):
        value = to_builtin(getattr(settings, entry.name))
        object.__setattr__(settings, entry.name, typed(entry.name, value, annotations[entry.name]))


def typed(name: str, value: Any, annotation: Any) -> Any:  # noqa: ANN401 (any setting)
    """Return a value as annotated, with tuples in place of lists.

    >>> typed("orders", [1, 2], tuple[int, ...] | None)
    (1, 2)
    >>> typed("weights", {"energy": "high"}, Mapping[str, float])
    Traceback (most recent call last):
    mlip_rs.errors.ConfigError: weights.energy is 'high'; it must be a finite number

    Raises
    ------
    ConfigError
        A value of another type, or a number that is not finite.
    """
    choices = alternatives(annotation)
    if value is None and NoneType in choices:
        return None
    for choice in choices:
        kind, items = get_origin(choice) or choice, get_args(choice)
        if kind is Any:
            return value
        if issubclass(kind, Mapping):
            if isinstance(value, Mapping):
                return {key: typed(f"{name}.{key}", item, items[1]) for key, item in value.items()}
        elif issubclass(kind, Sequence) and kind is not str:
            if isinstance(value, Sequence) and not isinstance(value, str):
                entries = [typed(f"{name}[{k}]", item, items[0]) for k, item in enumerate(value)]
                return tuple(entries) if kind is tuple or isinstance(value, tuple) else entries
        elif _is_scalar(value, kind):
            return value
    kinds = [_described(choice) for choice in choices if choice is not NoneType]
    raise ConfigError(f"{name} is {value!r}; it must be {' or '.join(kinds)}")


def alternatives(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401 (an annotation)
    """Return the members of a union, or the annotation itself."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def check_integer(name: str, value: object, least: int) -> None:
    """Check that an argument is an integer that is not too small.

    Raises
    ------
    ConfigError
        Names the argument and its value.
    """
    if not (isinstance(value, int) and _is_scalar(value, int)):
        raise ConfigError(f"{name} is {value!r}; it must be an integer, at least {least}")
    check_least(name, value, least)


def check_least(name: str, value: int | None, least: int) -> None:
    """Check the lower limit of an integer; None stands for a default and passes.

    Raises
    ------
    ConfigError
        Names the setting and its value.
    """
    if value is not None and value < least:
        raise ConfigError(f"{name} is {value!r}; it must be an integer, at least {least}")


def check_number(name: str, value: object) -> None:
    """Check that an argument is a finite number.

    Raises
    ------
    ConfigError
        Names the argument and its value.
    """
    typed(name, value, float)


def _is_scalar(value: object, kind: type) -> bool:
    """Tell whether a value that is neither list nor mapping is of a type; integers are numbers, booleans are not."""
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, kind)


def _described(annotation: Any) -> str:  # noqa: ANN401 (an annotation)
    kind = get_origin(annotation) or annotation
    words = {int: "an integer", float: "a finite number", str: "a string", bool: "true or false"}
    if kind in words:
        return words[kind]
    if issubclass(kind, Mapping):
        return "a table"
    return "a list" if issubclass(kind, Sequence) else f"a table of {kind.__name__}"
