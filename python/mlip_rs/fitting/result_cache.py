"""Results of long work in a file, so that it goes on where it was interrupted."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mlip_rs.files import write_atomically


class Kept:
    """Results by name, in a JSON file beside those of other questions.

    Parameters
    ----------
    path
        The file; what is damaged in it is found again. None keeps nothing on disk.
    question
        Whatever the results depend on, as JSON writes it.
    """

    def __init__(self, path: Path | None, question: object) -> None:
        self._path = path
        key = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
        self._document: dict[str, dict[str, Any]] = {}
        try:
            document = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
            if isinstance(document, dict) and all(isinstance(found, dict) for found in document.values()):
                self._document = document
        except (OSError, ValueError):
            self._document = {}  # none kept, or damaged
        self._found = self._document.setdefault(key, {})

    def get(self, name: str) -> Any:  # noqa: ANN401 - whatever JSON held, to be checked by who reads it
        """A result that was found before; None for none."""
        return self._found.get(name)

    def put(self, name: str, result: object) -> None:
        """Keep a result."""
        self._found[name] = result
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps(self._document))
