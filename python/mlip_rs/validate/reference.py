"""Reference properties of a metal, computed directly from first principles, as in `al_reference.json`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers, reference_states

from mlip_rs.errors import DataError, PropertyError
from mlip_rs.validate.eos import EnergyVolumeFit, fit_birch_murnaghan
from mlip_rs.validate.properties.zone_boundary import ZoneBoundaryPhonons
from mlip_rs.validate.prototype_energies import expected_volume

VACANCY_SITES = 32
"""Sites of the supercell behind the key `vacancy32`."""

FIT_TOLERANCE = 1e-4
"""Relative difference allowed between the stored equation of state and a new fit of the stored points."""

SIZE_TOLERANCE = 0.3
"""Relative difference of the volume of fcc from that of the crystal in nature beyond which it is another element."""

_REQUIRED = (
    "eos_dataset",
    "elastic_dataset",
    "phonon",
    "atom_energy",
    "cohesive_energy",
    "vacancy32",
)
_OPTIONAL = ("element", "eos_ecut30", "eos_mv0.02Ry_dense", "elastic_mv0.02Ry_dense")
_CURVE_REQUIRED = ("V0", "E0", "B_GPa", "E_V")
_CURVE_OPTIONAL = ("a0", "E_minus_fcc_meV", "pressure_stress_minus_energy_GPa")
_ELASTIC = ("C11", "C12", "C44", "volume")
_PHONON = ("X_long_THz", "X_trans_THz", "L_long_THz", "L_trans_THz")


@dataclass(frozen=True)
class ReferenceElastic:
    """Cubic elastic constants in GPa at a volume in Å³/atom.

    Examples
    --------
    >>> aluminium = ReferenceElastic(c11=114.0, c12=62.0, c44=32.0, volume=16.5)
    >>> print(f"anisotropy {2 * aluminium.c44 / (aluminium.c11 - aluminium.c12):.2f}")
    anisotropy 1.23
    """

    c11: float
    c12: float
    c44: float
    volume: float


@dataclass(frozen=True)
class Reference:
    """Properties of a metal from first principles, with energies relative to the isolated atom.

    Attributes
    ----------
    element
        Chemical symbol.
    element_is_assumed
        True if the file does not name the element, so that the caller had to.
    curves
        Equations of state by crystal structure; always with fcc. Energies in eV/atom.
    elastic
        Elastic constants of fcc at its equilibrium volume.
    phonons
        Phonons of the fcc zone boundary.
    cohesive_energy
        Cohesive energy of fcc in eV/atom, positive if bound.
    vacancy_unrelaxed
        Formation energy in eV in a cubic fcc supercell at the equilibrium volume, with unrelaxed atoms.
    vacancy_sites
        Number of sites of that supercell.
    atom_energy
        Energy of the isolated atom in eV as computed by the code; already subtracted from the energies above.

    Examples
    --------
    >>> from mlip_rs.demo import REFERENCE_PATH
    >>> aluminium = load_reference(REFERENCE_PATH)
    >>> print(f"{aluminium.cohesive_energy:.2f} eV/atom, {aluminium.elastic.c11:.0f} GPa")
    3.50 eV/atom, 114 GPa
    """

    element: str
    curves: Mapping[str, EnergyVolumeFit]
    elastic: ReferenceElastic
    phonons: ZoneBoundaryPhonons
    cohesive_energy: float
    vacancy_unrelaxed: float
    vacancy_sites: int
    atom_energy: float
    element_is_assumed: bool = False


def load_reference(path: str | Path, *, element: str | None = None) -> Reference:
    """Read and check a reference file.

    Parameters
    ----------
    path
        JSON as written by `examples/al/dft/reference.py`.
    element
        Chemical symbol, for a file that does not name it; refused if its atomic volume does not fit.

    Returns
    -------
    Reference
        With energies relative to the isolated atom.

    Raises
    ------
    DataError
        The file cannot be read, a key is missing or unknown, a value is not a finite number, the stored
        equation of state is not that of the stored points, or neither file nor caller names an element that fits.

    Examples
    --------
    >>> from mlip_rs.demo import REFERENCE_PATH
    >>> found = load_reference(REFERENCE_PATH)
    >>> print(f"{found.element}: {', '.join(found.curves)}; a0 = {found.curves['fcc'].lattice_constant:.2f} Å")
    Al: fcc, bcc, hcp; a0 = 4.04 Å
    """
    file = Path(path)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{file}: cannot be read as JSON: {error}") from error
    top = _Record(file, "", document)
    top.check_keys(_REQUIRED, _OPTIONAL)
    is_assumed = "element" not in document
    if is_assumed and element is None:
        raise DataError(
            f'{file}: missing element: nothing says of which one the properties are; add "element": "Al", or its symbol'
        )
    atom = top.number("atom_energy")
    curves_record = top.record("eos_dataset")
    curves_record.check_keys(("fcc",), tuple(curves_record.names()))
    curves = {name: _curve(curves_record.record(name), name, atom) for name in curves_record.names()}
    cohesive = top.number("cohesive_energy")
    if abs(cohesive + curves["fcc"].equilibrium_energy) > 1e-4:
        raise DataError(
            f"{file}: cohesive_energy {cohesive:.5f} eV is not atom_energy − E0 of fcc"
            f" ({-curves['fcc'].equilibrium_energy:.5f} eV)"
        )
    symbol = element if is_assumed and element is not None else top.text("element")
    if is_assumed:
        _check_size(file, symbol, curves["fcc"].equilibrium_volume)
    elastic = top.record("elastic_dataset")
    elastic.check_keys(_ELASTIC)
    phonon = top.record("phonon")
    phonon.check_keys(_PHONON)
    vacancy = top.record("vacancy32")
    vacancy.check_keys(("unrelaxed_eV",))
    return Reference(
        element=symbol,
        element_is_assumed=is_assumed,
        curves=curves,
        elastic=ReferenceElastic(*(elastic.number(key) for key in _ELASTIC)),
        phonons=ZoneBoundaryPhonons(*(phonon.number(key) for key in _PHONON)),
        cohesive_energy=cohesive,
        vacancy_unrelaxed=vacancy.number("unrelaxed_eV"),
        vacancy_sites=VACANCY_SITES,
        atom_energy=atom,
    )


def _check_size(file: Path, symbol: str, volume: float) -> None:
    """Refuse an assumed element whose known atomic volume (Å³) differs from that of the file."""
    state = reference_states[atomic_numbers.get(symbol, 0)]
    if state is None or state.get("symmetry") not in ("fcc", "bcc", "hcp"):
        return
    expected = expected_volume(symbol)
    if abs(volume - expected) > SIZE_TOLERANCE * expected:
        raise DataError(
            f"{file}: names no element, and cannot be of {symbol}: its fcc crystal has {volume:.1f} Å³/atom,"
            f' {symbol} about {expected:.1f}; add "element" with the symbol of its element'
        )


def _curve(record: "_Record", name: str, atom_energy: float) -> EnergyVolumeFit:
    record.check_keys(_CURVE_REQUIRED, _CURVE_OPTIONAL)
    points = record.points("E_V")
    try:
        fit = fit_birch_murnaghan(name, points[:, 0].tolist(), (points[:, 1] - atom_energy).tolist())
    except (PropertyError, ValueError) as error:
        raise DataError(f"{record.where('E_V')}: {error}") from error
    stored = {
        "V0": fit.equilibrium_volume,
        "E0": fit.equilibrium_energy + atom_energy,
        "B_GPa": fit.bulk_modulus,
    }
    for key, refitted in stored.items():
        if abs(record.number(key) - refitted) > FIT_TOLERANCE * abs(refitted):
            raise DataError(
                f"{record.where(key)}: {record.number(key)} is not what the points E_V give"
                f" ({refitted:.6g}); was the file edited?"
            )
    return fit


class _Record:
    """A JSON object with its place in the file, for error messages."""

    def __init__(self, file: Path, path: str, value: object) -> None:
        self._file, self._path = file, path
        if not isinstance(value, dict):
            raise DataError(f"{file}: {path or 'the document'} must be an object, not {type(value).__name__}")
        self._value: dict[str, Any] = value

    def names(self) -> list[str]:
        return list(self._value)

    def where(self, key: str) -> str:
        return f"{self._file}: {self._path}{key}"

    def check_keys(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        missing = [key for key in required if key not in self._value]
        unknown = [key for key in self._value if key not in required and key not in optional]
        if missing or unknown:
            problems = [f"missing {', '.join(missing)}"] * bool(missing) + [
                f"unknown {', '.join(unknown)}"
            ] * bool(unknown)
            raise DataError(
                f"{self._file}: {self._path.rstrip('.') or 'the document'}: {'; '.join(problems)};"
                f" expected {', '.join(required)}"
            )

    def record(self, key: str) -> "_Record":
        return _Record(self._file, f"{self._path}{key}.", self._value[key])

    def text(self, key: str) -> str:
        value = self._value[key]
        if not isinstance(value, str) or not value:
            raise DataError(f"{self.where(key)}: must be a text, not {value!r}")
        return value

    def number(self, key: str) -> float:
        value = self._value[key]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
            raise DataError(f"{self.where(key)}: must be a finite number, not {value!r}")
        return float(value)

    def points(self, key: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        try:
            points = np.asarray(self._value[key], dtype=float)
        except (TypeError, ValueError) as error:
            raise DataError(f"{self.where(key)}: must be a list of [volume, energy]: {error}") from error
        if points.ndim != 2 or points.shape[1] != 2 or not np.all(np.isfinite(points)):
            raise DataError(
                f"{self.where(key)}: must be a list of finite [volume, energy], has shape {points.shape}"
            )
        return points
