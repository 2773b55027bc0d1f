"""From the shipped calculations of aluminium to judged potentials: split, fit, choose, compare, report."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from mlip_rs.basis import Basis, RadialSet, radial_grid
from mlip_rs.data import Dataset, holdout, read_dataset
from mlip_rs.demo.files import DATA_PATH, REFERENCE_PATH
from mlip_rs.demo.report import write_demo_report
from mlip_rs.demo.result import Choice, DemoResult, HierarchyResult
from mlip_rs.files import write_atomically
from mlip_rs.fitting import FitSettings, Run, Weights, fit
from mlip_rs.progress import Progress, Silent
from mlip_rs.validate import DEFAULT_THRESHOLDS, Reference, Threshold, compare, load_reference

CUTOFF: float = 7.5
"""Å."""

ANGULAR_CUTOFF: float = 6.0
"""Å, of the angular invariants that enter products; as good as a longer one, and faster."""

HELD_OUT: float = 0.15
"""Part of the atoms of each kind of structure that no fit sees."""

SEED: int = 0
"""Of the split and of the folds."""

WEIGHTS: Weights = Weights(energy=0.002, forces=0.05, stress=0.5)
"""Precisions asked for: the energies are known to about 2 meV/atom."""

THRESHOLDS: Mapping[str, Threshold] = MappingProxyType(
    {
        **DEFAULT_THRESHOLDS,
        "a0": Threshold(0.005, relative=True),
        **{f"phonon {name}": Threshold(0.3) for name in ("X long.", "X trans.", "L long.", "L trans.")},
    }
)
"""What a good potential of aluminium reaches: the lattice constant stricter than usual, frequencies in THz."""


def bases() -> dict[str, Basis]:
    """The four hierarchies; sizes by cross-validation on the training part."""
    aluminium = Basis(["Al"], cutoff=CUTOFF, r_min=1.0)
    return {
        "pair": replace(aluminium, hierarchy="pair", n_radial=20),
        "pair-poly": replace(aluminium, hierarchy="pair-poly", n_radial=14, pair_cross_degree=2),
        "angular": replace(aluminium, hierarchy="angular", n_radial=16, n_angular=8, max_l=8),
        "angular-poly": replace(
            aluminium,
            hierarchy="angular-poly",
            radial=(_grid(7, CUTOFF, 1), _grid(6, ANGULAR_CUTOFF, 2)),
            max_l=6,
            radial_coupling="free",
            pair_degree=3,
            pair_cross_degree=2,
            angular_degree=1,
            mixed_degree=2,
        ),
    }


def settings(threads: int = 0) -> FitSettings:
    """The same for all hierarchies, so that their scores can be compared."""
    return FitSettings(
        path_ratio=1e-9,
        weights=WEIGHTS,
        reference_energies={"Al": 0.0},  # the energies of the data are relative to the isolated atom
        seed=SEED,
        threads=threads,
    )


def split(dataset: Dataset) -> tuple[Dataset, Dataset]:
    """Part to fit to, and part held out."""
    mask = holdout(dataset, HELD_OUT, SEED)
    return dataset.subset(~mask), dataset.subset(mask)


def run_demo(
    directory: str | os.PathLike[str], *, threads: int = 0, progress: Progress | None = None
) -> DemoResult:
    """Fit the four hierarchies to the DFT data of aluminium, judge them, write potentials and a report.

    Parameters
    ----------
    directory
        Gets `report.html`, `demo.json`, `al.mlip.json` (the best of all) and a run directory per hierarchy; made
        if it does not exist, files of an earlier demo are replaced.
    threads
        0 takes the default.
    progress
        Receives the advance.

    Raises
    ------
    OSError
        The directory cannot be written to.
    """
    begin = time.perf_counter()
    progress = progress or Silent()
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    training, held_out = split(read_dataset(DATA_PATH))
    progress.note(f"{len(training)} structures to fit to, {len(held_out)} held out")
    reference = load_reference(REFERENCE_PATH)
    hierarchies = {}
    for name, basis in bases().items():
        progress.note(f"{name}: {basis.n_features} candidate features")
        run = fit(training, basis, settings(threads), test=held_out, progress=progress)
        run.save(folder / name)
        hierarchies[name] = _judged(name, run, reference, threads)
    result = DemoResult(
        folder, hierarchies, len(training), len(held_out), time.perf_counter() - begin, reference
    )
    result.recommended.point.potential.save(result.potential)
    progress.note("writing the report")
    write_demo_report(result, training, held_out, threads or None)
    result = replace(result, seconds=time.perf_counter() - begin)
    write_atomically(folder / "demo.json", json.dumps(result.to_dict(), indent=1) + "\n")
    return result


def _grid(count: int, cutoff: float, order: int) -> RadialSet:
    """Gaussians for the invariants of one order, with a cutoff of their own."""
    return replace(radial_grid("gaussian", count, cutoff, r_min=1.0, orders=(order,)), cutoff=cutoff)


def _judged(name: str, run: Run, reference: Reference, threads: int) -> HierarchyResult:
    """Best and knee of a run with the properties that they give."""
    choices = []
    for label, index in (("best", run.best_index), ("knee", run.knee_index)):
        calculator = run.points[index].potential.calculator(threads=threads or None)
        comparison = compare(calculator, reference, thresholds=THRESHOLDS)
        choices.append(Choice(label, f"{name}/{label}.mlip.json", run.points[index], comparison))
    return HierarchyResult(name, run, *choices)
