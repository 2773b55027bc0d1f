"""Settings of a fit from a TOML file, from assignments such as `basis.max_l=4`, or both.

The settings' dataclasses are the schema: their fields are the keys, and their constructors check the values.
"""

import glob
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlip_rs.basis import Basis
from mlip_rs.errors import ConfigError
from mlip_rs.fitting import FitSettings, Weights
from mlip_rs.settings import check_types
from mlip_rs.workflows.fit_job import DEFAULT_DIRECTORY, Job, Sources
from mlip_rs.workflows.settings_reader import SettingsReader

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


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
        if self.directory is not None and not self.directory.strip():
            raise ConfigError("directory is empty; name a run directory, or leave it out for mlip-run")


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
    reader = _reader(path, settings or {})
    data = reader.document.setdefault("data", {})
    if isinstance(data, dict):
        data.setdefault("train", ())  # its absence is reported below, if nothing else is wrong
    weights = reader.section("weights") or Weights()
    sources, basis, output = (reader.section(name) for name in ("data", "basis", "output"))
    fit = reader.section("fit", weights=weights)
    reader.raise_problems()
    if not sources.train:
        raise ConfigError(f"{reader.place(('data',))}data.train is missing; name the files to fit to")
    return Job(sources, basis, fit, Path(output.directory or DEFAULT_DIRECTORY), overwrite)


def load_sources(files: Sequence[str], settings: Mapping[str, Any]) -> Sources:
    """Say which files to read and how, from settings.

    >>> load_sources(["al.extxyz"], {"data.keys.energy": "E_PBE"}).keys.energy
    'E_PBE'

    Parameters
    ----------
    files
        Files, patterns or directories.
    settings
        Values by key, as those of `load_job`, all of them in the section `data`.

    Raises
    ------
    ConfigError
        Unknown key, a key of another section, wrong type or value; names the key.
    """
    reader = _reader(None, {**settings, "data.train": list(files)})
    for section in reader.document:
        if section in SECTIONS and section != "data":
            raise ConfigError(
                f"{section} says nothing about the reading of data; give keys such as data.index"
            )
    sources: Sources = reader.section("data")
    reader.raise_problems()
    return sources


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
    reader = _reader(None, settings)
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


def _reader(path: str | Path | None, settings: Mapping[str, Any]) -> SettingsReader:
    """Read a file, if there is one, and assign the settings."""
    document = {} if path is None else _read_toml(Path(path))
    reader = SettingsReader(document, "" if path is None else str(path), SECTIONS)
    for key, value in settings.items():
        if key in SECTIONS and isinstance(value, Mapping):
            for name, item in value.items():
                reader.assign(key_path(f"{key}.{name}"), item)
        else:
            reader.assign(key_path(key), value)
    reader.check_sections()
    return reader


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
    if isinstance(fit, dict) and isinstance(scheduler := fit.get("scheduler"), str):
        file = Path(_beside(folder, scheduler))
        fit["scheduler"] = str(file) if file.is_file() else scheduler  # else it is an address
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


def _beside(folder: Path, name: Any) -> Any:  # noqa: ANN401 (whatever the file says)
    """Return a path or pattern in a file relative to the folder of the file."""
    if not isinstance(name, str):
        return name
    file = Path(name).expanduser()
    parent = glob.escape(str(folder)) if glob.has_magic(name) else str(folder)
    return str(Path(parent) / file)
