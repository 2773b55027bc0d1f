"""From data to the record of a potential of the gallery: fit, validation, verification, extent of the data."""

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from gallery_figures import front, phonons
from gallery_labels import extent, predicted, strained_crystal
from gallery_sets import Entry
from matplotlib.figure import Figure

import mlip_rs as mlip
from mlip_rs.demo import DATA_PATH, REFERENCE_PATH
from mlip_rs.evaluate.evaluation import evaluate
from mlip_rs.fitting.result import read_record
from mlip_rs.generate.prototypes import lattice_constant, prototype
from mlip_rs.potential.data_range import CLEARLY_OUTSIDE
from mlip_rs.uncertainty import indices
from mlip_rs.uncertainty.committee import Committee
from mlip_rs.validate.result import Validation
from mlip_rs.verify import verify
from mlip_rs.workflows.validation import validate

PROPERTIES = (
    "prototypes", "elastic", "phonons", "zone-boundary", "vacancy", "surfaces", "short-range", "stress-test",
)  # fmt: skip
VOLUMES = np.round(np.arange(0.5, 1.601, 0.02), 2)
"""Of the crystal, in units of its volume, at which its index of anomaly is computed."""
CHOSEN = ("knee", "best")
"""Potentials of a fit that a page speaks of."""

Record = dict[str, Any]


@dataclass(frozen=True)
class Finished:
    """The record of a potential, the potential, and the figures of its page by the end of their name."""

    record: Record
    potential: mlip.Potential
    figures: dict[str, Figure]


def data_files(entry: Entry, data: Path, runs: Path) -> tuple[Path, ...]:
    """Training file, and test file if there is one."""
    if entry.teacher:
        return runs / entry.name / "training.extxyz", runs / entry.name / "test.extxyz"
    if entry.reference:
        return (DATA_PATH,)
    return data / f"{entry.data}_train.xyz", data / f"{entry.data}_test.xyz"


def fitted(entry: Entry, files: Sequence[Path], runs: Path) -> Path:
    """Run directory of the entry; made by the command on the page if it is missing."""
    folder = runs / entry.name
    if entry.teacher:
        words = [*shlex.split(entry.commands[0])[1:-1], str(folder)]
        folder = folder / "fit"
    else:
        test = ["--test", str(files[1])] if len(files) > 1 else []
        words = ["fit", str(files[0]), *test, *entry.options, "-o", str(folder)]
    if not (folder / "run.json").is_file():
        print(f"{entry.name}: {' '.join(words)}", flush=True)
        subprocess.run([sys.executable, "-m", "mlip_rs", *words], check=True)
    return folder


def finished(entry: Entry, data: Path, runs: Path) -> Finished:
    """Everything that the page, the figures and the file of an entry need."""
    runs.mkdir(parents=True, exist_ok=True)
    files = data_files(entry, data, runs)
    folder = fitted(entry, files, runs)
    run = read_record(folder)
    potential = mlip.Potential.load(folder / "knee.mlip.json")
    validation = validate(
        folder / "knee.mlip.json",
        runs / f"{entry.name}-validation",
        reference=str(REFERENCE_PATH) if entry.reference else None,
        crystal=entry.crystal,
        only=[name for name in PROPERTIES if name != "zone-boundary" or entry.reference],
        quick=True,
    )
    assert isinstance(validation, Validation)
    frames, tested = (ase.io.read(files[0], ":"), ase.io.read(files[-1], ":") if len(files) > 1 else [])
    crystal, zero = ground_state(entry.crystal, entry.symbol, potential, validation)
    record = {
        "name": entry.name,
        "data": extent(frames) | {"fingerprint": run["data"]["fingerprint"]},
        "n_test": len(tested),
        "points": {name: point(run, name) for name in CHOSEN},
        "crystal": crystal,
        "properties": properties(validation),
        "strained": strained(
            entry,
            frames + tested,
            {name: mlip.Potential.load(folder / f"{name}.mlip.json") for name in CHOSEN},
        ),
        "references": references(entry, runs),
        "trust": trust(entry.crystal, entry.symbol, potential, validation, zero)
        | checks(potential, validation),
    }
    evaluation = evaluate(potential, files[-1], error_bars=False)
    drawn = {
        "front": front(run),
        "forces": evaluation.figures()["force"],
        "phonons": phonons({"knee": validation}),
    }
    return Finished(record, potential, drawn)


