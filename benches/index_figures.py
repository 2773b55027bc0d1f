"""Where aluminium lights up: defects, liquid, notch, data that were left out, and the stress test, by index of anomaly.

    mlip-rs fit python/mlip_rs/demo/al_dft.extxyz -o al
    python benches/index_figures.py al/knee.mlip.json al/best.mlip.json -o OUT

Structures are relaxed or run with the knee. A second potential is fitted (`medium`) without slabs, liquid, vacancies
and stacking faults; its errors are those against the labels of these, and in large structures against the best
potential of all data. Structures and this potential are kept in OUT and made only if they are not there. Prints
Markdown tables and draws the figures of docs/uncertainty.md.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read, write
from index_panels import LeftOut, comparison, histograms, left_out_classes, save
from index_structures import STRUCTURES
from scipy.stats import spearmanr

import mlip_rs as mlip
from mlip_rs.arrays import Array
from mlip_rs.calculators import MLIPCalculator
from mlip_rs.data import Dataset, read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.fitting.unseen_errors import VANISHING
from mlip_rs.generate.out_of_domain import KINDS, Spheres, out_of_domain
from mlip_rs.potential.lowest_crystals import LowestCrystals
from mlip_rs.potential.short_range import shortest_distances
from mlip_rs.uncertainty import Committee, Uncertainty
from mlip_rs.uncertainty.domain import CLEARLY_OUTSIDE, indices

CLASSES = {"slab": "slab", "md_liquid": "liquid", "vacancy": "vacancy", "stacking_fault": "stacking fault"}
"""Names that are left out, as they begin, and as they are shown."""

TIP, NEARBY = (10.0, -12.0), 52.0
"""Middle and half of the edge of the part of the notched crystal that is drawn, Å."""

COLUMNS = ("index", "bar", "error")
LIMITS = (1.0, CLEARLY_OUTSIDE)

N_STRESSED = 400
"""Structures of the stress test."""


def without_classes(data: Dataset, file: Path) -> mlip.Potential:
    """The knee of a fit to the other structures."""
    if not file.exists():
        known = [k for k, frame in enumerate(data) if not frame.config_type.startswith(tuple(CLASSES))]
        run = mlip.fit(data.subset(known), mlip.Basis(size="medium"), mlip.FitSettings(threads=1))
        run.knee().save(file)
    return mlip.Potential.load(file)


def structures(potential: mlip.Potential, folder: Path) -> dict[str, Atoms]:
    """Defects and liquid, each from its file or made with a potential; atoms that are held are left out."""
    calculator = MLIPCalculator(potential, warn_above=None)
    found = {}
    for name, build in STRUCTURES.items():
        file = folder / f"{name.replace(' ', '-')}.extxyz"
        if not file.exists():
            atoms = build(calculator)
            atoms.calc = None
            write(file, atoms)
        found[name] = read(file)
    return found


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def lengths(vectors: Array) -> Array:
    return np.linalg.norm(vectors, axis=1)


def trust(index: Array) -> tuple[str, str, str]:
    """Median, largest, share above 1."""
    return f"{np.median(index):.2g}", f"{index.max():.3g}", f"{100 * np.mean(index > 1):.0f} %"


def ranks(index: Array, bar: Array, error: Array) -> tuple[str, str, str]:
    """Median error, and rank correlations of index and error bar with the error, where that is known."""
    known = np.isfinite(error)
    found = [f"{spearmanr(own[known], error[known]).statistic:.2f}" for own in (index, bar)]
    return f"{np.median(error[known]):.2g}", *found


def show_structures(
    found: dict[str, Atoms], knee: mlip.Potential, best: mlip.Potential, without: mlip.Potential, folder: Path
) -> None:
    row(
        "structure", "atoms", *2 * ("median", "largest", "above 1"), "median error", "rank of index", "of bar"
    )
    row(*["---"] * 11)
    panels = {}
    for name, atoms in found.items():
        free = np.ones(len(atoms), dtype=bool)
        for constraint in atoms.constraints:
            free[constraint.get_indices()] = False
        bare = atoms.copy()
        bare.set_constraint()
        known, unknown = indices(knee, [bare])[0][free], without.uncertainty(bare)
        index, bar = unknown.index[free], lengths(unknown.forces)[free]
        error = lengths(without.predict(bare).forces - best.predict(bare).forces)[free]
        row(name, free.sum(), *trust(known), *trust(index), *ranks(index, bar, error))
        shown = np.ones(free.sum(), dtype=bool)
        if name == "notch":
            shown = (np.abs(bare.positions[free, :2] - TIP) < NEARBY).all(axis=1)
        panels[name] = (bare[free][shown], known[shown], index[shown], error[shown])
    for file, names in (
        ("index-defects.png", ("grain boundary", "surface", "liquid")),
        ("index-notch.png", ("notch",)),
    ):
        save(comparison({name: panels[name] for name in names}), folder / file, colors=256)


def show_left_out(data: Dataset, without: mlip.Potential, folder: Path) -> None:
    row("left out", "atoms", "median", "largest", "above 1", "median error", "rank of index", "of bar")
    row(*["---"] * 8)
    classes = {}
    for start, name in CLASSES.items():
        frames = [frame for frame in data if frame.config_type.startswith(start)]
        classes[name] = left_out(frames, without)
    rest = [frame for frame in data if not frame.config_type.startswith(tuple(CLASSES))]
    for name, own in {**classes, "training": left_out(rest, without)}.items():
        index, bar, error = (np.concatenate(getattr(own, column)) for column in COLUMNS)
        row(name, len(index), *trust(index), *ranks(index, bar, error))
        classes[name] = own
    parts = [[part for own in classes.values() for part in getattr(own, column)] for column in COLUMNS]
    index, bar, error = (np.concatenate(part) for part in parts)
    row("all", len(index), *trust(index), *ranks(index, bar, error))
    save(left_out_classes(classes, Committee.required(without).force_error), folder / "index-left-out.png")


def left_out(frames: Sequence, potential: mlip.Potential) -> LeftOut:
    atoms = [Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.pbc) for frame in frames]
    bars: list[Uncertainty] = potential.uncertainty(atoms)
    predicted = potential.predict(atoms)
    return LeftOut(
        atoms,
        [own.index for own in bars],
        [lengths(own.forces) for own in bars],
        [
            np.where(lengths(frame.forces) > VANISHING, lengths(own.forces - frame.forces), np.nan)
            for own, frame in zip(predicted, frames, strict=True)
        ],
    )


def show_stress_test(data: Dataset, knee: mlip.Potential, best: mlip.Potential, folder: Path) -> None:
    limits = [f"above {limit:g}" for limit in LIMITS]
    row("structures", "number", "largest index: median", "greatest", *limits, "median |ΔF| eV/Å")
    row(*["---"] * 7)
    closest = np.array(shortest_distances(knee))
    spheres = Spheres(knee.elements, closest, LowestCrystals.of(knee, closest).volumes)
    stressed = out_of_domain(spheres, N_STRESSED, 1)
    groups = {"training": [Atoms(f.numbers, f.positions, cell=f.cell, pbc=f.pbc) for f in data]}
    groups |= {kind: stressed[k :: len(KINDS)] for k, kind in enumerate(KINDS)}
    largest = {}
    for name, group in groups.items():
        largest[name] = own = np.array([index.max() for index in indices(knee, group)])
        pairs = zip(knee.predict(group), best.predict(group), strict=True)
        error = np.concatenate([lengths(a.forces - b.forces) for a, b in pairs])
        shares = [f"{100 * np.mean(own > limit):.0f} %" for limit in LIMITS]
        row(name, len(own), f"{np.median(own):.2g}", f"{own.max():.3g}", *shares, f"{np.median(error):.2g}")
    save(histograms(largest), folder / "index-stress-test.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("knee", type=Path)
    parser.add_argument("best", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    data = read_dataset(DATA_PATH)
    knee, best = (mlip.Potential.load(path) for path in (arguments.knee, arguments.best))
    without = without_classes(data, folder / "without.mlip.json")
    show_structures(structures(knee, folder), knee, best, without, folder)
    show_left_out(data, without, folder)
    show_stress_test(data, knee, best, folder)


if __name__ == "__main__":
    main()
