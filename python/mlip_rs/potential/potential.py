"""`Potential`: a fitted potential, its file, and its predictions for one structure or many."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, overload

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from numpy.typing import ArrayLike

from mlip_rs import _core
from mlip_rs.basis import Basis
from mlip_rs.data.core_structures import cell_volume, structure_from_atoms
from mlip_rs.errors import ConfigError, PotentialFileError, StructureError
from mlip_rs.files import atomic_file
from mlip_rs.potential.data_range import CLEARLY_OUTSIDE, RANGE_KEY, DataRange
from mlip_rs.potential.file_text import packed, potential_text, reason
from mlip_rs.potential.metadata import info_text, to_builtin
from mlip_rs.potential.prediction import Prediction, evaluate_frames
from mlip_rs.threads import number_of_threads

REFERENCES_KEY: str = "reference_energies"
"""Entry of `Potential.info` that says where the reference energies come from: `origins` by element."""

DETERMINED_ORIGINS: frozenset[str] = frozenset({"given", "found"})
"""Origins of reference energies that are energies of isolated atoms: given by the user, or found in the data."""


class BasisLike(Protocol):
    """Anything that can give a basis specification as JSON."""

    def to_json(self) -> str:
        """Return the specification."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Potential:
    """A fitted potential. It never changes: copies share it, threads may use it together.

    Made by `load`, `from_json` or `from_coefficients`.

    Parameters
    ----------
    core
        The potential of the compiled core.

    Examples
    --------
    >>> import numpy as np
    >>> from ase.build import bulk
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair")
    >>> potential = Potential.from_coefficients(basis, np.ones(basis.n_features), {"Al": -3.0})
    >>> potential.predict(bulk("Al")).forces.shape
    (1, 3)
    """

    core: _core.Potential

    # ---- making and keeping ------------------------------------------------------------------------------

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Potential":
        """Read a potential file (`*.mlip.json`).

        Raises
        ------
        PotentialFileError
            The file is missing, unreadable, cut short, edited, of a newer version or not a potential; the
            message names the file and the reason.
        """
        name = os.fspath(path)
        try:
            return cls(_core.Potential.from_json(potential_text(Path(path))))
        except PotentialFileError as error:
            raise PotentialFileError(f"{name}: {error}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the potential file, compressed if its name ends in `.gz` or `.xz`.

        At every moment there is the old file or the whole new one.

        Raises
        ------
        PotentialFileError
            The file cannot be written; the old one is as before.
        """
        name = os.fspath(path)
        content = packed(self.to_json(), name)
        try:
            with atomic_file(path, "wb") as file:
                file.write(content)
        except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
            raise PotentialFileError(
                f"{name}: cannot be written ({reason(error)}); any old file is as before; check that the "
                "folder exists, is writable and has space left"
            ) from error

    @classmethod
    def from_json(cls, text: str) -> "Potential":
        """Read the text of a potential file.

        Raises
        ------
        PotentialFileError
            As `load`, without a name.
        """
        return cls(_core.Potential.from_json(text))

    def to_json(self) -> str:
        """Return the text of the potential file."""
        return self.core.to_json()

    @classmethod
    def from_coefficients(
        cls,
        spec: str | Mapping[str, Any] | Basis | BasisLike,
        coefficients: ArrayLike,
        reference_energies: Mapping[str, float],
        info: Mapping[str, Any] | None = None,
    ) -> "Potential":
        """Assemble a potential from coefficients.

        Parameters
        ----------
        spec
            A `Basis`, or a basis specification: its JSON text, the same as a mapping, or an object with `to_json()`.
        coefficients
            (F,) one per column of the design matrix, eV per unit of the feature; zeros are dropped.
        reference_energies
            Energy of the isolated atom of every element, eV.
        info
            Metadata that travels with the potential: what JSON can hold, and NumPy numbers and arrays.

        Raises
        ------
        ConfigError
            A basis, coefficients, reference energies or metadata that make no sense.
        """
        basis = spec.core if isinstance(spec, Basis) else _core.Basis(_spec_text(spec))
        try:
            weights = np.ascontiguousarray(np.asarray(coefficients).astype(np.float64, casting="same_kind"))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"coefficients must be real numbers, one for each feature: {error}") from None
        if weights.shape != (basis.n_features,):
            raise ConfigError(f"coefficients: expected shape ({basis.n_features},), got {weights.shape}")
        if not np.isfinite(weights).all():
            feature = int(np.flatnonzero(~np.isfinite(weights))[0])
            raise ConfigError(f"coefficient {feature} is {weights[feature]}; the fit behind it has failed")
        references = _references(basis.elements, reference_energies)
        return cls(_core.Potential.from_coefficients(basis, weights, references, info_text(info or {})))

    def with_info(self, info: Mapping[str, Any]) -> "Potential":
        """Return the same potential with other metadata; nothing is computed again.

        Raises
        ------
        ConfigError
            Metadata that JSON cannot hold.
        """
        return Potential(self.core.with_info(info_text(info)))

    def with_index(self, index: Mapping[str, Any]) -> "Potential":
        """Return the same potential with an index of anomaly, in place of any that it has.

        `docs/potential-file.md` lists the keys of the index.

        Raises
        ------
        ConfigError
            No mapping, or something that JSON cannot hold.
        PotentialFileError
            An index that is malformed or does not fit the potential; the message names the entry.

        Examples
        --------
        >>> from mlip_rs import Potential
        >>> basis = {"elements": ["Al"], "cutoff": 4.5, "cutoff_function": "cosine", "invariants": [{"order": 1}],
        ...          "radial": [{"function": {"family": "gaussian", "beta": [0.8], "mu": [1.5, 2.5]}}]}
        >>> potential = Potential.from_coefficients(basis, [0.3, -0.2], {"Al": -3.0})
        >>> potential.index is None
        True
        >>> forms = {"element": "Al", "offsets": [1.0], "forms": {"d[Al,0]": [0.5]}}
        >>> potential.with_index({"shell": 4.0, "centers": [forms]}).index["shell"]
        4.0
        """
        return Potential(self.core.with_index(info_text(index, "the index of anomaly")))

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Potential.from_json, (self.to_json(),)

    def __copy__(self) -> "Potential":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Potential":
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Potential):
            return NotImplemented
        return self is other or self.checksum == other.checksum

    def __hash__(self) -> int:
        return hash(self.checksum)

    def __repr__(self) -> str:
        return (
            f"<Potential {'-'.join(self.elements)} {self.hierarchy}, cutoff {self.cutoff:g} Å, "
            f"{self.n_nonzero} of {self.n_features} coefficients>"
        )

    # ---- what is inside ----------------------------------------------------------------------------------

    @property
    def index(self) -> dict[str, Any] | None:
        """The index of anomaly as `with_index` takes it; None if the potential has none."""
        text = self.core.index
        return None if text is None else json.loads(text)

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols of the basis, in its order."""
        return tuple(self.core.elements)

    @property
    def cutoff(self) -> float:
        """Distance up to which neighbours matter, Å: at most the cutoff of the basis."""
        return self.core.cutoff

    @property
    def hierarchy(self) -> str:
        """Kind of features: pair, pair-poly, angular, angular-poly or invariants."""
        return self.core.hierarchy

    @property
    def n_features(self) -> int:
        """Number of candidate features, all elements together."""
        return self.core.n_features

    @property
    def n_nonzero(self) -> int:
        """Number of coefficients that are not zero."""
        return self.core.n_nonzero

    @property
    def reference_energies(self) -> dict[str, float]:
        """Energy of an atom without neighbours by element, eV; `reference_origins` says what it is worth."""
        return dict(self.core.reference_energies)

    @property
    def reference_origins(self) -> dict[str, str]:
        """Origin of each reference energy: "given", "found" in the data, "fitted", or "unknown".

        Examples
        --------
        >>> from mlip_rs import Basis
        >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=1)
        >>> Potential.from_coefficients(basis, [1.0], {"Al": -3.0}).reference_origins
        {'Al': 'unknown'}
        """
        entry = self.info.get(REFERENCES_KEY)
        origins = entry.get("origins") if isinstance(entry, dict) else None
        known = origins if isinstance(origins, dict) else {}
        words = {word: word for word in (*DETERMINED_ORIGINS, "fitted")}
        return {symbol: words.get(str(known.get(symbol)), "unknown") for symbol in self.elements}

    @property
    def undetermined_atoms(self) -> tuple[str, ...]:
        """Elements whose isolated atom has an arbitrary energy: energies of cohesion cannot be had from them.

        Their reference energy was fitted to the data or is of unknown origin, or a constant fitted beside it shifts it.

        Examples
        --------
        >>> from mlip_rs import Basis
        >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=1)
        >>> Potential.from_coefficients(basis, [1.0], {"Al": -3.0}).undetermined_atoms
        ('Al',)
        """
        return tuple(
            symbol
            for symbol, origin in self.reference_origins.items()
            if origin not in DETERMINED_ORIGINS or self.coefficients(symbol).get("1", 0.0) != 0.0
        )

    @property
    def data_range(self) -> DataRange | None:
        """Which surroundings of atoms the training data contain; None if the file does not say."""
        return DataRange.from_dict(self.info.get(RANGE_KEY))

    @property
    def spec(self) -> dict[str, Any]:
        """The basis specification."""
        return _object(self.core.spec)

    @property
    def info(self) -> dict[str, Any]:
        """Metadata that the fit has stored: method, weights, errors, data, and more."""
        return _object(self.core.info)

    @property
    def checksum(self) -> str:
        """SHA-256 of the content, as in the file: two potentials with the same checksum are the same."""
        return self.core.checksum

    def coefficients(self, element: str) -> dict[str, float]:
        """Return the non-zero coefficients of a centre element by feature label, eV per unit of the feature.

        Raises
        ------
        ConfigError
            The potential does not know the element.
        """
        if element not in self.elements:
            raise ConfigError(f"element {element} is not in this potential ({', '.join(self.elements)})")
        return dict(self.core.coefficients(element))

    # ---- using it ----------------------------------------------------------------------------------------

    def calculator(
        self,
        skin: float = 0.5,
        threads: int | None = None,
        index: bool = True,
        warn_above: float | None = CLEARLY_OUTSIDE,
        level: float = 0.9,
    ) -> Calculator:
        """Return a new ASE calculator; `mlip_rs.MLIPCalculator` explains the arguments."""
        # Calculators build on potentials; this convenience alone looks the other way, and finds them by name.
        return import_module("mlip_rs.calculators.ase").MLIPCalculator(
            self, skin=skin, threads=threads, index=index, warn_above=warn_above, level=level
        )

    @property
    def has_index(self) -> bool:
        """Whether it has an index of anomaly for its atoms."""
        return self.core.index is not None

    def uncertainty(self, structures: Atoms | Iterable[Atoms], threads: int | None = None) -> Any:  # noqa: ANN401
        """Error bars and the index of anomaly, as `mlip_rs.uncertainty.Uncertainty`: one for one structure, or a list.

        Raises
        ------
        ConfigError
            The potential has no error bars; the message says how to make them.
        StructureError
            As `predict`.
        """
        several = not isinstance(structures, Atoms)
        chosen = list(structures) if several else [structures]
        found = import_module("mlip_rs.uncertainty.estimate").uncertainties(self, chosen, threads)
        return found if several else found[0]

    @overload
    def predict(self, structures: Atoms, threads: int | None = None) -> Prediction: ...

    @overload
    def predict(  # type: ignore[overload-cannot-match]  # to the checker, ASE is Any
        self, structures: Iterable[Atoms], threads: int | None = None
    ) -> list[Prediction]: ...

    def predict(
        self, structures: Atoms | Iterable[Atoms], threads: int | None = None
    ) -> Prediction | list[Prediction]:
        """Energies, forces and stresses of one structure, or of many in parallel.

        Parameters
        ----------
        structures
            One `Atoms`, or any iterable of them.
        threads
            None: `MLIP_RS_NUM_THREADS`, or all cores. The answer is the same to the last bit for any number.

        Returns
        -------
        Prediction or list of Prediction
            One for one, a list for an iterable.

        Raises
        ------
        StructureError
            A structure cannot be evaluated; the message names its index in the list, the atom and the cure.
        """
        n_threads = number_of_threads(threads)
        if isinstance(structures, Atoms):
            structure = structure_from_atoms(structures)
            try:
                (results,) = self.core.evaluate_many([structure], n_threads)
            except StructureError as error:
                raise StructureError(error.args[0]) from None
            return Prediction.of(results, _volume(structures))
        predictions = evaluate_frames(
            self.core,
            list(structures),
            structure=structure_from_atoms,
            volume=_volume,
            name=lambda index: f"structure {index}",
            threads=n_threads,
        )
        return list(predictions)


def _volume(atoms: Atoms) -> float | None:
    return cell_volume(atoms.cell.array)


def _object(text: str) -> dict[str, Any]:
    document = json.loads(text)
    return document if isinstance(document, dict) else {"": document}


def _spec_text(spec: str | Mapping[str, Any] | BasisLike) -> str:
    if isinstance(spec, str):
        return spec
    if isinstance(spec, Mapping):
        try:
            return json.dumps(spec, default=to_builtin, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigError(f"the basis specification is not JSON: {error}") from None
    return spec.to_json()


def _references(elements: list[str], energies: Mapping[str, float]) -> list[float]:
    if not isinstance(energies, Mapping):
        raise ConfigError("reference energies must be energies (eV) by element, such as {'Al': -0.1}")
    missing = [element for element in elements if element not in energies]
    unknown = [element for element in energies if element not in elements]
    if missing:
        raise ConfigError(f"no reference energy for {', '.join(missing)}; give that of the isolated atom, eV")
    if unknown:
        raise ConfigError(
            f"reference energy for {', '.join(unknown)}, which is not in the basis ({', '.join(elements)})"
        )
    for element in elements:
        if not isinstance(energies[element], int | float | np.number) or not np.isfinite(energies[element]):
            raise ConfigError(f"the reference energy of {element} is {energies[element]}; it must be finite")
    return [float(energies[element]) for element in elements]
