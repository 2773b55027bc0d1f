"""The commands of an input of LAMMPS, each with the line where it stands."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from mlip_rs.errors import ConfigError, LammpsError

QUOTES: str = '"""'
"""Between these, text may go over several lines."""


@dataclass(frozen=True)
class Command:
    """A command of an input.

    Parameters
    ----------
    file
        The input.
    line
        Number of the line where it begins, from 1.
    text
        As it stands there, comment included; lines that `&` or triple quotes continue are one.

    Examples
    --------
    >>> Command("in.al", 3, 'pair_coeff * * "my al.mlip.json" Al  # of today').words
    ['pair_coeff', '*', '*', 'my al.mlip.json', 'Al']
    """

    file: str
    line: int
    text: str

    @property
    def words(self) -> list[str]:
        """Words without quotes and comment, as LAMMPS splits them; what `$` stands for is not put in."""
        return split(self.text)

    @property
    def place(self) -> str:
        """For messages.

        >>> Command("in.al", 3, "run 0").place
        'in.al, line 3'
        """
        return f"{self.file}, line {self.line}"

    def error(self, problem: str) -> ConfigError:
        """Return an error that names the place.

        >>> Command("in.al", 3, "jump SELF").error("jump is not understood").args
        ('in.al, line 3: jump is not understood',)
        """
        return ConfigError(f"{self.place}: {problem}")


def split(text: str) -> list[str]:
    """Return the words of a line of an input, without quotes and comment.

    >>> split("print 'two words' # said"), split("print don't")
    (['print', 'two words'], ['print', "don't"])
    """
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", "#"
    try:
        return list(lexer)
    except ValueError:  # a quote that is not closed: LAMMPS says what it thinks of it
        return text.split("#")[0].split()


def read_commands(path: str | os.PathLike[str]) -> list[Command]:
    r"""Read the commands of an input; empty lines and comments are left out.

    Raises
    ------
    ConfigError
        A command that is continued ends with the file, or the file is no text; names file and line.
    LammpsError
        The input cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = Path(folder, "in").write_text("units metal\n\nfix 1 all &\n nve\n")
    ...     [(command.line, command.text) for command in read_commands(Path(folder, "in"))]
    [(1, 'units metal'), (3, 'fix 1 all  nve')]
    """
    name = os.fspath(path)
    found, pending, start = [], "", 0
    for number, line in enumerate(_lines(name), 1):
        start = start if pending else number
        if line.rstrip().endswith("&"):
            pending += line.rstrip()[:-1] or " "
            continue
        pending += line
        if pending.count(QUOTES) % 2:
            pending += "\n"
            continue
        command, pending = Command(name, start, pending.strip()), ""
        if command.words:
            found.append(command)
    if pending:
        reason = f"its quotes {QUOTES} are not closed" if pending.count(QUOTES) % 2 else "& continues it"
        cure = "close them" if pending.count(QUOTES) % 2 else "complete it, or remove the &"
        raise Command(name, start, pending).error(f"the file ends within this command: {reason}; {cure}")
    return found


def _lines(name: str) -> list[str]:
    """Lines of a text file."""
    try:
        content = Path(name).read_bytes()
    except OSError as error:
        raise LammpsError(f"{name}: {error.strerror}; check the path") from None
    lines = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if not lines[-1]:
        lines.pop()  # what follows the last line break is no line
    texts = []
    for number, line in enumerate(lines, 1):
        place = Command(name, number, "")
        try:
            texts.append(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise place.error(
                f"the byte 0x{line[error.start]:02x} is no UTF-8 text; save the input as UTF-8, or with letters of "
                "ASCII only"
            ) from None
        if b"\0" in line:
            raise place.error(
                "there are NUL bytes, which no input of LAMMPS has; check that this is the input"
            )
    return texts
