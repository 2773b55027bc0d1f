"""Crystal structures whose energies are compared, as in the aluminium data set (`examples/al/dft`)."""

from collections.abc import Callable, Sequence

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers, covalent_radii, reference_states
from ase.geometry import cellpar_to_cell

from mlip_rs.errors import ConfigError

HCP_AXIAL_RATIO = 1.65
"""c/a: aluminium's, as in the reference calculations, not the ideal 1.633."""

DHCP_AXIAL_RATIO = 2 * 1.64
OMEGA_AXIAL_RATIO = 0.613
BETA_SN_AXIAL_RATIO = 0.54
A6_AXIAL_RATIO = 1.52
A7_ANGLE, A7_POSITION = 54.1, 0.226
A11_POSITION = (0.1549, 0.081)

_A15_POSITIONS = (
    (0, 0, 0), (0.5, 0.5, 0.5), (0.25, 0.5, 0), (0.75, 0.5, 0),
    (0, 0.25, 0.5), (0, 0.75, 0.5), (0.5, 0, 0.25), (0.5, 0, 0.75),
)  # fmt: skip

_ALIASES = {"dia": "diamond", "bsn": "beta-sn", "β-sn": "beta-sn", "ω": "omega"}
"""Names of the data set's `config_type`s and of the literature."""

_ATOMS_PER_CUBIC_CELL = {
    "fcc": 4, "bcc": 2, "sc": 1, "diamond": 8, "a15": 8, "b1": 8, "b2": 2, "b3": 8, "l1_2": 4, "c1": 12,
}  # fmt: skip


def prototype(name: str, symbol: str, volume_per_atom: float) -> Atoms:
    """Build a crystal structure at a given volume.

    Parameters
    ----------
    name
        One of `PROTOTYPES`: fcc, bcc, hcp, dhcp, sc, diamond, a15, beta-sn, omega (axial ratios fixed), or of
        `FURTHER_PROTOTYPES`: a6 (In), a7 (As), a11 (Ga), 9r (Sm), sh (simple hexagonal).
    symbol
        Chemical symbol.
    volume_per_atom
        Å³ per atom.

    Returns
    -------
    Atoms
        The primitive cell, periodic.

    Raises
    ------
    ConfigError
        The name is unknown or the volume is not positive.

    Examples
    --------
    >>> prototype("hcp", "Mg", 23.0).get_chemical_formula()
    'Mg2'
    """
    key = canonical_name(name)
    if not (np.isfinite(volume_per_atom) and volume_per_atom > 0):
        raise ConfigError(f"volume per atom of {name}: {volume_per_atom} Å³ is not positive")
    atoms = _BUILDERS[key](symbol)
    scale = (volume_per_atom * len(atoms) / float(atoms.get_volume())) ** (1 / 3)
    atoms.set_cell(atoms.cell[:] * scale, scale_atoms=True)
    return atoms


def canonical_name(name: str) -> str:
    """Name as in `PROTOTYPES`, from any case, the literature's (ω, β-Sn) or a `config_type`'s (dia, bsn).

    Examples
    --------
    >>> canonical_name("β-Sn")
    'beta-sn'
    """
    key = _ALIASES.get(name.lower(), name.lower())
    if key not in _BUILDERS:
        raise ConfigError(f"unknown crystal structure {name!r}; known are {', '.join(_BUILDERS)}")
    return key


def lattice_constant(name: str, volume_per_atom: float) -> float | None:
    """Edge in Å of the conventional cubic cell from the volume in Å³/atom; None if it is not cubic."""
    n_atoms = _ATOMS_PER_CUBIC_CELL.get(_ALIASES.get(name.lower(), name.lower()))
    return None if n_atoms is None else float((n_atoms * volume_per_atom) ** (1 / 3))


def _hexagonal(symbol: str, axial_ratio: float, positions: Sequence[Sequence[float]]) -> Atoms:
    return Atoms(
        [symbol] * len(positions),
        scaled_positions=positions,
        cell=[[1, 0, 0], [-0.5, 3**0.5 / 2, 0], [0, 0, axial_ratio]],
        pbc=True,
    )


