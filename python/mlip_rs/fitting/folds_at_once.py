"""Something to compute without each fold: several folds at once where the equations are small."""

from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import TypeVar

from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.resources import folds_at_once
from mlip_rs.threads import in_order

Result = TypeVar("Result")


class FoldsAtOnce:
    """Memory for the systems of several folds, as many as there are threads.

    Parameters
    ----------
    folds
        Equations; its own memory is one of them.
    """

    def __init__(self, folds: CrossValidation) -> None:
        self.n_at_once = folds_at_once(folds.settings, folds.problem.n_folds, folds.equations.small)
        self._memories: SimpleQueue[CrossValidation] = SimpleQueue()
        for memory in [folds, *(folds.beside() for _ in range(self.n_at_once - 1))]:
            self._memories.put(memory)

    def each(
        self, function: Callable[[CrossValidation, int], Result], numbers: Iterable[int]
    ) -> Iterator[Result]:
        """Results of a function of memory to load a system into and the number of a fold, in the order of the numbers.

        The same bits whatever the number of threads, as long as those of the function are.
        """

        def one(number: int) -> Result:
            memory = self._memories.get()
            try:
                return function(memory, number)
            finally:
                self._memories.put(memory)

        return in_order(one, numbers, self.n_at_once)
