"""The pool: structures without labels, from which a loop chooses those that it has labelled."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ase import Atoms

from mlip_rs.data import Dataset, Frame
from mlip_rs.label.unlabelled import Unlabelled


@dataclass
class Pool:
    """Structures by their identity, in the order in which they came.

    Attributes
    ----------
    everything
        All that were ever in the pool, those that were taken out as well.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs.label.unlabelled import unlabelled
    >>> pool = Pool.of(unlabelled([bulk("Al", a=4.0), bulk("Al", a=4.1)]))
    >>> first, second = pool.ids
    >>> pool.remove([first])
    >>> pool.ids == (second,), pool[second].n_atoms
    (True, 1)
    """

    _atoms: dict[str, Atoms] = field(default_factory=dict)
    _frames: dict[str, Frame] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    everything: list[Frame] = field(default_factory=list)

    @classmethod
    def of(cls, structures: Iterable[Unlabelled]) -> "Pool":
        """A pool of some structures."""
        pool = cls()
        pool.add(structures)
        return pool

    def add(self, structures: Iterable[Unlabelled]) -> int:
        """Add those that were never in the pool, and return their number."""
        n_known = len(self._known)
        for one in structures:
            if one.label_id not in self._known:
                self._frames[one.label_id] = frame = _frame(one)
                self.everything.append(frame)
                self._atoms[one.label_id] = one.atoms
                self._known.add(one.label_id)
        return len(self._known) - n_known

    def remove(self, ids: Iterable[str]) -> None:
        """Take structures out; those that are not there are passed over."""
        for own in ids:
            self._atoms.pop(own, None)
            self._frames.pop(own, None)

    @property
    def ids(self) -> tuple[str, ...]:
        """Identities."""
        return tuple(self._atoms)

    def __len__(self) -> int:
        return len(self._atoms)

    def __getitem__(self, label_id: str) -> Frame:
        return self._frames[label_id]

    def atoms(self, ids: Sequence[str]) -> list[Atoms]:
        """Some structures."""
        return [self._atoms[own] for own in ids]

    def dataset(self) -> Dataset:
        """All structures, without labels."""
        return Dataset(tuple(self._frames.values()))


def _frame(one: Unlabelled) -> Frame:
    atoms = one.atoms
    return Frame(
        atoms.numbers,
        atoms.positions,
        atoms.cell.array,
        atoms.pbc,
        config_type=str(atoms.info.get("config_type", "")),
        file=one.file,
        index=one.frame,
    )
