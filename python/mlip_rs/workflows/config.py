"""Settings of a fit from a TOML file, from assignments such as `basis.max_l=4`, or both.

The settings' dataclasses are the schema: their fields are the keys, and their constructors check the values.
"""

import difflib
import glob
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from mlip_rs.basis import Basis
from mlip_rs.errors import ConfigError, MlipError
from mlip_rs.fitting import FitSettings, Weights
from mlip_rs.settings import alternatives, annotations_of, check_types
from mlip_rs.workflows.fit_job import DEFAULT_DIRECTORY, Job, Sources

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KeyPath = tuple[str | int, ...]
"""Keys from the top of a document down to a value; a number is a position in a list."""


@dataclass(frozen=True)
class Output:
    """The section `output` of a configuration.

    Parameters
    ----------
    directory
        Run directory; "mlip-run" by default.
    """

    directory: str | None = None

    def __post_init__(self) -> None:
        check_types(self)


SECTIONS: dict[str, type] = {
    "data": Sources,
    "basis": Basis,
    "fit": FitSettings,
    "weights": Weights,
    "output": Output,
}
"""Tables of a configuration; `fit.weights` is another name of `weights`."""


def load_job(
    path: str | Path | None = None, settings: Mapping[str, Any] | None = None, *, overwrite: bool = False
) -> Job:
    """Make a job from a configuration file, from settings, or from both; settings override the file.

    >>> load_job(settings={"data.train": "al.extxyz", "basis.max_l": 4}).basis.max_l
    4

    Parameters
    ----------
    path
        TOML file; relative paths in it are relative to its folder.
    settings
        Values by key, as `{"basis.max_l": 4}` or `{"basis": {"max_l": 4}}`; relative paths are relative to the
        working directory.
    overwrite
        Replace another fit in the output directory.

    Raises
    ------
    ConfigError
        Unreadable file, unknown or missing key, wrong type or value; names the file and the key.
    """
    reader = _Reader.of(path, settings or {})
    weights = reader.section("weights") or Weights()
    sources, basis, output = (reader.section(name) for name in ("data", "basis", "output"))
    fit = reader.section("fit", weights=weights)
    reader.raise_problems()
    if not sources.train:
        raise ConfigError(f"{reader.place(('data',))}data.train is missing; name the files to fit to")
    return Job(sources, basis, fit, Path(output.directory or DEFAULT_DIRECTORY), overwrite)


def load_basis(settings: Mapping[str, Any]) -> Basis:
    """Make a basis from settings.

    >>> load_basis({"basis.elements": ["Al"], "basis.max_l": 4}).max_l
    4

    Parameters
    ----------
    settings
        Values by key, as those of `load_job`, all of them in the section `basis`.

    Raises
    ------
    ConfigError
        Unknown key, a key of another section, wrong type or value; names the key.
    """
    reader = _Reader.of(None, settings)
    for section in reader.document:
        if section in SECTIONS and section != "basis":
            raise ConfigError(f"{section} is no setting of a basis; give keys such as basis.max_l")
    basis: Basis = reader.section("basis")
    reader.raise_problems()
    return basis


def parse_assignment(text: str) -> tuple[str, Any]:
    """Split `KEY=VALUE` and read the value as TOML; text that is no TOML value needs no quotes.

    >>> parse_assignment("basis.max_l=4"), parse_assignment("data.index=::10")
    (('basis.max_l', 4), ('data.index', '::10'))

    Raises
    ------
    ConfigError
        No `=` in the text, or a list, table or quoted string that is not TOML.
    """
    key, equals, value = (part.strip() for part in text.partition("="))
    if not (key and equals):
        raise ConfigError(f"{text!r} is not KEY=VALUE, such as basis.max_l=4")
    try:
        document = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError as error:
        if value[:1] in ("[", "{", '"', "'") or not value:
            raise ConfigError(f"{key}: the value {value} is not TOML ({error}); correct it") from None
        return key, value
    return key, document["value"] if len(document) == 1 else value


def key_path(key: str) -> tuple[str, ...]:
    """Split a dotted key as TOML does; `fit.weights` becomes `weights`.

    >>> key_path('weights.config_types."liquid.1"')
    ('weights', 'config_types', 'liquid.1')

    Raises
    ------
    ConfigError
        Not a key of TOML.
    """
    try:
        table: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        raise ConfigError(f"{key!r} is not a key, such as basis.max_l") from None
    path: list[str] = []
    while isinstance(table, dict):
        ((name, table),) = table.items()
        path.append(name)
    return tuple(path[1:] if path[:2] == ["fit", "weights"] else path)


# ---- files ------------------------------------------------------------------------------------------------


