"""Tables and figure of the cases that `error_bars.py run` has made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from error_bars_cases import PROPERTIES, SETS
from error_bars_index import N_COMPONENTS, area
from error_bars_methods import LEVEL, METHODS

from mlip_rs.arrays import Array

CHOSEN_ON = ("Al", "Mo")
"""Sets on which constants of the index were tried; the committee was designed on them and two classes of Si."""

BEYOND = (("Ge", "Surface"), ("AgAu", "disp1"))
"""Classes that no method can know of: doubtful labels, and pairs of elements that occur nowhere else."""

SCORES = {
    "index": "index, 8 forms",
    "16 forms": "16 forms",
    "all forms": "exact Mahalanobis",
    "force": r"\|F\|",
    f"MaxVol, {N_COMPONENTS} PCs": f"MaxVol, {N_COMPONENTS} PCs",
    "MaxVol, kept features": "MaxVol, kept features",
    "bar": "force bars",
}
LEAST_ERROR = 1e-9
"""Mean errors below are zero by symmetry: widths are not compared with them."""


@dataclass(frozen=True)
class Result:
    """One case.

    Parameters
    ----------
    set_name, name
        Set and class.
    n_kept
        Features of the knee.
    coverage, width
        By (part, property, method): share of labels within 90 % bars, mean half-width over mean absolute error.
    areas
        Of the atoms with the worst forces, by index.
    """

    set_name: str
    name: str
    n_kept: int
    coverage: dict[tuple[str, str, str], float]
    width: dict[tuple[str, str, str], float]
    areas: dict[str, float]

    @classmethod
    def load(cls, path: Path) -> "Result":
        set_name, name = path.stem.split("-", 1)
        coverage, width = {}, {}
        with np.load(path) as arrays:
            for tag in ("ood", "id"):
                for prop in PROPERTIES:
                    error = np.abs(arrays[f"{tag}/{prop}/error"])
                    for method in METHODS if len(error) else ():
                        half = arrays[f"{tag}/{prop}/{method}"]
                        coverage[tag, prop, method] = float((error <= half).mean())
                        width[tag, prop, method] = (
                            float(half.mean() / error.mean()) if error.mean() > LEAST_ERROR else np.nan
                        )
            errors = _pooled(arrays, "error")
            areas = {key: area(errors, _pooled(arrays, key)) for key in SCORES}
            return cls(set_name, name, int(arrays["n_kept"]), coverage, width, areas)


def tables(output: Path, figure: Path | None) -> None:
    """Print Markdown tables; write the figure."""
    names = list(SETS)
    found = sorted(
        map(Result.load, output.glob("*.npz")), key=lambda own: (names.index(own.set_name), own.name)
    )
    _by_class(found)
    _by_method(found)
    _by_group(found)
    _by_index(found)
    if figure is not None:
        draw(found, figure)


def _by_class(found: Sequence[Result]) -> None:
    print("| left out | kept | energy | forces | stress | in domain: energy | forces | stress | ", end="")
    print("index | force bars | \\|F\\| | MaxVol |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for own in found:
        cells = [f"{own.set_name} {own.name}", str(own.n_kept)]
        for tag in ("ood", "id"):
            for prop in PROPERTIES:
                key = tag, prop, "committee"
                cells.append(_cell(own.coverage[key], own.width[key]) if key in own.coverage else "–")
        maxvol = max(own.areas[key] for key in SCORES if key.startswith("MaxVol"))
        cells += [f"{own.areas[key]:.2f}" for key in ("index", "bar", "force")] + [f"{maxvol:.2f}"]
        print(f"| {' | '.join(cells)} |")
    print()


def _cell(coverage: float, width: float) -> str:
    return (
        f"{coverage:.2f} (0/0)"
        if np.isnan(width)
        else f"{coverage:.2f} ({width:.{1 if width < 100 else 0}f})"
    )


def _by_method(found: Sequence[Result]) -> None:
    print(
        "| method | energy | forces | stress | all: mean, least, share | in domain: energy | forces | stress | all |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for method, title in METHODS.items():
        cells = [title]
        for tag in ("ood", "id"):
            everything: list[float] = []
            for prop in PROPERTIES:
                covered, widths = _columns(found, tag, prop, method)
                everything += covered.tolist()
                cells.append(f"{_shares(covered)}; {np.nanmedian(widths):.1f}")
            cells.append(_shares(np.array(everything)))
        print(f"| {' | '.join(cells)} |")
    print()


def _by_group(found: Sequence[Result]) -> None:
    beyond = [own for own in found if (own.set_name, own.name) not in BEYOND]
    groups = {
        "all": found,
        "without those that no method can know of": beyond,
        "Al, Mo, Si": [own for own in found if own.set_name in (*CHOSEN_ON, "Si")],
        "other sets": [own for own in found if own.set_name not in (*CHOSEN_ON, "Si")],
    }
    print("| cases | coverage: mean, least, share | half-width / mean error: median, at most 4.5 | ", end="")
    print("in domain: coverage | half-width / mean error: median, at most 5 |")
    print("|---|---|---|---|---|")
    for title, group in ((title, group) for title, group in groups.items() if group):
        cells = [f"{title} ({len(group)})"]
        for tag, limit in (("ood", 4.5), ("id", 5.0)):
            columns = [_columns(group, tag, prop, "committee") for prop in PROPERTIES]
            covered, widths = (np.concatenate(own) for own in zip(*columns, strict=True))
            widths = widths[np.isfinite(widths)]
            cells += [_shares(covered), f"{np.median(widths):.1f}, {np.mean(widths <= limit):.2f}"]
        print(f"| {' | '.join(cells)} |")
    print()


def _by_index(found: Sequence[Result]) -> None:
    others = [own for own in found if own.set_name not in CHOSEN_ON]
    print("| | all cases: median | tenth percentile | least | without Al and Mo: median | tenth percentile |")
    print("|---|---|---|---|---|---|")
    for key, title in SCORES.items():
        cells = [title]
        for group in (found, others):
            if group:
                areas = np.array([own.areas[key] for own in group])
                cells += [f"{np.median(areas):.3f}", f"{np.quantile(areas, 0.1):.3f}"]
                cells += [f"{areas.min():.2f}"] if group is found else []
        print(f"| {' | '.join(cells)} |")
    print()


def _columns(found: Sequence[Result], tag: str, prop: str, method: str) -> tuple[Array, Array]:
    key = tag, prop, method
    having = [own for own in found if key in own.coverage]
    return np.array([own.coverage[key] for own in having]), np.array([own.width[key] for own in having])


def _shares(covered: Array) -> str:
    if not len(covered):
        return "–"
    return f"{covered.mean():.2f} {covered.min():.2f} {(covered >= LEVEL).mean():.2f}"


def _pooled(arrays: np.lib.npyio.NpzFile, key: str) -> Array:
    return np.concatenate([arrays[f"{tag}/atoms/{key}"] for tag in ("ood", "id")])


def draw(found: Sequence[Result], path: Path) -> None:
    """Coverage of every class by every method."""
    markers = dict(zip(METHODS, "osv+x", strict=True))
    fig, axes = plt.subplots(3, 1, figsize=(9.0, 7.0), sharex=True, layout="constrained")
    for ax, prop in zip(axes, PROPERTIES, strict=True):
        for method, title in METHODS.items():
            values = [own.coverage.get(("ood", prop, method), np.nan) for own in found]
            ours = method == "committee"
            color = "black" if ours else None
            ax.plot(
                values,
                markers[method],
                label=title,
                color=color,
                ms=6 if ours else 4,
                zorder=3 if ours else 2,
            )
        ax.axhline(LEVEL, color="0.6", lw=1)
        for place, _ in _borders(found):
            ax.axvline(place - 0.5, color="0.85", lw=0.8)
        ax.set(ylabel=f"{prop}: covered", ylim=(-0.05, 1.05))
    axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, 1.3), ncols=len(METHODS), frameon=False)
    axes[-1].set_xticks(range(len(found)), [f"{own.set_name} {own.name}" for own in found], rotation=90)
    axes[-1].set_xlim(-0.7, len(found) - 0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=140)


def _borders(found: Sequence[Result]) -> Iterator[tuple[int, str]]:
    for k, own in enumerate(found):
        if k and own.set_name != found[k - 1].set_name:
            yield k, own.set_name
