"""A report as Markdown, with its figures as PNG files."""

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from mlip_rs.files import write_atomically
from mlip_rs.plot.saving import save_figure
from mlip_rs.report.document import Code, Image, Report, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = "figures"
"""Folder of the figures, beside the text."""


def save_markdown(report: Report, path: str | Path) -> Path:
    """Write Markdown, every text escaped, and its figures as PNG files into the folder `figures` beside it.

    Raises
    ------
    OSError
        The directory does not exist or cannot be written.
    """
    path = Path(path)
    figures = path.parent / FIGURES
    figures.mkdir(exist_ok=True)
    blocks = [f"# {_escaped(report.title)}"]
    if report.subtitle:
        blocks.append(_paragraph(report.subtitle))
    drawn: Counter[str] = Counter()
    for title, content in report.sections:
        blocks.append(f"## {_escaped(title)}")
        for item in content:
            if isinstance(item, str | Table | Code):
                blocks.append(_text(item))
                continue
            name = _file_name(title)
            drawn[name] += 1
            number = f"-{drawn[name]}" if drawn[name] > 1 else ""
            blocks.append(_image(item, figures / f"{name}{number}.png"))
    write_atomically(path, "\n\n".join(blocks) + "\n")
    return path


def _text(item: str | Table | Code) -> str:
    if isinstance(item, Code):
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", item.text)), default=0))
        return f"{fence}\n{item.text}\n{fence}"
    return _table(item) if isinstance(item, Table) else _paragraph(item)


def _table(table: Table) -> str:
    rows = [table.header, ["---"] * len(table.header), *table.rows]
    cells = [[cell if i == 1 else _escaped(cell) for cell in row] for i, row in enumerate(rows)]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in cells)
    return f"{_paragraph(table.caption)}\n\n{lines}" if table.caption else lines


def _image(item: "Image | Figure", path: Path) -> str:
    figure, caption = (item.figure, item.caption) if isinstance(item, Image) else (item, "")
    save_figure(figure, path)
    shown = f"![{_escaped(caption)}]({FIGURES}/{path.name})"
    return f"{shown}\n\n*{_escaped(caption)}*" if caption else shown


def _paragraph(text: str) -> str:
    return "  \n".join(_escaped(line) for line in text.splitlines())


def _escaped(text: str) -> str:
    """On one line, and without a meaning for Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", " ".join(text.splitlines()))


def _file_name(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
