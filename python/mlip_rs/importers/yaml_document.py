"""YAML files of other programs, read without trust."""

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml
from ase.data import atomic_numbers

from mlip_rs.errors import PotentialFileError

MAX_ELEMENTS: int = 20
"""Largest number of elements of a model; features of more would not fit our basis."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, in C where there is one, that refuses keys given twice and takes lists as keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: ANN401 -- a node of YAML
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            key = tuple(key) if isinstance(key, list) else key
            if key in found:
                raise PotentialFileError(f"has {str(key)[:40]} twice; check that it is one file")
            found[key] = self.construct_object(value_node, deep=deep)
        return found


def read_yaml(text: str, kind: str) -> Any:  # noqa: ANN401 -- what YAML holds
    """Read YAML; keys that are lists become tuples.

    Raises
    ------
    PotentialFileError
        It is no YAML, or has a key twice.
    """
    try:
        return yaml.load(text, _Loader)
    except PotentialFileError:
        raise  # a ValueError itself
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f" near line {line + 1}"
        raise PotentialFileError(f"is damaged or no YAML{where}; copy the whole {kind} again") from None


class Document:
    """Entries of a mapping, each checked when it is taken; `kind` is what the file is called in messages."""

    def __init__(self, content: Mapping[Any, Any], kind: str) -> None:
        self.content = content
        self.kind = kind

    def has(self, key: str) -> bool:
        """Whether there is an entry."""
        return key in self.content

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 -- what YAML holds
        if key not in self.content:
            raise PotentialFileError(f"has no {key}; it is cut short or no {self.kind}")
        return self.content[key]

    def as_number(self, value: object, key: str) -> float:
        """A finite number; YAML 1.1 takes one such as 1e-05 for text."""
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise PotentialFileError(f"has {str(value)[:40]!r} in {key}, which is no finite number")
        return float(value)

    def number(self, key: str, positive: bool = False) -> float:
        """A number."""
        found = self.as_number(self[key], key)
        if positive and found <= 0.0:
            raise PotentialFileError(f"has {key} = {found:g}; it must be positive")
        return found

    def numbers(self, key: str) -> tuple[float, ...]:
        """A list of numbers."""
        return tuple(self.as_number(value, key) for value in self.items(key, 10**8))

    def items(self, key: str, most: int) -> list[Any]:
        """A list that is not empty."""
        found = self[key]
        if not isinstance(found, list) or not found:
            raise PotentialFileError(f"has no list in {key}; it is cut short or edited")
        if len(found) > most:
            raise PotentialFileError(f"has {len(found)} entries in {key}; at most {most} are taken")
        return found

    def integer(self, key: str, least: int, most: int) -> int:
        """An integer between limits."""
        return self._integer(self[key], key, least, most)

    def integers(self, key: str, least: int, most: int) -> tuple[int, ...]:
        """A list of integers between limits, which may be empty."""
        found = self[key]
        if not isinstance(found, list):
            raise PotentialFileError(f"has no list in {key}; it is cut short or edited")
        return tuple(self._integer(value, key, least, most) for value in found)

    @staticmethod
    def _integer(value: object, key: str, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise PotentialFileError(f"has {str(value)[:40]!r} in {key}, which is no whole number")
        if not least <= value <= most:
            raise PotentialFileError(
                f"has {key} = {value}, which is not known ({least} to {most} are); it is edited, or of a newer version"
            )
        return value

    def choice(self, key: str, known: tuple[str, ...]) -> str:
        """One of several words."""
        found = self[key]
        if found not in known:
            raise PotentialFileError(
                f"has {key} = {str(found)[:40]!r}; only {' and '.join(known)} can be imported"
            )
        return str(found)

    def symbols(self, key: str) -> tuple[str, ...]:
        """Chemical symbols, each once."""
        found = self.items(key, MAX_ELEMENTS)
        for symbol in found:
            if not isinstance(symbol, str) or atomic_numbers.get(symbol, 0) < 1:
                raise PotentialFileError(
                    f"has {str(symbol)[:40]!r} among its elements, which is no chemical symbol"
                )
        if len(set(found)) < len(found):
            raise PotentialFileError("lists an element twice")
        return tuple(found)
