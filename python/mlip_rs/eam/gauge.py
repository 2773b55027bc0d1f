"""Embedded-atom functions in one gauge, so that those of different potentials can be laid over each other.

A density may be scaled, and a part of F that is linear in the density is a pair function. Here the density is 1 in a
given crystal, where F' = 0 (effective pair gauge); a small change of distances then feels the pair function alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from mlip_rs.arrays import Array
from mlip_rs.eam.splines import LammpsSpline
from mlip_rs.eam.tables import EamTables
from mlip_rs.errors import ConfigError
from mlip_rs.potential import Potential
from mlip_rs.potential.compression import Compression
from mlip_rs.potential.lowest_crystals import LowestCrystal
from mlip_rs.potential.short_range import shortest_distances

LARGEST: float = 2.0
"""Embedding functions are shown up to this density, in that of the crystal."""

POINTS: int = 201


@dataclass(frozen=True)
class ReferenceCrystal:
    """The crystal in which densities are 1.

    Parameters
    ----------
    element, lattice
        Chemical symbol and name of the prototype.
    distance
        Nearest-neighbour distance, Å.

    Examples
    --------
    >>> ReferenceCrystal("Al", "fcc", 2.86).text
    'Al fcc, nearest neighbours 2.860 Å apart'
    """

    element: str
    lattice: str
    distance: float

    @property
    def text(self) -> str:
        """For captions."""
        return f"{self.element} {self.lattice}, nearest neighbours {self.distance:.3f} Å apart"

    def sum_over_neighbors(self, values: Array, spacing: float) -> float:
        """Sum of a function, given at 0, h, 2h, …, over the neighbours of an atom."""
        (shells,) = Compression.crystal(self.lattice, self.element).shells
        distances = shells.ratios * self.distance
        inside = distances < spacing * (len(values) - 1)
        return float(shells.counts[inside] @ LammpsSpline(values, spacing)(distances[inside])[0])


def reference_crystals(potential: Potential) -> tuple[ReferenceCrystal, ...]:
    """The prototype of lowest energy of each element, at its equilibrium.

    Examples
    --------
    >>> from mlip_rs import Basis
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=4)
    >>> potential = Potential.from_coefficients(basis, [2.0, -0.2, -0.1, 0.0], {"Al": 0.0})
    >>> reference_crystals(potential)[0].element
    'Al'
    """
    found = []
    for k, element in enumerate(potential.elements):
        lowest = LowestCrystal.of(potential, element, shortest_distances(potential)[k][k], 1)
        crystal = Compression.crystal(lowest.name, element)
        volume = abs(np.linalg.det(crystal.unit.cell)) / len(crystal.unit.numbers)
        start = (lowest.volume / volume) ** (1.0 / 3.0)

        def energy(distance: float, crystal: Compression = crystal) -> float:
            return float(crystal.energies(potential.core, np.array([distance]), 1)[0, 0])

        best = minimize_scalar(energy, bounds=(0.95 * start, 1.05 * start), method="bounded")
        found.append(ReferenceCrystal(element, lowest.name, float(best.x)))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class EffectiveForm:
    """Functions of one embedded-atom potential in the effective pair gauge.

    Parameters
    ----------
    name
        What it is.
    elements
        Chemical symbols.
    distances
        (R,) Å.
    pair
        (E, E, R) φ, eV.
    density
        (E, E, R) by centre and neighbour; the sum is 1 in the reference crystals.
    densities
        (D,) where the embedding is given.
    embedding
        (E, D) F, eV, less that of an atom without neighbours.
    """

    name: str
    elements: tuple[str, ...]
    distances: Array
    pair: Array
    density: Array
    densities: Array
    embedding: Array

    @property
    def curvature(self) -> Array:
        """(E,) F'' at the density of the crystal, eV."""
        h = float(self.densities[1])
        one = round(1.0 / h)
        e = self.embedding
        return np.asarray((e[:, one + 1] - 2.0 * e[:, one] + e[:, one - 1]) / h**2)

    def to_dict(self, points: int = POINTS) -> dict[str, object]:
        """Record of the functions at a few points, the unit in each key."""
        r = np.linspace(0.0, float(self.distances[-1]), points)[1:]

        def thinned(values: Array) -> list[float]:
            return [round(float(value), 9) for value in np.interp(r, self.distances, values)]

        pairs = {f"{a}-{b}": (i, j) for i, a in enumerate(self.elements) for j, b in enumerate(self.elements)}
        return {
            "name": self.name,
            "distances_angstrom": r.round(6).tolist(),
            "pair_ev": {key: thinned(self.pair[i, j]) for key, (i, j) in pairs.items() if i <= j},
            "density": {key: thinned(self.density[i, j]) for key, (i, j) in pairs.items()},
            "densities": self.densities.round(6).tolist(),
            "embedding_ev": {
                s: own.round(9).tolist() for s, own in zip(self.elements, self.embedding, strict=True)
            },
            "curvature_ev": dict(zip(self.elements, self.curvature.tolist(), strict=True)),
        }


def effective_form(
    tables: EamTables, crystals: Sequence[ReferenceCrystal], name: str, elements: Sequence[str] | None = None
) -> EffectiveForm:
    """Bring an embedded-atom potential of one density into the effective pair gauge.

    Parameters
    ----------
    tables
        With one term.
    crystals
        Where the density is to be 1, one for each of `elements`.
    name
        What it is, for legends.
    elements
        Elements that are wanted, all of them in the tables; all by default.

    Raises
    ------
    ConfigError
        More than one density, an element that is missing, or a density that vanishes in the crystal.

    Examples
    --------
    >>> from mlip_rs.eam.tables import EmbeddedTerm
    >>> grid = np.linspace(0.0, 24.0, 101)
    >>> term = EmbeddedTerm(np.ones((1, 1, 101)), -np.sqrt(grid)[None], float(grid[1]))
    >>> tables = EamTables(("Al",), 4.0, np.zeros((1, 1, 101)), (term,))
    >>> form = effective_form(tables, [ReferenceCrystal("Al", "fcc", 2.86)], "square root")
    >>> round(float(form.embedding[0, 100]), 2), round(12 * float(form.density[0, 0, 50]), 6)
    (-1.73, 1.0)
    """
    if len(tables.terms) != 1:
        raise ConfigError(f"{name}: has {len(tables.terms)} densities; one is needed")
    (term,), wanted = tables.terms, tuple(elements or tables.elements)
    places = [_place(tables, symbol, name) for symbol in wanted]
    r = np.linspace(0.0, tables.cutoff, tables.pair.shape[-1])
    scales = {
        k: crystal.sum_over_neighbors(term.density[k, k], tables.spacing)
        for k, crystal in zip(places, crystals, strict=True)
    }
    for k, scale in scales.items():
        if not scale > 0.0:
            raise ConfigError(f"{name}: the density of {tables.elements[k]} vanishes in the crystal")
    splines = {k: LammpsSpline(term.embedding[k], term.spacing) for k in places}
    slopes = {k: float(splines[k].continued(np.array([scales[k]]))[1][0]) for k in places}
    grid = np.linspace(0.0, LARGEST, POINTS)
    embedding = [
        splines[k].continued(grid * scales[k])[0] - term.embedding[k, 0] - slopes[k] * scales[k] * grid
        for k in places
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        phi = np.where(r > 0.0, tables.pair / r, 0.0)
    pair = [
        [phi[a, b] + slopes[a] * term.density[a, b] + slopes[b] * term.density[b, a] for b in places]
        for a in places
    ]
    density = [[term.density[a, b] / scales[a] for b in places] for a in places]
    return EffectiveForm(name, wanted, r, np.array(pair), np.array(density), grid, np.array(embedding))


def _place(tables: EamTables, symbol: str, name: str) -> int:
    if symbol not in tables.elements:
        raise ConfigError(f"{name}: has {', '.join(tables.elements)}, not {symbol}")
    return tables.elements.index(symbol)


def agreement(
    first: EffectiveForm, second: EffectiveForm, counts: Mapping[tuple[int, int], Array]
) -> dict[str, float]:
    """How far two potentials differ, weighted with the distances that occur.

    Parameters
    ----------
    first, second
        In the same gauge.
    counts
        Distances of the pairs of data by numbers of the elements, Å.

    Returns
    -------
    dict
        Root mean square differences of φ (eV) and of the density, and their sizes in the first.
    """
    distances = {key: values for key, values in counts.items() if len(values)}

    def values(form: EffectiveForm, tables: Array) -> Array:
        return np.concatenate(
            [np.interp(r, form.distances, tables[key], right=0.0) for key, r in distances.items()]
        )

    found = {}
    for name, attribute in (("pair_ev", "pair"), ("density", "density")):
        own, other = values(first, getattr(first, attribute)), values(second, getattr(second, attribute))
        found[f"{name}_rms_difference"] = float(np.sqrt(((own - other) ** 2).mean()))
        found[f"{name}_rms"] = float(np.sqrt((own**2).mean()))
    return found
