"""A representative subset of structures: I-optimality on rows of the design matrix, before any label is known.

Energy, forces and stress of a structure are linear in the coefficients of a potential, so that its rows tell what its
labels would determine. Structures are chosen one after the other, each by how much it makes the predicted variance of
these properties fall, in the mean over all structures, for its cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.basis import Basis
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.design.information import Information
from mlip_rs.errors import ConfigError, StructureError
from mlip_rs.progress import Progress, Silent
from mlip_rs.text import counted

ENERGY, FORCES, STRESS = 0.003, 0.05, 0.005
"""Precision of labels that counts: eV/atom, eV/Å, eV/Å³."""

FORCE_ATOMS: int = 4
"""Forces of so many atoms of a structure, drawn at random, stand for those of all."""

COST_POWER: float = 1.5
"""Calculations of periodic cells take about n^1.5: more bands, fewer k-points."""

SEED: int = 20150824
"""Of the atoms whose forces count."""


@dataclass(frozen=True)
class Selection:
    """Structures that were chosen, in the order of the choice.

    Attributes
    ----------
    indices
        Positions among the structures.
    gains
        Fall of the predicted variance of energies, forces and stresses of all structures by each, in squares of the
        precisions that count.
    costs
        Cost of each, in that of one atom.
    """

    indices: tuple[int, ...]
    gains: tuple[float, ...]
    costs: tuple[float, ...]


def select(
    structures: Sequence[Atoms],
    *,
    n: int | None = None,
    budget: float | None = None,
    basis: Basis | None = None,
    labelled: Sequence[Atoms] = (),
    cost_power: float | None = None,
    progress: Progress | None = None,
) -> Selection:
    """Choose the structures whose labels would tell most for their cost.

    Parameters
    ----------
    structures
        Candidates.
    n
        How many to choose.
    budget
        Or their cost in all, in that of one atom: a structure of N atoms costs N to the `cost_power`; what counts then
        is the gain per cost, so that small cells come first.
    basis
        Features; a small set of invariants within 6 Å by default.
    labelled
        Structures whose labels are there already; what they tell is known.
    cost_power
        By default 0 with `n`, where all structures count the same, and 1.5 with `budget`.
    progress
        Receives progress reports.

    Raises
    ------
    ConfigError
        Neither or both of `n` and `budget`, more than there are structures, nothing to choose from, a budget that
        buys nothing, or labelled structures that have no element in common with the candidates.
    StructureError
        A structure cannot be described; names it.

    Examples
    --------
    >>> from ase.build import bulk
    >>> crystals = [bulk("Al", a=a) for a in (4.0, 4.05, 4.1, 4.5)]
    >>> found = select(crystals, n=2)
    >>> len(found.indices), found.gains[0] > found.gains[1] > 0.0
    (2, True)
    """
    check_choice(n, budget)
    if n is not None and n > len(structures):
        raise ConfigError(
            f"{n} structures are to be chosen from {len(structures)}; give a number between 1 and that"
        )
    progress = progress or Silent()
    own, known_elements = _elements(structures), _elements(labelled)
    if known_elements and not own & known_elements:
        raise ConfigError(
            f"the labelled structures have {', '.join(sorted(known_elements))}, and tell nothing about "
            f"{', '.join(sorted(own))}; leave them out"
        )
    elements = sorted(own | known_elements)
    core = (basis or Basis(elements, size="small", cutoff=6.0, angular_cutoff=5.0)).core
    progress.start("Design rows", len(structures) + len(labelled))
    rows = [_rows_named(core, atoms, k, "structure", progress) for k, atoms in enumerate(structures)]
    known = [_rows_named(core, atoms, k, "labelled structure", progress) for k, atoms in enumerate(labelled)]
    power = cost_power if cost_power is not None else (0.0 if budget is None else COST_POWER)
    costs = np.array([float(len(atoms)) ** power for atoms in structures])
    most = n if n is not None else int((np.cumsum(np.sort(costs)) <= (budget or 0.0)).sum())
    if most == 0:
        raise ConfigError(
            f"a budget of {budget:g} buys no structure; the cheapest costs {costs.min(initial=1.0):g}"
        )
    gains = _chosen(rows, known, costs, most)
    order = np.array(list(gains))
    if budget is not None:
        order = order[np.cumsum(costs[order]) <= budget]
    chosen = [int(k) for k in order]
    return Selection(tuple(chosen), tuple(gains[k] for k in chosen), tuple(float(costs[k]) for k in chosen))


def check_choice(n: int | None, budget: float | None) -> None:
    """Refuse a number or cost of structures that cannot be chosen, before any are made.

    Raises
    ------
    ConfigError
        Neither or both are given, or one is not positive.

    Examples
    --------
    >>> check_choice(None, -5.0)
    Traceback (most recent call last):
    mlip_rs.errors.ConfigError: a budget of -5 buys no structure; one of N atoms costs N to the power 1.5
    """
    if (n is None) == (budget is None):
        raise ConfigError("give either the number of structures to choose, or their cost")
    if n is not None and n < 1:
        raise ConfigError(f"{n} structures are to be chosen; give a number above 0")
    if budget is not None and not budget > 0.0:
        raise ConfigError(
            f"a budget of {budget:g} buys no structure; one of N atoms costs N to the power {COST_POWER:g}"
        )


def _elements(structures: Sequence[Atoms]) -> set[str]:
    return {symbol for atoms in structures for symbol in atoms.get_chemical_symbols()}


def _chosen(rows: Sequence[Array], known: Sequence[Array], costs: Array, most: int) -> dict[int, float]:
    """Gains of the structures that tell most beside what is known, in the order of the choice."""
    information = Information.before_labels(rows, known)
    names = [str(k) for k in range(len(rows))]
    price = dict(zip(names, costs.tolist(), strict=True))
    wanted = np.zeros((len(information.scale), len(information.scale)))
    for own in rows:
        wanted += own.T @ own
    gains = information.most_informative(names, lambda name: rows[int(name)], wanted, most, costs=price)
    return {int(name): gain for name, gain in gains.items()}


def sampled_rows(core: _core.Basis, atoms: Atoms, rng: np.random.Generator) -> Array:
    """(n, F) rows of energy per atom, of the forces on some atoms, and of stress, in the precision of labels."""
    design = core.design(structure_from_atoms(atoms))
    n_atoms = len(atoms)
    drawn = np.sort(rng.permutation(n_atoms)[:FORCE_ATOMS])
    forces = design[1 : 1 + 3 * n_atoms].reshape(n_atoms, 3, -1)[drawn].reshape(3 * len(drawn), -1)
    share = np.sqrt(n_atoms / len(drawn)) / FORCES
    parts = [design[:1] / n_atoms / ENERGY, share * forces]
    if atoms.pbc.all():
        parts.append(design[1 + 3 * n_atoms :] / STRESS)
    stacked = np.vstack(parts)
    return np.asarray(stacked[np.abs(stacked).max(axis=1) > 0.0])  # forces at rest by symmetry tell nothing


def _rows_named(core: _core.Basis, atoms: Atoms, k: int, name: str, progress: Progress) -> Array:
    try:
        rows = sampled_rows(core, atoms, np.random.default_rng([SEED, k]))
    except StructureError as error:
        raise StructureError(f"{name} {k} ({counted(len(atoms), 'atom')}): {error}") from None
    progress.advance()
    return rows
