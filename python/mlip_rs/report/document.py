"""A report: sections of text, tables and figures. `html` and `markdown` write it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mlip_rs.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes
    ----------
    header
        Column titles, with units.
    rows
        Cells (n_rows, n_columns).
    caption
        Sentence beside the table.
    highlighted
        Indices of rows to be highlighted.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    highlighted: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for i, row in enumerate(self.rows):
            if len(row) != len(self.header):
                raise ConfigError(f"table row {i} has {len(row)} cells for {len(self.header)} columns")


@dataclass(frozen=True)
class Image:
    """A matplotlib figure and the sentence below it, which is also its alternative text."""

    figure: "Figure"
    caption: str


@dataclass(frozen=True)
class Code:
    """Lines to be typed or pasted, shown verbatim."""

    text: str


Item: TypeAlias = "str | Table | Image | Code | Figure"
"""Content of a section."""


class Report:
    """A report under construction; `add_section` returns it, so that calls can be chained.

    The writers escape every text, because names of files, elements and `config_type`s may contain anything.

    Attributes
    ----------
    title, subtitle
        Title and subtitle of the report.
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
