"""Printing of results on stdout and of progress on stderr."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mlip_rs.progress import Progress

Json = Annotated[bool, typer.Option("--json", help="Print the results as JSON.")]
Threads = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=1024,
        metavar="N",
        help="Number of threads; by default, or with 0, MLIP_RS_NUM_THREADS or all cores.",
        callback=lambda threads: threads or None,
    ),
]


def print_json(document: Any) -> None:  # noqa: ANN401 (anything JSON holds)
    """Print a JSON document."""
    import json

    print(json.dumps(document, indent=1, ensure_ascii=False))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with aligned columns."""
    from mlip_rs.text import table_lines

    print("\n".join(table_lines(header, rows)))


@contextmanager
def progress() -> Iterator["Progress"]:
    """Report progress on stderr: bars on a terminal, lines in a log."""
    from mlip_rs.progress import on_stream

    with on_stream(sys.stderr) as receiver:
        yield receiver
