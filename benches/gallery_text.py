"""Pieces of Markdown: tables, lists, numbers with a proper minus sign."""

from collections.abc import Sequence


def signed(value: float, form: str) -> str:
    """A number in a format, with a minus sign in place of a hyphen."""
    return f"{value:{form}}".replace("-", "−")


def bullets(sentences: Sequence[str]) -> str:
    """A list of sentences."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
