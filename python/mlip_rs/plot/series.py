"""Labels, colours and line styles of potentials and reference, the same in every figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from matplotlib.axes import Axes

from mlip_rs.plot.style import GUIDE, LINE_WIDTH, MARKER_SIZE, color, marker, plain

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Results: TypeAlias = T | Mapping[str, T]
"""Result of one potential, or of several by name."""

Members: TypeAlias = Mapping[str, Sequence[T]]
"""Results of the members of the committee of each potential that has one, by the name of the potential."""

POTENTIAL = "potential"
"""Name of a single potential."""

REFERENCE_COLOR = "#000000"
_PATTERNS: tuple[Any, ...] = ("-", "--", "-.", (0, (4, 1, 1, 1, 1, 1)))


@dataclass(frozen=True)
class Series(Generic[T_co]):
    """One result in a figure.

    Attributes
    ----------
    label
        Label in legends.
    result
        Result that is drawn.
    color, line, marker, face
        Style of lines, symbols and their filling where the colour identifies the potential.
    pattern
        Line pattern where the colour identifies something else, such as the crystal structure.
    is_reference
        True for the reference.
    members
        Results of the members of the potential's committee, for its error bars.
    """

    label: str
    result: T_co
    color: str
    line: str
    marker: str
    face: str
    pattern: Any
    is_reference: bool = False
    members: Sequence[T_co] = ()

    @property
    def line_style(self) -> dict[str, Any]:
        """Arguments of `Axes.plot` for a line."""
        return {"color": self.color, "linestyle": self.line, "linewidth": LINE_WIDTH}

    @property
    def symbol_style(self) -> dict[str, Any]:
        """Arguments of `Axes.plot` for symbols."""
        return {"color": self.color, "marker": self.marker, "mfc": self.face, "ms": MARKER_SIZE}

    @property
    def pattern_style(self) -> dict[str, Any]:
        """Arguments of `Axes.plot` but for the colour: a pattern of lines, or open symbols of the reference."""
        if self.is_reference:
            return {"linestyle": "none", "marker": self.marker, "mfc": self.face, "ms": MARKER_SIZE}
        return {"linestyle": self.pattern, "linewidth": LINE_WIDTH}


def series(
    potentials: Results[T], reference: T | None = None, members: Members[T] | None = None
) -> list[Series[T]]:
    """Series of the potentials with their members, the reference last if there is one."""
    named = potentials if isinstance(potentials, Mapping) else {POTENTIAL: potentials}
    return named_series(named, reference, members)


def named_series(
    potentials: Mapping[str, T], reference: T | None = None, members: Members[T] | None = None
) -> list[Series[T]]:
    """Series of results that may be mappings themselves."""
    known = members or {}
    drawn = [
        Series(
            plain(name),
            result,
            color(k),
            "-",
            marker(k),
            color(k),
            _PATTERNS[k % len(_PATTERNS)],
            members=tuple(known.get(name, ())),
        )
        for k, (name, result) in enumerate(potentials.items())
    ]
    if reference is not None:
        drawn.append(Series("reference", reference, REFERENCE_COLOR, "--", "o", "white", "none", True))
    return drawn


def first_of(potentials: Results[T]) -> T:
    """Result of the first potential."""
    return next(iter(potentials.values())) if isinstance(potentials, Mapping) else potentials


def label_patterns(axes: Axes, drawn: Sequence[Series[Any]]) -> None:
    """Add the line patterns to the legend, unless there is a single series."""
    for entry in drawn if len(drawn) > 1 else ():
        axes.plot([], [], color=GUIDE, label=entry.label, **entry.pattern_style)