def _dhcp(symbol: str) -> Atoms:
    positions = [[0.0, 0.0, 0.0], [1 / 3, 2 / 3, 0.25], [0.0, 0.0, 0.5], [2 / 3, 1 / 3, 0.75]]
    return _hexagonal(symbol, DHCP_AXIAL_RATIO, positions)


def _omega(symbol: str) -> Atoms:
    return _hexagonal(symbol, OMEGA_AXIAL_RATIO, [[0.0, 0.0, 0.0], [1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]])


def _a15(symbol: str) -> Atoms:
    return Atoms([symbol] * 8, scaled_positions=_A15_POSITIONS, cell=[1, 1, 1], pbc=True)


def _beta_sn(symbol: str) -> Atoms:
    a, c = 1.0, BETA_SN_AXIAL_RATIO
    cell = np.array([[-a, a, c], [a, -a, c], [a, a, -c]]) / 2
    return Atoms([symbol] * 2, scaled_positions=[[0, 0, 0], [0.75, 0.25, 0.5]], cell=cell, pbc=True)


def _indium(symbol: str) -> Atoms:
    half = np.array([1.0, 1.0, A6_AXIAL_RATIO]) / 2
    return Atoms(symbol, cell=(np.ones((3, 3)) - 2 * np.eye(3)) * half, pbc=True)


def _arsenic(symbol: str) -> Atoms:
    u = A7_POSITION
    cell = cellpar_to_cell([1, 1, 1, A7_ANGLE, A7_ANGLE, A7_ANGLE])
    return Atoms([symbol] * 2, scaled_positions=[[u] * 3, [-u] * 3], cell=cell, pbc=True)


def _gallium(symbol: str) -> Atoms:
    a, b, c = 4.519, 7.658, 4.526
    u, v = A11_POSITION
    cell = [[a / 2, b / 2, 0], [-a / 2, b / 2, 0], [0, 0, c]]
    # (0, y, z) of the conventional cell is (y, y, z) of the primitive one.
    sites = [[u, u, v], [0.5 + u, 0.5 + u, 0.5 - v]]
    positions = [*sites, *(-np.array(sites)).tolist()]
    return Atoms([symbol] * 4, scaled_positions=positions, cell=cell, pbc=True)


def _samarium(symbol: str) -> Atoms:
    """Close-packed planes ABCBCACAB of the ideal distance; the rhombohedral cell holds three."""
    height, shift = (2 / 3) ** 0.5, {"A": 0.0, "B": 1 / 3, "C": 2 / 3}
    cell = np.array([[1, 0, 0], [-0.5, 3**0.5 / 2, 0], [0, 0, 0]])
    over = cell[0] / 3 + 2 * cell[1] / 3
    positions = [3 * shift[plane] * over + [0, 0, k * height] for k, plane in enumerate("ABC")]
    cell[2] = 3 * shift["B"] * over + [0, 0, 3 * height]
    return Atoms([symbol] * 3, positions=positions, cell=cell, pbc=True)


_BUILDERS: dict[str, Callable[[str], Atoms]] = {
    "fcc": lambda symbol: bulk(symbol, "fcc", a=1.0),
    "bcc": lambda symbol: bulk(symbol, "bcc", a=1.0),
    "hcp": lambda symbol: bulk(symbol, "hcp", a=1.0, c=HCP_AXIAL_RATIO),
    "dhcp": _dhcp,
    "sc": lambda symbol: bulk(symbol, "sc", a=1.0),
    "diamond": lambda symbol: bulk(symbol, "diamond", a=1.0),
    "a15": _a15,
    "beta-sn": _beta_sn,
    "omega": _omega,
    "a6": _indium,
    "a7": _arsenic,
    "a11": _gallium,
    "9r": _samarium,
    "sh": lambda symbol: _hexagonal(symbol, 1.0, [[0.0, 0.0, 0.0]]),
}

PROTOTYPES: tuple[str, ...] = tuple(_BUILDERS)[:9]
"""Names that `prototype` knows, of structures that are compared everywhere."""

