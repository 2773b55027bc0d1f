"""Options for settings, generated from the fields of the settings' classes, and `--set` for every field."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any

import typer

from mlip_rs.cli.documentation import DocumentedField, documented_fields

CLASSES: dict[str, tuple[str, str]] = {
    "data": ("workflows/fit_job.py", "Sources"),
    "data.keys": ("data/labels.py", "LabelKeys"),
    "basis": ("basis/basis.py", "Basis"),
    "fit": ("fitting/settings.py", "FitSettings"),
    "weights": ("fitting/weights.py", "Weights"),
    "output": ("workflows/config.py", "Output"),
}
"""File and class of each table of the configuration that has options."""

PANELS: dict[str, str] = {
    "data": "Data",
    "basis": "Basis",
    "fit": "Fit",
    "weights": "Weights",
    "output": "Output",
}
"""Headings in `--help` by section."""

TYPES: dict[str, Any] = {"bool": bool, "int": int, "float": float, "str": str}
"""Types of options by annotation; everything else is a list of strings."""


@dataclass(frozen=True)
class SettingOption:
    """An option of the command line for one setting.

    Parameters
    ----------
    key
        Key of the setting, such as "basis.cutoff".
    name
        Name of the option; that of the field by default.
    short
        Second name, such as "-o".
    metavar
        Placeholder of the value in `--help`; the type by default. If it is one of `mlip_rs.cli.verb.VALUES`, several
        values may follow the option.
    note
        Sentence to add to the help.
    panel
        Heading in `--help`; that of the section by default.
    convert
        Function from the value of the option to that of the setting.
    """

    key: str
    name: str = ""
    short: str = ""
    metavar: str | None = None
    note: str = ""
    panel: str = ""
    convert: Callable[[Any], object] = lambda value: value

    @property
    def flag(self) -> str:
        """Name of the option as typed."""
        return self.name or "--" + self.key.rpartition(".")[2].replace("_", "-")

    @property
    def field(self) -> DocumentedField:
        """Documentation of the field."""
        table, _, name = self.key.rpartition(".")
        return documented_fields(*CLASSES[table])[name]

    @property
    def help(self) -> str:
        """First sentence of the documentation of the field, note and default."""
        default = "" if self.field.default in (None, "") else f"[default: {self.field.default}]"
        return " ".join(part for part in (self.field.summary, self.note, default) if part)

    def parameter(self) -> inspect.Parameter:
        """Return the parameter of a function from which typer makes the option."""
        kind = TYPES.get(self.field.annotation.split(" | ")[0], list[str])
        option = typer.Option(
            *filter(None, (self.short, self.flag)),
            metavar=self.metavar,
            help=self.help,
            rich_help_panel=self.panel or PANELS[self.key.split(".")[0]],
            show_default=False,
        )
        annotation = Annotated[kind if kind is bool else kind | None, option]  # type: ignore[valid-type]
        return _keyword(self.key.replace(".", "_"), annotation, False if kind is bool else None)

    def value(self, given: object) -> object:
        """Convert the value of the option to that of the setting; None if the option was not given."""
        return None if given is None or given is False or given == [] else self.convert(given)


def basis_size(given: str) -> str | int:
    """Convert the name of a size of the basis, or a number of features."""
    return int(given) if given.strip().isdecimal() and len(given) < 10 else given


def element_energies(entries: list[str]) -> dict[str, float]:
    """Convert SYMBOL=EV, several of them apart or joined by commas, to energies (eV) by element.

    Raises
    ------
    BadParameter
        Something else, or an element given twice.
    """
    energies: dict[str, float] = {}
    for entry in (part for text in entries for part in text.split(",") if part):
        symbol, _, value = entry.partition("=")
        symbol = symbol.strip().capitalize()
        try:
            energy = float(value)
            if not math.isfinite(energy):
                raise ValueError
        except ValueError:
            raise typer.BadParameter(f"{entry!r} is not SYMBOL=ENERGY, such as Al=-0.1") from None
        if energies.setdefault(symbol, energy) != energy:
            raise typer.BadParameter(f"{symbol} has two energies, {energies[symbol]:g} and {energy:g} eV")
    return energies


READING: tuple[SettingOption, ...] = (
    SettingOption("data.index", metavar="INDEX"),
    SettingOption("data.format", metavar="FORMAT"),
    SettingOption("data.types", metavar="TYPE..."),
)
"""How structures are read."""

LABELS: tuple[SettingOption, ...] = (
    SettingOption("data.energy"),
    SettingOption("data.keys.energy", "--energy-key", metavar="KEY"),
    SettingOption("data.keys.forces", "--forces-key", metavar="KEY"),
    SettingOption("data.keys.stress", "--stress-key", metavar="KEY"),
    SettingOption("data.keys.virial", "--virial-key", metavar="KEY"),
    SettingOption("data.keys.components", metavar="'XX YY ...'"),
)
"""How labels are read."""


ANY_SETTING: str = "Set any key of the configuration to a TOML value; repeat for more: --set basis.r_min=1.8."
"""Help of `--set`."""


def with_settings(
    *options: SettingOption, set_help: str = ANY_SETTING
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replace the parameter `settings` of a verb by options; the verb receives their values by key.

    Raises
    ------
    ConfigError
        From the verb: an option and `--set` give the same setting, or an assignment is not understood.
    """
    given = {option.key.replace(".", "_"): option for option in options}

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        @wraps(verb)
        def command(set_: Sequence[str] | None = None, **values: Any) -> None:  # noqa: ANN401 (typer's)
            chosen = {
                option: value
                for name, option in given.items()
                if (value := option.value(values.pop(name))) is not None
            }
            verb(settings=_merged(chosen, set_ or ()), **values)

        parameters: list[inspect.Parameter] = []
        for parameter in inspect.signature(verb, eval_str=True).parameters.values():
            if parameter.name != "settings":
                parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
                continue
            parameters += [option.parameter() for option in options]
            assignments = typer.Option(
                "--set", metavar="KEY=VALUE", help=set_help, rich_help_panel="Any setting"
            )
            parameters.append(_keyword("set_", Annotated[list[str] | None, assignments], None))
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return command

    return decorate


def _keyword(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _merged(chosen: Mapping[SettingOption, object], assignments: Sequence[str]) -> dict[str, object]:
    """Merge the settings from options and from `--set`."""
    settings = {option.key: value for option, value in chosen.items()}
    if not assignments:
        return settings
    from mlip_rs.errors import ConfigError
    from mlip_rs.workflows.config import key_path, parse_assignment

    assigned: dict[tuple[str, ...], str] = {}
    for text in assignments:
        key, value = parse_assignment(text)
        path = key_path(key)
        if assigned.setdefault(path, key) != key:  # of one spelling the last counts, as on any command line
            raise ConfigError(
                f"--set {assigned[path]} and --set {key} give the same setting; give one of them"
            )
        for option in chosen:
            own = key_path(option.key)
            if path[: len(own)] == own[: len(path)]:
                raise ConfigError(f"{option.flag} and --set {key} give the same setting; give one of them")
        settings[key] = value
    return settings
