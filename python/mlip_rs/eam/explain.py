"""The embedded-atom potential inside a potential: its functions, how much it explains, and what is left to angles."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.data import Dataset
from mlip_rs.eam.coverage import Coverage, coverage
from mlip_rs.eam.density_rows import DensityRows, RadialTables
from mlip_rs.eam.embedding import EmbeddingSpectrum, embedding_spectra
from mlip_rs.eam.gauge import (
    EffectiveForm,
    ReferenceCrystal,
    agreement,
    effective_form,
    reference_crystals,
)
from mlip_rs.eam.polynomial import is_density_polynomial
from mlip_rs.eam.projection import Projection, project
from mlip_rs.eam.published import read_eam
from mlip_rs.eam.radial_limit import RadialLimit, radial_limit
from mlip_rs.eam.shares import (
    LIMIT,
    Level,
    about_composition,
    angular_part,
    force_share_by_kind,
    level,
    name_of,
)
from mlip_rs.eam.tables import EamTables, arrays_of
from mlip_rs.errors import ConfigError
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent

N_DENSITIES: int = 3
"""Densities up to which projections are made."""

SPACING: float = 0.005
"""Distance of the points of tables, Å, at most: finer than figures show."""


@dataclass(frozen=True, eq=False)
class Beside:
    """A published potential beside ours.

    Parameters
    ----------
    form
        Its functions.
    coverage
        Where the structures tell something of them.
    agreement
        Differences of the functions, as of `mlip_rs.eam.gauge.agreement`.
    potential, labels
        What it leaves of the potential, and of the labels if there are any.
    """

    form: EffectiveForm
    coverage: Coverage
    agreement: dict[str, float]
    potential: Level
    labels: Level | None


@dataclass(frozen=True, eq=False)
class Explanation:
    """What of a potential is an embedded-atom potential.

    Parameters
    ----------
    name, elements
        Of the potential.
    crystals
        Where densities are 1.
    levels
        What pair functions, 1 to `N_DENSITIES` densities, and any function of densities leave of the potential.
    label_levels
        The same of the labels, fitted to them, and what the potential leaves of them; empty without labels.
    by_kind
        What any function of densities leaves of the forces of the potential, by `config_type`.
    spectra
        How many densities the embedding energy needs, by element.
    form
        The potential with one density that comes closest, in the effective pair gauge.
    coverage
        Where the structures tell something of its functions.
    beside
        Published potentials.
    n_structures, n_atoms, closest
        What it is seen on, and the shortest distance there, Å.

    Examples
    --------
    >>> Explanation.__name__  # made by `explain`
    'Explanation'
    """

    name: str
    elements: tuple[str, ...]
    crystals: tuple[ReferenceCrystal, ...]
    levels: tuple[Level, ...]
    label_levels: tuple[Level, ...]
    by_kind: dict[str, tuple[int, float, float]]
    spectra: tuple[EmbeddingSpectrum, ...]
    form: EffectiveForm
    coverage: Coverage
    beside: tuple[Beside, ...]
    n_structures: int
    n_atoms: int
    closest: float

    @property
    def angles(self) -> Level:
        """What no embedded-atom potential has."""
        return angular_part(self.levels)

    def to_dict(self) -> dict[str, Any]:
        """Record of the fields, the unit in each key."""
        return {
            "potential": self.name,
            "elements": list(self.elements),
            "structures": self.n_structures,
            "atoms": self.n_atoms,
            "closest_angstrom": self.closest,
            "crystals": [
                {"element": own.element, "lattice": own.lattice, "distance_angstrom": own.distance}
                for own in self.crystals
            ],
            "left_over": [own.to_dict() for own in self.levels],
            "angles": self.angles.to_dict(),
            "left_over_of_labels": [own.to_dict() for own in self.label_levels],
            "angular_forces_by_kind": {
                kind: {"atoms": n, "force": rms, "share": share}
                for kind, (n, rms, share) in self.by_kind.items()
            },
            "embedding": [own.to_dict() for own in self.spectra],
            "covered": self.coverage.to_dict(),
            "functions": [self.form.to_dict(), *(own.form.to_dict() for own in self.beside)],
            "beside": [
                {
                    "name": own.form.name,
                    **own.agreement,
                    "left_over": own.potential.to_dict(),
                    "left_over_of_labels": None if own.labels is None else own.labels.to_dict(),
                }
                for own in self.beside
            ],
        }


def explain(
    potential: Potential,
    data: Dataset,
    *,
    name: str = "potential",
    beside: Sequence[str | os.PathLike[str]] = (),
    progress: Progress | None = None,
) -> Explanation:
    """Find the embedded-atom potential inside a potential, and what no such potential can have.

    Parameters
    ----------
    potential
        The potential.
    data
        Structures; labels, where there are any, show whether the data themselves contradict the form.
    name
        Of the potential, for tables and figures.
    beside
        Files of published potentials (`eam`, `eam/alloy`, `eam/fs`), or names of those that come with LAMMPS.
    progress
        Told of the steps.

    Raises
    ------
    DataError
        No structures, or a file that cannot be read.
    ConfigError
        A published potential of other elements.

    Examples
    --------
    >>> from mlip_rs import Basis
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo.files import DATA_PATH
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=4)
    >>> potential = Potential.from_coefficients(basis, [2.0, -0.2, -0.1, 0.0], {"Al": -2.0})
    >>> explained = explain(potential, read_dataset(DATA_PATH, index="::60"))
    >>> explained.levels[0].name, explained.levels[0].force_share < 1e-3
    ('pair functions', True)
    """
    progress = progress or Silent()
    published = [(Path(file).name, read_eam(file)) for file in beside]
    for file, tables in published:
        if missing := [symbol for symbol in potential.elements if symbol not in tables.elements]:
            raise ConfigError(f"{file}: has {', '.join(tables.elements)}, not {', '.join(missing)}")
    radial = RadialTables.of(potential, spacing=SPACING)
    rows = DensityRows.of(potential, data, radial)
    projections = project(rows, N_DENSITIES, potential, progress)
    limit = radial_limit(rows, potential)
    levels, best = _levels(rows, projections, limit)
    labelled = [frame for frame in data if frame.energy is not None and frame.forces is not None]
    labels = DensityRows.of(potential, data, radial, labels=True) if labelled else None
    inside = potential if is_density_polynomial(potential) else limit.potential
    crystals = reference_crystals(potential)
    form = effective_form(projections[1].model.tables(potential), crystals, name)
    return Explanation(
        name,
        potential.elements,
        crystals,
        levels,
        () if labels is None else _label_levels(potential, labels, name, progress),
        force_share_by_kind(rows, best),
        embedding_spectra(inside, rows.frames),
        form,
        coverage(form, rows),
        tuple(_beside(*own, form, crystals, rows, labels) for own in published),
        len(rows.frames),
        int(rows.counts.sum()),
        float(rows.pairs.distances.min(initial=potential.cutoff)),
    )


def _levels(
    rows: DensityRows, projections: Sequence[Projection], limit: RadialLimit
) -> tuple[tuple[Level, ...], Array]:
    """What each kind leaves, and the forces of the kind that leaves least of them."""
    found = [(name_of(k), own.energies, own.forces) for k, own in enumerate(projections)]
    found.append((LIMIT, limit.energies, limit.forces))
    levels = tuple(level(name, rows, energies, forces) for name, energies, forces in found)
    best = min(range(len(levels)), key=lambda k: levels[k].force_share)
    return levels, found[best][2]


def _label_levels(
    potential: Potential, labels: DensityRows, name: str, progress: Progress
) -> tuple[Level, ...]:
    """What each kind leaves of the labels when fitted to them, and what the potential leaves."""
    levels, _ = _levels(
        labels, project(labels, N_DENSITIES, potential, progress), radial_limit(labels, potential)
    )
    own = DensityRows.of(potential, Dataset(labels.frames), labels.radial)
    return (*levels, level(name, labels, own.energies, own.forces))


def _beside(
    name: str,
    tables: EamTables,
    form: EffectiveForm,
    crystals: Sequence[ReferenceCrystal],
    rows: DensityRows,
    labels: DensityRows | None,
) -> Beside:
    published = effective_form(tables, crystals, name, form.elements)
    n, pairs = len(form.elements), rows.pairs
    distances = {
        (a, b): pairs.distances[rows.kinds == n * a + b] for a in range(n) for b in range(n) if a <= b
    }
    return Beside(
        published,
        coverage(published, rows),
        agreement(form, published, distances),
        _published_level(name, tables, rows),
        None if labels is None else _published_level(name, tables, labels),
    )


def _published_level(name: str, tables: EamTables, rows: DensityRows) -> Level:
    """What a published potential leaves; energies of single atoms are fitted, for theirs are other ones."""
    evaluated = [tables.evaluate(arrays_of(frame)) for frame in rows.frames]
    energies = np.array([float(own.mean()) for own, _ in evaluated])
    forces = np.concatenate([own for _, own in evaluated])
    close = EamTables(rows.radial.elements, float(rows.radial.distances[-1]), rows.radial.repulsion, ())
    repelled = [close.evaluate(arrays_of(frame)) for frame in rows.frames]
    energies = energies - np.array([float(own.mean()) for own, _ in repelled])
    forces = forces - np.concatenate([own for _, own in repelled])
    return level(name, rows, rows.energies + about_composition(rows, energies - rows.energies), forces)
