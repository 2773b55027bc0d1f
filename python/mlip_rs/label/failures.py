"""Structures that could not be labelled, with their reasons, beside the labels."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from mlip_rs.files import append_whole
from mlip_rs.label.unlabelled import Unlabelled


@dataclass(frozen=True)
class Failure:
    """Why a structure has no labels.

    Parameters
    ----------
    label_id
        Its identity.
    file, frame
        Where it came from; frames count from 0.
    formula
        What it consists of.
    kind
        "not converged", "time limit", "crash", "killed", "memory", "wrong label", "structure", "worker lost", "error".
    reason
        A sentence.
    attempts
        How often it was tried in that run.
    seconds
        Time of the last attempt.
    time
        When it was given up, in UTC.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs.label.unlabelled import unlabelled
    >>> Failure.of(unlabelled(bulk("Al"))[0], "crash", "killed by SIGSEGV", 2, 1.0).sentence
    'frame 0 of memory (Al): crash: killed by SIGSEGV'
    """

    label_id: str
    file: str
    frame: int
    formula: str
    kind: str
    reason: str
    attempts: int
    seconds: float
    time: str

    @classmethod
    def of(cls, structure: Unlabelled, kind: str, reason: str, attempts: int, seconds: float) -> "Failure":
        """The failure of a structure, now."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        formula = structure.atoms.get_chemical_formula()
        return cls(
            structure.label_id,
            structure.file,
            structure.frame,
            formula,
            kind,
            reason,
            attempts,
            round(seconds, 3),
            now,
        )

    @property
    def sentence(self) -> str:
        """Place and reason."""
        return f"frame {self.frame} of {Path(self.file).name} ({self.formula}): {self.kind}: {self.reason}"


class FailureJournal:
    """A file with one failure a line, as JSON.

    Parameters
    ----------
    path
        It need not exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def read(self) -> Mapping[str, Failure]:
        """The last failure of each structure by identity; lines that are damaged are left out, a torn end cut off."""
        if not self.path.exists():
            return {}
        content = self.path.read_bytes()
        if not content.endswith(b"\n"):
            os.truncate(self.path, content.rfind(b"\n") + 1)
        found: dict[str, Failure] = {}
        for line in content.decode("utf-8", "replace").splitlines():
            try:
                failure = Failure(**json.loads(line))
            except (ValueError, TypeError):
                continue
            found[failure.label_id] = failure
        return found

    def append(self, failure: Failure) -> None:
        """Add a failure.

        Raises
        ------
        OSError
            The file cannot be written; what was there before is unchanged.
        """
        append_whole(self.path, json.dumps(asdict(failure), ensure_ascii=False) + "\n", sync=True)
