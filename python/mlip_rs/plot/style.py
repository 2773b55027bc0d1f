"""Sizes, colours and lines of all figures, without changing matplotlib's global state."""

import math
import re
from collections.abc import Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

PALETTE: tuple[str, ...] = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255", "#999933",
)  # fmt: skip
"""Okabe and Ito's colours, told apart with any colour vision, without yellow, which vanishes on white; two of Tol's."""

MARKERS: tuple[str, ...] = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
"""One per colour, so that print without colour can be read."""

NEUTRAL = "#8C8C8C"
GUIDE = "#4D4D4D"
WARNING = "#B00020"
Location = Literal["best", "upper right", "lower right", "upper center"]

COLUMN_WIDTH = 3.4
"""Width in inches of one column of a journal."""
LABEL_SIZE = 9.0
SMALL_SIZE = 8.0
LINE_WIDTH = 1.4
MARKER_SIZE = 4.5
_LABELS = (
    (0.7, (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)),
    (1.2, (1.0, 2.0, 3.0, 5.0)),
    (3.0, (1.0, 2.0, 5.0)),
)
"""Labelled multiples in each decade of a logarithmic axis, by the largest number of decades."""


def new_figure(width: float, height: float) -> Figure:
    """Empty figure of a size in inches, laid out automatically."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def dress(axes: Axes, *, x: str, y: str, title: str = "") -> None:
    """Labels (with units), ticks on all sides, thin frame."""
    axes.set_xlabel(x, fontsize=LABEL_SIZE)
    axes.set_ylabel(y, fontsize=LABEL_SIZE)
    if title:
        axes.set_title(title, fontsize=LABEL_SIZE, loc="left")
    axes.tick_params(which="both", direction="in", top=True, right=True, labelsize=SMALL_SIZE, width=0.7)
    for spine in axes.spines.values():
        spine.set_linewidth(0.7)


def plain(text: str) -> str:
    """A name given by a user as matplotlib shall show it: a `$` begins no formula, a leading `_` hides no label."""
    shown = re.sub(r"(?<!\\)\$", r"\\$", text)
    return f"\u200b{shown}" if shown.startswith("_") else shown


def label_decades(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers, closer on a short one; above three decades with powers of ten.

    Its limits must be final.
    """
    low, high = axis.get_view_interval()
    decades = math.log10(high / low)
    for most, subs in _LABELS:
        if decades < most:
            axis.set_major_locator(LogLocator(subs=subs))
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            break
    axis.set_minor_formatter(NullFormatter())


def legend(axes: Axes, *, location: Location = "best", columns: int = 1, marker_scale: float = 1.0) -> None:
    """Small legend without a frame."""
    _legend(axes, loc=location, ncols=columns, markerscale=marker_scale, borderaxespad=0.4)


def legend_above(axes: Axes, *, columns: int = 3) -> None:
    """Small legend over the frame, for curves that leave no room within."""
    _legend(axes, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns)


def legend_beside(axes: Axes) -> None:
    """Small legend to the right of the frame, for many entries."""
    _legend(axes, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _legend(axes: Axes, **place: Any) -> None:  # noqa: ANN401 (arguments of matplotlib)
    axes.legend(
        fontsize=SMALL_SIZE - 0.5,
        frameon=False,
        handletextpad=0.4,
        labelspacing=0.3,
        columnspacing=0.9,
        **place,
    )


def color(index: int) -> str:
    """Colour number `index`, repeating."""
    return PALETTE[index % len(PALETTE)]


def marker(index: int) -> str:
    """Marker number `index`, repeating."""
    return MARKERS[index % len(MARKERS)]


def span(values: Sequence[float], margin: float = 0.04) -> tuple[float, float]:
    """Limits of an axis around values, with a margin as a fraction of their range."""
    low, high = min(values), max(values)
    pad = margin * (high - low) or 0.05 * abs(high) or 1.0
    return low - pad, high + pad
