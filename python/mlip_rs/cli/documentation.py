"""Fields of a settings class as documented in its source, which is read and not imported.

Importing the classes takes more than a second, since they need NumPy and ASE; `--help` should not wait for that.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE: Path = Path(__file__).parents[1]


@dataclass(frozen=True)
class DocumentedField:
    """One field of a dataclass.

    Parameters
    ----------
    annotation
        As in the source, without `| None`.
    summary
        First sentence of its documentation.
    default
        Its default, if that is a number or a string.
    """

    annotation: str
    summary: str
    default: int | float | str | None


@cache
def documented_field(file: str, class_name: str, name: str) -> DocumentedField:
    """Read a field of a dataclass of the package.

    >>> documented_field("fitting/settings.py", "FitSettings", "n_folds").default
    5

    Parameters
    ----------
    file
        Path of the module in the package.
    class_name, name
        The dataclass and its field.

    Raises
    ------
    LookupError
        There is no such class or field.
    """
    nodes, texts = _fields_and_texts(file, class_name)
    return DocumentedField(
        ast.unparse(nodes[name].annotation).removesuffix(" | None"),
        _first_sentence(texts.get(name, "")),
        _literal(nodes[name].value),
    )


@cache
def _fields_and_texts(file: str, class_name: str) -> tuple[dict[str, ast.AnnAssign], dict[str, str]]:
    """Parse a class up to its first method; return its fields and their documentation by name."""
    source = (PACKAGE / file).read_text(encoding="utf-8")
    found = re.search(
        rf"^class {class_name}\b.*?(?=^    (?:@|def )|^\S|\Z)", source, re.MULTILINE | re.DOTALL
    )
    if found is None:
        raise LookupError(f"{file} has no class {class_name}")
    (parsed,) = ast.parse(found[0]).body
    assert isinstance(parsed, ast.ClassDef)
    nodes = {
        node.target.id: node
        for node in parsed.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return nodes, dict(_parameters(ast.get_docstring(parsed) or ""))


def _parameters(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield names and texts of the section "Parameters" of a docstring in numpy style."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w+\n-+$|\Z)", docstring, re.MULTILINE | re.DOTALL)
    entry = r"^(\w+(?:, \w+)*)\n((?:[ ]{4}.*(?:\n|\Z)|\n)+)"
    for names, text in re.findall(entry, section[1] if section else "", re.MULTILINE):
        for name in names.split(", "):
            yield name, " ".join(text.split())


def _first_sentence(text: str) -> str:
    """Cut after the first full stop with a new sentence behind it, and remove the backticks."""
    return re.split(r"(?<=\.)\s+(?=[\"A-Z0-9])", text.replace("`", ""), maxsplit=1)[0]


def _literal(value: ast.expr | None) -> int | float | str | None:
    constant = value.value if isinstance(value, ast.Constant) else None
    is_flag = isinstance(constant, bool)
    return constant if isinstance(constant, int | float | str) and not is_flag else None