FURTHER_PROTOTYPES: tuple[str, ...] = tuple(_BUILDERS)[9:]
"""Names that `prototype` knows besides, for data that shall be diverse."""


def binary_prototype(name: str, first: str, second: str, volume_per_atom: float) -> Atoms:
    """Build an ordered compound of two elements at a given volume.

    Parameters
    ----------
    name
        One of `BINARY_PROTOTYPES`, by Strukturbericht: B1 (NaCl), B2 (CsCl), B3 (ZnS), L1_0 (AuCu, c/a = 1),
        L1_2 (AuCu₃) and C1 (CaF₂).
    first, second
        Elements; of L1_2 and C1 the first is the rarer one.
    volume_per_atom
        Å³ per atom.

    Raises
    ------
    ConfigError
        The name is unknown or the volume is not positive.

    Examples
    --------
    >>> binary_prototype("L1_2", "Au", "Cu", 14.0).get_chemical_formula()
    'AuCu3'
    """
    if name not in _BINARY_BUILDERS:
        raise ConfigError(f"unknown compound {name!r}; known are {', '.join(_BINARY_BUILDERS)}")
    if not (np.isfinite(volume_per_atom) and volume_per_atom > 0):
        raise ConfigError(f"volume per atom of {name}: {volume_per_atom} Å³ is not positive")
    atoms = _BINARY_BUILDERS[name](first, second)
    scale = (volume_per_atom * len(atoms) / float(atoms.get_volume())) ** (1 / 3)
    atoms.set_cell(atoms.cell[:] * scale, scale_atoms=True)
    return atoms


def _cubic(symbols: Sequence[str]) -> Atoms:
    """Compound on the fcc lattice: the corner, then the centres of the faces."""
    positions = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    return Atoms(list(symbols), scaled_positions=positions, cell=[1, 1, 1], pbc=True)


_BINARY_BUILDERS: dict[str, Callable[[str, str], Atoms]] = {
    "B1": lambda a, b: bulk(f"{a}{b}", "rocksalt", a=1.0),
    "B2": lambda a, b: bulk(f"{a}{b}", "cesiumchloride", a=1.0),
    "B3": lambda a, b: bulk(f"{a}{b}", "zincblende", a=1.0),
    "L1_0": lambda a, b: _cubic((a, b, b, a)),
    "L1_2": lambda a, b: _cubic((a, b, b, b)),
    "C1": lambda a, b: bulk(f"{a}{b}2", "fluorite", a=1.0),
}

BINARY_PROTOTYPES: tuple[str, ...] = tuple(_BINARY_BUILDERS)
"""Names that `binary_prototype` knows."""


_LATTICES = frozenset(("fcc", "bcc", "hcp", "diamond", "sc"))


def enlarged(atoms: Atoms, n_atoms: int) -> Atoms:
    """Repeat a periodic structure that has atoms to at least about `n_atoms`, atoms displaced at random by 0.02 Å."""
    big = atoms.copy()
    big.calc = None
    while 0 < len(big) < n_atoms and big.pbc.any():
        lengths = np.where(big.pbc, big.cell.lengths(), np.inf)
        repeat = [1, 1, 1]
        repeat[int(np.argmin(lengths))] = 2
        big = big.repeat(repeat)
    big.rattle(0.02, seed=0)
    return big


def crystal(elements: Sequence[str]) -> Atoms:
    """The crystal of the first element, as wide as the mean size of all elements wants it."""
    first = elements[0]
    number = atomic_numbers[first]
    state = reference_states[number] or {}
    if state.get("symmetry") in _LATTICES and state.get("a"):
        atoms = bulk(first)
    else:  # molecules, complicated crystals: close-packed spheres that touch
        atoms = bulk(first, "fcc", a=2.0 * np.sqrt(2.0) * float(covalent_radii[number]))
    radii = [float(covalent_radii[atomic_numbers[symbol]]) for symbol in elements]
    atoms.set_cell(atoms.cell * (np.mean(radii) / radii[0]), scale_atoms=True)
    return atoms
