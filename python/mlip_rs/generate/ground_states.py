"""What is known of the elements before any calculation: structure and volume, and how open each structure is."""

from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers, chemical_symbols, covalent_radii, reference_states

from mlip_rs.errors import ConfigError
from mlip_rs.generate.calculator import Calculator, equilibrium_ratio
from mlip_rs.generate.distortions import with_volume
from mlip_rs.generate.prototypes import prototype

OPENNESS: dict[str, float] = {
    "fcc": 1.0, "bcc": 1.01, "hcp": 1.0, "dhcp": 1.0, "9r": 1.0, "a15": 1.05, "a6": 1.0, "sh": 1.07, "omega": 1.08,
    "beta-sn": 1.1, "a11": 1.12, "a7": 1.15, "sc": 1.15, "diamond": 1.5,
    "B1": 1.15, "B2": 1.01, "B3": 1.5, "L1_0": 1.0, "L1_2": 1.0, "C1": 1.3,
}  # fmt: skip
"""Volume per atom of structures, in that of fcc: rounded, between those of first-principles Al and Si."""

POSSIBLE: tuple[float, float] = (0.1, 10.0)
"""Volumes that may be given, in that of the tables; others are mistakes."""

USUAL: tuple[float, float] = (0.6, 1.7)
"""Volumes that are taken without a question."""

GIVEN: str = "given"

_NAMES = {"fcc": "fcc", "bcc": "bcc", "hcp": "hcp", "diamond": "diamond", "sc": "sc"}
_SPECIAL = {"Ga": "a11", "In": "a6", "Sn": "beta-sn", "As": "a7", "Sb": "a7", "Bi": "a7", "Sm": "9r"}


_VOLUMES = {
    "B": 7.3, "P": 19.0, "S": 25.8, "Mn": 12.2, "Se": 27.3, "Te": 33.9, "Hg": 23.1, "Pa": 25.0, "U": 20.7, "Np": 19.2,
    "Pu": 20.0,
}  # fmt: skip
"""Å³ per atom of elements whose crystals are too complicated to be built here (CRC Handbook)."""

_SINGLE_ATOMS = {"H": 3.0, "He": 17.6, "N": 8.2, "O": 8.4, "F": 10.0, "Cl": 21.0, "Br": 26.0, "I": 35.0}
"""Å³ per atom in fcc of elements that consist of molecules, or of nothing that ASE knows (PBE, with GPAW)."""


@dataclass(frozen=True, eq=False)
class GroundState:
    """A crystal of an element to start from.

    Attributes
    ----------
    element
        Chemical symbol.
    name
        Name of the structure, as in `mlip_rs.generate.prototypes`.
    crystal
        Its primitive cell, with the axial ratio of the element.
    volume
        Å³ per atom.
    origin
        Where the volume comes from, in words.

    Examples
    --------
    >>> zinc = GroundState.of("Zn")
    >>> zinc.name, round(zinc.volume, 2), zinc.origin
    ('hcp', 15.13, 'lattice constants in ase.data')
    """

    element: str
    name: str
    crystal: Atoms
    volume: float
    origin: str

    @classmethod
    def of(cls, element: str, volume: float | None = None) -> "GroundState":
        """The structure that ASE knows, else close-packed spheres of the covalent radius.

        Parameters
        ----------
        element
            Chemical symbol.
        volume
            Å³ per atom, if it is known better.

        Raises
        ------
        ConfigError
            No such element, or a volume that is not positive, or not possible.
        """
        if element not in chemical_symbols[1:]:
            raise ConfigError(f"{element!r} is not a chemical element; give symbols such as Al")
        if volume is not None and not (np.isfinite(volume) and volume > 0.0):
            raise ConfigError(f"volume of {element}: {volume:g} Å³ per atom is not positive")
        name, crystal, origin = _known(element) or _spheres(element)
        found = float(crystal.get_volume()) / len(crystal)
        if volume is None:
            return cls(element, name, crystal, found, origin)
        if not POSSIBLE[0] < volume / found < POSSIBLE[1]:
            raise ConfigError(
                f"volume of {element}: {volume:g} Å³ per atom is not possible, {found:.3g} is expected ({origin}); "
                "give the volume of one atom in Å³"
            )
        crystal.set_cell(crystal.cell * (volume / found) ** (1 / 3), scale_atoms=True)
        usual = USUAL[0] < volume / found < USUAL[1]
        doubt = "" if usual else f"; {found:.2f} is expected: is it the volume of one atom?"
        return cls(element, name, crystal, float(volume), f"{GIVEN}{doubt}")

    def at_equilibrium(self, calculator: Calculator) -> "GroundState":
        """The crystal at the volume where a calculator has its lowest energy, unless the volume was given."""
        ratio = None if self.origin.startswith(GIVEN) else equilibrium_ratio(calculator, self.crystal)
        if ratio is None:
            return self
        crystal = with_volume(self.crystal, ratio)
        return replace(
            self, crystal=crystal, volume=self.volume * ratio, origin="lowest energy of the calculator"
        )

    @property
    def close_packed_volume(self) -> float:
        """Volume per atom of the element in fcc, Å³, about."""
        return self.volume / OPENNESS[self.name]

    @property
    def diameter(self) -> float:
        """Distance of neighbours in fcc, Å, about."""
        return float((2**0.5 * self.close_packed_volume) ** (1 / 3))


def _known(element: str) -> tuple[str, Atoms, str] | None:
    """Structure in the tables of ASE; None where it has none of those that are built here."""
    state = reference_states[atomic_numbers[element]] or {}
    name = _SPECIAL.get(element) or _NAMES.get(str(state.get("symmetry")))
    if name is None or not state.get("a") or element in _VOLUMES:
        return None
    if name == "a11":
        volume = state["a"] ** 3 * state["b/a"] * state["c/a"] / 8
        crystal = prototype(name, element, volume)
    else:
        crystal = bulk(element)
        if name == "9r":
            crystal = prototype(name, element, float(crystal.get_volume()) / len(crystal))
    crystal.set_initial_magnetic_moments(None)
    return name, crystal, "lattice constants in ase.data"


def _spheres(element: str) -> tuple[str, Atoms, str]:
    """Close-packed atoms: of the density of the element, as first principles have them, or that touch."""
    if element in _VOLUMES:
        return (
            "fcc",
            prototype("fcc", element, _VOLUMES[element]),
            "density of the element, whose crystal is not built",
        )
    if element in _SINGLE_ATOMS:
        return "fcc", prototype("fcc", element, _SINGLE_ATOMS[element]), "fcc by first principles"
    edge = 2.0 * 2**0.5 * float(covalent_radii[atomic_numbers[element]])
    return "fcc", bulk(element, "fcc", a=edge), "covalent radius, a guess: give the volume if it is known"
