"""Quantities that are compared with a reference, and the largest deviation that passes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """Largest deviation that passes: a value in the property's unit, or a fraction of the reference."""

    value: float
    relative: bool = False

    def limit(self, reference: float) -> float:
        """Largest deviation in the property's unit.

        Examples
        --------
        >>> Threshold(0.1, relative=True).limit(80.0)
        8.0
        """
        return self.value * abs(reference) if self.relative else self.value


@dataclass(frozen=True)
class Quantity:
    """A number that is compared: name, unit, value, and the deviation from the reference that passes.

    The value is None where it is not determined. A quantity that is not `signed` is positive in every sound crystal:
    a member of a committee that gives it another sign has lost the crystal, and its number says nothing.
    """

    name: str
    unit: str
    value: float | None
    threshold: Threshold
    signed: bool = False
