"""The scalars of moment tensor potentials in our couplings.

A moment `M_(μ a b c) = Σ_j f_μ x^a y^b z^c / r^ν`, ν = a + b + c (A. V. Shapeev, Multiscale Model. Simul. 14, 1153
(2016)), is a sum of order parameters of the same radial function, `Σ_lm T^(abc)_lm a_μlm`, l = ν, ν − 2, … A scalar is
a polynomial of moments that rotation and inversion do not change, and so a sum of our couplings of the same radial
functions. Its coefficients follow from its values at random order parameters: more of them than there are couplings, so
that what is left over tells whether it is a scalar.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import groupby, pairwise, product

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, lpmv

from mlip_rs.errors import PotentialFileError
from mlip_rs.importers.couplings import chains, independent_chains, real_clebsch_gordan
from mlip_rs.importers.mtp_file import MtpModel

MAX_ORDER: int = 6
"""Most moments in a product: the largest order of our basis."""

MAX_COMPONENTS: int = 60_000
"""Largest product of the 2l + 1 of a coupling, as of our basis."""

MAX_COUPLINGS: int = 3_000
"""Most couplings of moments of the same radial functions and ranks."""

LEFT_OVER: float = 1e-10
"""Largest rest of a scalar in our couplings, relative to its values."""

MAX_CONTENTS: int = 8
"""Most different products in the sum that is a moment; those of MLIP have one."""

MAX_VALUES: int = 100_000_000
"""Most values of moments."""

SPARE: int = 24
"""More random values than couplings."""

Channel = tuple[int, int]
"""l and number of the radial function of a factor: as factors ascend in labels."""

Channels = tuple[Channel, ...]

Contents = frozenset[tuple[Channel, ...]]
"""What the terms of a moment multiply: (number of the radial function, rank) of each factor, ascending."""

Array = NDArray[np.float64]


def energy_in_couplings(model: MtpModel) -> dict[Channels, Array]:
    """The energy without constants, as coefficients of couplings of ascending factors, eV.

    The entries of a value belong to the couplings k = 0, 1, … of order parameters that are summed over the neighbours
    of all elements; of one factor, to `a_μ00`.

    Raises
    ------
    PotentialFileError
        A moment that has a coefficient is no scalar, or too large for our basis.
    """
    groups: dict[Contents, list[int]] = defaultdict(list)
    contents = _contents(model)
    for place, moment in enumerate(model.mapping):
        if model.coefficients[place] != 0.0:
            groups[contents[moment]].append(place)
    columns = {content: list(_columns(content)) for content in groups}
    counts = {content: sum(len(own) for _, own in columns[content]) for content in groups}
    count = max(counts.values(), default=0) + SPARE
    if count > MAX_COUPLINGS or count * model.n_moments > MAX_VALUES:
        raise PotentialFileError(
            f"has a scalar of {count - SPARE} couplings, too many for its {model.n_moments} moments"
        )
    values = _Values(model, count)
    found: dict[Channels, Array] = {}
    for content, places in groups.items():
        solution = _solved(model, values, columns[content], places)
        start = 0
        for channels, numbers in columns[content]:
            own = solution[start : start + len(numbers)]
            found[channels] = found[channels] + own if channels in found else own
            start += len(numbers)
    return {channels: own for channels, own in found.items() if own.any()}


def _solved(
    model: MtpModel, values: "_Values", columns: list[tuple[Channels, list[int]]], places: list[int]
) -> Array:
    """Coefficients of the couplings in the sum of some scalars with their coefficients."""
    count = sum(len(numbers) for _, numbers in columns)
    scalars = values.moments[model.mapping[places], : count + SPARE]
    target = model.coefficients[places] @ scalars
    size = np.abs(model.coefficients[places]) @ np.linalg.norm(scalars, axis=1)
    rows = [values.couplings(channels, numbers, count + SPARE) for channels, numbers in columns]
    matrix = np.concatenate(rows) if rows else np.zeros((0, count + SPARE))
    norms = np.linalg.norm(matrix, axis=1)
    solution = np.linalg.lstsq((matrix / norms[:, None]).T, target, rcond=None)[0] / norms
    if not np.linalg.norm(solution @ matrix - target) <= LEFT_OVER * size:
        raise PotentialFileError(
            f"has moments in alpha_moment_mapping ({model.mapping[places[0]]} or one like it) that change under "
            "rotation or inversion; its tables are edited"
        )
    solution[np.abs(solution) * norms <= 1e-14 * size] = 0.0
    return np.asarray(solution, dtype=np.float64)


def _contents(model: MtpModel) -> list[Contents]:
    """What each moment multiplies."""
    found: list[Contents] = [frozenset()] * model.n_moments
    for k, (mu, *powers) in enumerate(model.basic.tolist()):
        found[k] = frozenset({((mu, sum(powers)),)})
    pairs: dict[int, set[tuple[Contents, Contents]]] = defaultdict(set)
    for i, j, factor, k in model.times.tolist():
        if factor == 0 or (found[i], found[j]) in pairs[k]:
            continue
        pairs[k].add((found[i], found[j]))
        products = {tuple(sorted(a + b)) for a, b in product(found[i], found[j])}
        found[k] |= products
        if any(len(entry) > MAX_ORDER for entry in products):
            raise PotentialFileError(
                f"multiplies more than {MAX_ORDER} moments, the largest order of our basis; templates of MLIP multiply "
                "at most four"
            )
        if len(found[k]) > MAX_CONTENTS:
            raise PotentialFileError("has moments that are sums of too many different products; it is edited")
    return found


def _columns(content: Contents) -> Iterator[tuple[Channels, list[int]]]:
    """Factors, and the numbers of the chains that are their independent couplings."""
    seen: set[Channels] = set()
    for entry in sorted(content):
        options = [[(degree, mu) for degree in range(rank % 2, rank + 1, 2)] for mu, rank in entry]
        for channels in product(*options):
            seen.add(tuple(sorted(channels)))
    for channels in sorted(seen):
        degrees = tuple(degree for degree, _ in channels)
        if (
            sum(degrees) % 2
            or (len(channels) > 1 and not chains(degrees))
            or channels[0][0] * (len(channels) == 1)
        ):
            continue
        if np.prod([2 * degree + 1 for degree in degrees]) > MAX_COMPONENTS:
            raise PotentialFileError(
                f"multiplies moments of ranks {degrees}, whose couplings have more than {MAX_COMPONENTS:,} components, "
                "the limit of our basis"
            )
        numbers = [0] if len(channels) == 1 else independent_chains(degrees, runs_of(channels))
        if numbers:
            yield channels, numbers


def runs_of(factors: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    """Lengths of the runs of equal factors.

    Examples
    --------
    >>> runs_of(((1, 0), (1, 0), (2, 0)))
    (2, 1)
    """
    return tuple(len(list(same)) for _, same in groupby(factors))


class _Values:
    """Moments and couplings at random order parameters."""

    def __init__(self, model: MtpModel, count: int) -> None:
        rng = np.random.default_rng(1)
        ranks = model.basic[:, 1:].sum(axis=1)
        self.order = {
            (degree, mu): rng.standard_normal((2 * degree + 1, count))
            for mu in range(int(model.basic[:, 0].max()) + 1)
            for degree in range(int(ranks.max()) + 1)
        }
        self.moments = np.zeros((model.n_moments, count))
        for row, (mu, a, b, c) in zip(self.moments, model.basic.tolist(), strict=False):
            for degree, part in _harmonic_parts((a, b, c)):
                row += part @ self.order[degree, mu]
        for i, j, factor, k in model.times.tolist():
            self.moments[k] += factor * self.moments[i] * self.moments[j]

    def couplings(self, channels: Channels, numbers: list[int], count: int) -> Array:
        """(numbers, count) values of chains."""
        order = [self.order[channel][:, :count] for channel in channels]
        if len(channels) == 1:
            return order[0]
        degrees = tuple(degree for degree, _ in channels)
        found = []
        for number in numbers:
            partial = order[0]
            chain = chains(degrees)[number]
            for degree, (before, after), own in zip(degrees[1:-1], pairwise(chain), order[1:-1], strict=True):
                coupling = real_clebsch_gordan(before, degree, after)
                partial = np.einsum("abc,ap,bp->cp", coupling, partial, own, optimize=True)
            found.append((partial * order[-1]).sum(axis=0))
        return np.array(found)


@cache
def _harmonic_parts(powers: tuple[int, int, int]) -> tuple[tuple[int, Array], ...]:
    """`x^a y^b z^c` on the unit sphere as `Σ_lm T_lm Y_lm`: l and its (2l + 1,) coefficients."""
    degrees = range(sum(powers) % 2, sum(powers) + 1, 2)
    harmonics = np.concatenate([_harmonics(degree) for degree in degrees])
    values = np.prod(_directions() ** np.array(powers), axis=1)
    found = np.linalg.lstsq(harmonics.T, values, rcond=None)[0]
    found[np.abs(found) < 1e-14] = 0.0
    ends = np.cumsum([2 * degree + 1 for degree in degrees])
    return tuple(zip(degrees, np.split(found, ends[:-1]), strict=True))


@cache
def _directions() -> Array:
    """(400, 3) random directions."""
    vectors = np.random.default_rng(2).standard_normal((400, 3))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1)[:, None], dtype=np.float64)


@cache
def _harmonics(degree: int) -> Array:
    """(2l + 1, 400) real harmonics in `_directions`, m from −l, as `real_harmonics` of `couplings` makes them."""
    x, y, z = _directions().T
    angle = np.arctan2(y, x)
    found = np.zeros((2 * degree + 1, len(x)))
    for m in range(degree + 1):
        norm = np.sqrt(
            (2 * degree + 1) / (4.0 * np.pi) * np.exp(gammaln(degree - m + 1) - gammaln(degree + m + 1))
        )
        legendre = (-1) ** m * norm * lpmv(m, degree, z)
        found[degree + m] = legendre * (np.sqrt(2.0) * np.cos(m * angle) if m else 1.0)
        if m:
            found[degree - m] = legendre * np.sqrt(2.0) * np.sin(m * angle)
    return found
