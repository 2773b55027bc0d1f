"""Phonons by phonopy: bands along the standard path, density of states, stability, thermal properties."""

import contextlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import kB, kJ, mol
from numpy.typing import NDArray

from mlip_rs.calculators.calculations import Calculator, forces
from mlip_rs.errors import ConfigError, DataError, PropertyError
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.criteria import Quantity, Threshold
from mlip_rs.validate.property import Property

DISPLACEMENT = 0.01
"""Displacement of one atom in Å, far inside the harmonic range of any crystal."""

SMALLEST_SUPERCELL = 12.0
"""Least distance in Å between opposite faces of the supercell."""

MESH = 12
"""Points along each reciprocal axis of the mesh for errors and thermal properties."""

DOS_MESH = 24
"""Points along each reciprocal axis of the mesh for the density of states."""

IMAGINARY_TOLERANCE = 0.05
"""THz; a mode below minus this value is imaginary. Acoustic modes at Γ vanish only up to rounding."""

TEMPERATURES: tuple[float, ...] = tuple(float(t) for t in range(0, 1001, 50))
"""Temperatures of the thermal properties in K."""

_CUTOFF_FREQUENCY = 0.01
"""THz below which a mode does not count in thermal properties: the three acoustic ones at Γ."""

GAS_CONSTANT: float = 1e3 * kB * mol / kJ
"""k_B per atom in J/K/mol, phonopy's unit of entropies."""

FREQUENCY = Threshold(0.05, relative=True)

PHONON_ERROR = Threshold(0.3)
"""THz, over the Brillouin zone."""

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class BandSegment:
    """A straight piece of the path through the Brillouin zone.

    Attributes
    ----------
    start, end
        Labels of its ends.
    distances
        Along the path (n,), in 1/Å (without 2π).
    frequencies
        n rows of n_bands, in THz, negative if imaginary.

    Examples
    --------
    >>> segment = BandSegment("Γ", "X", distances=(0.0, 0.3), frequencies=((0.0, 0.0, 0.0), (5.1, 5.1, 7.3)))
    >>> print(f"{segment.start}–{segment.end}: {max(segment.frequencies[-1])} THz")
    Γ–X: 7.3 THz
    """

    start: str
    end: str
    distances: tuple[float, ...]
    frequencies: Rows


