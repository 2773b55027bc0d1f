"""Where an imported potential comes from, as its `info` says."""

from collections.abc import Mapping
from typing import Any

ORIGIN_KEY: str = "imported_from"
"""Entry of `info` of an imported potential: `program`, `files` with name and SHA-256, and what else is known."""


def origin_text(info: Mapping[str, Any]) -> str | None:
    """Program and files that a potential was imported from, or None if it was fitted here.

    Examples
    --------
    >>> origin_text({"imported_from": {"program": "pypolymlp", "files": [{"name": "polymlp.yaml", "sha256": "…"}]}})
    'pypolymlp (polymlp.yaml)'
    """
    entry = info.get(ORIGIN_KEY)
    if not isinstance(entry, Mapping):
        return None
    files = entry.get("files")
    files = files if isinstance(files, list) else []
    names = ", ".join(str(file.get("name")) for file in files if isinstance(file, Mapping))
    return f"{entry.get('program')} ({names})"
