"""Melting points of the elements, to say how hot is hot."""

from collections.abc import Sequence

_MELTING_POINTS = {
    "H": 14, "He": 1, "Li": 454, "Be": 1560, "B": 2349, "C": 3800, "N": 63, "O": 54, "F": 53, "Ne": 25,
    "Na": 371, "Mg": 923, "Al": 933, "Si": 1687, "P": 317, "S": 388, "Cl": 172, "Ar": 84, "K": 337, "Ca": 1115,
    "Sc": 1814, "Ti": 1941, "V": 2183, "Cr": 2180, "Mn": 1519, "Fe": 1811, "Co": 1768, "Ni": 1728, "Cu": 1358,
    "Zn": 693, "Ga": 303, "Ge": 1211, "As": 1090, "Se": 494, "Br": 266, "Kr": 116, "Rb": 312, "Sr": 1050,
    "Y": 1795, "Zr": 2128, "Nb": 2750, "Mo": 2896, "Tc": 2430, "Ru": 2607, "Rh": 2237, "Pd": 1828, "Ag": 1235,
    "Cd": 594, "In": 430, "Sn": 505, "Sb": 904, "Te": 723, "I": 387, "Xe": 161, "Cs": 302, "Ba": 1000,
    "La": 1193, "Ce": 1068, "Pr": 1208, "Nd": 1297, "Pm": 1315, "Sm": 1345, "Eu": 1099, "Gd": 1585, "Tb": 1629,
    "Dy": 1680, "Ho": 1734, "Er": 1802, "Tm": 1818, "Yb": 1097, "Lu": 1925, "Hf": 2506, "Ta": 3290, "W": 3695,
    "Re": 3459, "Os": 3306, "Ir": 2719, "Pt": 2041, "Au": 1337, "Hg": 234, "Tl": 577, "Pb": 601, "Bi": 544,
    "Th": 2023, "Pa": 1841, "U": 1405, "Np": 917, "Pu": 913,
}  # fmt: skip
"""K at ambient pressure, rounded; sublimation points of C and As (CRC Handbook of Chemistry and Physics)."""

LOWEST: float = 300.0
"""K; molecular elements melt below, but their atoms, free of molecules, are no softer than this."""

UNKNOWN: float = 1500.0
"""K; elements that are not in the table."""


def melting_point(elements: Sequence[str]) -> float:
    """Highest melting point of some elements, K, at least `LOWEST`."""
    return max(LOWEST, *(_MELTING_POINTS.get(element, UNKNOWN) for element in elements))
