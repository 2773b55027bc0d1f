"""The files `.mtp` and `.almtp` of MLIP-2 and MLIP-3, moment tensor potentials, read without trust.

A. V. Shapeev, Multiscale Model. Simul. 14, 1153 (2016); I. S. Novikov, K. Gubaev, E. V. Podryabinkin and
A. V. Shapeev, Mach. Learn.: Sci. Technol. 2, 025002 (2021).
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import NDArray

from mlip_rs.errors import PotentialFileError
from mlip_rs.text import counted

KIND: str = ".mtp"
"""What the file is called in messages."""

VERSION: str = "1.1.0"
"""The version that is known."""

BINARY: bytes = b"#MVS"
"""What begins the binary part of an `.almtp`, the active set, which is not read."""

MAX_CHARACTERS: int = 16 << 20
"""Largest text part."""

MAX_SPECIES: int = 20
"""Largest number of elements."""

MAX_RADIAL: int = 90
"""Largest number of Chebyshev polynomials of a radial function, and of radial functions."""

MAX_MOMENTS: int = 200_000
"""Largest number of moments."""

MAX_TIMES: int = 500_000
"""Largest number of products."""

MAX_RANK: int = 12
"""Largest rank of a moment: the largest l of our basis."""

_TOKEN = re.compile(r"[{}=,]|[^\s{}=,]+")
_INTEGER = re.compile(r"-?\d{1,9}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_FREE_TEXT = re.compile(r"^[ \t]*(potential_name|potential_tag)[ \t]*=[^\n]*$", re.MULTILINE)

_RADIAL_BASES: dict[str, str] = {
    "RBChebyshev_repuls": "whose repulsion below min_dist lets forces jump",
    "RBShapeev": "which diverges at short distances",
    "RBTaylor": "which does not end at the cutoff",
    "BChebyshev": "which does not end at the cutoff",
    "BChebyshev_repuls": "which does not end at the cutoff",
}
"""Radial bases that are known and not imported, and why."""


@dataclass(frozen=True)
class MtpModel:
    """A moment tensor potential.

    Parameters
    ----------
    elements
        Chemical symbols, in the order of the types of the file.
    energies
        (E,) energy of an atom without neighbours, eV: `species_coeffs`.
    min_dist, max_dist
        Range of the Chebyshev polynomials, Å; the second is the cutoff.
    scaling
        Factor of all radial functions.
    radial_coefficients
        (E, E, μ, n) by type of the centre and of the neighbour: `f_μ = scaling Σ_n c_n T_n(ξ) (r − max_dist)²`, with ξ
        rising from −1 at `min_dist` to 1 at `max_dist`.
    basic
        (B, 4) μ, a, b, c of the first moments, `M_k = Σ_j f_μ x^a y^b z^c / r^(a+b+c)`.
    times
        (T, 4) i, j, factor, k: `M_k` is the sum of `factor M_i M_j`, in this order.
    n_moments
        Number of moments.
    mapping
        (S,) numbers of the scalar moments.
    coefficients
        (S,) eV: the energy is their sum with these.
    """

    elements: tuple[str, ...]
    energies: tuple[float, ...]
    min_dist: float
    max_dist: float
    scaling: float
    radial_coefficients: NDArray[np.float64]
    basic: NDArray[np.int64]
    times: NDArray[np.int64]
    n_moments: int
    mapping: NDArray[np.int64]
    coefficients: NDArray[np.float64]


def mtp_model(text: str, elements: Sequence[str] | None) -> MtpModel:
    """Read the text of an `.mtp`, or the text part of an `.almtp`.

    Parameters
    ----------
    text
        Its content.
    elements
        Chemical symbols of the types of the file, which has numbers only.

    Raises
    ------
    PotentialFileError
        It is cut short, malformed, or holds what our potentials cannot represent; the message names that, not the file.
    """
    if len(text) > MAX_CHARACTERS:
        raise PotentialFileError(f"is larger than {MAX_CHARACTERS >> 20} MB, as no {KIND} is")
    reader = _Reader(_FREE_TEXT.sub("", text))
    reader.word("MTP")
    version = reader.value("version")
    if version != VERSION:
        raise PotentialFileError(
            f"is of version {version[:40]!r} of the format, and {VERSION} is the one that is known; it is not imported "
            "lest it mean something else"
        )
    scaling = reader.number("scaling") if reader.is_next("scaling") else 1.0
    n_species = reader.integer("species_count", 1, MAX_SPECIES)
    min_dist, max_dist, size, own_scaling = _radial_basis(reader)
    n_radial = reader.integer("radial_funcs_count", 1, MAX_RADIAL)
    types, radial_coefficients = _radial_coefficients(reader, n_species, (n_radial, size))
    tables = _tables(reader, n_radial)
    if not reader.is_next("species_coeffs"):
        raise _untrained("species_coeffs")
    energies = reader.numbers("species_coeffs", n_species)
    coefficients = reader.numbers("moment_coeffs", len(tables[3]))
    reader.end()
    return MtpModel(
        _symbols(types, elements),
        tuple(energies.tolist()),
        min_dist,
        max_dist,
        scaling * own_scaling,
        radial_coefficients,
        *tables,
        coefficients,
    )


class _Reader:
    """Words of the text, each checked when it is taken."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = _TOKEN.findall(text)
        self.at = 0

    def is_next(self, *words: str) -> bool:
        """Whether one of these words follows."""
        return self.at < len(self.tokens) and self.tokens[self.at] in words

    def take(self, wanted: str) -> str:
        """The next token."""
        if self.at >= len(self.tokens):
            raise PotentialFileError(f"ends before {wanted}; it is cut short: copy the whole {KIND} again")
        self.at += 1
        return self.tokens[self.at - 1]

    def word(self, *words: str, where: str = "") -> None:
        """One of these words."""
        found = self.take(words[0])
        if found not in words:
            raise PotentialFileError(
                f"has {found[:40]!r} where {words[0]} is expected{where}; it is damaged, newer or no {KIND}"
            )

    def value(self, *keys: str) -> str:
        """What stands behind a key."""
        self.word(*keys)
        self.word("=")
        return self.take(f"the value of {keys[0]}")

    def number(self, *keys: str) -> float:
        """A finite number."""
        return _number(self.value(*keys), keys[0])

    def integer(self, key: str, low: int, high: int, *others: str) -> int:
        """A whole number in a range."""
        text = self.value(key, *others)
        if not _INTEGER.fullmatch(text) or not low <= int(text) <= high:
            raise PotentialFileError(f"has {key} = {text[:40]}; only {low} to {high} can be imported")
        return int(text)

    def row(self, key: str) -> list[str]:
        """The entries between two braces that have none inside."""
        where = f" in {key}"
        self.word("{", where=where)
        found: list[str] = []
        while not self.is_next("}"):
            if found:
                self.word(",", where=where)
            found.append(self.take(f"the end of {key}"))
            if found[-1] in "{=,":
                raise PotentialFileError(f"has {found[-1]!r} inside {key}; it is damaged or edited")
        self.word("}")
        return found

    def numbers(self, key: str, count: int) -> NDArray[np.float64]:
        """A list of so many finite numbers."""
        self.word(key)
        self.word("=")
        return _counted([_number(text, key) for text in self.row(key)], key, count)

    def integers(self, key: str, count: int) -> NDArray[np.int64]:
        """A list of so many whole numbers."""
        self.word(key)
        self.word("=")
        return np.asarray(
            _counted([_integer(text, key) for text in self.row(key)], key, count), dtype=np.int64
        )

    def quadruples(self, key: str, count: int) -> NDArray[np.int64]:
        """A list of so many lists of four whole numbers, (count, 4)."""
        where = f" in {key}"
        self.word(key)
        self.word("=")
        self.word("{", where=where)
        found: list[list[int]] = []
        while not self.is_next("}"):
            if found:
                self.word(",", where=where)
            found.append([_integer(text, key) for text in self.row(key)])
            if len(found[-1]) != 4:
                raise PotentialFileError(f"has an entry of {len(found[-1])} numbers in {key}, and needs 4")
        self.word("}")
        if len(found) != count:
            raise PotentialFileError(
                f"has {len(found)} entries in {key}, and {key}_count says {count}; it is cut short or edited"
            )
        return np.array(found, dtype=np.int64).reshape(-1, 4)

    def end(self) -> None:
        """Nothing follows."""
        if self.at < len(self.tokens):
            raise PotentialFileError(
                f"has {self.tokens[self.at][:40]!r} behind moment_coeffs; it is newer or edited, and not imported lest "
                "it mean something else"
            )


