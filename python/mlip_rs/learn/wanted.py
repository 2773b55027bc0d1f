"""What a loop shall predict: energies and forces of all structures of its pool, as precisely as asked for."""

import numpy as np
from threadpoolctl import threadpool_limits

from mlip_rs.arrays import Array
from mlip_rs.basis import Basis
from mlip_rs.fitting.weights import Weights
from mlip_rs.learn.growing_fit import weighted_rows
from mlip_rs.learn.pool import Pool
from mlip_rs.learn.settings import LearnSettings
from mlip_rs.units import MEV_PER_EV


class Wanted:
    """Σ tᵀt over design rows t of all energies per atom and forces, in the errors aimed at, divided by their numbers.

    With the variances of the coefficients A⁻¹, tr(A⁻¹ Σ tᵀt) is the mean variance of an energy and of a force
    component, as the errors of a potential are means over all of them. Structures that are labelled count too: the
    pool says what is of interest.

    Parameters
    ----------
    pool
        The pool, with all that were ever in it.
    settings
        Errors aimed at.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs.label.unlabelled import unlabelled
    >>> pool = Pool.of(unlabelled([bulk("Al", a=4.0), bulk("Al", a=4.1)]))
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=4)
    >>> Wanted(pool, LearnSettings()).gram(basis).shape == (basis.n_features, basis.n_features)
    True
    """

    def __init__(self, pool: Pool, settings: LearnSettings) -> None:
        self._pool = pool
        self._weights = Weights(settings.energy / MEV_PER_EV, settings.forces, None)
        self._basis: Basis | None = None
        self._energies = self._forces = np.empty((0, 0))
        self._n_summed = self._n_atoms = 0

    def gram(self, basis: Basis) -> Array:
        """(F, F) the sum; structures that came since the last call are added."""
        if basis != self._basis:
            self._basis, self._n_summed, self._n_atoms = basis, 0, 0
            self._energies, self._forces = np.zeros((2, basis.n_features, basis.n_features))
        with threadpool_limits(1):  # the same bits whatever the number of threads
            for frame in self._pool.everything[self._n_summed :]:
                rows = weighted_rows(basis, frame, self._weights)
                forces = rows[1 : 1 + 3 * frame.n_atoms]
                self._energies += np.outer(rows[0], rows[0])
                self._forces += forces.T @ forces
                self._n_atoms += frame.n_atoms
        self._n_summed = len(self._pool.everything)
        return self._energies / max(self._n_summed, 1) + self._forces / max(3 * self._n_atoms, 1)
