"""A table as lines of plain text, for a terminal."""

import unicodedata
from collections.abc import Sequence

from mlip_rs.report.document import Table


def table_lines(table: Table) -> list[str]:
    """Align a table: columns of numbers to the right, all others to the left.

    Parameters
    ----------
    table
        Its caption and highlighted rows are ignored.

    Returns
    -------
    list of str
        One line for the header and one for each row.

    Examples
    --------
    >>> for line in table_lines(Table(("crystal", "Å"), [("fcc", "4.04"), ("beta-sn", "–")])):
    ...     print(line)
    crystal     Å
    fcc      4.04
    beta-sn     –
    """
    columns = [_aligned(title, cells) for title, *cells in zip(table.header, *table.rows, strict=True)]
    return ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]


def _aligned(title: str, cells: Sequence[str]) -> list[str]:
    """Cells of one column, padded to the same width."""
    column = [title, *cells]
    width = max(map(_width, column))
    padding = [" " * (width - _width(cell)) for cell in column]
    if all(map(_is_number, cells)):
        return [space + cell for space, cell in zip(padding, column, strict=True)]
    return [cell + space for space, cell in zip(padding, column, strict=True)]


def _is_number(cell: str) -> bool:
    """True for a number, also with ± or a mark behind it, and for the dash of a missing one."""
    try:
        float(cell.strip("± ✗").replace("−", "-"))
    except ValueError:
        return cell == "–"
    return True


def _width(text: str) -> int:
    """Number of columns in a terminal; combining marks, such as the bar of a Miller index, take none."""
    return sum(not unicodedata.combining(character) for character in text)
