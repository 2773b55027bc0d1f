"""A table as lines of plain text, for a terminal."""

import unicodedata

from mlip_rs.report.document import Table


def table_lines(table: Table) -> list[str]:
    """Align a table: the first column to the left, all others to the right.

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
    >>> for line in table_lines(Table(("crystal", "Å"), [("fcc", "4.04"), ("bcc", "3.2")])):
    ...     print(line)
    crystal     Å
    fcc      4.04
    bcc       3.2
    """
    rows = [table.header, *table.rows]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell + " " * (width - _width(cell)) if k == 0 else " " * (width - _width(cell)) + cell
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _width(text: str) -> int:
    """Number of columns in a terminal; combining marks, such as the bar of a Miller index, take none."""
    return sum(not unicodedata.combining(character) for character in text)
