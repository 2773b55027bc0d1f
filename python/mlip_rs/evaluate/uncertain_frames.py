"""Predictions with error bars and index of many structures, batch by batch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TypeVar

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.errors import PotentialFileError, StructureError
from mlip_rs.potential import Potential, Prediction
from mlip_rs.potential.prediction import BATCH_STRUCTURES, evaluate_frames
from mlip_rs.progress import Progress
from mlip_rs.uncertainty import Committee, Uncertainty
from mlip_rs.uncertainty.estimate import combined, members_of, repulsion_of

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class UncertainPrediction:
    """What a potential says of a structure, and how far it can be trusted.

    Parameters
    ----------
    prediction
        Energy, forces, stress.
    uncertainty
        Standard errors; None if the potential has no committee.
    index
        (N,) index of anomaly; None if the potential has none.
    """

    prediction: Prediction
    uncertainty: Uncertainty | None
    index: Array | None


def committee_of(potential: Potential, name: object) -> Committee | None:
    """The committee of a potential; None if there is none.

    Parameters
    ----------
    potential
        The potential.
    name
        That of its file, or the potential itself.

    Raises
    ------
    PotentialFileError
        The entry is damaged; names the file.

    Examples
    --------
    >>> from mlip_rs import Basis
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=2)
    >>> committee_of(Potential.from_coefficients(basis, [2.0, -0.2], {"Al": 0.0}), "al.mlip.json") is None
    True
    """
    try:
        return Committee.of(potential)
    except PotentialFileError as error:
        raise PotentialFileError(f"{'' if name is potential else f'{name}: '}{error}") from None


def uncertain_frames(
    potential: Potential,
    frames: Sequence[T],
    *,
    structure: Callable[[T], _core.Structure],
    volume: Callable[[T], float | None],
    name: Callable[[int], str],
    threads: int,
    progress: Progress | None = None,
    error_bars: bool = True,
    index: bool = True,
) -> Iterator[UncertainPrediction]:
    """Evaluate structures of any kind with a potential and the members of its committee, batch by batch.

    Parameters
    ----------
    potential
        It has error bars if it has a committee.
    frames, structure, volume, name, threads, progress
        As for `mlip_rs.potential.prediction.evaluate_frames`.
    error_bars, index
        False: they are left out, whatever the potential has.

    Raises
    ------
    StructureError
        A structure cannot be evaluated; the message begins with its name.
    """

    def predictions(member: Potential, receiver: Progress | None) -> Iterator[Prediction]:
        return evaluate_frames(
            member.core,
            frames,
            structure=structure,
            volume=volume,
            name=name,
            threads=threads,
            progress=receiver,
        )

    committee = Committee.of(potential) if error_bars else None
    others = (*members_of(potential), *repulsion_of(potential)) if committee else ()
    streams = [predictions(other, None) for other in others]
    indexed = index and potential.has_index
    marks = _indices(potential, frames, structure, name, threads) if indexed else repeat(None)
    for own in predictions(potential, progress):
        alongside = [next(stream) for stream in streams]
        mark = next(marks)
        found = None if committee is None else combined(committee, own, alongside, mark)
        yield UncertainPrediction(own, found, mark)


def _indices(
    potential: Potential,
    frames: Sequence[T],
    structure: Callable[[T], _core.Structure],
    name: Callable[[int], str],
    threads: int,
) -> Iterator[Array]:
    """Index of the atoms of each frame."""
    for start in range(0, len(frames), BATCH_STRUCTURES):
        batch = frames[start : start + BATCH_STRUCTURES]
        try:
            yield from potential.core.index_many([structure(frame) for frame in batch], threads)
        except StructureError as error:
            message, k = error.args
            raise StructureError(f"{name(start + k)}: {message}") from None