def _counted(found: list[float] | list[int], key: str, count: int) -> NDArray[np.float64]:
    if len(found) != count:
        raise PotentialFileError(
            f"has {len(found)} numbers in {key}, and needs {count}; it is cut short or edited"
        )
    return np.array(found, dtype=np.float64)


def _number(text: str, key: str) -> float:
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise PotentialFileError(f"has {text[:40]!r} in {key}, which is no finite number")
    return float(text)


def _integer(text: str, key: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise PotentialFileError(f"has {text[:40]!r} in {key}, which is no whole number")
    return int(text)


def _untrained(key: str) -> PotentialFileError:
    return PotentialFileError(
        f"has no {key}: it is a template that is not trained; give the file that training wrote"
    )


def _radial_basis(reader: _Reader) -> tuple[float, float, int, float]:
    """Range, number of polynomials and factor of the radial functions."""
    kind = reader.value("radial_basis_type")
    if kind != "RBChebyshev":
        raise PotentialFileError(
            f"has the radial basis {kind[:40]!r}, {_RADIAL_BASES.get(kind, 'which is not known')}; only "
            "RBChebyshev can be imported"
        )
    scaling = reader.number("scaling") if reader.is_next("scaling") else 1.0
    low = reader.number("min_dist", "min_val", "min")
    high = reader.number("max_dist", "max_val", "max")
    size = reader.integer("radial_basis_size", 2, MAX_RADIAL, "basis_size", "size")
    if not 0.0 <= low < high <= 30.0:
        raise PotentialFileError(
            f"has min_dist {low:g} and max_dist {high:g}; only a cutoff up to 30 Å can be imported"
        )
    if reader.is_next("magnetic_basis_type"):
        raise PotentialFileError("has magnetic moments (magnetic_basis_type), which our atoms have not")
    return low, high, size, scaling


def _radial_coefficients(
    reader: _Reader, n_species: int, shape: tuple[int, int]
) -> tuple[list[int], NDArray[np.float64]]:
    """The types of the file, and (E, E, μ, n) coefficients."""
    if not reader.is_next("radial_coeffs"):
        raise _untrained("radial_coeffs")
    reader.word("radial_coeffs")
    found = np.zeros((n_species, n_species, *shape))
    types: list[int] = []
    for center in range(n_species):
        for neighbor in range(n_species):
            label = reader.take("a pair of radial_coeffs")
            pair = re.fullmatch(r"(\d{1,3})-(\d{1,3})", label)
            if pair is None:
                raise PotentialFileError(
                    f"has {label[:40]!r} in radial_coeffs, where a pair of types such as 0-1 is expected; it is cut "
                    "short or edited"
                )
            if center == 0:
                types.append(int(pair[2]))
            if (int(pair[1]), int(pair[2])) != (types[center], types[neighbor]):
                raise PotentialFileError(f"has the pair {label} out of order in radial_coeffs; it is edited")
            for row in found[center, neighbor]:
                row[:] = _counted(
                    [_number(text, "radial_coeffs") for text in reader.row("radial_coeffs")],
                    f"radial_coeffs {label}",
                    shape[1],
                )
    if len(set(types)) < n_species:
        raise PotentialFileError("has a type twice in radial_coeffs; it is edited")
    return types, found


def _tables(
    reader: _Reader, n_radial: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], int, NDArray[np.int64]]:
    """`basic`, `times`, number of moments and `mapping`."""
    n_moments = reader.integer("alpha_moments_count", 1, MAX_MOMENTS)
    n_basic = reader.integer("alpha_index_basic_count", 1, n_moments)
    basic = reader.quadruples("alpha_index_basic", n_basic)
    if basic.min() < 0 or basic[:, 0].max() >= n_radial:
        raise PotentialFileError("has numbers out of range in alpha_index_basic; it is edited")
    if basic[:, 1:].sum(axis=1).max() > MAX_RANK:
        raise PotentialFileError(f"has moments of a rank above {MAX_RANK}, the largest l of our basis")
    times = reader.quadruples("alpha_index_times", reader.integer("alpha_index_times_count", 0, MAX_TIMES))
    _check_times(times, n_basic, n_moments)
    n_scalar = reader.integer("alpha_scalar_moments", 1, n_moments)
    mapping = reader.integers("alpha_moment_mapping", n_scalar)
    if mapping.min() < 0 or mapping.max() >= n_moments or len(set(mapping.tolist())) < n_scalar:
        raise PotentialFileError("has numbers out of range, or twice, in alpha_moment_mapping; it is edited")
    return basic, times, n_moments, mapping


