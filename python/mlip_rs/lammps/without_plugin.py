"""Inputs with `pair_style mlip/rs` where the plugin is not installed: `attach` takes the place of the pair style."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlip_rs.errors import ConfigError, LammpsError
from mlip_rs.lammps.attachment import attach
from mlip_rs.lammps.startup import start

NOT_LINEAR: frozenset[str] = frozenset({"jump", "label", "next", "include", "if"})
"""Commands that this reader does not follow."""


def run_input(path: str | os.PathLike[str], arguments: Sequence[str] = ()) -> None:
    """Run an input of LAMMPS whose pair style is `mlip/rs`, with `attach` in place of the pair style.

    Parameters
    ----------
    path
        The input; commands in one line each, or continued by `&`.
    arguments
        As on the command line of LAMMPS, such as ["-log", "log.lammps"].

    Raises
    ------
    ConfigError
        The input has loops or no `pair_coeff * * FILE ELEMENT ...`.
    LammpsError
        LAMMPS is not installed, or the input cannot be read.

    Examples
    --------
    >>> run_input("in.al", ["-log", "log.al"])  # doctest: +SKIP
    """
    found = list(commands(path))
    if not any(command.split()[0] == "pair_coeff" for command in found):
        raise ConfigError(
            f"{os.fspath(path)}: there is no pair_coeff; it names the potential and the elements"
        )
    lmp = start(arguments, quiet=False)
    threads = None
    try:
        for command in found:
            words = command.split()
            if words[:2] == ["pair_style", "mlip/rs"]:
                threads = int(words[3]) if words[2:3] == ["threads"] else None
                continue
            if words[0] == "pair_coeff":
                elements = [None if word == "NULL" else word for word in words[4:]]
                attach(lmp, words[3], elements, threads=threads)
                continue
            lmp.command(command)
    finally:
        lmp.close()


def commands(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yield the commands of an input, comments and line breaks removed.

    Raises
    ------
    ConfigError
        The input has another pair style than `mlip/rs`, or commands that are not done one after the other.
    LammpsError
        The input cannot be read.
    """
    name = os.fspath(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise LammpsError(f"{name}: {error.strerror}; check the path") from None
    for line in re.sub(r"&[ \t]*\n", " ", text).splitlines():
        command = line.split("#")[0].strip()
        if not command:
            continue
        words = command.split()
        if words[0] in NOT_LINEAR:
            raise ConfigError(
                f"{name}: {words[0]} is not understood without the plugin; pip install mlip-rs-lammps"
            )
        if words[0] == "pair_style" and words[1:2] != ["mlip/rs"]:
            raise ConfigError(f"{name}: pair_style {words[1]} needs no potential of ours; run it with lmp")
        if words[0] == "pair_coeff" and (words[1:3] != ["*", "*"] or len(words) < 5):
            raise ConfigError(f"{name}: expected pair_coeff * * FILE ELEMENT ..., not {command!r}")
        yield command
