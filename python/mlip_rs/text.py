"""Counts with their nouns, numbers with their errors and limits, and tables as lines of text."""

import math
import re
import unicodedata
from collections.abc import Sequence

_NUMERIC = re.compile(r"(?:[-+−–±….,:×✗\d\s]|\d[eE][-+]?\d|nan|inf)+")
"""Numbers, ranges such as "1.2 … 3.4", lists of numbers, marks of failure, and the dash of an empty cell."""

MOST_DIGITS: int = 6
"""Digits after which numbers that differ are shown as equal."""


def counted(count: object, noun: str) -> str:
    """A number and its noun, in the plural unless it is one; `noun` is the singular.

    >>> counted(1, "structure"), counted(3, "stress"), counted(0, "energy")
    ('1 structure', '3 stresses', '0 energies')
    """
    if count == 1:
        return f"{count} {noun}"
    if noun.endswith("y"):
        return f"{count} {noun[:-1]}ies"
    return f"{count} {noun}{'es' if noun.endswith('s') else 's'}"


def with_error(value: float, error: float, digits: int = 1, most: int = 4) -> str:
    """A number and its error in `digits` of the error, at most `most` of the number.

    >>> with_error(141.3, 12.0), with_error(0.55911, 0.0102), with_error(-1.0, 1e-9), with_error(3.0, 8.0)
    ('140 ± 10', '0.56 ± 0.01', '-1.000 ± 0.001', '3 ± 8')
    >>> with_error(118.93, 2.31, digits=2), with_error(4.042931, 0.000412, digits=2, most=6)
    ('118.9 ± 2.3', '4.04293 ± 0.00041')
    """
    largest = max(abs(value), abs(error))
    if not 0.0 < largest < math.inf:
        return f"{value:.3g} ± {error:.1g}"
    least = 10.0 ** (math.floor(math.log10(largest)) + 1 - most)
    shown = float(f"{max(abs(error), least):.{digits - 1}e}")
    step = math.floor(math.log10(shown) + 1e-9) - (digits - 1 if shown > least else 0)
    decimals = max(-step, 0)
    return f"{round(value, -step):.{decimals}f} ± {shown:.{decimals}f}"


def told_apart(first: float, second: float, digits: int = 2, kind: str = "f") -> tuple[str, str]:
    """A number and its limit, with more digits (at most six) than asked for if they would look equal and are not.

    Parameters
    ----------
    first, second
        The numbers.
    digits, kind
        As in formats: decimals with "f", significant digits with "g".

    Examples
    --------
    >>> told_apart(0.2249, 0.2213), told_apart(0.88, 0.22), told_apart(0.5, 0.5), told_apart(30.02, 30.0, 3, "g")
    (('0.225', '0.221'), ('0.88', '0.22'), ('0.50', '0.50'), ('30.02', '30'))
    """
    shown = (f"{first:.{digits}{kind}}", f"{second:.{digits}{kind}}")
    if first == second or shown[0] != shown[1] or digits >= MOST_DIGITS:
        return shown
    return told_apart(first, second, digits + 1, kind)


def rounded_up(value: float, digits: int = 3) -> str:
    """The least number of so many digits that is not below a positive one: a limit that the number keeps.

    >>> rounded_up(0.87304), rounded_up(2.5), rounded_up(1234.0)
    ('0.874', '2.5', '1240')
    """
    if not (value > 0.0 and math.isfinite(value)):
        return f"{value:g}"
    step = math.floor(math.log10(value)) - digits + 1
    return f"{float(f'{math.ceil(value / 10.0**step - 1e-9)}e{step}'):.{digits + 1}g}"


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    r"""Align the columns of a table: numbers to the right, text to the left.

    >>> print("\n".join(table_lines(["basis", "features"], [["small", "100"], ["huge", "30000"]])))
    basis  features
    small       100
    huge      30000

    Parameters
    ----------
    header
        Names of the C columns.
    rows
        Cells of each row, C each.
    """
    columns = [_aligned(title, cells) for title, *cells in zip(header, *rows, strict=True)]
    return ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]


def _aligned(title: str, cells: Sequence[str]) -> list[str]:
    """Pad the cells of a column to the same width."""
    column = [title, *cells]
    width = max(map(_width, column))
    padding = [" " * (width - _width(cell)) for cell in column]
    if all(map(_NUMERIC.fullmatch, cells)):
        return [space + cell for space, cell in zip(padding, column, strict=True)]
    return [cell + space for space, cell in zip(padding, column, strict=True)]


def _width(text: str) -> int:
    """Count characters without combining ones, such as the bar of 1̄."""
    return sum(not unicodedata.combining(character) for character in text)
