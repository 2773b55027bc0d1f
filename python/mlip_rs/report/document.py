"""A report: sections of text, tables and figures, written as one HTML page or as Markdown with PNG files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mlip_rs.errors import ConfigError
from mlip_rs.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mlip_rs.validate.compare import Comparison


@dataclass(frozen=True)
class Table:
    """Cells as they are to be shown.

    Attributes
    ----------
    header
        Column titles, with units.
    rows
        Cells (n_rows, n_columns).
    caption
        Below the title of the section.
    highlighted
        Rows, by index, that deserve attention.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    highlighted: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for i, row in enumerate(self.rows):
            if len(row) != len(self.header):
                raise ConfigError(f"table row {i} has {len(row)} cells for {len(self.header)} columns")

    @classmethod
    def of_comparison(cls, comparison: "Comparison", caption: str = "") -> "Table":
        """Table of physical properties; failed rows are highlighted."""
        rows = []
        for row in comparison.rows:
            value = "–" if row.potential is None else f"{row.potential:.4g}".replace("-", "−")
            deviation = "–" if row.deviation is None else f"{row.deviation:+.3g}".replace("-", "−")
            verdict = ("pass" if row.passed else "FAIL") + (f": {row.message}" if row.message else "")
            allowed = f"± {row.threshold:.2g}"
            rows.append((row.name, row.unit, value, f"{row.reference:.4g}", deviation, allowed, verdict))
        failed = frozenset(i for i, row in enumerate(comparison.rows) if not row.passed)
        header = ("property", "unit", "potential", "reference", "deviation", "allowed", "verdict")
        return cls(header, rows, caption, failed)


@dataclass(frozen=True)
class Image:
    """A matplotlib figure and the sentence below it, which is also its alternative text."""

    figure: "Figure"
    caption: str


@dataclass(frozen=True)
class Code:
    """Lines to be typed or pasted, shown as they are."""

    text: str


Item: TypeAlias = "str | Table | Image | Code | Figure"
"""What a section may hold."""


class Report:
    """A report under construction; `add_section` returns it, so that calls can be chained.

    Every text is escaped: names of files, elements and `config_type`s may hold anything.

    Attributes
    ----------
    title, subtitle
        Of the whole.
    sections
        Title and content of each.
    """

    def __init__(self, title: str, subtitle: str = "") -> None:
        self.title, self.subtitle = title, subtitle
        self.sections: list[tuple[str, tuple[Item, ...]]] = []

    def add_section(self, title: str, *content: Item) -> "Report":
        """Add a section: paragraphs (plain text), tables, figures and code, in the order given.

        Parameters
        ----------
        title
            Heading.
        *content
            Texts become paragraphs and keep their line breaks; figures stand beside each other where there is room.
        """
        self.sections.append((title, content))
        return self

    def html(self) -> str:
        """Whole page: self-contained, without scripts, loading nothing from anywhere, printable."""
        from mlip_rs.validate.reports.html import page

        return page(self)

    def save(self, path: str | Path) -> Path:
        """Write the page; a reader sees the old file or the whole new one, never a part.

        Raises
        ------
        OSError
            The directory does not exist or cannot be written; nothing is left behind.
        """
        write_atomically(path, self.html())
        return Path(path)

    def save_markdown(self, path: str | Path) -> Path:
        """Write Markdown, and its figures as PNG into the folder `figures` beside it.

        Raises
        ------
        OSError
            The directory does not exist or cannot be written.
        """
        from mlip_rs.validate.reports.markdown import write_markdown

        return write_markdown(self, Path(path))
