"""Energies, forces and stresses of many structures: in batches, naming the structure that cannot be evaluated."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.errors import StructureError
from mlip_rs.progress import Progress, Silent
from mlip_rs.units import ase_stress_from_virial

BATCH_STRUCTURES: int = 256
"""Structures of one call of the core; Ctrl-C takes effect between calls."""

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Prediction:
    """Energy, forces and stress of one structure. Arrays are read-only.

    Parameters
    ----------
    energy
        Total energy, eV.
    energies
        (N,) energies of the atoms, eV; their sum is the energy.
    forces
        (N, 3) eV/Å.
    stress
        (6,) eV/Å³, positive under tension, xx yy zz yz xz xy; None unless three cell vectors span a volume.
    virials
        (N, 6) virials −dE_i/dε of the atoms, eV, same order; their sum is −stress × volume.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=4)
    >>> potential = Potential.from_coefficients(basis, [2.0, -0.2, -0.1, 0.0], {"Al": 0.0})
    >>> prediction = potential.predict(bulk("Al", a=3.6))
    >>> bool(prediction.stress[0] < 0.0)  # a compressed crystal pushes outwards
    True
    """

    energy: float
    energies: NDArray[np.float64]
    forces: NDArray[np.float64]
    stress: NDArray[np.float64] | None
    virials: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        results: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
        volume: float | None,
    ) -> "Prediction":
        """Build from energies, forces and virials of the core, and the volume of the cell in Å³, if it has one."""
        energies, forces, virials = results
        stress = None if volume is None else ase_stress_from_virial(virials.sum(axis=0), volume)
        for array in (energies, forces, virials, stress):
            if array is not None:
                array.flags.writeable = False
        return cls(float(energies.sum()), energies, forces, stress, virials)


def evaluate_frames(
    core: _core.Potential,
    frames: Sequence[T],
    *,
    structure: Callable[[T], _core.Structure],
    volume: Callable[[T], float | None],
    name: Callable[[int], str],
    threads: int,
    progress: Progress | None = None,
) -> Iterator[Prediction]:
    """Evaluate structures of any kind, batch by batch.

    Parameters
    ----------
    core
        The potential of the compiled core.
    frames
        The structures.
    structure, volume
        Give the structure of the core and the volume (Å³, None without one) of a frame.
    name
        Names the k-th frame in errors.
    threads
        Number of threads.
    progress
        Receives the advance if there are more structures than one batch.

    Raises
    ------
    StructureError
        A structure cannot be evaluated; the message begins with its name.
    """

    def converted(k: int) -> _core.Structure:
        try:
            return structure(frames[k])
        except StructureError as error:
            raise StructureError(f"{name(k)}: {error}") from None

    progress = progress if progress is not None and len(frames) > BATCH_STRUCTURES else Silent()
    progress.start("predicting: structures", len(frames))
    for start in range(0, len(frames), BATCH_STRUCTURES):
        batch = range(start, min(start + BATCH_STRUCTURES, len(frames)))
        structures = [converted(k) for k in batch]
        try:
            results = core.evaluate_many(structures, threads)
        except StructureError as error:
            message, index = error.args
            raise StructureError(f"{name(start + index)}: {message}") from None
        for k, own in zip(batch, results, strict=True):
            yield Prediction.of(own, volume(frames[k]))
        progress.advance(len(batch))
