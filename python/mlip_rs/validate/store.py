"""Finished properties in a folder: what is computed once need not be computed again."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ase import Atoms
from pydantic import TypeAdapter, ValidationError

from mlip_rs.errors import MlipError, NotApplicableError
from mlip_rs.files import write_atomically
from mlip_rs.potential import Potential
from mlip_rs.validate.properties import Property
from mlip_rs.validate.subject import Subject


class ResultStore:
    """Results of one subject, each in a file of its own.

    Parameters
    ----------
    folder
        Made if there is none.
    name
        First part of the names of the files.
    key
        Fingerprint of all that the results depend on; others are not taken.
    """

    def __init__(self, folder: Path, name: str, key: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name, self._key = folder, name, key

    def result(self, entry: Property, subject: Callable[[], Subject]) -> tuple[Any, str, bool]:
        """Look up a property, or compute and keep it; the subject is made only where it is needed.

        Returns
        -------
        Result or reason of a failure, one of them empty, and whether the property is defined at all.

        Raises
        ------
        OSError
            The folder cannot be written.
        """
        path = self._folder / f"{self._name}-{entry.name}.json"
        found = _restored(entry, path, self._key)
        if found is not None:
            return found, "", True
        try:
            result = entry.compute(subject())
        except NotApplicableError as error:
            return None, str(error), False
        except Exception as error:  # a calculator may raise anything; the other properties are still wanted
            reason = str(error) if isinstance(error, MlipError) else f"{type(error).__name__}: {error}"
            return None, reason or type(error).__name__, True
        document = (
            result.to_dict() if entry.restore else TypeAdapter(entry.kind).dump_python(result, mode="json")
        )
        write_atomically(path, json.dumps({"key": self._key, "result": document}))
        return result, "", True


def fingerprint(name: str, potential: Potential | None, settings: str) -> str:
    """Of everything that a result depends on.

    Parameters
    ----------
    name
        Of a calculator; of a potential file its content counts instead.
    potential
        The file, if it is one.
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


def _restored(entry: Property, path: Path, key: str) -> Any:  # noqa: ANN401 (results of all kinds)
    """Stored result, or None if there is none of this potential and these settings, or it is damaged."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["key"] != key:
            return None
        if entry.restore is not None:
            return entry.restore(document["result"])
        return TypeAdapter(entry.kind).validate_python(document["result"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None
