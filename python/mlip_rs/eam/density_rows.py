"""Energies and forces of structures by pair functions and densities: the rows of fits of embedded-atom potentials."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from mlip_rs.arrays import Array
from mlip_rs.basis import Basis, radial_grid
from mlip_rs.data import Dataset
from mlip_rs.data.core_structures import core_structure, named
from mlip_rs.data.frames import Frame
from mlip_rs.eam.exact import SPACING, pair_table
from mlip_rs.eam.radial import PairFunctions
from mlip_rs.eam.splines import LammpsSpline, extended
from mlip_rs.eam.tables import EamTables, PairList, arrays_of
from mlip_rs.errors import DataError, StructureError
from mlip_rs.potential import Potential
from mlip_rs.potential.short_range import shortest_distances

N_RADIAL: int = 24
"""Gaussians of which pair functions and densities are made."""

MOST_PAIRS: int = 120_000
"""Pairs of neighbours up to which structures are taken, evenly over the data."""

ANCHOR_WEIGHT: float = 0.2
"""Factor on the residuals of anchors."""

ANCHOR_ENERGY: float = 0.1
"""eV per atom above the lowest structure at which that factor has fallen by half."""


@dataclass(frozen=True, eq=False)
class RadialTables:
    """Gaussians times the cutoff function of a potential, constant where it repels by ZBL, in tables.

    Parameters
    ----------
    elements
        Chemical symbols.
    distances
        (R,) Å.
    values
        (E, E, n, R) by centre and neighbour.
    repulsion
        (E, E, R) r V(r) S(r) of close pairs, eV Å.
    """

    elements: tuple[str, ...]
    distances: Array
    values: Array
    repulsion: Array

    @classmethod
    def of(cls, potential: Potential, n_radial: int = N_RADIAL, spacing: float = SPACING) -> "RadialTables":
        """Cover the range of a potential evenly.

        Examples
        --------
        >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=1)
        >>> potential = Potential.from_coefficients(basis, [1.0], {"Al": 0.0})
        >>> RadialTables.of(potential, n_radial=3, spacing=0.5).values.shape
        (1, 1, 3, 11)
        """
        spec, elements = potential.spec, potential.elements
        closest = min(map(min, shortest_distances(potential)))
        grid = radial_grid("gaussian", n_radial, potential.cutoff, r_min=closest)
        basis = Basis(
            elements, cutoff=potential.cutoff, hierarchy="pair", radial=[grid],
            cutoff_function=spec["cutoff_function"],
        )  # fmt: skip
        repulsion = {"repulsion": spec["repulsion"]} if "repulsion" in spec else {}
        functions = PairFunctions(basis.to_dict() | repulsion)
        distances = np.linspace(0.0, potential.cutoff, int(np.ceil(potential.cutoff / spacing)) + 1)
        values = np.array([[functions.radial(a, b, distances) for b in elements] for a in elements])
        zero = np.zeros((len(elements), len(elements), len(distances)))
        return cls(elements, distances, values, pair_table(functions, distances, zero))


@dataclass(frozen=True, eq=False)
class DensityRows:
    """Structures prepared for fits: what a potential gives for them, and radial functions of all pairs.

    Parameters
    ----------
    radial
        Radial functions.
    pairs
        Pairs of all structures, one after the other.
    values, slopes
        (P, n) radial functions of each pair and their derivatives, 1/Å.
    frames
        The structures.
    weights
        (S,) factors on their residuals.
    counts
        (S,) atoms of each structure.
    energies
        (S,) eV per atom, less energies of single atoms and the repulsion of close pairs.
    forces
        (N, 3) eV/Å, less those of close pairs.
    """

    radial: RadialTables
    pairs: PairList
    values: Array
    slopes: Array
    frames: tuple[Frame, ...]
    weights: Array
    counts: np.ndarray
    energies: Array
    forces: Array

    @classmethod
    def of(
        cls,
        potential: Potential,
        data: Dataset,
        radial: RadialTables,
        labels: bool = False,
        anchors: Sequence[Frame] = (),
    ) -> "DensityRows":
        """Prepare data, thinned to about `MOST_PAIRS` pairs, evenly over the structures of the same elements.

        Parameters
        ----------
        labels
            Whether the labels of the data are to be fitted, where there are energies and forces, in place of what the
            potential gives.
        anchors
            Further structures, for which the potential gives the energies: they count less, the less the higher.

        Raises
        ------
        DataError
            No structure, or none with labels; elements that are nowhere within the cutoff of each other.
        StructureError
            A structure that the potential cannot evaluate.
        """
        usable = [
            frame for frame in data if not labels or (frame.energy is not None and frame.forces is not None)
        ]
        if not usable:
            raise DataError(
                "no structure has an energy and forces" if len(data) else "there are no structures"
            )
        taken = _thinned(usable, radial)
        frames = [*taken, *anchors]
        lists = [_pairs_of(frame, radial) for frame in frames]
        starts = np.cumsum([0, *(len(own.species) for own in lists)])
        pairs = PairList(
            np.concatenate([own.species for own in lists]),
            np.concatenate([own.centers + start for own, start in zip(lists, starts[:-1], strict=True)]),
            np.concatenate([own.neighbors + start for own, start in zip(lists, starts[:-1], strict=True)]),
            np.concatenate([own.distances for own in lists]),
            np.concatenate([own.directions for own in lists]),
        )
        values, slopes = _of_pairs(radial, pairs)
        if not labels:
            _check_kinds(radial, lists[: len(taken)])
        counts = np.diff(starts)
        energies, forces = _targets(potential, frames, radial, labels)
        weights = np.ones(len(frames))
        if anchors:
            high = energies[-len(anchors) :] - energies.min()
            weights[-len(anchors) :] = ANCHOR_WEIGHT / (1.0 + high / ANCHOR_ENERGY)
        return cls(radial, pairs, values, slopes, tuple(frames), weights, counts, energies, forces)

    @cached_property
    def kinds(self) -> np.ndarray:
        """(P,) number of the elements of centre and neighbour: E · centre + neighbour."""
        species, n = self.pairs.species, len(self.radial.elements)
        return np.asarray(n * species[self.pairs.centers] + species[self.pairs.neighbors])

    @cached_property
    def gather(self) -> csr_matrix:
        """(3 N, P) from derivatives of the energy by the distance of each listed pair to forces."""
        pairs, p = self.pairs, np.arange(len(self.pairs.distances))
        rows, columns, data = [], [], []
        for axis in range(3):
            for atoms, sign in ((pairs.centers, 1.0), (pairs.neighbors, -1.0)):
                rows.append(3 * atoms + axis)
                columns.append(p)
                data.append(sign * pairs.directions[:, axis])
        shape = (3 * len(pairs.species), len(p))
        entries = (np.concatenate(data), (np.concatenate(rows), np.concatenate(columns)))
        return csr_matrix(entries, shape=shape)

    @cached_property
    def structures(self) -> csr_matrix:
        """(S, N) mean over the atoms of each structure."""
        n = int(self.counts.sum())
        rows = np.repeat(np.arange(len(self.counts)), self.counts)
        return csr_matrix((1.0 / self.counts[rows], (rows, np.arange(n))), shape=(len(self.counts), n))

    @cached_property
    def atoms(self) -> csr_matrix:
        """(N, P) sum over the neighbours of each centre."""
        p = len(self.pairs.distances)
        entries = (np.ones(p), (self.pairs.centers, np.arange(p)))
        return csr_matrix(entries, shape=(len(self.pairs.species), p))


def _pairs_of(frame: Frame, radial: RadialTables) -> PairList:
    try:
        return PairList.of(arrays_of(frame), radial.elements, float(radial.distances[-1]))
    except StructureError as error:
        raise StructureError(f"{frame.location}: {error.args[0]}") from None


def _thinned(frames: Sequence[Frame], radial: RadialTables) -> list[Frame]:
    volume = 4.0 / 3.0 * np.pi * float(radial.distances[-1]) ** 3
    # An estimate, from the mean density of periodic structures, is enough.
    pairs = sum(
        frame.n_atoms * min(volume * frame.n_atoms / (frame.volume or np.inf), 200.0) for frame in frames
    )
    stride = max(1, int(np.ceil(pairs / MOST_PAIRS)))
    groups: dict[frozenset[str], list[int]] = {}
    for number, frame in enumerate(frames):
        groups.setdefault(frozenset(frame.symbols), []).append(number)
    return [frames[k] for k in sorted(k for group in groups.values() for k in group[::stride])]


def _check_kinds(radial: RadialTables, lists: Sequence[PairList]) -> None:
    """Raise an error where two elements never meet: nothing would be known of their functions."""
    n = len(radial.elements)
    met = np.zeros((n, n), dtype=bool)
    for own in lists:
        met[own.species[own.centers], own.species[own.neighbors]] = True
    apart = [
        f"{radial.elements[a]}–{radial.elements[b]}" for a in range(n) for b in range(a, n) if not met[a, b]
    ]
    if apart:
        raise DataError(
            f"the structures have no pair {', '.join(apart)} within {radial.distances[-1]:g} Å, so that nothing "
            f"follows for such pairs; add structures in which {', '.join(radial.elements)} are neighbours"
        )


def _of_pairs(radial: RadialTables, pairs: PairList) -> tuple[Array, Array]:
    n = radial.values.shape[2]
    values, slopes = np.zeros((2, len(pairs.distances), n))
    for a in range(len(radial.elements)):
        for b in range(len(radial.elements)):
            own = pairs.of_elements(a, b)
            for k in range(n):
                spline = LammpsSpline(extended(radial.values[a, b, k]), float(radial.distances[1]))
                values[own, k], slopes[own, k] = spline(pairs.distances[own])
    return values, slopes


def _targets(
    potential: Potential, frames: Sequence[Frame], radial: RadialTables, labels: bool
) -> tuple[Array, Array]:
    constants = [potential.reference_energies[s] for s in radial.elements]
    close = EamTables(radial.elements, float(radial.distances[-1]), radial.repulsion, ())
    found = [(frame.energy, frame.forces) for frame in frames]
    if not labels:
        try:
            evaluated = potential.core.evaluate_many([core_structure(frame) for frame in frames], 1)
        except StructureError as error:
            raise named(error, frames) from None
        found = [(float(own.sum()), forces) for own, forces, _ in evaluated]
    energies, forces = [], []
    for frame, (energy, own_forces) in zip(frames, found, strict=True):
        own_close, close_forces = close.evaluate(arrays_of(frame))
        single = sum(constants[radial.elements.index(symbol)] for symbol in frame.symbols)
        energies.append((float(energy or 0.0) - float(own_close.sum()) - single) / frame.n_atoms)
        forces.append(np.asarray(own_forces) - close_forces)
    return np.array(energies), np.concatenate(forces)