def point(run: Record, name: str) -> Record:
    """Size, cost and errors of a potential of the front."""
    own = run["points"][run[name]]
    errors = {part: _errors(own[part]) for part in ("test", "validation", "training") if own[part]}
    kinds = {kind: _errors(found) for kind, found in own["training"].get("by_config_type", {}).items()}
    return {
        "n_nonzero": own["n_nonzero"],
        "n_features": own["n_features"],
        "us_per_atom": round(own["us_per_atom"], 2),
        "stress_test": own["stress_test"]["passed"],
        **errors,
        "by_kind": kinds,
    }


def _errors(found: Mapping[str, Any]) -> Record:
    return {
        key.split("_")[0]: [rounded(value["mae"], 4), rounded(value["rmse"], 4)]
        for key, value in found.items()
        if key != "by_config_type" and value
    }


def ground_state(
    crystal: str, symbol: str, potential: mlip.Potential, validation: Validation
) -> tuple[Record, Atoms]:
    """Relaxed crystal: lattice constants in Å, energy in eV/atom; and its atoms."""
    curves = next(found.value for found in validation.properties if found.name == "prototypes")
    atoms = prototype(crystal, symbol, curves.curve(crystal).equilibrium_volume)
    atoms.calc = potential.calculator()
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-6, steps=300)
    volume = float(atoms.get_volume()) / len(atoms)
    a = lattice_constant(crystal, volume)
    lengths = {"a": a} if a else {"a": float(atoms.cell.lengths()[0]), "c": float(atoms.cell.lengths()[2])}
    energy = float(atoms.get_potential_energy()) / len(atoms)
    shown = {name: round(length, 4) for name, length in lengths.items()}
    return {"prototype": crystal, **shown, "energy": round(energy, 4)}, atoms


def properties(validation: Validation) -> list[Record]:
    """Quantities with their error bars."""
    return [
        {
            "property": found.name,
            "quantity": row.name,
            "unit": row.unit,
            "value": rounded(row.value, 6),
            "sigma": None if row.bar is None or row.bar.sigma is None else rounded(row.bar.sigma, 3),
            "shown": row.shown,
            "outside": bool(found.outside),
        }
        for found in validation.properties
        for row in found.rows
        if row.value is not None
    ]


def strained(
    entry: Entry, frames: Sequence[Atoms], potentials: Mapping[str, mlip.Potential]
) -> dict[str, Record]:
    """Constants of the strained crystals of the data by the labels, and by potentials in the same way."""
    if not entry.strains:
        return {}
    own = [atoms for atoms in frames if atoms.info.get("config_type") == entry.strains]
    sources = {"labels": own} | {name: predicted(own, one) for name, one in potentials.items()}
    return {
        name: {
            key: rounded(value, 5)
            for key, value in strained_crystal(
                atoms, entry.strains, entry.crystal, shear=entry.strained_shear
            ).items()
        }
        for name, atoms in sources.items()
    }


def references(entry: Entry, runs: Path) -> dict[str, Record]:
    """Values to compare with: what they are, by property and quantity."""
    found: dict[str, Record] = {}
    if entry.published:
        found["DFT, published"] = _all_rounded(entry.published)
    stored = runs / entry.name / "validation" / "validation.json"
    if entry.reference:
        stored, key = runs / f"{entry.name}-validation" / "validation.json", "DFT"
    else:
        key = f"teacher {entry.teacher}"
    if entry.reference or entry.teacher:
        values = {}
        for own in json.loads(stored.read_text(encoding="utf-8"))["properties"]:
            rows = {row["quantity"]: row["reference"] for row in own["quantities"]}
            values[own["name"]] = {name: value for name, value in rows.items() if value is not None}
        found[key] = _all_rounded(values)
    return found


