"""Settings of the short-range repulsion, and the lines that describe it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mlip_rs.errors import ConfigError
from mlip_rs.settings import check_types

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Repulsion:
    """Where close pairs and crowded atoms are handed over from what is learnt to the ZBL repulsion.

    Parameters
    ----------
    inner, outer
        (E, E) distances of each pair of elements, Å: nothing changes beyond `outer`, ZBL in full below `inner`.
    crowding_onset, crowding_end
        (E,) crowding ρ = Σ (1 − r²/range²)³ of an atom between which it is handed over as a whole; never if None.
    crowding_level
        Energy that atoms handed over keep besides ZBL, in ZBL energies of two of their element at `outer`.
    crowding_range
        How far neighbours count in ρ, in `outer` of their pair, at most the cutoff; the cutoff if None.
    """

    inner: Matrix
    outer: Matrix
    crowding_onset: tuple[float, ...] | None = None
    crowding_end: tuple[float, ...] | None = None
    crowding_level: float = 0.0
    crowding_range: float | None = None

    def __post_init__(self) -> None:
        check_types(self)
        if (self.crowding_onset is None) != (self.crowding_end is None):
            raise ConfigError("repulsion: give both crowding_onset and crowding_end, or none of them")
        if self.crowding_onset is None and (self.crowding_level or self.crowding_range is not None):
            raise ConfigError(
                "repulsion: crowding_level and crowding_range need crowding_onset and crowding_end"
            )

    def to_dict(self) -> dict[str, Any]:
        """The entry of the specification."""
        entry: dict[str, Any] = {
            "inner": [list(row) for row in self.inner],
            "outer": [list(row) for row in self.outer],
        }
        if self.crowding_onset is not None and self.crowding_end is not None:
            entry["crowding"] = {"onset": list(self.crowding_onset), "end": list(self.crowding_end)}
            if self.crowding_level:
                entry["crowding"]["level"] = self.crowding_level
            if self.crowding_range is not None:
                entry["crowding"]["range"] = self.crowding_range
        return entry


def repulsion_setting(setting: str | Repulsion | None) -> str | dict[str, Any] | None:
    """The setting as a record of a run keeps it: "zbl", None, or the fields of explicit distances."""
    return asdict(setting) if isinstance(setting, Repulsion) else setting


def repulsion_lines(spec: Mapping[str, Any]) -> list[str]:
    """The repulsion of a specification as text, one line for each pair and element."""
    entry = spec.get("repulsion")
    if entry is None:
        return ["none: nothing guards close atoms"]
    elements = spec["elements"]
    lines = [
        f"{first}–{second}: ZBL from {entry['outer'][i][j]:.3f} Å, in full below {entry['inner'][i][j]:.3f} Å"
        for i, first in enumerate(elements)
        for j, second in enumerate(elements[i:], start=i)
    ]
    crowding = entry.get("crowding")
    if crowding:
        reach = f" within {crowding['range']:.2f} of these distances" if "range" in crowding else ""
        level = f" and {crowding['level']:g} times that of a close pair" if "level" in crowding else " alone"
        lines += [
            f"{symbol}: crowding{reach} from {onset:.2f}, ZBL{level} beyond {end:.2f}"
            for symbol, onset, end in zip(elements, crowding["onset"], crowding["end"], strict=True)
        ]
    return lines
