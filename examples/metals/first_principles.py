"""Elemental metals by GPAW with plane waves and PBE, for `mlip-rs label` and `properties.py`.

mlip-rs label Li/structures.extxyz -c first_principles.py:metal -o Li/labels.extxyz
python properties.py Li first_principles.py:dense -o Li/reference.json
"""

from math import ceil
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from gpaw import GPAW, PW

CUTOFFS = {"Li": 350, "K": 350, "Ga": 350, "In": 350, "Ag": 350, "Au": 350, "Zn": 500, "Cu": 500, "Ca": 350}
"""Kinetic energy of the plane waves, eV."""

WIDTHS = {"Ga": 1.0, "In": 1.0, "Ag": 1.0}
"""Widths of the smearing that are not `WIDTH`, eV."""

WIDTH = 0.5

EMPTY_BANDS = {"K": 3}
"""Empty bands for each atom, where those that GPAW takes are too few for the smearing: K needs 9 iterations, not 50."""

SETUPS = {"Ag": "11"}
"""PAW sets that are not those GPAW takes by default: silver without its 4p electrons."""

PULAY = {"K": -0.549, "In": -0.856, "Ag": -0.060}
"""Energy of each atom (eV) that the basis lacks in the stress, where it matters: P = c N / V is taken off. For K at
350 eV the stress is 1.2 GPa off the derivative of the energy, a third of the bulk modulus, for In 4.6 GPa, a seventh;
c of fcc at 0.8, 1.0 and 1.3 of the volume is -0.552, -0.553, -0.540 for K (50, 73, 100 Å³), -0.894, -0.794, -0.881 for
In, -0.066, -0.062, -0.052 for Ag; for Ga it is -0.003."""

DENSITY, DENSE = 3.5, 6.0
"""Density of the k-points, Å (points per 1/Å of the reciprocal lattice, with 2π), of labels and of properties."""

DENSITIES = {"K": 3.0, "In": 2.5, "Ag": 2.5}
"""Densities of labels that are not `DENSITY`."""

MESH_VOLUMES = {"Li": 20.3, "K": 73.6, "Ga": 18.9, "In": 27.4, "Ag": 17.9}
"""Volumes per atom, Å³, to which a cell is scaled before the mesh of its label is chosen: the mesh of a crystal does
not change with its volume then, at which energies would jump."""

DENSITIES_OF_PROPERTIES = {"Ga": 4.5, "In": 4.5, "Ag": 4.5}
"""Densities of properties that are not `DENSE`."""

VACUUM = 12.0
"""Lattice vectors of slabs that are longer (Å) have one k-point."""


def metal(
    atoms: Atoms,
    density: float | None = None,
    width: float | None = None,
    cutoff: float | None = None,
    davidson: bool = True,
) -> Calculator:
    """A calculator for one structure.

    Parameters
    ----------
    density
        Points of the mesh, centred at Γ, per 1/Å of reciprocal lattice vectors with 2π, at least; by default that of
        the element.
    width
        Smearing by M. Methfessel and A. T. Paxton, first order, eV; by default that of the element.
    cutoff
        eV; by default that of the element.
    davidson
        Use this eigensolver, the faster one, in place of GPAW's own choice; it fails for a few symmetric cells.
    """
    element = atoms.get_chemical_symbols()[0]
    lengths = 2.0 * np.pi * np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    if density is None:
        density = DENSITIES.get(element, DENSITY)
        volume = atoms.get_volume() / len(atoms)
        if atoms.info.get("kind") != "slab":
            density *= (volume / MESH_VOLUMES.get(element, volume)) ** (1.0 / 3.0)
    size = [max(1, ceil(density * length - 1e-6)) for length in lengths]
    if atoms.info.get("kind") == "slab":
        size = [1 if length > VACUUM else n for n, length in zip(size, atoms.cell.lengths(), strict=True)]
    empty = {"nbands": -EMPTY_BANDS[element] * len(atoms)} if element in EMPTY_BANDS else {}
    calculator = GPAW(
        **empty,
        setups={element: SETUPS[element]} if element in SETUPS else "paw",
        **({"eigensolver": {"name": "davidson", "niter": 2}} if davidson else {}),
        mode=PW(cutoff or CUTOFFS[element]),
        xc="PBE",
        kpts={"size": size, "gamma": True},
        occupations={
            "name": "methfessel-paxton",
            "order": 1,
            "width": width or WIDTHS.get(element, WIDTH),
        },
        convergence={"energy": 1e-5, "density": 1e-5},
        maxiter=120,
        txt=None,
    )
    return WithoutPulayStress(calculator, PULAY[element]) if element in PULAY else calculator


class WithoutPulayStress(Calculator):
    """GPAW with the stress that its basis lacks.

    Parameters
    ----------
    calculator
        Of one structure.
    constant
        Of the element, eV, for the cutoff of `CUTOFFS`.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, calculator: GPAW, constant: float) -> None:
        super().__init__()
        self.calculator, self._constant = calculator, constant

    def calculate(
        self, atoms: Any = None, properties: Any = ("energy",), system_changes: Any = all_changes
    ) -> None:
        super().calculate(atoms, properties, system_changes)
        assert self.atoms is not None
        copy = self.atoms.copy()
        copy.calc = self.calculator
        self.results = {
            "energy": copy.get_potential_energy(),
            "free_energy": copy.get_potential_energy(force_consistent=True),
            "forces": copy.get_forces(),
        }
        if "stress" in properties:
            pulay = self._constant * len(copy) / copy.get_volume()
            self.results["stress"] = copy.get_stress() + np.array([pulay] * 3 + [0.0] * 3)


def dense(atoms: Atoms) -> Calculator:
    """The same with more k-points, for small cells."""
    density = DENSITIES_OF_PROPERTIES.get(atoms.get_chemical_symbols()[0], DENSE)
    return metal(atoms, density=density, davidson=False)
