"""The files `.snapcoeff` and `.snapparam` of SNAP, read without trust."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ase.data import atomic_numbers

from mlip_rs.errors import PotentialFileError
from mlip_rs.importers.bispectrum import bispectrum_triples

MAX_TWOJMAX: int = 12
"""Largest l of our invariants of third order."""

MAX_CHARACTERS: int = 1 << 20
"""Largest file."""

_DEFAULTS: dict[str, float] = {
    "rfac0": 0.99363,
    "rmin0": 0.0,
    "switchflag": 1,
    "bzeroflag": 1,
    "quadraticflag": 0,
    "chemflag": 0,
    "bnormflag": 0,
    "wselfallflag": 0,
    "switchinnerflag": 0,
}
_IGNORED = frozenset({"chunksize", "parallelthresh"})
_FIXED: dict[str, str] = {
    "rmin0": "a distance of closest approach (rmin0)",
    "quadraticflag": "quadratic terms (quadraticflag)",
    "chemflag": "bispectra of pairs of elements (chemflag)",
    "bnormflag": "another normalisation (bnormflag)",
    "wselfallflag": "self-terms of all elements (wselfallflag)",
    "switchinnerflag": "an inner cutoff function (switchinnerflag)",
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class SnapElement:
    """One block of coefficients.

    Parameters
    ----------
    symbol
        Chemical symbol.
    radius
        Half of the cutoff of two such atoms, in units of `rcutfac`.
    weight
        Factor of such an atom as neighbour.
    constant, coefficients
        Energy of each atom, and factors of the bispectrum components, eV.
    """

    symbol: str
    radius: float
    weight: float
    constant: float
    coefficients: tuple[float, ...]


@dataclass(frozen=True)
class SnapModel:
    """A linear SNAP potential.

    Parameters
    ----------
    elements
        Their blocks.
    cutoff
        Of all pairs, Å.
    twojmax
        Largest 2j.
    rfac0
        θ0 at the cutoff, in units of π.
    from_isolated
        Whether components are relative to those of an atom without neighbours (`bzeroflag`).
    """

    elements: tuple[SnapElement, ...]
    cutoff: float
    twojmax: int
    rfac0: float
    from_isolated: bool


def snap_model(coefficients: str, parameters: str) -> SnapModel:
    """Read the texts of a `.snapcoeff` and a `.snapparam`.

    Raises
    ------
    PotentialFileError
        They are cut short, malformed, or hold what our potentials cannot represent; the message names that.
    """
    found = _parameters(parameters)
    for key, what in _FIXED.items():
        if found[key] != 0:
            raise PotentialFileError(f"has {what}, which cannot be imported")
    if found["switchflag"] != 1:
        raise PotentialFileError("has no cutoff function (switchflag 0), which cannot be imported")
    twojmax = found["twojmax"]
    if not (twojmax.is_integer() and 0 < twojmax <= MAX_TWOJMAX):
        raise PotentialFileError(f"has twojmax {twojmax:g}; it must be 1 to {MAX_TWOJMAX} to be imported")
    if not (found["rcutfac"] > 0.0 and 0.0 < found["rfac0"] <= 1.0):
        raise PotentialFileError("has rcutfac or rfac0 out of range; it is edited")
    elements = _elements(coefficients, len(bispectrum_triples(int(twojmax))))
    radii = {element.radius for element in elements}
    if len(radii) > 1:
        raise PotentialFileError(
            "has another cutoff for each pair of elements (radii "
            + ", ".join(f"{element.symbol} {element.radius:g}" for element in elements)
            + "), which cannot be imported"
        )
    cutoff = 2.0 * radii.pop() * found["rcutfac"]
    return SnapModel(elements, cutoff, int(twojmax), found["rfac0"], found["bzeroflag"] != 0)


def _parameters(text: str) -> Mapping[str, float]:
    found = dict[str, float]()
    for words in _lines(text, "snapparam"):
        key, *values = words
        if key in _IGNORED:
            continue
        if key not in (*_DEFAULTS, "rcutfac", "twojmax", "sinner", "dinner"):
            raise PotentialFileError(
                f"has the parameter {key[:40]!r}, which is not known and may mean anything"
            )
        if key in found:
            raise PotentialFileError(f"has {key} twice; check that it is one .snapparam")
        if key in ("sinner", "dinner"):
            continue  # without effect unless switchinnerflag is set, which is refused
        if len(values) != 1:
            raise PotentialFileError(f"has {len(values)} values for {key}; it is cut short or edited")
        found[key] = _number(values[0])
    for key in ("rcutfac", "twojmax"):
        if key not in found:
            raise PotentialFileError(f"has no {key}; it is cut short or no .snapparam")
    return _DEFAULTS | found


def _elements(text: str, n_components: int) -> tuple[SnapElement, ...]:
    lines = _lines(text, "snapcoeff")
    if not lines or len(lines[0]) != 2 or not all(word.isdecimal() for word in lines[0]):
        raise PotentialFileError("does not begin with two whole numbers; it is no .snapcoeff")
    n_elements, n_coefficients = (int(word) for word in lines[0])
    if n_coefficients != n_components + 1:
        raise PotentialFileError(
            f"has {n_coefficients} coefficients for each element; twojmax of the .snapparam needs {n_components + 1}"
        )
    if not 0 < n_elements <= 20 or len(lines) != 1 + n_elements * (1 + n_coefficients):
        raise PotentialFileError("has not as many lines as its first one says; it is cut short or edited")
    found = []
    for first in range(1, len(lines), 1 + n_coefficients):
        block = lines[first : first + 1 + n_coefficients]
        if len(block[0]) != 3 or any(len(words) != 1 for words in block[1:]):
            raise PotentialFileError("has a line of another form; it is cut short or edited")
        symbol, radius, weight = block[0]
        if atomic_numbers.get(symbol, 0) < 1:
            raise PotentialFileError(f"has the element {symbol[:40]!r}, which is no chemical symbol")
        if _number(radius) <= 0.0:
            raise PotentialFileError(f"has the radius {radius[:40]} for {symbol}; it must be positive")
        constant, *coefficients = (_number(words[0]) for words in block[1:])
        found.append(SnapElement(symbol, _number(radius), _number(weight), constant, tuple(coefficients)))
    if len({element.symbol for element in found}) < len(found):
        raise PotentialFileError("has an element twice")
    return tuple(found)


def _lines(text: str, kind: str) -> list[list[str]]:
    """Words of the lines that are not empty, without comments and quotes."""
    if len(text) > MAX_CHARACTERS:
        raise PotentialFileError(f"is larger than {MAX_CHARACTERS >> 20} MB, as no .{kind} is")
    units = re.search(r"UNITS:\s*(\w+)", text)
    if units is not None and units[1] != "metal":
        raise PotentialFileError(f"has the units {units[1][:40]}; only metal (Å, eV) are imported")
    if not text.endswith("\n"):
        raise PotentialFileError(f"does not end with a line end; copy the whole .{kind} again")
    words = (
        re.sub(r"#.*", "", line).replace('"', " ").replace("'", " ").split() for line in text.split("\n")
    )
    return [line for line in words if line]


def _number(word: str) -> float:
    if not _NUMBER.fullmatch(word) or not math.isfinite(float(word)):
        raise PotentialFileError(f"has {word[:40]!r}, which is no finite number")
    return float(word)
