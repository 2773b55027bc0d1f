"""Options that take several values in a row: `--elements Al Ni`, `--sizes 100 1000`."""

import re
from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand

PATTERNS: dict[str, re.Pattern[str]] = {
    "--elements": re.compile(r"[A-Z][a-z]?"),
    "--only": re.compile(r"[a-z][a-z0-9]*(-[a-z]+)*"),
    "--reference-energy": re.compile(r"[A-Z][a-z]?=.+"),
    "--sizes": re.compile(r"\d+"),
    "--threads": re.compile(r"\d+"),
}
"""What a further value of an option looks like; anything else is the next argument."""


class SeveralValues(TyperCommand):
    """A verb with such options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 (context of typer or click)
        """Repeat the option in front of each of its values, as typer wants it."""
        multiple = {name for parameter in self.params if parameter.nargs == 1 for name in parameter.opts}
        single = {
            name
            for parameter in self.params
            if not getattr(parameter, "multiple", False)
            for name in parameter.opts
        }
        return super().parse_args(ctx, spread(args, multiple - single))


def spread(args: Sequence[str], options: set[str]) -> list[str]:
    """`--elements Al Ni` becomes `--elements Al --elements Ni`.

    Parameters
    ----------
    args
        The command line.
    options
        Those that may have several values; others are left alone.
    """
    out: list[str] = []
    option: str | None = None
    count = 0
    for position, token in enumerate(args):
        if token == "--":
            return [*out, *args[position:]]
        if option is not None and count > 0 and not PATTERNS[option].fullmatch(token):
            option = None
        if option is not None:
            out.extend([option, token] if count > 0 else [token])
            count += 1
            continue
        out.append(token)
        if token in PATTERNS and token in options:
            option, count = token, 0
    return out
