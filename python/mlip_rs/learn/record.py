"""The record of a loop in its directory: settings, cycles, how it ended."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlip_rs.errors import ConfigError
from mlip_rs.evaluate.errors import Errors
from mlip_rs.files import write_atomically

NAME: str = "learning.json"
"""File in the directory of a loop."""


@dataclass(frozen=True)
class Chosen:
    """A structure that was chosen.

    Parameters
    ----------
    label_id
        Its identity.
    config_type, n_atoms
        What it is.
    gain
        Fall of the predicted variance of the pool, in squares of the errors aimed at.
    reasons
        Why it was uncertain: "energy", "forces", "unfamiliar"; empty in the first batch.
    energy, forces, index
        Standard errors (meV/atom, eV/Å) and largest index before it was labelled; None in the first batch.
    """

    label_id: str
    config_type: str
    n_atoms: int
    gain: float
    reasons: tuple[str, ...] = ()
    energy: float | None = None
    forces: float | None = None
    index: float | None = None


@dataclass(frozen=True)
class Cycle:
    """One turn of the loop: a fit, a look at the pool, a choice.

    Parameters
    ----------
    n_labels
        Labelled structures behind the fit; 0 before there is one.
    chosen
        Structures chosen to be labelled next; none in the last cycle.
    validation
        Errors of the cross-validation.
    fresh
        Errors on the structures chosen in the cycle before, by its fit, which had not seen them.
    n_pool, n_uncertain
        Structures in the pool, and those of them that are uncertain.
    bars
        90 % quantiles over the pool of what `Assessment` has.
    seconds
        Of fit and choice.
    """

    n_labels: int
    chosen: tuple[Chosen, ...]
    validation: Errors | None = None
    fresh: Errors | None = None
    n_pool: int = 0
    n_uncertain: int = 0
    bars: Mapping[str, float | None] = field(default_factory=dict)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        document = {name: getattr(self, name) for name in ("n_labels", "n_pool", "n_uncertain", "seconds")}
        errors = {"validation": self.validation, "fresh": self.fresh}
        return (
            document
            | {name: None if own is None else own.to_dict() for name, own in errors.items()}
            | {"bars": dict(self.bars), "chosen": [asdict(one) for one in self.chosen]}
        )

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Cycle":
        """The inverse of `to_dict`."""
        own = dict(document)
        for name in ("validation", "fresh"):
            own[name] = None if own[name] is None else Errors.from_dict(own[name])
        own["chosen"] = tuple(
            Chosen(**{**one, "reasons": tuple(one["reasons"])}) for one in document["chosen"]
        )
        return cls(**own)


@dataclass
class LoopRecord:
    """What is in `learning.json`.

    Parameters
    ----------
    path
        The file.
    settings
        Of the loop; another loop in the same directory is refused.
    cycles
        Those that are finished up to their choice.
    outcome
        A sentence on how it ended; empty while it goes on.
    ended
        The last turn of a loop that had ended, which is taken again; not among `cycles`.
    """

    path: Path
    settings: Mapping[str, Any]
    cycles: list[Cycle] = field(default_factory=list)
    outcome: str = ""
    ended: Cycle | None = None

    @classmethod
    def resumed(cls, directory: Path, settings: Mapping[str, Any]) -> "LoopRecord":
        """The record in a directory, or a new one.

        Raises
        ------
        ConfigError
            A record of other settings, or one that is damaged.
        """
        path = directory / NAME
        settings = json.loads(json.dumps(settings))
        if not path.exists():
            return cls(path, settings)
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            cycles = [Cycle.from_dict(own) for own in document["cycles"]]
            stored, outcome = document["settings"], str(document["outcome"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ConfigError(f"{path}: damaged ({error}); choose another directory (-o)") from None
        ended = cycles.pop() if cycles and not cycles[-1].chosen else None
        changed = sorted(key for key in {*stored, *settings} if stored.get(key) != settings.get(key))
        if changed:
            raise ConfigError(
                f"{path}: belongs to a loop with other settings ({', '.join(changed)}); choose another directory (-o)"
            )
        return cls(path, settings, cycles, outcome, ended)

    def save(self) -> None:
        """Write the file, atomically."""
        document = {
            "settings": self.settings,
            "outcome": self.outcome,
            "cycles": [own.to_dict() for own in self.cycles],
        }
        write_atomically(self.path, json.dumps(document, indent=1) + "\n")