@dataclass(frozen=True)
class Phonons:
    """Harmonic phonons of a crystal.

    Attributes
    ----------
    n_atoms, n_supercell
        Atoms of the primitive cell and of the supercell.
    bands
        Segments of the standard path (Hinuma et al., Comput. Mater. Sci. 128, 140 (2017)).
    dos_frequencies, dos
        Frequencies in THz and states per THz and primitive cell, by the tetrahedron method.
    qpoints, weights, frequencies
        Irreducible points of a Γ-centred mesh in reduced coordinates, their weights, and sorted frequencies, in THz.
    temperatures
        K.
    free_energy, entropy, heat_capacity
        Vibrational, in eV/atom, k_B/atom and k_B/atom at constant volume; None if a mode is imaginary.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> found = phonons(EMT(), bulk("Cu", a=3.59), smallest_supercell=4.0, mesh=2)
    >>> found.is_stable, [segment.start + segment.end for segment in found.bands[:2]]
    (True, ['ΓX', 'XU'])
    """

    n_atoms: int
    n_supercell: int
    bands: tuple[BandSegment, ...]
    dos_frequencies: tuple[float, ...]
    dos: tuple[float, ...]
    qpoints: Rows
    weights: tuple[int, ...]
    frequencies: Rows
    temperatures: tuple[float, ...]
    free_energy: tuple[float, ...] | None
    entropy: tuple[float, ...] | None
    heat_capacity: tuple[float, ...] | None

    @property
    def lowest(self) -> float:
        """Lowest frequency of bands and mesh in THz; negative: imaginary."""
        bands = min(min(map(min, segment.frequencies)) for segment in self.bands)
        return min(bands, min(map(min, self.frequencies)))

    @property
    def highest(self) -> float:
        """Highest frequency of the mesh in THz."""
        return max(map(max, self.frequencies))

    @property
    def imaginary_fraction(self) -> float:
        """Fraction of imaginary modes on the mesh."""
        imaginary = (np.array(self.frequencies) < -IMAGINARY_TOLERANCE).mean(axis=1)
        return float(np.average(imaginary, weights=self.weights))

    @property
    def is_stable(self) -> bool:
        """True if no mode is imaginary, on the mesh or on the path."""
        return self.lowest > -IMAGINARY_TOLERANCE

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON, each key naming its unit; modes of the mesh only in their extremes."""
        return {
            "n_atoms": self.n_atoms,
            "n_supercell": self.n_supercell,
            "stable": self.is_stable,
            "lowest_thz": self.lowest,
            "highest_thz": self.highest,
            "imaginary_fraction": self.imaginary_fraction,
            "bands": [
                {
                    "start": segment.start,
                    "end": segment.end,
                    "distances_per_angstrom": list(segment.distances),
                    "frequencies_thz": [list(row) for row in segment.frequencies],
                }
                for segment in self.bands
            ],
            "dos_frequencies_thz": list(self.dos_frequencies),
            "dos_states_per_thz": list(self.dos),
            "temperatures_k": list(self.temperatures),
            "free_energy_ev_per_atom": _listed(self.free_energy),
            "entropy_kb_per_atom": _listed(self.entropy),
            "heat_capacity_kb_per_atom": _listed(self.heat_capacity),
        }


@dataclass(frozen=True)
class PhononError:
    """Differences of the frequencies on a mesh, branches paired in order of frequency.

    Attributes
    ----------
    mean_absolute, root_mean_square, largest
        Mean absolute, root mean square and largest difference, in THz.

    Examples
    --------
    >>> PhononError(mean_absolute=0.1, root_mean_square=0.13, largest=0.4).root_mean_square
    0.13
    """

    mean_absolute: float
    root_mean_square: float
    largest: float

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {"mae_thz": self.mean_absolute, "rmse_thz": self.root_mean_square, "max_thz": self.largest}


def phonons(
    calculator: Calculator,
    atoms: Atoms,
    *,
    smallest_supercell: float = SMALLEST_SUPERCELL,
    displacement: float = DISPLACEMENT,
    mesh: int = MESH,
    temperatures: tuple[float, ...] = TEMPERATURES,
) -> Phonons:
    """Phonons of a crystal from finite displacements in a supercell.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    atoms
        The crystal at a stationary point of its energy; the primitive cell is the cheapest.
    smallest_supercell
        Least distance in Å between opposite faces of the supercell; exact force constants want twice the cutoff.
    displacement
        Å.
    mesh
        Points along each reciprocal axis.
    temperatures
        K, of the thermal properties.

    Raises
    ------
    ConfigError
        A length or the mesh is not positive, or the structure is not periodic in three directions.
    PropertyError
        A force is not finite, or phonopy finds no symmetry.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> print(f"{phonons(EMT(), bulk('Cu', a=3.59), smallest_supercell=4.0, mesh=2).highest:.1f} THz")
    8.1 THz
    """
    return _analysed(force_constants(calculator, atoms, smallest_supercell, displacement), mesh, temperatures)


def load_phonons(
    path: str | Path, *, mesh: int = MESH, temperatures: tuple[float, ...] = TEMPERATURES
) -> Phonons:
    """Phonons from reference forces or force constants, in a file of phonopy (phonopy_params.yaml).

    Raises
    ------
    DataError
        The file cannot be read, or holds neither forces nor force constants.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> harmonic = force_constants(EMT(), bulk("Cu", a=3.59), smallest_supercell=4.0)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "phonopy_params.yaml")
    ...     _ = harmonic.save(path)
    ...     print(f"{load_phonons(path, mesh=2).highest:.1f} THz")
    8.1 THz
    """
    import phonopy

    try:
        loaded = phonopy.load(path, log_level=0)
    except Exception as error:  # whatever YAML and phonopy raise on a file that is not theirs
        raise DataError(f"{path}: cannot be read as a file of phonopy: {error}") from error
    if loaded.force_constants is None:
        raise DataError(f"{path}: holds neither forces nor force constants; save it with phonopy's `save`")
    return _analysed(loaded, mesh, temperatures)


def phonon_error(potential: Phonons, reference: Phonons) -> PhononError:
    """Error of the frequencies over the Brillouin zone, at the same reduced wave vectors.

    Raises
    ------
    ConfigError
        The meshes differ, or the primitive cells do.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> tight, wide = (phonons(EMT(), bulk("Cu", a=a), smallest_supercell=4.0, mesh=2) for a in (3.57, 3.63))
    >>> print(f"{phonon_error(wide, tight).root_mean_square:.2f} THz")
    0.66 THz
    """
    if potential.n_atoms != reference.n_atoms or not (
        np.shape(potential.qpoints) == np.shape(reference.qpoints)
        and np.allclose(potential.qpoints, reference.qpoints, atol=1e-6)
    ):
        raise ConfigError(
            "phonons can be compared only on the same mesh of the same primitive cell: compute both for one crystal"
        )
    difference = np.array(potential.frequencies) - np.array(reference.frequencies)
    weights = np.repeat(np.array(reference.weights, dtype=float)[:, None], difference.shape[1], axis=1)
    return PhononError(
        mean_absolute=float(np.average(np.abs(difference), weights=weights)),
        root_mean_square=float(np.average(difference**2, weights=weights) ** 0.5),
        largest=float(np.abs(difference).max()),
    )


def force_constants(
    calculator: Calculator, atoms: Atoms, smallest_supercell: float, displacement: float = DISPLACEMENT
) -> Any:  # noqa: ANN401 (phonopy carries no types that a checker could use here)
    """Phonopy object of a crystal with its force constants; arguments and errors as for `phonons`."""
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    if not (smallest_supercell > 0 and displacement > 0):
        raise ConfigError(f"phonons: supercell of {smallest_supercell} Å, displacement of {displacement} Å")
    if not bool(np.all(atoms.pbc)):
        raise ConfigError("phonons need a structure that is periodic in all three directions")
    heights = 1 / np.linalg.norm(np.linalg.inv(np.asarray(atoms.cell[:])), axis=0)
    repeats = np.ceil(smallest_supercell / heights - 1e-6).astype(int)
    unit = PhonopyAtoms(
        symbols=atoms.get_chemical_symbols(),
        cell=np.asarray(atoms.cell[:]),
        scaled_positions=atoms.get_scaled_positions(),
        masses=atoms.get_masses(),
    )
    try:
        # phonopy warns that "auto" is its default, also where it is asked for
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="primitive_matrix defaulted")
            harmonic = Phonopy(unit, supercell_matrix=np.diag(repeats), primitive_matrix="auto")
        harmonic.generate_displacements(distance=displacement)
    except RuntimeError as error:
        raise PropertyError(f"phonopy refuses {atoms.get_chemical_formula()}: {error}") from error
    displaced = [
        Atoms(cell.symbols, cell=cell.cell, scaled_positions=cell.scaled_positions, pbc=True)
        for cell in harmonic.supercells_with_displacements
    ]
    harmonic.forces = np.array([forces(calculator, cell) for cell in displaced])
    with contextlib.redirect_stdout(io.StringIO()):  # phonopy tells of drift on standard output
        harmonic.produce_force_constants(calculate_full_force_constants=False)
        harmonic.symmetrize_force_constants()
    return harmonic


def thermal_properties(
    harmonic: Any,  # noqa: ANN401 (as above)
    temperatures: tuple[float, ...],
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Free energies, entropies and heat capacities, in units as in `Phonons`, from the mesh run last."""
    harmonic.run_thermal_properties(temperatures=temperatures, cutoff_frequency=_CUTOFF_FREQUENCY)
    found, n_atoms = harmonic.thermal_properties, len(harmonic.primitive)
    return (
        _tuple(np.asarray(found.free_energy) * kJ / mol / n_atoms),
        _tuple(np.asarray(found.entropy) / GAS_CONSTANT / n_atoms),
        _tuple(np.asarray(found.heat_capacity) / GAS_CONSTANT / n_atoms),
    )


