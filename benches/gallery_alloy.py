"""The record of an alloy: its elements, an ordered compound, and formation energies beside the labels."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from gallery_alloy_figures import force_figure, mixing_figure
from gallery_figures import front, phonons
from gallery_labels import extent
from gallery_run import (
    CHOSEN,
    Finished,
    Record,
    checks,
    data_files,
    fitted,
    ground_state,
    point,
    properties,
    rounded,
    trust,
    volumes_inside,
)
from gallery_sets import Entry

import mlip_rs as mlip
from mlip_rs.evaluate.evaluation import Evaluation, evaluate
from mlip_rs.fitting.result import read_record
from mlip_rs.generate.prototypes import binary_prototype
from mlip_rs.uncertainty import indices
from mlip_rs.validate.result import Validation
from mlip_rs.workflows.validation import validate

OF_ELEMENTS = ("prototypes", "elastic", "phonons", "vacancy", "surfaces")
OF_ALLOYS = ("compounds", "short-range", "stress-test")
OF_COMPOUNDS = ("elastic", "phonons")
NEARLY_RELAXED = 0.1
"""Largest force (eV/Å) of structures that are compared one by one."""


def finished_alloy(entry: Entry, data: Path, runs: Path) -> Finished:
    """Everything that the page, the figures and the file of an alloy need."""
    runs.mkdir(parents=True, exist_ok=True)
    files = data_files(entry, data, runs)
    folder = fitted(entry, files, runs)
    run, potential = read_record(folder), mlip.Potential.load(folder / "knee.mlip.json")
    frames, tested = ase.io.read(files[0], ":"), ase.io.read(files[1], ":")
    validations = {
        symbol: _validated(entry, folder, symbol, f"{entry.crystal}:{symbol}", only)
        for symbol, only in zip(entry.elements, (OF_ELEMENTS + OF_ALLOYS, OF_ELEMENTS), strict=True)
    }
    compound, cell = _compound(entry, potential, validations[entry.elements[0]], folder)
    evaluation = evaluate(potential, files[1], error_bars=False)
    mixing = _Mixing(entry.elements, frames, tested, potential)
    record = {
        "name": entry.name,
        "data": extent(frames) | {"fingerprint": run["data"]["fingerprint"]},
        "n_test": len(tested),
        "points": {name: point(run, name) for name in CHOSEN},
        "elements": {
            symbol: _element(entry, symbol, potential, validation)
            for symbol, validation in validations.items()
        },
        "compound": compound,
        "parts": _parts(entry.elements, frames, tested, evaluation),
        "mixing": mixing.record(),
        "trust": checks(potential, validations[entry.elements[0]])
        | {"range": None if potential.data_range is None else potential.data_range.to_dict()},
    }
    drawn = {
        "front": front(run),
        "forces": force_figure(evaluation, tested),
        "mixing": mixing_figure(mixing.parts, mixing.labels, mixing.predicted, entry.elements[1]),
        "phonons": phonons(validations),
        "compound-phonons": phonons({compound["name"]: cell}),
    }
    return Finished(record, potential, drawn)


def _validated(entry: Entry, folder: Path, name: str, crystal: str, only: Sequence[str]) -> Validation:
    output = folder.parent / f"{entry.name}-{name}-validation"
    found = validate(folder / "knee.mlip.json", output, crystal=crystal, only=only, quick=True)
    assert isinstance(found, Validation)
    return found


def _element(entry: Entry, symbol: str, potential: mlip.Potential, validation: Validation) -> Record:
    crystal, atoms = ground_state(entry.crystal, symbol, potential, validation)
    limits = trust(entry.crystal, symbol, potential, validation, atoms)
    del limits["range"]
    return {"crystal": crystal, "properties": properties(validation), "trust": limits}


def _compound(
    entry: Entry, potential: mlip.Potential, validation: Validation, folder: Path
) -> tuple[Record, Validation]:
    """The relaxed compound, its properties, and the index of anomaly of all compounds."""
    curves = next(one.value for one in validation.properties if one.name == "compounds").compounds
    shapes = {}
    for one in curves:
        kind, formula = one.name.split()
        shapes[one.name] = binary_prototype(
            kind, *re.findall("[A-Z][a-z]?", formula), one.curve.equilibrium_volume
        )
    atoms = shapes[f"{entry.compound} {entry.symbol}"].copy()
    atoms.calc = potential.calculator()
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-6, steps=300)
    path = folder.parent / f"{entry.name}-{entry.compound}.extxyz"
    ase.io.write(path, atoms.copy())
    validated = _validated(entry, folder, entry.compound, str(path), OF_COMPOUNDS)
    far = indices(potential, list(shapes.values()))
    record = {
        "name": f"{entry.compound} {atoms.get_chemical_formula(empirical=True)}",
        "lengths": [rounded(float(length), 5) for length in atoms.cell.lengths()],
        "volumes_inside": volumes_inside(potential, atoms),
        "properties": properties(validated),
        "index": {name: rounded(float(own.max()), 2) for name, own in zip(shapes, far, strict=True)},
        "formulas": {name: own.get_chemical_formula(empirical=True) for name, own in shapes.items()},
    }
    return record, validated


def _parts(
    elements: Sequence[str], frames: Sequence[Atoms], tested: Sequence[Atoms], evaluation: Evaluation
) -> dict[str, Record]:
    """Errors on the test structures by composition; those larger than any of the training data apart."""
    kinds = np.array([_kind(atoms, elements) for atoms in tested])
    volumes = np.array([atoms.get_volume() / len(atoms) for atoms in tested])
    largest = {
        kind: max(atoms.get_volume() / len(atoms) for atoms in frames if _kind(atoms, elements) == kind)
        for kind in dict.fromkeys(kinds)
    }
    within = volumes <= np.array([largest[kind] for kind in kinds])
    found = {}
    for kind in sorted(largest, key=lambda kind: (kind not in elements, kind)):
        chosen = {
            kind: (kinds == kind) & within,
            f"{kind}, beyond {largest[kind]:.1f} Å³": (kinds == kind) & ~within,
        }
        for name, mask in chosen.items():
            if mask.any():
                found[name] = {"n": int(mask.sum())} | {
                    key.split("_")[0]: _errors(evaluation, key, mask) for key in evaluation.pairs
                }
    return found


def _errors(evaluation: Evaluation, key: str, mask: Any) -> list[float | None]:
    summary = evaluation.pairs[key].summary(mask)
    assert summary is not None
    return [rounded(summary.mae, 4), rounded(summary.rmse, 4)]


def _kind(atoms: Atoms, elements: Sequence[str]) -> str:
    """Element, or which element an alloy has more of."""
    parts = {symbol: float(np.mean(atoms.symbols == symbol)) for symbol in elements}
    most = max(elements, key=lambda symbol: parts[symbol])
    if parts[most] == 1.0:
        return most
    return f"alloys, mostly {most}" if parts[most] > 0.5 else "alloys, half and half"


class _Mixing:
    """Energies of formation (meV/atom) of the alloys of the test set, by the labels and by a potential.

    The zero of either is the structure of each element with the lowest label.
    """

    def __init__(
        self,
        elements: Sequence[str],
        frames: Sequence[Atoms],
        tested: Sequence[Atoms],
        potential: mlip.Potential,
    ) -> None:
        self.elements, self.tested = elements, tested
        known = [*frames, *tested]
        pure = {s: [atoms for atoms in known if set(atoms.symbols) == {s}] for s in elements}
        zeros = {
            s: min(own, key=lambda atoms: atoms.get_potential_energy() / len(atoms))
            for s, own in pure.items()
        }
        by_potential = potential.predict([*tested, *zeros.values()])
        energies = np.array([one.energy for one in by_potential])
        self._zeros = {
            symbol: (atoms.get_potential_energy() / len(atoms), energy / len(atoms))
            for (symbol, atoms), energy in zip(zeros.items(), energies[len(tested) :], strict=True)
        }
        self._formation = np.array(
            [
                [
                    1e3 * (energy - sum(self._zeros[s][k] for s in atoms.symbols)) / len(atoms)
                    for k, energy in pair
                ]
                for atoms, pair in (
                    (atoms, enumerate((atoms.get_potential_energy(), energy)))
                    for atoms, energy in zip(tested, energies[: len(tested)], strict=True)
                )
            ]
        )
        self._mixed = np.array([len(set(atoms.symbols)) > 1 for atoms in tested])
        self.parts = np.array([np.mean(atoms.symbols == elements[1]) for atoms in tested])[self._mixed]
        self.labels, self.predicted = self._formation[self._mixed].T

    def record(self) -> Mapping[str, Any]:
        """Errors, zeros (eV/atom), and the structures with small forces one by one."""
        errors = self.predicted - self.labels
        calm = [
            k
            for k, atoms in enumerate(self.tested)
            if np.linalg.norm(atoms.get_forces(), axis=1).max() < NEARLY_RELAXED
        ]
        return {
            "n": len(errors),
            "mae": rounded(float(np.abs(errors).mean()), 4),
            "rmse": rounded(float(np.sqrt((errors**2).mean())), 4),
            "range": [rounded(float(self.labels.min()), 4), rounded(float(self.labels.max()), 4)],
            "zeros": {s: [rounded(value, 7) for value in own] for s, own in self._zeros.items()},
            "calm": [
                {
                    "formula": self.tested[k].get_chemical_formula(),
                    "volume": rounded(float(self.tested[k].get_volume()) / len(self.tested[k]), 4),
                    "label": rounded(self._formation[k, 0], 5),
                    "potential": rounded(self._formation[k, 1], 5),
                }
                for k in sorted(calm, key=lambda k: (np.mean(self.tested[k].symbols == self.elements[1]), k))
            ],
        }
