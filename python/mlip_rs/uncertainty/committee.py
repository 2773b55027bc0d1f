"""The committee of a potential: what else its coefficients might be, by the data that it was fitted to."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs.arrays import Array
from mlip_rs.errors import ConfigError, PotentialFileError
from mlip_rs.potential import Potential
from mlip_rs.potential.potential import REFERENCES_KEY
from mlip_rs.uncertainty.calibration import Calibration, coverages
from mlip_rs.uncertainty.force_error import ForceError

KEY: str = "uncertainty"
"""Entry of `Potential.info` that holds the committee."""

NOISES: tuple[str, ...] = ("energy", "forces", "stress")
"""Properties that have a residual."""

MOST_MEMBERS: int = 256
"""More are refused when a file is read."""

LARGEST_NUMBER: float = 1e100
"""Of deviations and residuals; the squares of larger ones may not be finite."""


@dataclass(frozen=True, eq=False)
class Committee:
    """Deviations of the coefficients, with which every prediction and every property gets an error bar.

    A linear target with design row x has the variance `σ² = noise² + Σ_g (x·dev_g)²`; a derived property Q has
    `σ_Q² = Σ_g (Q(w + dev_g) − Q(w))²`. The factors of the jackknife are in the deviations (B. Efron, The Jackknife,
    the Bootstrap and Other Resampling Plans, 1982).

    Parameters
    ----------
    features
        (U,) columns of the design matrix, all centre elements together, ascending.
    deviations
        (K, U) eV per unit of the feature.
    noise
        Root mean squared residual on the training data by property: energy in eV/atom, forces in eV/Å, stress in
        eV/Å³; properties without labels are absent.
    kind
        What it is made of, in words.
    calibration
        Factors from held-out classes, if there are any.
    coverage
        Part of the labels within the intervals of the levels `LEVELS` in the cross-validation, by property.
    force_error
        Error of the force of an atom by its index, if the potential has an index.

    Examples
    --------
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=2)
    >>> potential = Potential.from_coefficients(basis, [2.0, -0.2], {"Al": 0.0})
    >>> committee = Committee(np.array([1]), np.array([[0.01], [-0.02]]), {"energy": 1e-3}, "two fits")
    >>> potential = committee.attached(potential)
    >>> [member.coefficients("Al")["d[Al,1]"] for member in Committee.of(potential).members(potential)]
    [-0.19, -0.22]
    """

    features: NDArray[np.int64]
    deviations: Array
    noise: Mapping[str, float]
    kind: str
    calibration: Calibration | None = None
    coverage: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    force_error: ForceError | None = None

    @classmethod
    def of(cls, potential: Potential) -> "Committee | None":
        """The committee in a potential; None if there is none.

        Raises
        ------
        PotentialFileError
            The entry is damaged.
        """
        return _committee(potential)

    @classmethod
    def required(cls, potential: Potential) -> "Committee":
        """The committee in a potential.

        Raises
        ------
        ConfigError
            There is none; the message says how to make it.
        PotentialFileError
            The entry is damaged.
        """
        found = cls.of(potential)
        if found is None:
            raise ConfigError(
                "the potential has no error bars: an earlier version made it, it was imported, or it is not on the "
                "front of its fit; fit again, and take a potential of the front"
            )
        return found

    def attached(self, potential: Potential) -> Potential:
        """The potential with this committee in its metadata."""
        return potential.with_info(dict(potential.info) | {KEY: self.to_dict()})

    def with_calibration(self, calibration: Calibration | None) -> "Committee":
        """Copy with other factors."""
        return replace(self, calibration=calibration)

    def members(self, potential: Potential) -> tuple[Potential, ...]:
        """K potentials with the coefficients w + dev_g, and repulsion and origins of the atoms as in the potential.

        Raises
        ------
        ConfigError
            A committee of another potential.
        """
        own = full_coefficients(potential)
        if len(self.features) and self.features[-1] >= len(own):
            raise ConfigError("the committee belongs to another basis")
        references = potential.reference_energies
        info = {key: entry for key, entry in potential.info.items() if key == REFERENCES_KEY}
        members = []
        for deviation in self.deviations:
            coefficients = own.copy()
            coefficients[self.features] += deviation
            members.append(Potential.from_coefficients(potential.spec, coefficients, references, info))
        return tuple(members)

    def to_dict(self) -> dict[str, Any]:
        """As it stands in a potential file: numbers as base64 of little-endian 64-bit floats."""
        numbers = base64.b64encode(np.ascontiguousarray(self.deviations, dtype="<f8").tobytes())
        found: dict[str, Any] = {
            "kind": self.kind,
            "n_members": len(self.deviations),
            "features": self.features.tolist(),
            "deviations": numbers.decode("ascii"),
            "noise": dict(self.noise),
            "coverage": {name: list(own) for name, own in self.coverage.items()},
        }
        if self.calibration is not None:
            found["calibration"] = self.calibration.to_dict()
        if self.force_error is not None:
            found["force_error"] = self.force_error.to_dict()
        return found

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Committee":
        """The inverse of `to_dict`.

        Raises
        ------
        PotentialFileError
            Anything else.
        """
        try:
            features = np.array([index(own) for own in document["features"]], dtype=np.int64)
            n_members = index(document["n_members"])
            if not 1 <= n_members <= MOST_MEMBERS:
                raise ValueError(f"{n_members} members")
            content = base64.b64decode(document["deviations"], validate=True)
            deviations = np.frombuffer(content, dtype="<f8").reshape(n_members, len(features))
            noise = {str(name): float(own) for name, own in document["noise"].items()}
            if not (np.abs([*deviations.flat, *noise.values()]) <= LARGEST_NUMBER).all():
                raise ValueError("numbers that are not finite, or too large")
            if not set(noise) <= set(NOISES) or any(own < 0.0 for own in noise.values()):
                raise ValueError("residuals")
            if len(features) and (features[0] < 0 or (np.diff(features) <= 0).any()):
                raise ValueError("features out of order")
            entry, curve = document.get("calibration"), document.get("force_error")
            return cls(
                features,
                deviations.astype(np.float64),
                noise,
                str(document["kind"]),
                None if entry is None else Calibration.from_dict(entry),
                {str(name): coverages(own) for name, own in document.get("coverage", {}).items()},
                None if curve is None else ForceError.from_dict(curve),
            )
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, binascii.Error) as error:
            raise PotentialFileError(
                f"the entry {KEY!r} of the potential cannot be used ({error}); copy the file again, or fit again"
            ) from None


@lru_cache(maxsize=16)
def _committee(potential: Potential) -> Committee | None:
    entry = potential.info.get(KEY)
    if entry is None:
        return None
    if not isinstance(entry, Mapping):
        raise PotentialFileError(
            f"the entry {KEY!r} of the potential is no mapping; copy the file again, or fit again"
        )
    found = Committee.from_dict(entry)
    if len(found.features) and found.features[-1] >= _n_columns(potential):
        raise PotentialFileError(
            f"the entry {KEY!r} of the potential belongs to another basis; copy the file again, or fit again"
        )
    return found


def _n_columns(potential: Potential) -> int:
    """Columns of the design matrix, all centre elements together."""
    return len(potential.elements) * potential.core.basis.features_per_center


def full_coefficients(potential: Potential) -> Array:
    """(F,) coefficients of a potential, one per column of the design matrix, zeros included.

    Examples
    --------
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=3)
    >>> full_coefficients(Potential.from_coefficients(basis, [2.0, 0.0, -1.0], {"Al": 0.0})).tolist()
    [2.0, 0.0, -1.0]
    """
    labels = potential.core.basis.labels()
    parts = []
    for symbol in potential.elements:
        own = potential.coefficients(symbol)
        parts.append([own.get(label, 0.0) for label in labels])
    return np.array(parts).reshape(-1)
