"""Weights of the squared residuals: by property, by structure, by config type."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs.data import Dataset, Frame, ReferenceEnergies
from mlip_rs.errors import ConfigError
from mlip_rs.settings import check_types
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA

PROPERTIES: tuple[str, ...] = ("energy", "forces", "stress")
"""Order of the properties in all arrays of weights and equations."""


AUTO: str = "auto"
"""A scale that is taken from the data."""

MEDIANS: float = 2.0
"""That scale in the median RMS force."""

WIDE: tuple[float, float] = (0.9, 6.0)
"""A quantile of the RMS forces, and how many medians it must exceed for there to be such a scale: 10 and 8 in sets of
small and large displacements, 1.4 to 4.6 in ten public sets."""

SLIGHT: float = 0.08
"""Median RMS stress below which there is a static scale, in the pressure of forces of the median size on the faces of
the cubes of atoms: 0.05 and 0.06 in sets of germanium and silicon, 0.10 to 1.1 in ten of metals and oxides."""

STATIC: float = 0.1
"""That scale in the median RMS force."""

STATIC_STRESSES: float = 25.0
"""Factor on the weight of stresses of structures whose atoms feel no forces: their precision is a fifth."""

SMALLEST: float = 1e-12
"""Smallest precision and scale accepted; the largest is its inverse. Weights are squares of them."""


@dataclass(frozen=True)
class Weights:
    """Precisions of the properties and weights of the structures.

    A residual is weighted by one over the squared precision of its property.

    Parameters
    ----------
    energy
        Precision of the energy per atom, eV. None leaves all energies out.
    forces
        Precision of a force component, eV/Å. None leaves all forces out.
    stress
        Precision of a stress component, GPa. None leaves all stresses out. The default is the stress of a hard
        crystal strained by a few thousandths, as elastic constants require.
    energy_scale
        Structures that lie Δ above the lowest energy per atom of their composition (eV) have their weight divided
        by 1 + (Δ / energy_scale)²; None weighs all alike.
    force_scale
        Forces of structures whose RMS force is F (eV/Å) have their weight divided by 1 + (F / force_scale)²: errors
        grow with the forces, and small displacements, of which phonons are made, would drown among large ones. "auto"
        is twice the median F of the structures that have forces if a tenth of them have more than six times the
        median, else none: where all forces are alike nothing is gained. None weighs all alike.
    static_scale
        Stresses of structures whose RMS force is F (eV/Å) have their weight multiplied by 1 + 24 / (1 + (F /
        static_scale)²): in strained crystals whose atoms feel no force they are all that tells the elastic constants.
        "auto" compares, of periodic structures with both labels, the median RMS stress with the pressure
        p = F / V^(2/3) of the median F but for zeros on the faces of the cubes of atoms of the median volume V: below
        0.08 p, as in covalent crystals, the scale is a tenth of that F, and C11 of silicon at the knee comes within
        2 % of its labels in place of some 15 %; else there is none, since metals lost up to a tenth in energies
        and forces with a third of the weight. None weighs all alike, as structures without labels of forces always are.
    config_types
        Factors on all weights of a config type, or on single properties: {"liquid": 0.5,
        "Elastic": {"stress": 0.0}}.

    Raises
    ------
    ConfigError
        Precisions that are not positive, factors that are negative, everything switched off.

    Examples
    --------
    >>> Weights(energy=0.002, stress=None).of_properties().round().tolist()
    [250000.0, 100.0, 0.0]
    """

    energy: float | None = 0.001
    forces: float | None = 0.1
    stress: float | None = 0.3
    energy_scale: float | None = None
    force_scale: float | str | None = "auto"
    static_scale: float | str | None = "auto"
    config_types: Mapping[str, float | Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_types(self)
        for name in (*PROPERTIES, "energy_scale", "force_scale", "static_scale"):
            value = getattr(self, name)
            if value is None or (name in ("force_scale", "static_scale") and value == AUTO):
                continue
            if isinstance(value, str):
                raise ConfigError(
                    f'weights.{name} is {value!r}; give a positive number, "{AUTO}", or None (in a file: false)'
                )
            if value <= 0:
                raise ConfigError(
                    f"weights.{name} is {value!r}; give a positive number, or None (in a file: false) for none"
                )
            if not SMALLEST <= value <= 1.0 / SMALLEST:
                raise ConfigError(
                    f"weights.{name} is {value!r}; it must lie between {SMALLEST:g} and {1.0 / SMALLEST:g}"
                )
        if self.energy is None and self.forces is None and self.stress is None:
            raise ConfigError("all weights are switched off; give the precision of at least one property")
        for config_type, factor in self.config_types.items():
            entries = factor if isinstance(factor, Mapping) else {"energy": factor}
            for name, value in entries.items():
                if name not in PROPERTIES:
                    raise ConfigError(
                        f"weights of config type {config_type!r}: {name!r} is none of {', '.join(PROPERTIES)}"
                    )
                if value < 0:
                    raise ConfigError(f"weights of config type {config_type!r}: {value} is negative")

    def of_properties(self) -> NDArray[np.float64]:
        """(3,) one over the squared precision of energy (eV/atom), forces (eV/Å) and stress (eV/Å³)."""
        stress = None if self.stress is None else self.stress / EV_PER_ANGSTROM3_IN_GPA
        return np.array([0.0 if p is None else p**-2 for p in (self.energy, self.forces, stress)])

    def of_structures(self, dataset: Dataset, reference: ReferenceEnergies) -> NDArray[np.float64]:
        """(S, 3) factors of each structure's energy, forces and stress; zero where a label is missing.

        Raises
        ------
        ConfigError
            A config type that does not occur in the data.
        """
        unknown = set(self.config_types) - set(dataset.config_types)
        if unknown:
            raise ConfigError(
                f"weights: config type {sorted(unknown)[0]!r} does not occur in the data; "
                f"it has {', '.join(dataset.config_types)}"
            )
        factors = np.array(
            [[f.energy is not None, f.forces is not None, f.stress is not None] for f in dataset], dtype=float
        )
        factors *= np.array([frame.weights for frame in dataset])
        factors *= self._by_energy(dataset, reference)[:, None]
        factors[:, 1] *= self._by_force(dataset)
        factors[:, 2] *= self._by_static(dataset)
        for index, frame in enumerate(dataset):
            entry = self.config_types.get(frame.config_type, 1.0)
            if isinstance(entry, Mapping):
                factors[index] *= [entry.get(name, 1.0) for name in PROPERTIES]
            else:
                factors[index] *= entry
        return factors

    def _by_energy(self, dataset: Dataset, reference: ReferenceEnergies) -> NDArray[np.float64]:
        if self.energy_scale is None:
            return np.ones(len(dataset))
        above = np.zeros(len(dataset))
        lowest: dict[tuple[float, ...], float] = {}
        keys = [tuple(np.round(row / row.sum(), 3)) for row in dataset.compositions()]
        energies = [None if f.energy is None else (f.energy - reference.of(f)) / f.n_atoms for f in dataset]
        for key, energy in zip(keys, energies, strict=True):
            if energy is not None:
                lowest[key] = min(energy, lowest.get(key, np.inf))
        for index, (key, energy) in enumerate(zip(keys, energies, strict=True)):
            above[index] = 0.0 if energy is None else energy - lowest[key]
        return np.asarray(1.0 / (1.0 + (above / self.energy_scale) ** 2))

    def with_scale_of(self, dataset: Dataset) -> "Weights":
        """The same with scales as numbers, those of a dataset, so that data to come do not change them."""
        force_scale = self._force_scale(_rms_forces(dataset))
        return replace(self, force_scale=force_scale, static_scale=self._static_scale(dataset))

    def _force_scale(self, rms_forces: NDArray[np.float64]) -> float | None:
        if not isinstance(self.force_scale, str):
            return self.force_scale
        some = rms_forces[rms_forces > SMALLEST]
        if not len(some) or np.quantile(some, WIDE[0]) < WIDE[1] * np.median(some):
            return None
        return MEDIANS * float(np.median(some))

    def _by_force(self, dataset: Dataset) -> NDArray[np.float64]:
        rms_forces = _rms_forces(dataset)
        scale = self._force_scale(rms_forces)
        if scale is None:
            return np.ones(len(dataset))
        return np.asarray(1.0 / (1.0 + (rms_forces / scale) ** 2), dtype=np.float64)

    def _static_scale(self, dataset: Dataset) -> float | None:
        if not isinstance(self.static_scale, str):
            return self.static_scale
        some = [f for f in dataset if f.stress is not None and f.forces is not None and f.pbc.all()]
        forces = _rms_forces(some)
        if not (forces > SMALLEST).any():
            return None
        median = float(np.median(forces[forces > SMALLEST]))
        volume = np.median([abs(np.linalg.det(f.cell)) / f.n_atoms for f in some])
        slight = SLIGHT * median / volume ** (2 / 3)
        stresses = [np.sqrt((f.stress**2).mean()) for f in some if f.stress is not None]
        return STATIC * median if np.median(stresses) < slight else None

    def _by_static(self, dataset: Dataset) -> NDArray[np.float64]:
        """Factors on stresses."""
        scale = self._static_scale(dataset)
        if scale is None:
            return np.ones(len(dataset))
        forces = np.where([f.forces is None for f in dataset], np.inf, _rms_forces(dataset))
        return np.asarray(1.0 + (STATIC_STRESSES - 1.0) / (1.0 + (forces / scale) ** 2), dtype=np.float64)


def _rms_forces(frames: Iterable[Frame]) -> NDArray[np.float64]:
    """(S,) root mean square of the force components of each structure, eV/Å; 0 without forces."""
    return np.array([0.0 if f.forces is None else np.sqrt((f.forces**2).mean()) for f in frames])


def precisions_text(weights: Mapping[str, Any]) -> str:
    """Precisions of weights that a record holds, with their units.

    >>> precisions_text({"energy": 0.001, "forces": 0.1, "stress": None, "force_scale": 0.8})
    'energy 0.001 eV/atom, forces 0.1 eV/Å (less where they exceed 0.8 eV/Å)'
    """
    units = zip(PROPERTIES, ("eV/atom", "eV/Å", "GPa"), strict=True)
    parts = {
        name: f"{name} {weights[name]:g} {unit}" for name, unit in units if weights.get(name) is not None
    }
    scale = weights.get("force_scale")
    if "forces" in parts and scale is not None:
        shown = (
            f"they exceed {scale:.3g} eV/Å"
            if isinstance(scale, float | int)
            else "a set has small and large ones"
        )
        parts["forces"] += f" (less where {shown})"
    scale = weights.get("static_scale")
    if "stress" in parts and scale is not None:
        parts["stress"] += " (a fifth of it where atoms feel no forces" + (
            ")" if isinstance(scale, float | int) else ", in a set of small stresses)"
        )
    return ", ".join(parts.values())
