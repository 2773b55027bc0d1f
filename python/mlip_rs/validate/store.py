"""Results of finished properties in a folder, so that a second run need not compute them again."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from ase import Atoms
from pydantic import TypeAdapter, ValidationError

from mlip_rs.files import write_atomically
from mlip_rs.potential import Potential
from mlip_rs.potential.data_range import DataRange
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.property import Computation, Property


class ResultStore:
    """Results of one calculator, each property in its own file.

    Parameters
    ----------
    folder
        Created if it does not exist.
    name
        First part of the file names.
    key
        Fingerprint of everything that the results depend on; files with another fingerprint are ignored.
    """

    def __init__(self, folder: Path, name: str, key: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name, self._key = folder, name, key

    def result(self, entry: Property, case: Callable[[], ValidationCase]) -> Computation:
        """Restore a property, or compute and store it; the case is built only when it is needed.

        Raises
        ------
        OSError
            The folder cannot be written.
        """
        path = self._folder / f"{self._name}-{entry.name}.json"
        restored = _restored(entry, path, self._key)
        if restored is not None:
            return restored
        computed = entry.attempt(case)
        if not computed.error:
            value = computed.value
            document = (
                value.to_dict() if entry.restore else TypeAdapter(entry.kind).dump_python(value, mode="json")
            )
            seen = None if computed.seen is None else computed.seen.to_dict()
            write_atomically(path, json.dumps({"key": self._key, "result": document, "seen": seen}))
        return computed


def fingerprint(name: str, potential: Potential | None, settings: str) -> str:
    """Hash of everything that a result depends on.

    Parameters
    ----------
    name
        Name of the calculator; ignored for a potential file, whose content counts.
    potential
        The potential, if the calculator is one of this package.
    settings
        Text that differs for different settings.
    """
    from mlip_rs._core import __version__

    content = name if potential is None else potential.checksum
    return hashlib.sha256(f"{__version__} {content} {settings}".encode()).hexdigest()


def crystal_settings(start: Atoms | tuple[str | None, str]) -> str:
    """Text that differs for different crystals."""
    if isinstance(start, Atoms):
        periodic = start.pbc.tolist()
        return json.dumps(
            (start.numbers.tolist(), start.cell[:].tolist(), start.positions.tolist(), periodic)
        )
    return f"{start[0]}:{start[1]}"


def _restored(entry: Property, path: Path, key: str) -> Computation | None:
    """Stored result, or None if there is none of this potential and these settings, or it is damaged."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["key"] != key:
            return None
        seen = DataRange.from_dict(document["seen"])
        if entry.restore is not None:
            return Computation(entry.restore(document["result"]), seen=seen)
        return Computation(TypeAdapter(entry.kind).validate_python(document["result"]), seen=seen)
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None
