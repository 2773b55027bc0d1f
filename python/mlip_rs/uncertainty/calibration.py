"""Factors on error bars, from classes of structures that were held out in turn."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from scipy.special import ndtri

from mlip_rs.errors import ConfigError

LEVELS: tuple[float, ...] = (0.68, 0.9, 0.95, 0.99)
"""Nominal coverages at which factors are found."""

LARGEST_FACTOR: float = 1e100
"""Larger ones are refused when a file is read."""


@dataclass(frozen=True)
class Calibration:
    """How much wider than those of a normal distribution intervals have to be.

    Parameters
    ----------
    classes
        Names of the classes that were held out, one after the other, with the selection repeated without them.
    factors
        At each of `LEVELS`, at least 1 and never falling, by property ("energy", "forces", "stress").
    coverage
        Part of the labels of the held-out classes within the intervals before the factors, at each of `LEVELS`, by
        property and class.
    not_held_out
        Reason for each class that the rest of the data cannot be fitted without; it counts nowhere.

    Examples
    --------
    >>> calibration = Calibration(("fcc", "slab"), {"energy": (1.0, 1.5, 1.5, 2.0)}, {})
    >>> calibration.factor("energy", 0.9), calibration.factor("forces", 0.9)
    (1.5, 1.0)
    """

    classes: tuple[str, ...]
    factors: Mapping[str, tuple[float, ...]]
    coverage: Mapping[str, Mapping[str, tuple[float, ...]]]
    not_held_out: Mapping[str, str] = field(default_factory=dict)

    def factor(self, name: str, level: float) -> float:
        """Factor of a property at a nominal coverage: that of the next of `LEVELS`."""
        known = self.factors.get(name)
        return 1.0 if known is None else known[min(bisect_left(LEVELS, level), len(LEVELS) - 1)]

    @property
    def promise(self) -> float:
        """Chance K/(K + 1) that a new class is covered at all, the most that K classes can promise.

        Classes are taken for exchangeable (V. Vovk et al., Algorithmic Learning in a Random World, 2005).
        """
        return len(self.classes) / (len(self.classes) + 1.0)

    def to_dict(self) -> dict[str, Any]:
        """As it stands in a potential file."""
        return {
            "levels": list(LEVELS),
            "classes": list(self.classes),
            "factors": {name: list(own) for name, own in self.factors.items()},
            "coverage": {
                name: {key: list(own) for key, own in by_class.items()}
                for name, by_class in self.coverage.items()
            },
            "not_held_out": dict(self.not_held_out),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Calibration":
        """The inverse of `to_dict`; raises ValueError, LookupError or TypeError for anything else."""
        if tuple(document["levels"]) != LEVELS:
            raise ValueError("other levels")
        factors = {str(name): tuple(map(float, own)) for name, own in document["factors"].items()}
        for own in factors.values():
            rising = all(a <= b for a, b in pairwise((1.0, *own, LARGEST_FACTOR)))
            if len(own) != len(LEVELS) or not rising:
                raise ValueError("factors that are below 1, fall with the level, or are too large")
        coverage = {
            str(name): {str(key): coverages(own) for key, own in by_class.items()}
            for name, by_class in document["coverage"].items()
        }
        missed = {str(name): str(reason) for name, reason in document.get("not_held_out", {}).items()}
        return cls(tuple(map(str, document["classes"])), factors, coverage, missed)


def coverages(values: Iterable[Any]) -> tuple[float, ...]:
    """Parts of the labels at each of `LEVELS`, as a file has them.

    Raises
    ------
    ValueError, TypeError
        Anything else.

    Examples
    --------
    >>> coverages([0.5, 1, 1, 1])
    (0.5, 1.0, 1.0, 1.0)
    """
    found = tuple(map(float, values))
    if len(found) != len(LEVELS) or not all(0.0 <= own <= 1.0 for own in found):
        raise ValueError("coverages")
    return found


def normal_quantile(level: float) -> float:
    """Half-width of the interval of a normal distribution, in standard deviations.

    Raises
    ------
    ConfigError
        A level that is not between 0 and 1.

    Examples
    --------
    >>> round(normal_quantile(0.9), 3)
    1.645
    """
    if not 0.0 < level < 1.0:
        raise ConfigError(f"the level {level:g} of an error bar must lie between 0 and 1; 0.9 is usual")
    return float(ndtri(0.5 + 0.5 * level))
