"""Checks of what only a potential of this package has: its file, its two evaluators, its units."""

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
from mlip_rs.verify.subject import Subject

TABLE_TOLERANCE: float = 1e-6
"""Error of the tables of the compiled evaluator, in the size of the forces."""

SI_GPA: float = 160.2176634
"""1 eV/Å³ in GPa: the elementary charge, exact in the SI of 2019, over 10⁻²¹."""

UNIT_TOLERANCE: float = 1e-7
"""Relative; ASE's constants are those of CODATA 2014."""

NOT_OURS = NotApplicable("the calculator has no potential file of this package")


def check_evaluators(subject: Subject) -> list[Measured] | NotApplicable:
    """The compiled evaluator agrees with the plain one: exact functions, every feature on its own, no tables."""
    if subject.potential is None:
        return NOT_OURS
    found = []
    for name, atoms in subject.samples.named().items():
        energies, forces, virials = subject.potential.core.evaluate_reference(structure_from_atoms(atoms), 1)
        stress = -virials.sum(axis=0) / atoms.get_volume() if atoms.pbc.all() else None
        plain = Answer(float(energies.sum()), forces, stress)
        found += subject.differences(subject.answer(atoms), plain, atoms, TABLE_TOLERANCE, f"of the {name}")
    return found


def check_file(subject: Subject) -> list[Measured] | NotApplicable:
    """Saved and loaded, the potential gives the same bits; saved again, the same file."""
    if subject.potential is None:
        return NOT_OURS
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "first.mlip.json", Path(folder) / "second.mlip.json"
        subject.potential.save(first)
        loaded = Potential.load(first)
        loaded.save(second)
        same_file = first.read_bytes() == second.read_bytes()
    found = [Measured(float(not same_file), 0.0, "differences", "files")]
    calculator = loaded.calculator(threads=1)
    for name, atoms in subject.samples.named().items():
        same = subject.answer(atoms, subject.make()).same_bits(subject.answer(atoms, calculator))
        found.append(Measured(float(not same), 0.0, "differences", f"bits of the {name}"))
    return found


def check_units(subject: Subject) -> list[Measured] | NotApplicable:
    """Energies, forces and stresses are the same in eV and Å by ASE and by `predict`, and stresses in GPa too."""
    answer = subject.answer(subject.samples.crystal)
    if answer.stress is None:
        raise PropertyError("the calculator gives no stress for a periodic structure")
    scale = max(largest(answer.stress), subject.force_scale / subject.samples.spacing**2)
    gpa = stress_gpa(subject.make(), subject.samples.crystal)
    back = largest(gpa / EV_PER_ANGSTROM3_IN_GPA - answer.stress) / scale
    found = [
        Measured(back, INVARIANCE_TOLERANCE, "relative", "stress in GPa and back"),
        Measured(abs(EV_PER_ANGSTROM3_IN_GPA / SI_GPA - 1.0), UNIT_TOLERANCE, "relative", "eV/Å³ in GPa"),
    ]
    if subject.potential is None:
        return found
    for name, atoms in subject.samples.named().items():
        prediction = subject.potential.predict(atoms, 1)
        stress = prediction.stress if atoms.pbc.all() else None
        predicted = Answer(prediction.energy, np.array(prediction.forces), stress)
        found += subject.differences(
            subject.answer(atoms), predicted, atoms, INVARIANCE_TOLERANCE, f"of the {name} by predict"
        )
    return found
