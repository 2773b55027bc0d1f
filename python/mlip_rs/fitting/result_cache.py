"""JSON cache of named results, so that an interrupted computation resumes."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mlip_rs.files import write_atomically


class ResultCache:
    """Results by name, in a JSON file that may also hold those of other computations.

    Parameters
    ----------
    path
        The file; damaged entries are ignored. None leaves nothing on disk.
    question
        Everything that the results depend on, as JSON writes it.
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
            self._document = {}  # no file, or a damaged one
        self._found = self._document.setdefault(key, {})

    def get(self, name: str) -> Any:  # noqa: ANN401 - whatever JSON held; the caller checks it
        """A result that was found before; None for none."""
        return self._found.get(name)

    def put(self, name: str, result: object) -> None:
        """Store a result."""
        self._found[name] = result
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps(self._document))
