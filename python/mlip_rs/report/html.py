"""A report as one self-contained HTML page; no network, no scripts, readable on a phone, printable."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from mlip_rs.files import write_atomically
from mlip_rs.report.document import Code, Image, Item, Report, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PNG_DPI = 160

SMALLEST_WIDTH = 480
"""Pixels to which a wide figure may shrink on a narrow screen."""

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: #1a1a1a;
       background: #fff;
       max-width: 66rem; margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0 1rem; }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; padding-bottom: .2rem; border-bottom: 1px solid #ccc; }
p { margin: .6rem 0; white-space: pre-line; max-width: 48rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; margin: .6rem 0; }
p.caption, figcaption { font-size: .9rem; color: #555; margin: .4rem 0 .2rem; }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #e2e2e2; vertical-align: top; }
th { border-bottom: 2px solid #888; }
th:first-child, td:first-child, .text { text-align: left; }
td:first-child, td:not(.text) { white-space: nowrap; }
tr.bad td { background: #fbe6dc; }
figure { display: inline-block; vertical-align: top; max-width: 100%; margin: .8rem .5rem .8rem 0; }
img { display: block; width: 100%; height: auto; }
pre { font: .85rem/1.45 ui-monospace, Menlo, Consolas, monospace; background: #f5f5f5; padding: .6rem .8rem;
      overflow-x: auto; }
nav ul { padding-left: 1.2rem; margin: .3rem 0; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } nav { display: none; }
  figure, table { break-inside: avoid; } h2 { break-after: avoid; } .scroll { overflow: visible; } }
"""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Tells the browser to load nothing from anywhere, whatever the text of the report may hold."""


def save_html(report: Report, path: str | Path) -> Path:
    """Write the page; a reader sees the old file or the whole new one, never a part.

    Raises
    ------
    OSError
        The directory does not exist or cannot be written; nothing is left behind.
    """
    write_atomically(path, page(report))
    return Path(path)


def page(report: Report) -> str:
    """The whole page: self-contained, without scripts, printable, every text escaped."""
    links = "".join(
        f'<li><a href="#s{i}">{escape(title)}</a></li>' for i, (title, _) in enumerate(report.sections)
    )
    body = "\n".join(
        f'<section id="s{i}">\n<h2>{escape(title)}</h2>\n{_rendered(content)}\n</section>'
        for i, (title, content) in enumerate(report.sections)
    )
    subtitle = f"<p>{escape(report.subtitle)}</p>\n" if report.subtitle else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(report.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(report.title)}</h1>\n{subtitle}<nav><ul>{links}</ul></nav>\n{body}\n</body>\n</html>\n"
    )


def _rendered(content: Sequence[Item]) -> str:
    return "\n".join(map(_render, content))


def _render(item: Item) -> str:
    if isinstance(item, str):
        return f"<p>{escape(item)}</p>"
    if isinstance(item, Table):
        return _render_table(item)
    if isinstance(item, Code):
        return f"<pre><code>{escape(item.text)}</code></pre>"
    if isinstance(item, Image):
        return _render_figure(item.figure, item.caption)
    return _render_figure(item, "")


def _render_table(table: Table) -> str:
    caption = f'<p class="caption">{escape(table.caption)}</p>' if table.caption else ""
    columns = zip(*table.rows, strict=True) if table.rows else ((),) * len(table.header)
    kinds = [_alignment(cells) for cells in columns]
    head = "".join(
        f'<th scope="col"{kind}>{escape(title)}</th>' for title, kind in zip(table.header, kinds, strict=True)
    )
    lines = []
    for i, row in enumerate(table.rows):
        mark = ' class="bad"' if i in table.highlighted else ""
        cells = "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))
        lines.append(f"<tr{mark}>{cells}</tr>")
    body = "\n".join(lines)
    header = f"<thead><tr>{head}</tr></thead>"
    return f'{caption}<div class="scroll"><table>{header}\n<tbody>\n{body}\n</tbody></table></div>'


def _alignment(cells: Sequence[str]) -> str:
    """Columns of numbers to the right, which is the default; those that are mostly words to the left."""
    is_number = [cell in ("", "–") or cell.lstrip("±+−- ")[:1].isdigit() for cell in cells]
    return "" if 2 * sum(is_number) >= len(cells) else ' class="text"'


def _render_figure(figure: "Figure", caption: str) -> str:
    """Draw as SVG and as PNG, and keep the smaller: lines are smaller as SVG, clouds of points as PNG."""
    svg, png = io.BytesIO(), io.BytesIO()
    figure.savefig(svg, format="svg", metadata={"Date": None})
    figure.set_layout_engine("none")  # what has been laid out stays, which takes a quarter of the time
    figure.savefig(png, format="png", dpi=PNG_DPI)
    kind, data = min(("svg+xml", svg.getvalue()), ("png", png.getvalue()), key=lambda pair: len(pair[1]))
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    text = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    width = round(float(figure.get_figwidth()) * 96)
    # On a narrow screen a wide figure shrinks until its letters are small, and is then moved sideways.
    image = f'<img src="{source}" alt="{escape(caption)}" style="min-width:{min(3 * width // 4, SMALLEST_WIDTH)}px">'
    return f'<figure style="width:{width}px"><div class="scroll">{image}</div>{text}</figure>'