def _analysed(harmonic: Any, mesh: int, temperatures: tuple[float, ...]) -> Phonons:  # noqa: ANN401 (as above)
    if mesh < 1:
        raise ConfigError(f"phonons: a mesh of {mesh} points; give at least 1")
    harmonic.auto_band_structure(npoints=51)
    harmonic.run_mesh([DOS_MESH] * 3, is_gamma_center=True)
    harmonic.run_total_dos()
    dos = harmonic.total_dos
    harmonic.run_mesh([mesh] * 3, is_gamma_center=True)
    points = harmonic.mesh
    n_atoms = len(harmonic.primitive)
    frequencies = np.sort(points.frequencies, axis=1)
    bands = _segments(harmonic.band_structure)
    lowest = min(float(frequencies.min()), *(min(map(min, segment.frequencies)) for segment in bands))
    real = lowest > -IMAGINARY_TOLERANCE
    thermal = thermal_properties(harmonic, temperatures) if real else (None, None, None)
    return Phonons(
        n_atoms=n_atoms,
        n_supercell=len(harmonic.supercell),
        bands=bands,
        dos_frequencies=_tuple(dos.frequency_points),
        dos=_tuple(dos.dos),
        qpoints=tuple(map(_tuple, points.qpoints)),
        weights=tuple(int(w) for w in points.weights),
        frequencies=tuple(map(_tuple, frequencies)),
        temperatures=tuple(float(t) for t in temperatures),
        free_energy=thermal[0],
        entropy=thermal[1],
        heat_capacity=thermal[2],
    )


