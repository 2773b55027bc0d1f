"""Shares of a fold: consecutive structures whose rows are summed from zero, here or elsewhere.

The sum of a fold is that of its shares, in order. Where a share is summed, how many are summed at a time and what was
interrupted changes no bit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlip_rs.fitting.problem import Problem

BATCH_ROWS: int = 4096
"""Rows of one call of the core; Ctrl-C takes effect between calls."""

SHARE_ROWS: int = 32768
"""Rows of a share: so many that to sum them takes far longer than to send the sums."""


@dataclass(frozen=True)
class Share:
    """Consecutive structures of a fold.

    Parameters
    ----------
    start
        Number of structures of the fold before it.
    batches
        Its structures, as positions in the dataset, batch by batch.
    """

    start: int
    batches: tuple[tuple[int, ...], ...]

    @property
    def end(self) -> int:
        """Number of structures of the fold up to its end."""
        return self.start + sum(map(len, self.batches))


def shares(problem: Problem, members: Sequence[int]) -> list[Share]:
    """Cut consecutive structures into shares of about `SHARE_ROWS` rows."""
    found: list[Share] = []
    own: list[tuple[int, ...]] = []
    start, rows = 0, 0
    for batch in batches(problem, members):
        own.append(tuple(batch))
        rows += sum(n_rows(problem, index) for index in batch)
        if rows >= SHARE_ROWS:
            found.append(Share(start, tuple(own)))
            start, rows, own = found[-1].end, 0, []
    return [*found, Share(start, tuple(own))] if own else found


def batches(problem: Problem, members: Sequence[int]) -> Iterator[list[int]]:
    """Structures of about `BATCH_ROWS` rows, those of the same elements one after the other.

    The columns of other elements are zero in all rows of such a batch, and the core does not multiply them.
    Cut from the front and saved at their ends only, so that the batches after a checkpoint, and with them the order
    of all sums, are those of a run without interruption.
    """
    batch: list[int] = []
    rows = 0
    for index in sorted(members, key=lambda index: sorted(set(problem.dataset[index].symbols))):
        batch.append(index)
        rows += n_rows(problem, index)
        if rows >= BATCH_ROWS:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def n_rows(problem: Problem, index: int) -> int:
    """Rows of a structure: energy, forces and stress."""
    return 7 + 3 * problem.dataset[index].n_atoms
