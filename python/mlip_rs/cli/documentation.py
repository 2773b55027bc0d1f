"""Fields of a settings class as documented in its source, which is read and not imported.

Importing the classes takes more than a second, since they need NumPy and ASE; `--help` should not wait for that.
"""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE: Path = Path(__file__).parents[1]

_FIELD = re.compile(r"^    (\w+): (.+?)(?: = (.+))?$", re.MULTILINE)
_PARAMETERS = re.compile(r"^    (\w+(?:, \w+)*)\n((?:        .*\n|\n)+)", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=\.)\s+(?=[\"A-Z0-9])")


@dataclass(frozen=True)
class DocumentedField:
    """One field of a dataclass.

    Parameters
    ----------
    annotation
        Annotation as in the source.
    default
        Default, if it is a number or a string.
    summary
        First sentence of the documentation; empty if there is none.
    """

    annotation: str
    default: int | float | str | None
    summary: str


@cache
def documented_fields(file: str, class_name: str) -> dict[str, DocumentedField]:
    """Read the fields of a dataclass of the package, in their order.

    >>> documented_fields("fitting/settings.py", "FitSettings")["n_folds"]
    DocumentedField(annotation='int', default=5, summary='Number of folds of the cross-validation.')

    Parameters
    ----------
    file
        Path of the module in the package.
    class_name
        Name of a dataclass with a docstring in numpy style.
    """
    source = (PACKAGE / file).read_text(encoding="utf-8")
    _, docstring, body = source[source.index(f"\nclass {class_name}:\n") :].split('"""', 2)
    summaries = {
        name: _first_sentence(text)
        for names, text in _PARAMETERS.findall(docstring)
        for name in names.split(", ")
    }
    attributes = re.split(r"^    (?:@|def )|^\S", body, maxsplit=1, flags=re.MULTILINE)[0]
    return {
        name: DocumentedField(annotation, _literal(default), summaries.get(name, ""))
        for name, annotation, default in _FIELD.findall(attributes)
    }


def _first_sentence(text: str) -> str:
    """Return the first sentence in one line, without backticks."""
    return _SENTENCE_END.split(" ".join(text.replace("`", "").split()), maxsplit=1)[0]


def _literal(default: str) -> int | float | str | None:
    """Return a default that is a number or a string, and None for any other."""
    if not re.match(r"[-\d\"']", default):
        return None
    value: int | float | str = ast.literal_eval(default)
    return value
