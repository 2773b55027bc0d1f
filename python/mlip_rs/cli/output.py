"""Printing: results on stdout, everything else on stderr."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mlip_rs.progress import Progress

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
Threads = Annotated[
    int, typer.Option(min=0, max=1024, metavar="N", help="Threads; 0 takes MLIP_RS_NUM_THREADS or all cores.")
]


def print_json(document: Any) -> None:  # noqa: ANN401 (anything JSON holds)
    """Write one JSON document."""
    import json

    print(json.dumps(document, indent=1, ensure_ascii=False))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns: numbers to the right, text to the left."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(header))]
    right = [all(_is_number(row[k]) for row in rows) for k in range(len(header))]
    for line in lines:
        cells = [
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(line, widths, right, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell == "–"
    return True


@contextmanager
def progress() -> Iterator["Progress"]:
    """Bars on a terminal, plain lines in a log: on stderr."""
    from mlip_rs.progress import on_stream

    with on_stream(sys.stderr) as receiver:
        yield receiver