def _check_times(times: NDArray[np.int64], n_basic: int, n_moments: int) -> None:
    """Products are of moments that are complete, so that they mean the same in any order of evaluation."""
    written, used = set(range(n_basic)), set[int]()
    for i, j, _, k in times.tolist():
        if not (n_basic <= k < n_moments) or i not in written or j not in written or k in used or k in (i, j):
            raise PotentialFileError(
                f"has the entry {i}, {j} → {k} out of order in alpha_index_times; it is edited"
            )
        written.add(k)
        used.update((i, j))


def _symbols(types: list[int], elements: Sequence[str] | None) -> tuple[str, ...]:
    """Chemical symbols of the types."""
    if elements is None:
        shown = ", ".join(map(str, types))
        hint = "Al Ni"[: 2 if len(types) == 1 else 5]
        if 0 not in types and max(types) < len(chemical_symbols):
            hint = " ".join(chemical_symbols[number] for number in types)
        raise PotentialFileError(
            f"has numbers for its elements ({shown}), not their names; give them in this order, as in --elements {hint}"
        )
    if len(elements) != len(types):
        raise PotentialFileError(
            f"has {counted(len(types), 'element')}, and {len(elements)} were given; give one symbol for each"
        )
    for symbol in elements:
        if symbol not in atomic_numbers or symbol == "X" or list(elements).count(symbol) > 1:
            raise PotentialFileError(f"cannot have the element {symbol[:40]!r}: unknown, or given twice")
    return tuple(elements)