def _segments(path: Any) -> tuple[BandSegment, ...]:  # noqa: ANN401 (as above)
    """Segments with the labels of both ends; phonopy gives a label twice only where the path breaks."""
    labels = iter(label.replace("$", "").replace("\\Gamma", "Γ") for label in path.labels)
    plain = (label.removeprefix("\\mathrm{").rstrip("}").replace("}", "") for label in labels)
    segments: list[BandSegment] = []
    connected = False
    for distances, frequencies, joins_next in zip(
        path.distances, path.frequencies, path.path_connections, strict=True
    ):
        start = segments[-1].end if connected else next(plain)
        segments.append(
            BandSegment(
                start, next(plain), _tuple(distances), tuple(map(_tuple, np.sort(frequencies, axis=1)))
            )
        )
        connected = joins_next
    return tuple(segments)


def _tuple(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(np.asarray(values, dtype=float).tolist())


def _listed(values: tuple[float, ...] | None) -> list[float] | None:
    return None if values is None else list(values)


def compute(case: ValidationCase) -> Phonons:
    """Phonons of the crystal, in a smaller supercell if the case is quick."""
    return phonons(case.calculator, case.crystal, smallest_supercell=case.phonon_supercell)


def quantities(found: Phonons) -> tuple[Quantity, ...]:
    """Highest frequency."""
    return (Quantity("highest frequency", "THz", found.highest, FREQUENCY),)


def failures(found: Phonons) -> tuple[str, ...]:
    """Imaginary modes."""
    if found.is_stable:
        return ()
    return (
        f"dynamically unstable: an imaginary mode of {-found.lowest:.2f}i THz,"
        f" {100 * found.imaginary_fraction:.1f} % of the modes of the mesh",
    )


def reference_errors(found: Phonons, reference: Phonons) -> tuple[Quantity, ...]:
    """Errors of the frequencies over the Brillouin zone."""
    error = phonon_error(found, reference)
    return (
        Quantity("RMS error of the frequencies", "THz", error.root_mean_square, PHONON_ERROR),
        Quantity("mean absolute error of the frequencies", "THz", error.mean_absolute, PHONON_ERROR),
    )


PROPERTY = Property(
    "phonons", "Phonons", Phonons, compute, quantities, failures, reference_errors=reference_errors
)
