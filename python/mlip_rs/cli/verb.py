"""Class of the verbs: several values after one option, and headings in `--help`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from typer.core import TyperCommand

VALUES: dict[str, str] = {
    "SYMBOL...": r"[A-Z][a-z]?",
    "SYMBOL=EV...": r"[A-Z][a-z]?=.+",
    "NAME...": r"[a-z][a-z0-9]*(-[a-z]+)*",
    "TYPE...": r"([\w.+'*:-]+=)?[A-Z][a-z]?",
    "N...": r"\d+",
    "KIND...": r"[a-z]+(-[a-z]+)*(=\d+)?",
    "VOLUME...": r"([A-Z][a-z]?=)?\d+(\.\d*)?",
    "FILE...": r"(?![A-Z][a-z]?$)[^-].*",
    "CRYSTAL...": r"(?![A-Z][a-z]?$)[^-].*",
}
"""Pattern of a further value of an option, by its metavar; anything else is the next argument."""

_KINDS: dict[str, str] = {"<str>": "TEXT", "<int>": "N", "<float>": "NUMBER", "<path>": "FILE"}
"""Placeholders of values in the help, by that of typer."""


class Verb(TyperCommand):
    """A verb whose options with a metavar of `VALUES` take several values: `--elements Al Ni al.extxyz`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 (context of typer or click)
        """Repeat an option in front of each of its values, as typer wants it."""
        patterns = {
            flag: VALUES[parameter.metavar]
            for parameter in self.params
            if parameter.metavar in VALUES
            for flag in parameter.opts
        }
        return super().parse_args(ctx, repeated(args, patterns))

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 (of typer or click)
        """Write arguments and options under the headings of their panels, in the order of the parameters."""
        panels: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            default = "Arguments" if parameter.param_type_name == "argument" else "Options"
            if record is not None:
                panel = getattr(parameter, "rich_help_panel", None) or default
                panels.setdefault(panel, []).append(_readable(*record))
        for panel, records in panels.items():
            if records:
                with formatter.section(panel):
                    formatter.write_dl(records)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401 (context of typer or click)
        """Arguments in the usage line without braces or dots twice: `POTENTIAL DATA...`, `[ELEMENT...]`."""
        pieces = super().collect_usage_pieces(ctx)
        return [re.sub(r"\{(.*)\}(\.\.\.)?|(\[.*\.\.\.\])\.\.\.", r"\1\3", piece) for piece in pieces]


def _readable(name: str, sentence: str) -> tuple[str, str]:
    """Name and help of a parameter in words that need no programmer.

    >>> _readable("--max-l <int>", "Largest degree.")
    ('--max-l N', 'Largest degree.')
    >>> _readable("--ranks <int>", "Ranks of MPI.  [default: 1; x>=1]")
    ('--ranks N', 'Ranks of MPI.  [default: 1]')
    >>> _readable("DATA... <list[str]>", "Files that ASE reads.  [required]")
    ('DATA...', 'Files that ASE reads.  [required]')
    """
    if not name.startswith("-"):
        return re.sub(r" <[^>]*>$", "", name), sentence
    for kind, word in _KINDS.items():
        name = name.replace(kind, word)
    return name, re.sub(r"\s*\[(\d+<=)?x[<>]=\d+\]|; (\d+<=)?x[<>]=\d+", "", sentence)


def repeated(args: Sequence[str], patterns: Mapping[str, str]) -> list[str]:
    """Repeat options in front of each of their values.

    >>> repeated(["--elements", "Al", "Ni", "al.extxyz"], {"--elements": VALUES["SYMBOL..."]})
    ['--elements', 'Al', '--elements', 'Ni', 'al.extxyz']

    Parameters
    ----------
    args
        The command line; what follows `--` stays as it is.
    patterns
        What a second value looks like, by option.
    """
    out: list[str] = []
    option = previous = ""  # `option`: the one that another value may follow
    end = args.index("--") if "--" in args else len(args)
    for token in args[:end]:
        if option and re.fullmatch(patterns[option], token):
            out += [option, token]
            continue
        out.append(token)
        option = previous if previous in patterns else ""
        previous = token
    return [*out, *args[end:]]
