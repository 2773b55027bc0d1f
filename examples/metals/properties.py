"""Properties of a cubic metal by any calculator: the same function for first principles and for potentials.

    python properties.py Li first_principles.py:dense -o Li/reference.json
    python properties.py Li fit/best.mlip.json -o fit/properties.json

The crystal of nature, if it is fcc or bcc, else the lower one of these, is compared with the other prototypes at their
own equilibrium volumes (hcp with the ideal ratio of its axes); elastic constants come from stresses at strains of
±0.5 %, the formation energy of a vacancy from 2 x 2 x 2 cubic cells without relaxation, frequencies at the zone
boundary from the forces of frozen phonons. Every number is a difference within one kind of cell, so that the same cells
are to be used on both sides.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.data import atomic_masses, atomic_numbers
from ase.eos import EquationOfState

from mlip_rs.files import write_atomically
from mlip_rs.generate.ground_states import GroundState
from mlip_rs.workflows.calculators import calculator_of

Calculator = Any

IN_CUBIC_CELL = {"fcc": 4, "bcc": 2, "sc": 1, "diamond": 8}
"""Atoms in the cube of the lattice constant."""

RATIOS = np.linspace(0.94, 1.06, 7)
"""Volumes in that of the guess."""

STRAIN = 0.005
DISPLACEMENT = 0.02
"""Å, of each of the two sublattices of a frozen phonon."""

THZ = np.sqrt(units._e / units._amu) / 1e-10 / (2.0 * np.pi) * 1e-12
"""From sqrt(eV/Å²/u) to THz."""

IDEAL = np.sqrt(8.0 / 3.0)


def crystal(element: str, structure: str, volume: float) -> Atoms:
    """Primitive cell at a volume per atom (Å³)."""
    if structure == "hcp":
        a = (2.0 * volume / (IDEAL * np.sqrt(3.0) / 2.0)) ** (1.0 / 3.0)
        return bulk(element, "hcp", a=a, c=IDEAL * a)
    return bulk(element, structure, a=(IN_CUBIC_CELL[structure] * volume) ** (1.0 / 3.0))


def energy(atoms: Atoms, calculator: Calculator) -> float:
    """Energy per atom whose derivative the forces are, eV."""
    atoms.calc = calculator
    return float(atoms.get_potential_energy(force_consistent=True)) / len(atoms)


def equilibrium(
    element: str, structure: str, guess: float, calculator: Calculator
) -> tuple[float, float, float] | None:
    """Volume (Å³ per atom), energy (eV per atom) and bulk modulus (GPa), by F. Birch and F. D. Murnaghan.

    None where the energy has no minimum.
    """
    for _ in range(4):
        volumes = guess * RATIOS
        energies = [energy(crystal(element, structure, v), calculator) for v in volumes]
        lowest = int(np.argmin(energies))
        if 1 <= lowest <= len(RATIOS) - 2:
            v0, e0, b = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()
            return float(v0), float(e0), float(b / units.GPa)
        guess = float(volumes[lowest])
    return None


def elastic_constants(cell: Atoms, calculator: Calculator) -> dict[str, float]:
    """C11, C12, C44 of a cubic crystal, GPa, from stresses."""

    def stress(strain: np.ndarray) -> np.ndarray:
        strained = cell.copy()
        strained.set_cell(cell.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        strained.calc = calculator
        return np.asarray(strained.get_stress()) / units.GPa

    along, shear = np.zeros((3, 3)), np.zeros((3, 3))
    along[0, 0] = STRAIN
    shear[1, 2] = shear[2, 1] = STRAIN / 2.0
    stretched = (stress(along) - stress(-along)) / (2.0 * STRAIN)
    sheared = (stress(shear) - stress(-shear)) / (2.0 * STRAIN)
    return {
        "C11": float(stretched[0]),
        "C12": float((stretched[1] + stretched[2]) / 2.0),
        "C44": float(sheared[3]),
    }


def vacancy(element: str, structure: str, a: float, calculator: Calculator) -> float:
    """Formation energy without relaxation, eV."""
    perfect = bulk(element, structure, a=a, cubic=True).repeat(2)
    whole = energy(perfect, calculator) * len(perfect)
    defect = perfect.copy()
    del defect[0]
    return energy(defect, calculator) * len(defect) - whole * len(defect) / len(perfect)


def frequency(cell: Atoms, second: np.ndarray, direction: np.ndarray, calculator: Calculator) -> float:
    """THz of a mode in which two sublattices move against each other; negative if it is unstable."""
    pattern = np.where(second[:, None], -1.0, 1.0) * direction / np.linalg.norm(direction)
    forces = []
    for sign in (1.0, -1.0):
        moved = cell.copy()
        moved.positions += sign * DISPLACEMENT * pattern
        moved.calc = calculator
        forces.append(moved.get_forces())
    constant = -float(np.sum((forces[0] - forces[1]) * pattern)) / (2.0 * DISPLACEMENT * len(cell))
    mass = atomic_masses[atomic_numbers[cell.get_chemical_symbols()[0]]]
    return float(np.sign(constant) * np.sqrt(abs(constant) / mass) * THZ)


def zone_boundary(element: str, structure: str, a: float, calculator: Calculator) -> dict[str, float]:
    """Frequencies at X and L of fcc, at H and N of bcc, THz."""
    cube = bulk(element, structure, a=a, cubic=True)
    layers = np.isclose(np.mod(cube.get_scaled_positions()[:, 2], 1.0), 0.5)
    primitive = bulk(element, structure, a=a)
    along = np.linalg.inv(primitive.cell.array)[:, 2]  # half of this reciprocal vector is L of fcc, N of bcc
    across = np.cross(along, [0.0, 0.0, 1.0])
    doubled = primitive.repeat((1, 1, 2))
    second = np.array([False, True])
    if structure == "fcc":
        return {
            "X longitudinal": frequency(cube, layers, np.array([0.0, 0.0, 1.0]), calculator),
            "X transverse": frequency(cube, layers, np.array([1.0, 0.0, 0.0]), calculator),
            "L longitudinal": frequency(doubled, second, along, calculator),
            "L transverse": frequency(doubled, second, across, calculator),
        }
    return {
        "H": frequency(cube, layers, np.array([0.0, 0.0, 1.0]), calculator),
        "N longitudinal": frequency(doubled, second, along, calculator),
        "N transverse 1": frequency(doubled, second, across, calculator),
        "N transverse 2": frequency(doubled, second, np.cross(along, across), calculator),
    }


def properties(
    element: str,
    calculator: Calculator,
    guess: float,
    known: dict[str, Any],
    save: Callable[[Mapping[str, Any]], None],
    with_vacancy: bool = True,
) -> dict[str, Any]:
    """All properties; what is known is not computed again.

    Parameters
    ----------
    element
        Chemical symbol of a metal that is fcc or bcc.
    calculator
        Any ASE calculator.
    guess
        Volume per atom, Å³.
    known
        Of an earlier run.
    save
        Receives what is known after each step.
    with_vacancy
        Whether to compute the vacancy, whose cells are large; None stands for its energy else.
    """

    def step(name: str, compute: Callable[[], Any]) -> Any:
        if name not in known:
            known[name] = compute()
            save(known)
            print(f"{element}: {name} {known[name]}", flush=True)
        return known[name]

    scales = {"fcc": 1.0, "bcc": 1.0, "hcp": 1.0, "sc": 1.15, "diamond": 1.5}
    phases = {
        name: step(name, lambda name=name, s=s: equilibrium(element, name, s * guess, calculator))
        for name, s in scales.items()
    }
    ground = GroundState.of(element).name
    if ground not in ("fcc", "bcc"):
        ground = min(("fcc", "bcc"), key=lambda name: phases[name][1] if phases[name] else np.inf)
    if phases[ground] is None:
        raise SystemExit(f"{element} {ground}: no minimum of the energy near {guess:.1f} Å³")
    volume, lowest, modulus = phases[ground]
    a = (IN_CUBIC_CELL[ground] * volume) ** (1.0 / 3.0)
    return {
        "element": element,
        "structure": ground,
        "a0": a,
        "B": modulus,
        **step("elastic", lambda: elastic_constants(crystal(element, ground, volume), calculator)),
        "phases": {name: own and 1e3 * (own[1] - lowest) for name, own in phases.items() if name != ground},
        "vacancy": step("vacancy", lambda: vacancy(element, ground, a, calculator)) if with_vacancy else None,
        "phonons": step("phonons", lambda: zone_boundary(element, ground, a, calculator)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("element")
    parser.add_argument("calculator", help="as for mlip-rs label")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--volume", type=float, help="per atom, Å³; by default of mlip-rs generate")
    parser.add_argument("--without-vacancy", action="store_true", help="its cells cost most")
    arguments = parser.parse_args()
    if arguments.volume is None:
        arguments.volume = GroundState.of(arguments.element).volume
    partial = arguments.output.with_suffix(".partial.json")
    known = json.loads(partial.read_text(encoding="utf-8")) if partial.exists() else {}
    found = properties(
        arguments.element,
        calculator_of(arguments.calculator),
        arguments.volume,
        known,
        lambda now: write_atomically(partial, json.dumps(now)),
        with_vacancy=not arguments.without_vacancy,
    )
    write_atomically(arguments.output, json.dumps(found, indent=1) + "\n")
    partial.unlink()


if __name__ == "__main__":
    main()
