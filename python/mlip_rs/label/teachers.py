"""Universal potentials that pip brings with their weights, by short names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Teacher:
    """A universal potential.

    Parameters
    ----------
    place
        Module and class of its calculator.
    package
        What pip installs.
    arguments
        Keyword arguments of the class.
    """

    place: str
    package: str
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def cure(self) -> str:
        """How to install it."""
        return (
            f"pip install {self.package} (it brings torch, some gigabytes: an environment of its own is best, with "
            "mlip-rs in it)"
        )


TEACHERS: Mapping[str, Teacher] = MappingProxyType(
    {
        "chgnet": Teacher("chgnet.model.dynamics:CHGNetCalculator", "chgnet"),
        "7net-0": Teacher(
            "sevenn.calculator:SevenNetCalculator", "sevenn", MappingProxyType({"model": "7net-0"})
        ),
        "7net-l3i5": Teacher(
            "sevenn.calculator:SevenNetCalculator", "sevenn", MappingProxyType({"model": "7net-l3i5"})
        ),
    }
)
"""By short name."""
