"""Tables as lines of text."""

import re
from collections.abc import Sequence

_NUMERIC = re.compile(r"(?:[-+−–….,:×\d\s]|\d[eE][-+]?\d|nan|inf)+")
"""Numbers, ranges such as "1.2 … 3.4", lists of numbers, and the dash of an empty cell."""


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
    lines = [list(header), *map(list, rows)]
    columns = list(zip(*lines, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [all(map(_NUMERIC.fullmatch, column[1:])) for column in columns]
    return [
        "  ".join(
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    ]
