"""Inputs with `pair_style mlip/rs` where the plugin is not installed: `attach` takes the place of the pair style."""

import os
from collections.abc import Sequence

from mlip_rs.errors import ConfigError, MlipError
from mlip_rs.lammps.attachment import attach
from mlip_rs.lammps.input_file import Command, read_commands
from mlip_rs.lammps.startup import INSTALL_PLUGIN, Instance, start
from mlip_rs.threads import MAX_THREADS

STYLE: str = "mlip/rs"
"""Name of the pair style."""

NOT_LINEAR: frozenset[str] = frozenset({"jump", "label", "next", "include", "if"})
"""Commands that this reader does not follow."""


def run_input(path: str | os.PathLike[str], arguments: Sequence[str] = ()) -> None:
    """Run an input of LAMMPS whose pair style is `mlip/rs`, with `attach` in place of the pair style.

    Parameters
    ----------
    path
        The input.
    arguments
        As on the command line of LAMMPS, such as ["-log", "log.lammps"].

    Raises
    ------
    ConfigError
        The input has loops, another pair style or none, or no `pair_coeff * * FILE ELEMENT ...`; names the line.
    MlipError
        The potential cannot be read, has other elements, or cannot be evaluated.
    LammpsError
        LAMMPS is not installed, or the input cannot be read.

    Examples
    --------
    >>> run_input("in.al", ["-log", "log.al"])  # doctest: +SKIP
    """
    found = commands(path)
    lmp = start(arguments, quiet=False)
    threads = None
    try:
        for command in found:
            name = command.words[0]
            if name == "pair_style":
                threads = _threads(_expanded(lmp, command))
            elif name == "pair_coeff":
                _attach(lmp, _expanded(lmp, command), threads)
            else:
                lmp.command(command.text)
    finally:
        lmp.close()


def commands(path: str | os.PathLike[str]) -> list[Command]:
    """Return the commands of an input that can be run without the plugin.

    Raises
    ------
    ConfigError
        The input has another pair style than `mlip/rs` or no coefficients for it, or commands that are not done one
        after the other; names file and line.
    LammpsError
        The input cannot be read.

    Examples
    --------
    >>> commands("in.none")
    Traceback (most recent call last):
    mlip_rs.errors.LammpsError: in.none: No such file or directory; check the path
    """
    found = read_commands(path)
    style: Command | None = None
    used = False
    for command in found:
        name = command.words[0]
        if name in NOT_LINEAR:
            raise command.error(f"{name} is not understood without the plugin; {INSTALL_PLUGIN}")
        if name == "pair_style":
            _check_style(command)
            style, used = command, False
        if name == "pair_coeff":
            if style is None:
                raise command.error(
                    f"pair_coeff stands before the pair style; write `pair_style {STYLE}` first"
                )
            _check_coefficients(command)
            used = True
    if style is None:
        raise ConfigError(
            f"{os.fspath(path)}: there is no `pair_style {STYLE}`; an input without it is run by lmp itself"
        )
    if not used:
        raise style.error(
            "no pair_coeff follows; add `pair_coeff * * FILE ELEMENT ...`, which names the potential and the elements"
        )
    return found


def _check_style(command: Command) -> None:
    """Raise an error where the pair style is none that `attach` can stand for."""
    words = command.words
    if len(words) == 1:
        raise command.error(f"pair_style names no style; write `pair_style {STYLE}`")
    if words[1] != STYLE:
        if STYLE in words:
            raise command.error(
                f"{STYLE} beside other pair styles ({words[1]}) needs the plugin: {INSTALL_PLUGIN}"
            )
        raise command.error(f"pair_style {words[1]} needs no potential of ours; run the input with lmp")
    if not _has_variables(command):
        _threads(command)


def _threads(command: Command) -> int | None:
    """Number of threads of a pair style; None if it does not say."""
    options = command.words[2:]
    if not options:
        return None
    if options[0] != "threads":
        raise command.error(
            f"{STYLE} does not know {options[0]!r}; all it takes is a number of threads: `pair_style {STYLE} threads 2`"
        )
    number = int(options[1]) if len(options) == 2 and options[1].isdecimal() else 0
    if not 1 <= number <= MAX_THREADS:
        given = " ".join(options[1:])
        raise command.error(
            f"threads takes one whole number from 1 to {MAX_THREADS}, not {given!r}; write, for example, "
            f"`pair_style {STYLE} threads 2`"
            if given
            else f"threads lacks its number; write, for example, `pair_style {STYLE} threads 2`"
        )
    return number


def _check_coefficients(command: Command) -> None:
    words = command.words
    if _has_variables(command):
        return
    if words[1:3] != ["*", "*"] or len(words) < 5:
        raise command.error(
            f"expected `pair_coeff * * FILE ELEMENT ...`, with one element for each atom type, not {command.text!r}"
        )


def _has_variables(command: Command) -> bool:
    return any("$" in word for word in command.words)


def _expanded(lmp: Instance, command: Command) -> Command:
    """The command with values for `$`, checked anew."""
    if not _has_variables(command):
        return command
    if not hasattr(lmp, "expand"):
        raise command.error(
            f"this LAMMPS does not tell the values of its variables; write them out, or {INSTALL_PLUGIN}"
        )
    words = [lmp.expand(word) if "$" in word else word for word in command.words]
    text = " ".join(f'"{word}"' if " " in word else word for word in words)
    expanded = Command(command.file, command.line, text)
    if expanded.words[:1] == ["pair_coeff"]:
        _check_coefficients(expanded)
    return expanded


def _attach(lmp: Instance, command: Command, threads: int | None) -> None:
    """Attach what a `pair_coeff` names; errors name its line."""
    words = command.words
    try:
        attach(lmp, words[3], [None if word == "NULL" else word for word in words[4:]], threads=threads)
    except MlipError as error:
        raise type(error)(f"{command.place}: {error}") from None
