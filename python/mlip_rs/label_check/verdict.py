"""Which of three labels is off: where two agree, the third is wrong."""

from dataclasses import dataclass

from mlip_rs.data import Dataset
from mlip_rs.label_check.energies import Energies
from mlip_rs.label_check.findings import Correction, Finding, finding, place
from mlip_rs.label_check.regression import Slope
from mlip_rs.label_check.rows import Rows, concerned
from mlip_rs.label_check.stresses import STRESS_TOLERANCE, Stresses
from mlip_rs.label_check.units import (
    ENERGY_FACTORS,
    FORCE_FACTORS,
    STRESS_FACTORS,
    nearest_factor,
)

AGREEMENT: float = 0.35
"""Relative difference of two slopes that come from one wrong label."""

TOLERANCE: float = 0.25
"""Relative distance of a slope from the factor of a unit at which it is named."""


@dataclass(frozen=True)
class Verdict:
    """Factors of the labels over what they should be.

    Parameters
    ----------
    energy, forces, stress
        1 if right, or if nothing can be said.
    slope
        The comparison that speaks against the forces.
    unnamed
        A slope that is neither right nor that of a unit, for the list of what could not be checked.
    """

    energy: float = 1.0
    forces: float = 1.0
    stress: float = 1.0
    slope: Slope | None = None
    unnamed: str = ""

    @property
    def plain(self) -> bool:
        """Whether nothing is off."""
        return self.energy == 1.0 and self.forces == 1.0 and self.stress == 1.0

    def force_findings(self, dataset: Dataset, rows: Rows) -> list[Finding]:
        """Name the factor of all forces."""
        if self.forces == 1.0 or self.slope is None:
            return []
        frames = concerned(dataset, rows, "forces")
        named = nearest_factor(self.forces, FORCE_FACTORS, TOLERANCE)
        sign = named is not None and named.value == -1.0
        look = (
            f"look like {named.name}"
            if named
            else f"are {self.forces:.3g} times what energies and stresses say"
        )
        cure = "check their unit"
        if named is not None:
            cure = f"convert them to forces in eV/Å (multiply by {1 / named.value:.6g})"
        return [
            finding(
                dataset,
                "forces: sign" if sign else "forces: unit",
                True,
                f"forces of {place(dataset, frames)} {look}: the slope of the other labels against what the forces say "
                f"is {self.slope}.",
                cure,
                frames,
                {"slope": self.slope.value, "error": self.slope.error},
                None if named is None else Correction("forces", 1.0 / named.value),
            )
        ]


def judge(energies: Energies | None, stresses: Stresses | None, from_forces: bool) -> Verdict:
    """Decide from the slopes of energies and stresses against forces which label is off.

    If both are off by one factor, the forces are; if one is, it is that label. Without the other, the factor that has a
    name decides.

    Parameters
    ----------
    from_forces
        Whether the slopes are against forces (otherwise energies were compared with stresses).
    """
    energy = energies.slope if energies is not None and energies.slope.sure else None
    stress = stresses.slope if stresses is not None and stresses.slope.sure else None
    e = 1.0 if energy is None or energy.right else energy.factor
    s = 1.0 if stress is None or stress.right else stress.factor
    if stresses is not None and stresses.virial:
        s, stress = 1.0, None
    if not from_forces:
        s, stress = 1.0, None
    if e == 1.0 and s == 1.0:
        return Verdict()
    named = {
        "energy": nearest_factor(e, ENERGY_FACTORS, TOLERANCE),
        "stress": nearest_factor(s, STRESS_FACTORS, STRESS_TOLERANCE),
        "forces": nearest_factor(1.0 / (e if e != 1.0 else s), FORCE_FACTORS, TOLERANCE),
    }
    agree = e != 1.0 and s != 1.0 and abs(s / e - 1.0) < AGREEMENT
    if (
        from_forces
        and named["forces"] is not None
        and (agree or (e != 1.0 and stress is None and (named["energy"] is None or e < 0)))
    ):
        return Verdict(forces=1.0 / e, slope=energy)
    by_stress = nearest_factor(1.0 / s, FORCE_FACTORS, TOLERANCE)
    if s != 1.0 and energy is None and named["stress"] is None and by_stress is not None:
        return Verdict(forces=1.0 / s, slope=stress)
    open_slopes = []
    if e != 1.0 and named["energy"] is None:
        open_slopes.append(f"energies have slope {energy}")
    if s != 1.0 and named["stress"] is None:
        open_slopes.append(f"stresses have slope {stress}")
    return Verdict(
        energy=1.0 if named["energy"] is None else e,
        stress=1.0 if s == 1.0 or named["stress"] is None else s,
        unnamed=" and ".join(open_slopes),
    )