def volumes_inside(potential: mlip.Potential, crystal: Atoms) -> list[float]:
    """Least and largest volume, in units of its own, between which a crystal is like the data; empty if never."""
    strained = []
    for ratio in VOLUMES:
        strained.append(crystal.copy())
        strained[-1].set_cell(crystal.cell * ratio ** (1.0 / 3.0), scale_atoms=True)
    far = [float(own.max()) for own in indices(potential, strained)]
    inside = _around_one([index <= CLEARLY_OUTSIDE for index in far])
    return [float(VOLUMES[inside[0]]), float(VOLUMES[inside[-1]])] if inside else []


def trust(
    crystal: str, symbol: str, potential: mlip.Potential, validation: Validation, atoms: Atoms
) -> Record:
    """What the potential says about the limits of an element."""
    curves = next(found.value for found in validation.properties if found.name == "prototypes")
    shapes = {curve.name: prototype(curve.name, symbol, curve.equilibrium_volume) for curve in curves.curves}
    return {
        "range": None if potential.data_range is None else potential.data_range.to_dict(),
        "volumes_inside": volumes_inside(potential, atoms),
        "index": {
            name: rounded(float(own.max()), 2)
            for name, own in zip(shapes, indices(potential, list(shapes.values())), strict=True)
        },
        "lowest": curves.ordering[0],
        "above_lowest_mev": rounded(curves.energy_above(crystal, curves.ordering[0]), 3),
        "outside": {found.name: list(found.outside) for found in validation.properties if found.outside},
        "failures": {found.name: list(found.failures) for found in validation.properties if found.failures},
    }


def checks(potential: mlip.Potential, validation: Validation) -> Record:
    """What the stress tests, the checks of the file and the committee say."""
    found = verify(potential)
    tests = {found.name: found.value for found in validation.properties if found.name == "stress-test"}
    committee = Committee.of(potential)
    return {
        "stress_tests": {
            "fit": potential.info["stress_test"],
            "again": {"passed": tests["stress-test"].passed, "seed": tests["stress-test"].seed},
        },
        "isolated_atoms": list(potential.undetermined_atoms),
        "verify": {
            "failed": [check.name for check in found.failures],
            "n": sum(check.status.value != "not applicable" for check in found.checks),
        },
        "coverage": None if committee is None else {
            name: list(levels) for name, levels in committee.coverage.items()
        },
    }  # fmt: skip


def _around_one(inside: Sequence[bool]) -> list[int]:
    """Places around a volume of 1 without a gap, at which the crystal is inside the data."""
    middle = int(np.argmin(np.abs(VOLUMES - 1.0)))
    low = high = middle
    while low > 0 and inside[low - 1]:
        low -= 1
    while high < len(inside) - 1 and inside[high + 1]:
        high += 1
    return list(range(low, high + 1)) if inside[middle] else []


def write_potential(potential: mlip.Potential, path: Path) -> Record:
    """Write a compressed potential file, the deviations of its committee in 32 bits."""
    committee = Committee.of(potential)
    if committee is not None:
        halved = committee.deviations.astype(np.float32).astype(np.float64)
        potential = replace(committee, deviations=halved).attached(potential)
    potential.save(path)
    return {
        "file": path.name,
        "kilobytes": round(path.stat().st_size / 1e3),
        "kilobytes_unpacked": round(len(potential.to_json().encode()) / 1e3),
        "checksum": potential.checksum,
        "cutoff": potential.cutoff,
    }


def _all_rounded(values: Mapping[str, Mapping[str, float]]) -> Record:
    return {name: {key: rounded(value, 5) for key, value in own.items()} for name, own in values.items()}


def rounded(value: float | None, digits: int) -> float | None:
    """A number with so many digits."""
    return None if value is None else float(f"{value:.{digits}g}")
