"""Metadata of potentials as JSON."""

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlip_rs.errors import ConfigError

MAX_INFO_DEPTH: int = 32
"""Deepest nesting of the metadata; the reader refuses documents nested deeper than 128."""


def info_text(info: Mapping[str, Any], name: str = "info") -> str:
    """Return metadata, or something else with a name, as JSON.

    Raises
    ------
    ConfigError
        No mapping, or what JSON cannot hold: numbers that are not finite, keys that are not text, unknown objects,
        deep nesting.

    Examples
    --------
    >>> from mlip_rs.potential.metadata import info_text
    >>> info_text({"note": np.float64(0.5)})
    '{"note": 0.5}'
    """
    if not isinstance(info, Mapping):
        raise ConfigError(f"{name} is a {type(info).__name__}; it must be a mapping with text keys")
    try:
        text = json.dumps(dict(info), default=to_builtin, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{name} cannot be stored: {error}; use finite numbers, text, lists and mappings with text keys"
        ) from None
    if _depth(json.loads(text)) > MAX_INFO_DEPTH:
        raise ConfigError(f"{name} is nested deeper than {MAX_INFO_DEPTH}; flatten it")
    return text


def to_builtin(value: object) -> Any:  # noqa: ANN401 -- whatever JSON knows
    """Return what JSON knows in place of a NumPy number or array, a path or a mapping; raise TypeError for others.

    Examples
    --------
    >>> from mlip_rs.potential.metadata import to_builtin
    >>> to_builtin(np.arange(3))
    [0, 1, 2]
    """
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _depth(value: Any) -> int:  # noqa: ANN401 -- any JSON value
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
