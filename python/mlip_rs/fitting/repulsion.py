"""Choice of the switching to ZBL: for each potential the widest one with which its energy rises at short range.

The coefficients are the same for every switching, and so is, for the same `inner` distances, the energy of an atom
before it is switched by its local density. It is computed once per curve; each switching follows from it in closed form
(`potential/zbl_switching.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.basis import Basis
from mlip_rs.basis.repulsion import Repulsion
from mlip_rs.fitting.data_domain import SWITCHINGS, Domain
from mlip_rs.fitting.problem import Problem
from mlip_rs.potential import Potential
from mlip_rs.potential.compression import Compression
from mlip_rs.potential.short_range import CurveGrid
from mlip_rs.potential.zbl_switching import ZblSwitching
from mlip_rs.threads import number_of_threads


@dataclass(frozen=True)
class RepulsionChooser:
    """The repulsion of the potentials of a fit.

    Parameters
    ----------
    basis
        With explicit repulsion, or none.
    domain
        Distances and local densities of the data; None if the repulsion is not to be chosen.
    """

    basis: Basis
    domain: Domain | None

    def potential(
        self,
        coefficients: Array,
        references: Mapping[str, float],
        info: Mapping[str, Any],
        threads: int | None = None,
    ) -> Potential:
        """The potential with its repulsion; on the data it is the same whatever the choice.

        Should the energy rise with no switching, the one with the fewest failures is taken, and these are named in
        `info["short_range"]`.

        Parameters
        ----------
        coefficients
            (F,).
        references
            Energy of the isolated atom of every element, eV.
        info
            Metadata of the potential.
        threads
            As for `Potential.predict`.
        """
        if self.domain is None:
            return Potential.from_coefficients(self.basis.to_dict(), coefficients, references, info)
        energies = _SwitchedEnergies(self.basis, coefficients, references, number_of_threads(threads))
        best: tuple[Repulsion, list[str]] | None = None
        for switching in SWITCHINGS:
            repulsion = self.domain.repulsion(switching)
            failures = _failures(energies, repulsion, self.domain, None if best is None else len(best[1]))
            if best is None or len(failures) < len(best[1]):
                best = repulsion, failures
            if not failures:
                break
        assert best is not None
        repulsion, failures = best
        report = {"monotonic": not failures, "failures": failures}
        return Potential.from_coefficients(
            replace(self.basis, repulsion=repulsion).to_dict(),
            coefficients,
            references,
            dict(info) | {"short_range": report},
        )


def repelling_potential(
    problem: Problem, coefficients: Array, info: Mapping[str, Any], threads: int | None = None
) -> Potential:
    """The potential of a fit with its repulsion; the parameters are those of `RepulsionChooser.potential`."""
    chooser = RepulsionChooser(problem.basis, problem.domain)
    return chooser.potential(coefficients, problem.reference.values, info, threads)


def _failures(
    energies: "_SwitchedEnergies", repulsion: Repulsion, domain: Domain, most: int | None
) -> list[str]:
    """One sentence for each curve that does not rise; no more than `most` are looked for."""
    elements = energies.basis.elements
    switching = ZblSwitching(elements, energies.basis.core.cutoff, repulsion.to_dict())
    grid = CurveGrid(elements, domain.closest, switching, whole=False)
    failures: list[str] = []
    for curve in grid.curves(lambda compression, r: energies(compression, r, repulsion, switching)):
        if not curve.monotonic:
            failures.append(curve.failure)
        if most is not None and len(failures) >= most:
            break
    return failures


class _SwitchedEnergies:
    """Energies of one set of coefficients with any repulsion; the core evaluates each curve once.

    Parameters
    ----------
    basis, coefficients, references
        As for `Potential.from_coefficients`.
    threads
        Number of threads.
    """

    def __init__(
        self, basis: Basis, coefficients: Array, references: Mapping[str, float], threads: int
    ) -> None:
        self.basis, self.coefficients, self.references, self.threads = (
            basis,
            coefficients,
            references,
            threads,
        )
        constants = coefficients.reshape(len(basis.elements), -1)[:, np.array(basis.labels()) == "1"].sum(
            axis=1
        )
        self.isolated = {
            symbol: references[symbol] + float(constant)
            for symbol, constant in zip(basis.elements, constants, strict=True)
        }
        self._potentials: dict[object, Potential] = {}
        self._evaluated: dict[object, Array] = {}

    def __call__(
        self, compression: Compression, distances: Array, repulsion: Repulsion, switching: ZblSwitching
    ) -> Array:
        """(K,) eV per atom at each nearest-neighbour distance."""
        pairs_only = Repulsion(repulsion.inner, repulsion.outer)
        without = self._without_density(compression, distances, pairs_only)
        atoms = [
            switching.energy(shells, distances, own, self.isolated[shells.center])
            for shells, own in zip(compression.shells, without.T, strict=True)
        ]
        return np.asarray(sum(atoms) / len(atoms))

    def _without_density(self, compression: Compression, distances: Array, repulsion: Repulsion) -> Array:
        """(K, C) energies of the atoms, eV, with the switching of close pairs only."""
        key = repulsion, compression, distances.tobytes()
        if key not in self._evaluated:
            if repulsion not in self._potentials:
                spec = replace(self.basis, repulsion=repulsion).to_dict()
                self._potentials[repulsion] = Potential.from_coefficients(
                    spec, self.coefficients, self.references
                )
            core = self._potentials[repulsion].core
            self._evaluated[key] = compression.energies(core, distances, self.threads)
        return self._evaluated[key]
