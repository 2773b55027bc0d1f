"""Checks for potentials of this package only: file, evaluators, units."""

import tempfile
from pathlib import Path

import numpy as np

from mlip_rs.calculators.calculations import stress_gpa
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.errors import PropertyError
from mlip_rs.potential import Potential
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA
from mlip_rs.verify.answer import Answer, largest
from mlip_rs.verify.invariance import INVARIANCE_TOLERANCE
from mlip_rs.verify.result import Measured, NotApplicable
from mlip_rs.verify.verified_calculator import VerifiedCalculator

TABLE_TOLERANCE: float = 1e-6
"""Largest error of the tables of the compiled evaluator, relative to the forces."""

SI_GPA: float = 160.2176634
"""1 eV/Å³ in GPa: the elementary charge, exact in the SI of 2019, over 10⁻²¹."""

UNIT_TOLERANCE: float = 1e-7
"""Relative; ASE's constants are those of CODATA 2014."""

NOT_OURS = NotApplicable("the calculator has no potential file of this package")


def check_evaluators(verified: VerifiedCalculator) -> list[Measured] | NotApplicable:
    """The compiled evaluator agrees with the reference evaluator, which computes every feature without tables."""
    if verified.potential is None:
        return NOT_OURS
    found = []
    for name, atoms in verified.samples.named().items():
        energies, forces, virials = verified.potential.core.evaluate_reference(structure_from_atoms(atoms), 1)
        stress = -virials.sum(axis=0) / atoms.get_volume() if atoms.pbc.all() else None
        plain = Answer(float(energies.sum()), forces, stress)
        found += verified.differences(verified.answer(atoms), plain, atoms, TABLE_TOLERANCE, f"of the {name}")
    return found


def check_file(verified: VerifiedCalculator) -> list[Measured] | NotApplicable:
    """A potential that is saved and loaded gives identical results, and the same file when saved again."""
    if verified.potential is None:
        return NOT_OURS
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "first.mlip.json", Path(folder) / "second.mlip.json"
        verified.potential.save(first)
        loaded = Potential.load(first)
        loaded.save(second)
        same_file = first.read_bytes() == second.read_bytes()
    found = [Measured(float(not same_file), 0.0, "differences", "files")]
    calculator = loaded.calculator(threads=1, index=False)
    for name, atoms in verified.samples.named().items():
        same = verified.answer(atoms, verified.make()).same_bits(verified.answer(atoms, calculator))
        found.append(Measured(float(not same), 0.0, "differences", f"bits of the {name}"))
    return found


def check_units(verified: VerifiedCalculator) -> list[Measured] | NotApplicable:
    """The ASE calculator and `predict` give the same energies, forces and stresses in the same units."""
    answer = verified.answer(verified.samples.crystal)
    if answer.stress is None:
        raise PropertyError("the calculator gives no stress for a periodic structure")
    scale = max(largest(answer.stress), verified.force_scale / verified.samples.spacing**2)
    gpa = stress_gpa(verified.make(), verified.samples.crystal)
    back = largest(gpa / EV_PER_ANGSTROM3_IN_GPA - answer.stress) / scale
    found = [
        Measured(back, INVARIANCE_TOLERANCE, "relative", "stress in GPa and back"),
        Measured(abs(EV_PER_ANGSTROM3_IN_GPA / SI_GPA - 1.0), UNIT_TOLERANCE, "relative", "eV/Å³ in GPa"),
    ]
    if verified.potential is None:
        return found
    for name, atoms in verified.samples.named().items():
        prediction = verified.potential.predict(atoms, 1)
        stress = prediction.stress if atoms.pbc.all() else None
        predicted = Answer(prediction.energy, np.array(prediction.forces), stress)
        found += verified.differences(
            verified.answer(atoms), predicted, atoms, INVARIANCE_TOLERANCE, f"of the {name} by predict"
        )
    return found
