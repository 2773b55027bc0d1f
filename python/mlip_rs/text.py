"""Counts with their nouns, and tables as lines of text."""

import re
import unicodedata
from collections.abc import Sequence

_NUMERIC = re.compile(r"(?:[-+−–±….,:×✗\d\s]|\d[eE][-+]?\d|nan|inf)+")
"""Numbers, ranges such as "1.2 … 3.4", lists of numbers, marks of failure, and the dash of an empty cell."""


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
