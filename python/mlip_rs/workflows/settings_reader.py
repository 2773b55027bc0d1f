"""Dataclasses of settings from tables; every unknown key is answered with the key that is meant."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType
from typing import Any, get_args

from mlip_rs.errors import ConfigError, MlipError
from mlip_rs.settings import alternatives, annotations_of

KeyPath = tuple[str | int, ...]
"""Keys from the top of a document down to a value; a number is a position in a list."""


LOOK_ALIKE = str.maketrans({"1": "l", "0": "o"})
"""Digits that are typed for letters."""


class SettingsReader:
    """Builds dataclasses from the tables of a document and collects a sentence on each problem.

    Parameters
    ----------
    document
        Values by key, nested; `assign` changes it.
    source
        Name of the file that the document comes from; empty without one.
    sections
        Dataclass of each table at the top of the document.
    """

    def __init__(self, document: dict[str, Any], source: str, sections: Mapping[str, type]) -> None:
        self.document = document
        self._source = source
        self._sections = sections
        paths = [path for name, kind in sections.items() for path in _paths(kind, (name,), sections)]
        self._path_of = {str(path[-1]): path for path in reversed(paths)}  # the first of several
        self._assigned: list[KeyPath] = []
        self._problems: list[str] = []

    def assign(self, path: KeyPath, value: object) -> None:
        """Set a value of the document, and make the tables above it where there are none."""
        self._assigned.append(path)
        table: Any = self.document
        for key in path[:-1]:
            if not isinstance(table.get(key), Mapping):
                table[key] = {}
            table = table[key]
        table[path[-1]] = value

    def section(self, name: str, **given: object) -> Any:  # noqa: ANN401 (an object of the class in `sections`)
        """Build the dataclass of a section, with the given fields; None if there is a problem."""
        return self._table(self._sections[name], self.document.get(name, {}), (name,), **given)

    def check_sections(self) -> None:
        """Report tables at the top of the document that are no sections."""
        self._report_unknown(self.document, list(self._sections), ())

    def raise_problems(self) -> None:
        """Raise ConfigError with one line for each problem."""
        if self._problems:
            raise ConfigError("\n".join(self._problems))

    def place(self, path: KeyPath) -> str:
        """Return the file that a key comes from, as the beginning of a message; empty if it was assigned."""
        assigned = any(path[: len(own)] == own for own in self._assigned)
        return "" if assigned or not self._source else f"{self._source}: "

    def _report(self, path: KeyPath, sentence: str) -> None:
        self._problems.append(f"{self.place(path)}{sentence}")

    def _report_unknown(self, table: Mapping[str, Any], names: list[str], path: KeyPath) -> bool:
        unknown = [key for key in table if key not in names]
        for key in unknown:
            self._report(
                (*path, key), f"{_dotted((*path, key))} does not exist; {self._cure(key, names, path)}"
            )
        return bool(unknown)

    def _cure(self, key: str, names: list[str], path: KeyPath) -> str:
        """Name the key that is meant: the same of another table, the nearest of its own, else the nearest of any."""
        alike = [name for name in names if name.translate(LOOK_ALIKE) == key.translate(LOOK_ALIKE)]
        near = alike or difflib.get_close_matches(key, names, n=1)
        similar = difflib.get_close_matches(key, self._path_of, n=1, cutoff=0.8)
        meant = (*path, near[0]) if near else self._path_of[similar[0]] if similar else None
        meant = self._path_of.get(key, meant)
        return f"there are {', '.join(names)}" if meant is None else f"did you mean {_dotted(meant)}?"

    def _table(self, kind: type, table: object, path: KeyPath, **given: object) -> Any:  # noqa: ANN401 (a `kind`)
        """Build a dataclass from a table, nested ones included; None if there is a problem."""
        if not isinstance(table, Mapping):
            self._report(path, f"{_dotted(path)} is {table!r}; it must be a table")
            return None
        entries = {entry.name: entry for entry in fields(kind)}
        misspelt = self._report_unknown(table, list(entries), path)
        missing = [name for name in _required(kind) if name not in table]
        for name in () if misspelt else missing:  # most likely the one that is misspelt
            self._report((*path, name), f"{_dotted((*path, name))} is missing")
        before = len(self._problems)
        values = {
            name: self._value(entry, annotations_of(kind)[name], table[name], (*path, name))
            for name, entry in entries.items()
            if name in table
        }
        if missing or len(self._problems) > before:
            return None
        try:
            return kind(**values, **given)
        except MlipError as error:
            self._report(*_located(str(error), kind, path))
            return None

    def _value(self, entry: Field[Any], annotation: object, value: object, path: KeyPath) -> object:
        """Build the dataclasses that an annotation holds, and leave other values as they are."""
        if value is False and entry.default is not None and NoneType in alternatives(annotation):
            return None  # TOML has no null
        kind = _dataclass_in(annotation)
        if kind is not None and isinstance(value, Mapping):
            return self._table(kind, value, path)
        if kind is not None and isinstance(value, list):
            return [self._table(kind, item, (*path, position)) for position, item in enumerate(value)]
        return value


def _required(kind: type) -> list[str]:
    """Names of the fields without a default."""
    return [e.name for e in fields(kind) if e.default is MISSING and e.default_factory is MISSING]


def _dataclass_in(annotation: object) -> type | None:
    """Return the dataclass in an annotation such as `Sequence[HigherOrder] | None`."""
    if isinstance(annotation, type) and is_dataclass(annotation):
        return annotation
    return next((found for item in get_args(annotation) if (found := _dataclass_in(item)) is not None), None)


def _located(message: str, kind: type, path: KeyPath) -> tuple[KeyPath, str]:
    """Put the path of a key in front of the message of a constructor, which may begin with a field."""
    word = re.match(r"\w*", message)[0]  # type: ignore[index] # matches anything
    if word == path[-1]:
        return path, _dotted((*path[:-1], message))
    if word in annotations_of(kind) and isinstance(path[-1], str):
        return (*path, word), _dotted((*path, message))
    return path, f"{_dotted(path)}: {message}"


def _paths(kind: type, path: KeyPath, sections: Mapping[str, type]) -> Iterator[KeyPath]:
    """Yield the paths of the keys of a table, then those of the tables in it that are not sections themselves."""
    yield from ((*path, entry.name) for entry in fields(kind))
    for name, annotation in annotations_of(kind).items():
        nested = _dataclass_in(annotation)
        if nested is not None and nested not in sections.values():
            in_list = nested not in alternatives(annotation)
            yield from _paths(nested, (*path, name, 0) if in_list else (*path, name), sections)


def _dotted(path: Sequence[str | int]) -> str:
    """Write a path as in `basis.radial[0].family`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
