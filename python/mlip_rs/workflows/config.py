"""Configuration files of a fit: TOML, validated key by key, with errors that say where and what instead."""

import difflib
import glob
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Discriminator, Tag, ValidationError, create_model

from mlip_rs.basis import Basis, HigherOrder, RadialSet
from mlip_rs.basis.repulsion import Repulsion
from mlip_rs.data import LabelKeys
from mlip_rs.errors import ConfigError, MlipError
from mlip_rs.fitting import FitSettings, Weights
from mlip_rs.workflows.fit_job import DEFAULT_DIRECTORY, Job, Sources

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Document = Mapping[str, Mapping[str, Any]]

_STRICT = ConfigDict(extra="forbid", strict=True)


def _section(kind: type, *, whole: bool = False, **replaced: Any) -> type[BaseModel]:  # noqa: ANN401 (types)
    """Model with the fields of a dataclass; its defaults stay with the dataclass. None replaces to nothing.

    With `whole`, fields without default must be given; else another source may give them.
    """
    hints = get_type_hints(kind) | replaced
    chosen: dict[str, Any] = {
        entry.name: (hints[entry.name], ... if whole and entry.default is MISSING else None)
        for entry in fields(kind)
        if hints[entry.name] is not None
    }
    return create_model(kind.__name__, __config__=_STRICT, **chosen)


def _kind_of_radial(value: object) -> str:
    return "<family>" if isinstance(value, str) else "<sets>"


def _kind_of_repulsion(value: object) -> str:
    if value is None:
        return "<none>"
    return "<distances>" if isinstance(value, Mapping | BaseModel) else "<name>"


_HIGHER: Any = list[_section(HigherOrder, whole=True)]  # type: ignore[misc] # made at run time
_SETS: Any = list[_section(RadialSet, whole=True)]  # type: ignore[misc] # made at run time
_RADIAL: Any = Annotated[
    Annotated[str, Tag("<family>")] | Annotated[_SETS, Tag("<sets>")], Discriminator(_kind_of_radial)
]

_REPULSION: Any = Annotated[
    Annotated[str, Tag("<name>")]
    | Annotated[_section(Repulsion), Tag("<distances>")]
    | Annotated[None, Tag("<none>")],
    Discriminator(_kind_of_repulsion),
]


class _Output(BaseModel):
    model_config = _STRICT
    directory: str | None = None


_SECTIONS: dict[str, type[BaseModel]] = {
    "data": _section(Sources, keys=_section(LabelKeys)),
    "basis": _section(Basis, radial=_RADIAL, higher=_HIGHER, repulsion=_REPULSION),
    "fit": _section(FitSettings, weights=None),
    "weights": _section(Weights),
    "output": _Output,
}

_OPTIONAL: dict[str, Any] = {name: (section, None) for name, section in _SECTIONS.items()}
_CONFIG: type[BaseModel] = create_model("Config", __config__=_STRICT, **_OPTIONAL)


def load_job(
    path: str | Path | None = None, settings: Document | None = None, *, overwrite: bool = False
) -> Job:
    """Make a job from a configuration file, settings at hand, or both, the settings having the last word.

    Parameters
    ----------
    path
        TOML file; relative paths in it are relative to it.
    settings
        The same sections and keys as in a file; relative paths are relative to the working directory.
    overwrite
        Replace another fit in the output directory.

    Raises
    ------
    ConfigError
        Unreadable file, unknown or missing key, wrong type or value: names the file and the key.
    """
    document: dict[str, dict[str, Any]] = {} if path is None else _read(Path(path))
    for section, values in (settings or {}).items():
        if isinstance(document.setdefault(section, {}), dict):  # else it is refused below
            document[section] = {**document[section], **values}
    source = "settings" if path is None else str(path)
    try:
        # JSON, because there a list is as good as a tuple, and a number still no text.
        config = _CONFIG.model_validate_json(json.dumps(_normalized(document), default=str))
    except ValidationError as error:
        raise ConfigError("\n".join(_explanations(error, source, document))) from None
    given = config.model_dump(exclude_unset=True)
    if not given.get("data", {}).get("train"):
        raise ConfigError(f"{source}: data.train is missing; name the files to fit to")
    try:
        return _job(given, overwrite)
    except MlipError as error:
        if path is None:
            raise
        raise ConfigError(f"{source}: {error}") from None


def _job(given: dict[str, Any], overwrite: bool) -> Job:
    data = dict(given["data"])
    if "keys" in data:
        data["keys"] = LabelKeys(**data["keys"])
    basis = {"elements": (), **given.get("basis", {})}
    if not isinstance(basis.get("radial", ""), str):
        basis["radial"] = [RadialSet(**entry) for entry in basis["radial"]]
    if "higher" in basis:
        basis["higher"] = [HigherOrder(**entry) for entry in basis["higher"]]
    if isinstance(basis.get("repulsion"), dict):
        basis["repulsion"] = Repulsion(**basis["repulsion"])
    weights = Weights(**given.get("weights", {}))
    return Job(
        Sources(**data),
        Basis(**basis),
        FitSettings(weights=weights, **given.get("fit", {})),
        Path(given.get("output", {}).get("directory") or DEFAULT_DIRECTORY),
        overwrite,
    )


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text; a configuration is a text file in TOML") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {_syntax(str(error))}") from None
    folder = path.parent
    data, output = document.get("data"), document.get("output")
    if isinstance(data, dict):
        for key in ("train", "test"):
            if isinstance(data.get(key), str):
                data[key] = _beside(folder, data[key])
            elif isinstance(data.get(key), list):
                data[key] = [_beside(folder, item) for item in data[key]]
    if isinstance(output, dict) and isinstance(output.get("directory"), str):
        output["directory"] = str(folder / Path(output["directory"]).expanduser())
    return document


