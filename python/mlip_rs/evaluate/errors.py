"""RMSE, MAE and largest error of energies, forces and stresses, in total and by config type.

The functions take arrays, so that they serve a dataset, a file or a few structures alike. Every JSON file of `mlip_rs`
has the keys of `Errors.to_dict`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlip_rs.errors import DataError
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA, MEV_PER_EV

ENERGY_KEY = "energy_mev_per_atom"
FORCE_KEY = "force_ev_per_angstrom"
STRESS_KEY = "stress_gpa"


@dataclass(frozen=True)
class ErrorSummary:
    """Size of `n` errors in the unit of the values; n is None if read from a file, which does not say."""

    rmse: float
    mae: float
    max: float
    n: int | None = None

    def to_dict(self) -> dict[str, float]:
        """Keys rmse, mae, max."""
        return {"rmse": self.rmse, "mae": self.mae, "max": self.max}


@dataclass(frozen=True)
class Errors:
    """Errors of a potential on a set of structures; None where there is no label.

    Attributes
    ----------
    energy
        Per structure, in meV/atom.
    forces
        Per component, in eV/Å.
    stress
        Per component, in GPa.
    by_config_type
        Errors of each group of structures.
    """

    energy: ErrorSummary | None
    forces: ErrorSummary | None
    stress: ErrorSummary | None
    by_config_type: Mapping[str, "Errors"] = field(default_factory=dict)

    def summary(self, key: str) -> ErrorSummary | None:
        """Errors of one property, by `ENERGY_KEY`, `FORCE_KEY` or `STRESS_KEY`."""
        return {ENERGY_KEY: self.energy, FORCE_KEY: self.forces, STRESS_KEY: self.stress}[key]

    def to_dict(self) -> dict[str, Any]:
        """Keys energy_mev_per_atom, force_ev_per_angstrom, stress_gpa (each may be None), by_config_type."""
        groups = {name: errors._properties() for name, errors in self.by_config_type.items()}
        return {**self._properties(), "by_config_type": groups}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Errors":
        """Inverse of `to_dict`; raises `DataError` for a document that is something else."""
        try:
            groups = {
                name: cls.from_dict(group) for name, group in document.get("by_config_type", {}).items()
            }
            energy, forces, stress = (
                None
                if document[key] is None
                else ErrorSummary(**{k: document[key][k] for k in ("rmse", "mae", "max")})
                for key in (ENERGY_KEY, FORCE_KEY, STRESS_KEY)
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"not a record of errors ({ENERGY_KEY}, {FORCE_KEY}, {STRESS_KEY}: rmse, mae, max): {error!r}"
            ) from error
        return cls(energy, forces, stress, groups)

    def _properties(self) -> dict[str, Any]:
        summaries = {key: self.summary(key) for key in (ENERGY_KEY, FORCE_KEY, STRESS_KEY)}
        return {key: None if summary is None else summary.to_dict() for key, summary in summaries.items()}


@dataclass(frozen=True)
class Labels:
    """Labels or predictions of a sequence of structures; None where a value is missing.

    Attributes
    ----------
    energies
        Energy of each whole structure, in eV.
    forces
        Arrays (n_atoms, 3) in eV/Å.
    stresses
        Arrays (6,) in eV/Å³, ASE's sign and order.
    """

    energies: Sequence[float | None]
    forces: Sequence[NDArray[np.float64] | None]
    stresses: Sequence[NDArray[np.float64] | None]

    def __post_init__(self) -> None:
        if not len(self.energies) == len(self.forces) == len(self.stresses):
            raise DataError(
                f"{len(self.energies)} energies, {len(self.forces)} forces and {len(self.stresses)} stresses:"
                " give one of each per structure, None where it is missing"
            )

    def __len__(self) -> int:
        return len(self.energies)


@dataclass(frozen=True)
class PairedValues:
    """Labels and predictions of one property, flat (n,), in the unit shown, and the structure of each."""

    reference: NDArray[np.float64]
    predicted: NDArray[np.float64]
    structure: NDArray[np.int64]

    def summary(self, of_structures: NDArray[np.bool_] | None = None) -> ErrorSummary | None:
        """Errors of the values whose structure a mask (n_structures,) chooses; None if there are none."""
        chosen = slice(None) if of_structures is None else of_structures[self.structure]
        if len(self.reference[chosen]) == 0:
            return None
        return error_summary(self.predicted[chosen], self.reference[chosen])


def error_summary(predicted: ArrayLike, reference: ArrayLike) -> ErrorSummary:
    """RMSE, MAE and largest absolute difference of two arrays of one shape and unit.

    Raises
    ------
    DataError
        Different shapes, no values, or values that are not finite.
    """
    p, r = np.asarray(predicted, dtype=float), np.asarray(reference, dtype=float)
    if p.shape != r.shape:
        raise DataError(f"predictions {p.shape} and labels {r.shape} differ in shape")
    if p.size == 0:
        raise DataError("no values to compare")
    difference = np.abs(p - r)
    if not np.all(np.isfinite(difference)):
        raise DataError(f"{int(np.sum(~np.isfinite(difference)))} of {p.size} values are not finite")
    return ErrorSummary(
        rmse=float(np.sqrt(np.mean(difference**2))),
        mae=float(difference.mean()),
        max=float(difference.max()),
        n=int(p.size),
    )


@dataclass
class _GroupSums:
    """Sums over the errors of P predictions: of energy, forces and stress (rows), in eV and Å."""

    n: NDArray[np.int64]
    absolute: NDArray[np.float64]
    squares: NDArray[np.float64]
    largest: NDArray[np.float64]

    @classmethod
    def zeros(cls, n_predictions: int) -> "_GroupSums":
        shape = (3, n_predictions)
        return cls(np.zeros(3, dtype=np.int64), np.zeros(shape), np.zeros(shape), np.zeros(shape))

    def add(self, differences: Sequence[NDArray[np.float64] | None]) -> None:
        for k, difference in enumerate(differences):
            if difference is not None and len(difference):
                size = np.abs(difference)
                self.n[k] += len(size)
                self.absolute[k] += size.sum(axis=0)
                self.squares[k] += (size**2).sum(axis=0)
                np.maximum(self.largest[k], size.max(axis=0), out=self.largest[k])  # keeps NaN

    def __add__(self, other: "_GroupSums") -> "_GroupSums":
        return _GroupSums(
            self.n + other.n,
            self.absolute + other.absolute,
            self.squares + other.squares,
            np.maximum(self.largest, other.largest),
        )

    def errors(self, k: int) -> Errors:
        scales = (MEV_PER_EV, 1.0, EV_PER_ANGSTROM3_IN_GPA)
        energy, forces, stress = (self._summary(row, k, scale) for row, scale in enumerate(scales))
        return Errors(energy, forces, stress)

    def _summary(self, row: int, k: int, scale: float) -> ErrorSummary | None:
        n = int(self.n[row])
        if n == 0:
            return None
        if not np.isfinite(self.largest[row, k]):
            raise DataError(f"of {n} predicted values some are not finite")
        return ErrorSummary(
            rmse=float(scale * np.sqrt(self.squares[row, k] / n)),
            mae=float(scale * self.absolute[row, k] / n),
            max=float(scale * self.largest[row, k]),
            n=n,
        )


@dataclass
class ErrorSums:
    """Errors of P predictions, summed structure by structure; as `evaluate_errors`, without storing the values."""

    n_predictions: int
    groups: dict[str, _GroupSums]

    @classmethod
    def zeros(cls, n_predictions: int) -> "ErrorSums":
        """No structure yet."""
        return cls(n_predictions, {})

    def add(self, config_type: str, differences: Sequence[NDArray[np.float64] | None]) -> None:
        """Add a structure: predicted minus reference, (n, P) of energy per atom (eV), forces (eV/Å), stress (eV/Å³)."""
        if config_type not in self.groups:
            self.groups[config_type] = _GroupSums.zeros(self.n_predictions)
        self.groups[config_type].add(differences)

    def __add__(self, other: "ErrorSums") -> "ErrorSums":
        """Sums of the same predictions over the structures of both."""
        zeros = _GroupSums.zeros(self.n_predictions)
        names = dict.fromkeys((*self.groups, *other.groups))
        groups = {name: self.groups.get(name, zeros) + other.groups.get(name, zeros) for name in names}
        return ErrorSums(self.n_predictions, groups)

    def columns(self, chosen: Sequence[int] | NDArray[np.intp] | slice) -> "ErrorSums":
        """Some of the predictions."""
        groups = {
            name: _GroupSums(g.n, g.absolute[:, chosen], g.squares[:, chosen], g.largest[:, chosen])
            for name, g in self.groups.items()
        }
        return ErrorSums(len(np.arange(self.n_predictions)[chosen]), groups)

    def beside(self, other: "ErrorSums") -> "ErrorSums":
        """The predictions of both on the same structures."""
        groups = {}
        for name, own in self.groups.items():
            theirs = other.groups[name]
            pairs = (
                (own.absolute, theirs.absolute),
                (own.squares, theirs.squares),
                (own.largest, theirs.largest),
            )
            groups[name] = _GroupSums(own.n, *(np.hstack(pair) for pair in pairs))
        return ErrorSums(self.n_predictions + other.n_predictions, groups)

    def to_arrays(self) -> tuple[NDArray[Any], ...]:
        """Names of the groups (K,), numbers of values (K, 3), and their sums (K, 3, 3, P)."""
        groups = list(self.groups.values())
        sums = [np.stack([g.absolute, g.squares, g.largest]) for g in groups]
        shape = (len(groups), 3, 3, self.n_predictions)
        counts = np.array([g.n for g in groups], dtype=np.int64).reshape(len(groups), 3)
        return np.array(list(self.groups), dtype=str), counts, np.array(sums).reshape(shape)

    @classmethod
    def from_arrays(cls, names: NDArray[Any], counts: NDArray[Any], sums: NDArray[Any]) -> "ErrorSums":
        """The sums that `to_arrays` took apart."""
        groups = {str(name): _GroupSums(n, *own) for name, n, own in zip(names, counts, sums, strict=True)}
        return cls(sums.shape[-1], groups)

    def errors(self, k: int) -> Errors:
        """Errors of the k-th prediction, overall and by config type.

        Raises
        ------
        DataError
            A prediction is not finite.
        """
        overall = _GroupSums.zeros(self.n_predictions)
        for group in self.groups.values():
            overall = overall + group
        errors = overall.errors(k)
        groups = {name: self.groups[name].errors(k) for name in sorted(self.groups)}
        return Errors(errors.energy, errors.forces, errors.stress, groups)


def paired_values(reference: Labels, predicted: Labels, n_atoms: Sequence[int]) -> dict[str, PairedValues]:
    """Pairs of labels and predictions; values without a label are left out.

    Parameters
    ----------
    reference, predicted
        Labels and predictions of the same structures.
    n_atoms
        Number of atoms of each structure.

    Returns
    -------
    dict
        By `ENERGY_KEY` (meV/atom), `FORCE_KEY` (eV/Å) and `STRESS_KEY` (GPa).

    Raises
    ------
    DataError
        The sequences do not match, or a labelled value has no prediction.
    """
    if not len(reference) == len(predicted) == len(n_atoms):
        raise DataError(
            f"{len(reference)} labels, {len(predicted)} predictions, {len(n_atoms)} numbers of atoms"
        )
    energy_scale = [MEV_PER_EV / n for n in n_atoms]
    ones = [1.0] * len(n_atoms)
    gpa = [EV_PER_ANGSTROM3_IN_GPA] * len(n_atoms)
    return {
        ENERGY_KEY: _pair("energy", reference.energies, predicted.energies, energy_scale),
        FORCE_KEY: _pair("forces", reference.forces, predicted.forces, ones),
        STRESS_KEY: _pair("stress", reference.stresses, predicted.stresses, gpa),
    }


def evaluate_errors(
    reference: Labels, predicted: Labels, n_atoms: Sequence[int], config_types: Sequence[str] | None = None
) -> Errors:
    """Errors of predictions, overall and for each `config_type`.

    Parameters
    ----------
    reference, predicted
        Labels and predictions of the same structures.
    n_atoms
        Number of atoms of each structure.
    config_types
        Group of each structure; None: no groups.

    Raises
    ------
    DataError
        The sequences do not match, a labelled value has no prediction, or a value is not finite.
    """
    pairs = paired_values(reference, predicted, n_atoms)
    groups: dict[str, Errors] = {}
    if config_types is not None:
        if len(config_types) != len(n_atoms):
            raise DataError(f"{len(config_types)} config types for {len(n_atoms)} structures")
        names = np.asarray(config_types, dtype=str)
        groups = {str(name): _errors(pairs, names == name) for name in np.unique(names)}
    overall = _errors(pairs, None)
    return Errors(overall.energy, overall.forces, overall.stress, groups)


def _errors(pairs: Mapping[str, PairedValues], mask: NDArray[np.bool_] | None) -> Errors:
    return Errors(
        energy=pairs[ENERGY_KEY].summary(mask),
        forces=pairs[FORCE_KEY].summary(mask),
        stress=pairs[STRESS_KEY].summary(mask),
    )


def _pair(
    name: str, reference: Sequence[Any], predicted: Sequence[Any], scale: Sequence[float]
) -> PairedValues:
    labels, predictions, structures = [], [], []
    for i, (label, prediction, factor) in enumerate(zip(reference, predicted, scale, strict=True)):
        if label is None:
            continue
        if prediction is None:
            raise DataError(f"structure {i} has a label for {name} and no prediction")
        known, guessed = np.asarray(label, dtype=float), np.asarray(prediction, dtype=float)
        if known.shape != guessed.shape:
            raise DataError(
                f"structure {i}: {name} has shape {known.shape} in the labels, {guessed.shape} predicted"
            )
        labels.append(known.ravel() * factor)
        predictions.append(guessed.ravel() * factor)
        structures.append(np.full(known.size, i))
    if not labels:
        return PairedValues(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64))
    return PairedValues(np.concatenate(labels), np.concatenate(predictions), np.concatenate(structures))
