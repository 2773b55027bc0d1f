"""Settings of the short-range repulsion, and their description as text."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mlip_rs.errors import ConfigError
from mlip_rs.settings import check_types

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Repulsion:
    """Distances and local densities at which the fitted energy is switched to the ZBL repulsion.

    Parameters
    ----------
    inner, outer
        (E, E) distances of each pair of elements, Å: nothing changes beyond `outer`, full ZBL energy below `inner`.
    density_onset, density_end
        (E,) local densities ρ = Σ (1 − r²/range²)³ of an atom between which it is switched as a whole; never if None.
    density_level
        Constant energy of a switched atom beside ZBL, in ZBL energies of two atoms of its element at `outer`.
    density_range
        Distance up to which neighbours count in ρ, in units of `outer` of their pair, at most the cutoff; the cutoff
        if None.

    Raises
    ------
    ConfigError
        One of `density_onset` and `density_end` without the other, or a level or range without them.

    Examples
    --------
    >>> Repulsion(inner=[[1.5]], outer=[[2.0]]).to_dict()
    {'inner': [[1.5]], 'outer': [[2.0]]}
    """

    inner: Matrix
    outer: Matrix
    density_onset: tuple[float, ...] | None = None
    density_end: tuple[float, ...] | None = None
    density_level: float = 0.0
    density_range: float | None = None

    def __post_init__(self) -> None:
        check_types(self)
        if (self.density_onset is None) != (self.density_end is None):
            raise ConfigError("repulsion: give both density_onset and density_end, or none of them")
        if self.density_onset is None and (self.density_level or self.density_range is not None):
            raise ConfigError("repulsion: density_level and density_range need density_onset and density_end")

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of the specification."""
        entry: dict[str, Any] = {
            "inner": [list(row) for row in self.inner],
            "outer": [list(row) for row in self.outer],
        }
        if self.density_onset is not None and self.density_end is not None:
            entry["density"] = {"onset": list(self.density_onset), "end": list(self.density_end)}
            if self.density_level:
                entry["density"]["level"] = self.density_level
            if self.density_range is not None:
                entry["density"]["range"] = self.density_range
        return entry


def repulsion_setting(setting: str | Repulsion | None) -> str | dict[str, Any] | None:
    """Return the setting as the record of a run has it: "zbl", None, or the fields of explicit distances."""
    return asdict(setting) if isinstance(setting, Repulsion) else setting


def repulsion_lines(spec: Mapping[str, Any]) -> list[str]:
    """Describe the repulsion of a specification, one line for each pair and element."""
    entry = spec.get("repulsion")
    if entry is None:
        return ["none: close atoms are left to the fitted functions"]
    elements = spec["elements"]
    lines = [
        f"{first}–{second}: ZBL from {entry['outer'][i][j]:.3f} Å, in full below {entry['inner'][i][j]:.3f} Å"
        for i, first in enumerate(elements)
        for j, second in enumerate(elements[i:], start=i)
    ]
    density = entry.get("density")
    if density:
        within = f" within {density['range']:.2f} of these distances" if "range" in density else ""
        level = f" and {density['level']:g} times that of a close pair" if "level" in density else " alone"
        lines += [
            f"{symbol}: density{within} from {onset:.2f}, ZBL{level} beyond {end:.2f}"
            for symbol, onset, end in zip(elements, density["onset"], density["end"], strict=True)
        ]
    return lines
