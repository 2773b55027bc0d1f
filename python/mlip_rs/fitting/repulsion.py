"""Each potential of a fit gets the widest hand-over to the repulsion with which its energy rises at short range."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlip_rs.arrays import Array
from mlip_rs.basis import Basis
from mlip_rs.fitting.data_domain import HANDOVERS, Domain
from mlip_rs.potential import Potential
from mlip_rs.potential.short_range import ShortRange, short_range

CHECK_POINTS: int = 120
"""Points of each curve."""


@dataclass(frozen=True)
class Guard:
    """The basis of a fit with the repulsion of its data.

    Parameters
    ----------
    basis
        With explicit repulsion, or none.
    domain
        What the data contain; None if the repulsion is not to be chosen.
    """

    basis: Basis
    domain: Domain | None

    def potential(
        self,
        coefficients: Array,
        references: Mapping[str, float],
        info: Mapping[str, Any],
        threads: int = 0,
    ) -> Potential:
        """The potential, which is the same on the data for every choice of the repulsion.

        Should no hand-over give curves that rise, the one with the fewest failures is taken and they are named in
        `info["short_range"]`.
        """
        if self.domain is None:
            return Potential.from_coefficients(self.basis.to_dict(), coefficients, references, info)
        best: tuple[ShortRange, Basis] | None = None
        for handover in HANDOVERS:
            basis = replace(self.basis, repulsion=self.domain.repulsion(handover))
            candidate = Potential.from_coefficients(basis.to_dict(), coefficients, references)
            check = short_range(
                candidate,
                closest=self.domain.closest,
                n_points=CHECK_POINTS,
                whole=False,
                threads=threads or None,
            )
            if best is None or len(check.failures) < len(best[0].failures):
                best = check, basis
            if check.monotonic:
                break
        assert best is not None
        check, basis = best
        report = {"monotonic": check.monotonic, "failures": list(check.failures)}
        return Potential.from_coefficients(
            basis.to_dict(), coefficients, references, dict(info) | {"short_range": report}
        )
