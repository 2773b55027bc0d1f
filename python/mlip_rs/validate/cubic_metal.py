"""A cubic crystal of one element, as the crystallographic defects of fcc and bcc metals need it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CubicMetal:
    """A cubic crystal of one element.

    Parameters
    ----------
    structure
        Name of the structure: "fcc" or "bcc".
    symbol
        Chemical symbol.
    lattice_constant
        Edge of the cubic cell in Å.

    Examples
    --------
    >>> CubicMetal("fcc", "Cu", lattice_constant=3.61)
    CubicMetal(structure='fcc', symbol='Cu', lattice_constant=3.61)
    """

    structure: str
    symbol: str
    lattice_constant: float