def _read_toml(path: Path) -> dict[str, Any]:
    """Read a file, with its relative paths made relative to the working directory."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text; a configuration is a text file in TOML") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {_syntax_error(str(error))}") from None
    folder = path.parent
    data, output, fit = document.get("data"), document.get("output"), document.get("fit")
    if isinstance(data, dict):
        for key in ("train", "test"):
            if isinstance(data.get(key), str):
                data[key] = _beside(folder, data[key])
            elif isinstance(data.get(key), list):
                data[key] = [_beside(folder, item) for item in data[key]]
    if isinstance(output, dict) and isinstance(output.get("directory"), str):
        output["directory"] = str(folder / Path(output["directory"]).expanduser())
    if isinstance(fit, dict) and "weights" in fit:
        if "weights" in document:
            raise ConfigError(f"{path}: weights and fit.weights are the same table; give one of them")
        document["weights"] = fit.pop("weights")
    return document


def _syntax_error(message: str) -> str:
    """Put the line first: "line 3: expected … (column 5)"."""
    found = re.search(r"\(at line (\d+), column (\d+)\)", message)
    if not found:
        return f"not TOML: {message}"
    reason = message[: found.start()].strip()
    return f"line {found[1]}: {reason[:1].lower()}{reason[1:]} (column {found[2]}); correct the TOML"


def _beside(folder: Path, name: object) -> object:
    """Return a path or pattern in a file relative to the folder of the file."""
    if not isinstance(name, str):
        return name
    file = Path(name).expanduser()
    parent = glob.escape(str(folder)) if glob.has_magic(name) else str(folder)
    return str(Path(parent) / file)


# ---- tables to dataclasses --------------------------------------------------------------------------------


class _Reader:
    """Builds dataclasses from the tables of a document and collects a sentence on each problem.

    Parameters
    ----------
    document
        Values by key, nested; `assign` changes it.
    source
        Name of the file that the document comes from; empty without one.
    """

    def __init__(self, document: dict[str, Any], source: str) -> None:
        self.document = document
        self._source = source
        self._assigned: list[KeyPath] = []
        self._problems: list[str] = []

    @classmethod
    def of(cls, path: str | Path | None, settings: Mapping[str, Any]) -> "_Reader":
        """Read a file, if there is one, and assign the settings."""
        reader = cls({}, "") if path is None else cls(_read_toml(Path(path)), str(path))
        for key, value in settings.items():
            if key in SECTIONS and isinstance(value, Mapping):
                for name, item in value.items():
                    reader.assign(key_path(f"{key}.{name}"), item)
            else:
                reader.assign(key_path(key), value)
        reader._report_unknown(reader.document, list(SECTIONS), ())
        return reader

    def assign(self, path: KeyPath, value: object) -> None:
        """Set a value of the document, and make the tables above it where there are none."""
        self._assigned.append(path)
        table: Any = self.document
        for key in path[:-1]:
            if not isinstance(table.get(key), Mapping):
                table[key] = {}
            table = table[key]
        table[path[-1]] = value

    def section(self, name: str, **given: object) -> Any:  # noqa: ANN401 (an object of the class in SECTIONS)
        """Build the dataclass of a section; None if there is a problem."""
        table = self.document.get(name, {})
        if name == "data" and isinstance(table, Mapping):
            table = {"train": (), **table}
        return self._table(SECTIONS[name], table, (name,), **given)

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
            self._report((*path, key), f"{_dotted((*path, key))} does not exist; {_cure(key, names, path)}")
        return bool(unknown)

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


def _cure(key: str, names: list[str], path: KeyPath) -> str:
    """Name the key that is meant: the same of another table, the nearest of its own, else the nearest of any."""
    paths = [entry for section, kind in SECTIONS.items() for entry in _paths(kind, (section,))]
    by_name = {str(entry[-1]): entry for entry in reversed(paths)}  # the first of several
    near = difflib.get_close_matches(key, names, n=1)
    similar = difflib.get_close_matches(key, by_name, n=1, cutoff=0.8)
    meant = (*path, near[0]) if near else by_name[similar[0]] if similar else None
    meant = by_name.get(key, meant)
    return f"there are {', '.join(names)}" if meant is None else f"did you mean {_dotted(meant)}?"


def _paths(kind: type, path: KeyPath) -> Iterator[KeyPath]:
    """Yield the paths of the keys of a table, then those of the tables in it."""
    yield from ((*path, entry.name) for entry in fields(kind))
    for name, annotation in annotations_of(kind).items():
        nested = _dataclass_in(annotation)
        if nested is not None and nested not in SECTIONS.values():
            in_list = nested not in alternatives(annotation)
            yield from _paths(nested, (*path, name, 0) if in_list else (*path, name))


def _dotted(path: Sequence[str | int]) -> str:
    """Write a path as in `basis.radial[0].family`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
