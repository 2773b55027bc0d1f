"""The file `.yace` of PACE, an atomic cluster expansion (R. Drautz, PRB 99, 014104 (2019)), read without trust."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs.errors import PotentialFileError
from mlip_rs.importers.yaml_document import Document, read_yaml

KIND: str = ".yace"
"""What the file is called in messages."""

MAX_CHARACTERS: int = 64 << 20
"""Largest file."""

MAX_DEGREE: int = 12
"""Largest l of our basis."""

MAX_RANK: int = 6
"""Largest order of our basis."""

MAX_COMPONENTS: int = 60_000
"""Largest product of the 2l + 1 of a function, as of our basis."""

MAX_RADIAL: int = 100
"""Largest number of radial functions of a pair of elements."""

RADIAL_BASES: tuple[str, ...] = ("ChebExpCos", "ChebPow", "ChebLinear", "SBessel")
"""Radial functions that are known."""

_TOP = frozenset({"elements", "E0", "deltaSplineBins", "embeddings", "bonds", "functions", "metadata"})
_EMBEDDING = frozenset({"ndensity", "FS_parameters", "npoti", "rho_core_cutoff", "drho_core_cutoff"})
_BOND = frozenset(
    {
        *("nradmax", "lmax", "nradbasemax", "radbasename", "radparameters", "radcoefficients"),
        *("prehc", "lambdahc", "rcut", "dcut", "rcut_in", "dcut_in", "inner_cutoff_type"),
    }
)
_FUNCTION = frozenset({"mu0", "rank", "ndensity", "num_ms_combs", "mus", "ns", "ls", "ms_combs", "ctildes"})

_HOSTILE = re.compile(r"[&*!%@`|<>]|-[ \t]+-[ \t]|\?[ \t]+\?|^[ \t]{40}", re.MULTILINE)
"""Anchors, tags, blocks of text and nesting that PACE does not write, and that hide a hostile file."""
MAX_NESTING: int = 8


@dataclass(frozen=True)
class RadialBasis:
    """Radial functions `g_k` of a pair of elements.

    Parameters
    ----------
    name, parameter
        One of `RADIAL_BASES`, and λ of its distance.
    cutoff, width
        Where the functions end, and the range before it in which ChebExpCos are switched off (`dcut`), Å.
    inner_cutoff, inner_width
        Range in which functions are switched on (`rcut_in`, `dcut_in`), Å; without effect where the first is 0.
    bin
        Step of the splines of PACE, Å.
    n_functions
        How many there are.
    """

    name: str
    parameter: float
    cutoff: float
    width: float
    inner_cutoff: float
    inner_width: float
    bin: float
    n_functions: int


@dataclass(frozen=True)
class CoreRepulsion:
    """`prefactor exp(−λ r²) / r` times the cosine cutoff function, eV; `is_inner`: within the inner cutoff only."""

    prefactor: float
    exponent: float
    is_inner: bool


@dataclass(frozen=True)
class Bond:
    """What atoms of a pair of elements share: `R_nl = Σ_k c_nlk g_k`, coefficients (n, l, k)."""

    basis: RadialBasis
    coefficients: NDArray[np.float64]
    core: CoreRepulsion | None


@dataclass(frozen=True)
class PaceFunction:
    """`Σ_m c_m Re Π_t A_(μ_t n_t l_t m_t)`; for rank 1 the sum of `g_n` over neighbours.

    Parameters
    ----------
    neighbors, radials, degrees
        Element, number from 0 and l of each factor.
    projections
        (C, rank) m of each term.
    coefficients
        (C,) eV.
    """

    neighbors: tuple[int, ...]
    radials: tuple[int, ...]
    degrees: tuple[int, ...]
    projections: NDArray[np.int64]
    coefficients: NDArray[np.float64]


@dataclass(frozen=True)
class PaceModel:
    """A linear atomic cluster expansion.

    Parameters
    ----------
    elements
        Chemical symbols.
    energies
        Of an atom without neighbours, eV.
    bonds
        By element of the centre and of the neighbour.
    functions
        By element of the centre.
    """

    elements: tuple[str, ...]
    energies: tuple[float, ...]
    bonds: Mapping[tuple[int, int], Bond]
    functions: tuple[tuple[PaceFunction, ...], ...]


@dataclass(frozen=True)
class _Embedding:
    """Factor of each density, and the sum of core repulsions at which PACE begins to switch an atom off, eV."""

    weights: NDArray[np.float64]
    onset: float


def pace_model(text: str) -> PaceModel:
    """Read the text of a `.yace`.

    Raises
    ------
    PotentialFileError
        It is cut short, malformed, or holds what our potentials cannot represent; the message names that, not the file.
    """
    document = _document(text)
    elements = document.symbols("elements")
    energies = document.numbers("E0")
    if len(energies) != len(elements):
        raise PotentialFileError(f"has {len(energies)} entries in E0, and {len(elements)} elements")
    bonds = _bonds(document, elements)
    embeddings = _of_elements(document, "embeddings", elements)
    weights = [_embedding(_part(embeddings[k], _EMBEDDING, "embeddings"), elements[k]) for k in embeddings]
    for center, embedding in enumerate(weights):
        _check_core(center, embedding, bonds, elements)
    per_center = _of_elements(document, "functions", elements)
    functions = tuple(
        tuple(_functions(per_center[k], k, weights[k].weights, bonds, len(elements))) for k in per_center
    )
    return PaceModel(elements, energies, bonds, functions)


def _document(text: str) -> Document:
    if len(text) > MAX_CHARACTERS:
        raise PotentialFileError(f"is larger than {MAX_CHARACTERS >> 20} MB, as no linear .yace is")
    if not text.endswith("\n"):
        raise PotentialFileError("does not end with a line end; copy the whole .yace again")
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_NESTING:
            break
    if _HOSTILE.search(re.sub(r"#.*", "", text)) or depth > MAX_NESTING:
        raise PotentialFileError("is no .yace: it has YAML that PACE does not write")
    content = read_yaml(text, KIND)
    return _part(content, _TOP, "the file")


def _part(content: object, known: frozenset[str], where: str) -> Document:
    """A mapping that has no unknown keys."""
    if not isinstance(content, dict):
        raise PotentialFileError(f"has no entries in {where}; it is cut short or no .yace")
    unknown = next((key for key in content if key not in known), None)
    if unknown is not None:
        raise PotentialFileError(
            f"has the key {str(unknown)[:40]!r} in {where}, which is not known; it is of a newer version or another "
            "program, and not imported lest it mean something else"
        )
    return Document(content, KIND)


def _of_elements(document: Document, key: str, elements: tuple[str, ...]) -> dict[int, Any]:
    """The entries of a mapping whose keys are the numbers of all elements, in their order."""
    found = document[key]
    if not isinstance(found, dict) or set(found) != set(range(len(elements))):
        raise PotentialFileError(f"has not one entry for each element in {key}; it is cut short or edited")
    return {k: found[k] for k in range(len(elements))}


def _embedding(document: Document, symbol: str) -> _Embedding:
    n_densities = document.integer("ndensity", 1, 100)
    document.choice("npoti", ("FinnisSinclair", "FinnisSinclairShiftedScaled"))
    parameters = np.array(document.numbers("FS_parameters"))
    if len(parameters) < 2 * n_densities:
        raise PotentialFileError(
            f"has {len(parameters)} FS_parameters for {symbol}, and needs {2 * n_densities}; it is cut short or edited"
        )
    weights, powers = parameters[: 2 * n_densities].reshape(-1, 2).T
    bent = powers[(powers != 1.0) & (weights != 0.0)]
    if len(bent):
        raise PotentialFileError(
            f"is not linear: the energy of {symbol} has a density to the power of {bent[0]:g} (FS_parameters), as most "
            "files of PACE have, which no basis of ours contains; fit it again with one density and FS_parameters "
            "[1, 1] to import it"
        )
    cut, width = document.number("rho_core_cutoff"), document.number("drho_core_cutoff")
    if not (cut > 0.0 and 0.0 <= width <= cut):
        raise PotentialFileError(
            f"switches atoms of {symbol} off by their core repulsion from the beginning (rho_core_cutoff {cut:g}, "
            f"drho_core_cutoff {width:g}), which cannot be imported"
        )
    return _Embedding(weights, cut - width)


def _bonds(document: Document, elements: tuple[str, ...]) -> dict[tuple[int, int], Bond]:
    found = document["bonds"]
    pairs = [(i, j) for i in range(len(elements)) for j in range(len(elements))]
    if not isinstance(found, dict) or set(found) != set(pairs):
        raise PotentialFileError(
            "has not one entry for each pair of elements in bonds; it is cut short or edited"
        )
    spacing = document.number("deltaSplineBins", positive=True)
    parts = {}
    for i, j in pairs:
        name = f"bonds [{i}, {j}]"
        parts[i, j] = _part(found[i, j], _BOND, name)
        if str(parts[i, j].content.get("radbasename")).startswith("ACE.jl"):
            raise PotentialFileError(f"has radial functions of ACE.jl in {name}, which cannot be imported")
        parts[i, j].choice("radbasename", RADIAL_BASES)
    kinds = {str(part.content.get("inner_cutoff_type", "density")) for part in parts.values()}
    if len(kinds) > 1 or not kinds <= {"density", "distance"}:
        raise PotentialFileError(
            f"has inner_cutoff_type {' and '.join(sorted(kinds))[:40]}; only density or distance, the same for all "
            "pairs of elements, can be imported"
        )
    n_base = max(part.integer("nradbasemax", 1, MAX_RADIAL) for part in parts.values())
    shape = (
        max(part.integer("nradmax", 0, MAX_RADIAL) for part in parts.values()),
        max(part.integer("lmax", 0, MAX_DEGREE) for part in parts.values()) + 1,
        n_base,
    )
    return {pair: _bond(part, pair, shape, kinds == {"distance"}, spacing) for pair, part in parts.items()}


def _bond(
    part: Document, pair: tuple[int, int], shape: tuple[int, int, int], is_distance: bool, spacing: float
) -> Bond:
    name = f"bonds {list(pair)}"
    cutoff, width = part.number("rcut", positive=True), part.number("dcut")
    inner = part.number("rcut_in") if part.has("rcut_in") else 0.0
    inner_width = part.number("dcut_in") if part.has("dcut_in") else 0.0
    if not (0.0 <= width <= cutoff <= 30.0 and cutoff / 100_000 <= spacing <= cutoff / 100):
        raise PotentialFileError(f"has rcut, dcut or deltaSplineBins out of range in {name}; it is edited")
    if not (0.0 <= inner < cutoff and inner_width >= 0.0) or (inner > 0.0 and inner_width == 0.0):
        raise PotentialFileError(f"has rcut_in or dcut_in out of range in {name}; it is edited")
    if not is_distance:
        if inner > inner_width:
            raise PotentialFileError(
                f"cuts functions off at rcut_in − dcut_in without a switch (inner_cutoff_type density) in {name}, "
                "which cannot be imported"
            )
        inner = inner_width = 0.0
    parameter = part.numbers("radparameters")[0]
    chosen = part.choice("radbasename", RADIAL_BASES)
    if (chosen == "ChebPow" and not 1.0 < parameter <= 100.0) or (
        chosen == "ChebExpCos" and not 1e-3 <= abs(parameter) <= 100.0
    ):
        raise PotentialFileError(
            f"has radparameters {parameter:g} of {chosen} in {name}, which gives no smooth function"
        )
    basis = RadialBasis(chosen, parameter, cutoff, width, inner, inner_width, spacing, shape[2])
    prefactor, exponent = abs(part.number("prehc")), abs(part.number("lambdahc"))
    if prefactor > 1e6 or exponent > 1e3:
        raise PotentialFileError(f"has prehc or lambdahc out of range in {name}; it is edited")
    acts = prefactor > 0.0 and (inner > 0.0 or not is_distance)
    core = CoreRepulsion(prefactor, exponent, is_distance) if acts else None
    return Bond(basis, _radial_coefficients(part, name, shape), core)


def _radial_coefficients(part: Document, name: str, shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """`c_nlk`, filled with zeros up to the largest numbers of all pairs."""
    own = (
        part.integer("nradmax", 0, MAX_RADIAL),
        part.integer("lmax", 0, MAX_DEGREE) + 1,
        part.integer("nradbasemax", 1, MAX_RADIAL),
    )
    given = part["radcoefficients"]
    wrong = PotentialFileError(
        f"has not as many radcoefficients as nradmax, lmax and nradbasemax say in {name}; it is cut short or edited"
    )
    if not isinstance(given, list) or len(given) < own[0]:
        raise wrong
    found = np.zeros(shape)
    for n, rows in enumerate(given[: own[0]]):
        if not isinstance(rows, list) or len(rows) < own[1]:
            raise wrong
        for degree, row in enumerate(rows[: own[1]]):
            if not isinstance(row, list) or len(row) < own[2]:
                raise wrong
            values = [part.as_number(value, "radcoefficients") for value in row[: own[2]]]
            if max(map(abs, values)) > 1e6:
                raise PotentialFileError(f"has radcoefficients in {name} that are not sensible; it is edited")
            found[n, degree, : own[2]] = values
    return found


CLOSEST: float = 0.5
"""Distance of atoms (Å) down to which an imported potential is that of the file."""

_NEIGHBORS = 20
"""As many neighbours at that distance have not to switch an atom off."""


def _check_core(
    center: int, embedding: _Embedding, bonds: Mapping[tuple[int, int], Bond], elements: tuple[str, ...]
) -> None:
    """Refuse core repulsions at which PACE would switch the rest of the energy off."""
    for (i, _), bond in bonds.items():
        if i != center or bond.core is None:
            continue
        nearby = bond.core.prefactor * np.exp(-bond.core.exponent * CLOSEST**2) / CLOSEST
        if _NEIGHBORS * nearby > embedding.onset:
            raise PotentialFileError(
                f"switches atoms of {elements[center]} off by their core repulsion from {embedding.onset:g} eV on "
                "(rho_core_cutoff), which close pairs reach; that cannot be imported"
            )


def _functions(
    entries: object,
    center: int,
    weights: NDArray[np.float64],
    bonds: Mapping[tuple[int, int], Bond],
    n_elements: int,
) -> "list[PaceFunction]":
    if not isinstance(entries, list) or not 0 < len(entries) <= 100_000:
        raise PotentialFileError(f"has no list of functions for element {center}; it is cut short or edited")
    n_radial, n_degrees, n_base = bonds[center, center].coefficients.shape
    found = []
    for number, entry in enumerate(entries):
        part = _part(entry, _FUNCTION, f"functions {center}: {number}")
        rank = part.integer("rank", 1, MAX_RANK)
        part.integer("mu0", center, center)
        n_terms, n_densities = part.integer("num_ms_combs", 1, 10**6), len(weights)
        part.integer("ndensity", n_densities, n_densities)
        largest = n_base if rank == 1 else n_radial
        neighbors = part.integers("mus", 0, n_elements - 1)
        radials = tuple(n - 1 for n in part.integers("ns", 1, largest))
        degrees = part.integers("ls", 0, 0 if rank == 1 else n_degrees - 1)
        projections = part.integers("ms_combs", -MAX_DEGREE, MAX_DEGREE)
        coefficients = part.numbers("ctildes")
        counts = [len(neighbors), len(radials), len(degrees), len(projections), len(coefficients)]
        if counts != [rank, rank, rank, rank * n_terms, n_densities * n_terms]:
            raise PotentialFileError(
                f"has lists of other lengths than rank and num_ms_combs say in functions {center}: {number}; "
                "it is cut short or edited"
            )
        if prod(2 * degree + 1 for degree in degrees) > MAX_COMPONENTS:
            raise PotentialFileError(
                f"has l = {', '.join(map(str, degrees))} in functions {center}: {number}, more than our basis holds"
            )
        m = np.array(projections, dtype=np.int64).reshape(n_terms, rank)
        if (np.abs(m) > degrees).any() or m.sum(axis=1).any():
            raise PotentialFileError(
                f"has ms_combs that are no invariant in functions {center}: {number}; it is edited"
            )
        summed = np.array(coefficients).reshape(n_terms, n_densities) @ weights
        found.append(PaceFunction(neighbors, radials, degrees, m, summed))
    return found