def _syntax(message: str) -> str:
    """Put the line first: "line 3: expected … (column 5)"."""
    found = re.search(r"\(at line (\d+), column (\d+)\)", message)
    if not found:
        return f"not TOML: {message}"
    reason = message[: found.start()].strip()
    return f"line {found[1]}: {reason[:1].lower()}{reason[1:]} (column {found[2]}); correct the TOML"


def _beside(folder: Path, name: object) -> object:
    """A path or pattern of the file, relative to the folder of the file."""
    if not isinstance(name, str):
        return name
    file = Path(name).expanduser()
    parent = glob.escape(str(folder)) if glob.has_magic(name) else str(folder)
    return str(Path(parent) / file)


def _normalized(document: Document) -> dict[str, Any]:
    """Allow one file in place of a list, and `false` for no weight of a property and for no repulsion."""
    out: dict[str, Any] = dict(document)
    if isinstance(out.get("data"), Mapping):
        out["data"] = {
            key: [value] if key in ("train", "test") and isinstance(value, str) else value
            for key, value in out["data"].items()
        }
    if isinstance(out.get("weights"), Mapping):
        out["weights"] = {key: None if value is False else value for key, value in out["weights"].items()}
    if isinstance(out.get("basis"), Mapping) and out["basis"].get("repulsion") is False:
        out["basis"] = {**out["basis"], "repulsion": None}
    return out


# ---- errors for people ------------------------------------------------------------------------------------


def _explanations(error: ValidationError, source: str, document: Document) -> list[str]:
    """One line for each key that is wrong."""
    reasons: dict[tuple[str | int, ...], list[str]] = {}
    entries = error.errors(include_url=False, include_context=False)
    unknown = {
        _path_in(document, entry["loc"])[:-1] for entry in entries if entry["type"] == "extra_forbidden"
    }
    for entry in entries:
        path = _path_in(document, entry["loc"])
        if entry["type"] == "missing" and path[:-1] in unknown:
            continue  # most likely the one that is misspelt
        if entry["type"] == "extra_forbidden":
            reasons[path] = [_unknown(path, document)]
        elif entry["type"] == "missing":
            reasons[path] = ["is missing"]
        else:
            reason = entry["msg"].replace("Input should be", "should be").replace("valid ", "")
            reason = re.sub(r"\ban? (dictionary|object)( or instance of \w+)?", "a table", reason)
            reason = re.sub(r"\ban? (array|tuple)\b", "a list", reason).replace("a integer", "an integer")
            reasons.setdefault(path, []).append(reason)
    lines = []
    for path, found in reasons.items():
        value = _value_at(document, path)
        got = "" if value is _ABSENT or found[0].startswith(("is ", "does ")) else f", not {_shown(value)}"
        lines.append(
            f"{source}: {_dotted(path)} {' or '.join(dict.fromkeys(found)).replace('or should be', 'or')}{got}"
        )
    return lines


_ABSENT = object()


def _path_in(document: object, location: Sequence[str | int]) -> tuple[str | int, ...]:
    """The part of pydantic's location that are keys of the document; the rest are names of its types."""
    path: list[str | int] = []
    for position, key in enumerate(location):
        child = _child(document, key)
        if child is _ABSENT and not (position == len(location) - 1 and isinstance(document, Mapping)):
            continue
        if child is _ABSENT and not re.fullmatch(r"[A-Za-z_]\w*", str(key)):
            continue
        path.append(key)
        document = child
    return tuple(path)


def _child(value: object, key: str | int) -> object:
    if isinstance(value, Mapping):
        return value.get(key, _ABSENT)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return _ABSENT


def _value_at(document: object, path: Sequence[str | int]) -> object:
    for key in path:
        document = _child(document, key)
    return document


def _unknown(path: tuple[str | int, ...], document: Document) -> str:
    """What is wrong with a key that does not exist, and which one may be meant."""
    key = str(path[-1])
    names = _known(path[:-1])
    near = difflib.get_close_matches(key, names, n=1)
    if near:
        return f"does not exist; did you mean {_dotted((*path[:-1], near[0]))}?"
    for section, model in _SECTIONS.items():
        elsewhere = difflib.get_close_matches(key, model.model_fields, n=1, cutoff=0.8)
        if elsewhere:
            return f"does not exist; did you mean {section}.{elsewhere[0]}?"
    return f"does not exist; there are {', '.join(names)}"


def _known(path: Sequence[str | int]) -> list[str]:
    """Keys that may stand at a place of the document."""
    if not path:
        return list(_SECTIONS)
    nested: dict[str, type[LabelKeys] | type[RadialSet] | type[HigherOrder]] = {
        "keys": LabelKeys,
        "radial": RadialSet,
        "higher": HigherOrder,
    }
    if len(path) > 1 and path[1] in nested:
        return [entry.name for entry in fields(nested[str(path[1])])]
    return list(_SECTIONS[str(path[0])].model_fields)


def _dotted(path: Sequence[str | int]) -> str:
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}"
    return text.lstrip(".") or "the file"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
