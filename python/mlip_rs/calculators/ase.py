"""`MLIPCalculator`: a potential as an ASE calculator."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.calculators.trust import (
    INDEX,
    checked_level,
    checked_threshold,
    error_bars,
    known_to_ase,
    missing,
    trust_properties,
    warn_outside,
)
from mlip_rs.data.core_structures import arrays_from_atoms, cell_volume
from mlip_rs.errors import ConfigError, StructureError
from mlip_rs.potential import Potential
from mlip_rs.threads import number_of_threads
from mlip_rs.uncertainty.domain import CLEARLY_OUTSIDE, indices
from mlip_rs.uncertainty.half_widths import LEVEL
from mlip_rs.units import ase_stress_from_virial

Results = dict[str, Any]

SETTINGS: tuple[str, ...] = ("skin", "threads", "index", "warn_above", "level")
"""What `MLIPCalculator.set` takes."""


class MLIPCalculator(Calculator):  # type: ignore[misc]  # ASE carries no types
    """Energy, forces and stress of a potential for ASE.

    Everything is computed at once; stresses of the atoms are −virial / volume, they sum to the stress.
    A potential that has them gives further properties, `atoms.calc.get_property("index", atoms)`:

    - `index` (N,), the index of anomaly of the atoms, with 1 for the 99 % quantile of the training atoms. It is part of
      every calculation, and the calculator warns once (`OutsideDomainWarning`) when an atom is clearly outside.
    - `energy_uncertainty` (of the total energy, eV), `forces_uncertainty` (N, 3), `stress_uncertainty` (6,) are
      half-widths of error bars that cover `level` of the labels, in the units of energy, forces and stress. They are
      computed when they are asked for, with every member of the committee, and kept until the atoms change.

    The neighbour list is kept while atoms move less than the skin allows, which changes no result beyond
    rounding. One calculator may be used from several threads and after a fork; copies and pickles start with
    a fresh list.

    Parameters
    ----------
    potential
        A potential, or the path of its file.
    skin
        Extra radius of the neighbour list, Å: larger means fewer but longer lists. 0.5 suits solids at most
        temperatures, 1.0 liquids.
    threads
        None: `MLIP_RS_NUM_THREADS`, or all cores. Results are the same to the last bit for any number.
    index
        False: the index is computed only when it is asked for, and there are no warnings.
    warn_above
        Index above which the calculator warns; None: never.
    level
        Nominal coverage of the error bars.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=4)
    >>> potential = Potential.from_coefficients(basis, [1.0, -1.0, 0.0, 0.0], {"Al": 0.0})
    >>> atoms = bulk("Al")
    >>> atoms.calc = MLIPCalculator(potential)
    >>> round(atoms.get_potential_energy(), 1), atoms.get_stress().shape
    (-2.3, (6,))
    """

    atoms: Atoms | None
    results: Results
    parameters: Results
    name = "mlip_rs"
    implemented_properties: list[str] = [  # noqa: RUF012 -- a potential may have more
        "energy",
        "free_energy",
        "energies",
        "forces",
        "stress",
        "stresses",
    ]
    ignored_changes: ClassVar[set[str]] = {"initial_charges", "initial_magmoms"}

    def __init__(
        self,
        potential: Potential | str | os.PathLike[str],
        *,
        skin: float = 0.5,
        threads: int | None = None,
        index: bool = True,
        warn_above: float | None = CLEARLY_OUTSIDE,
        level: float = LEVEL,
    ) -> None:
        super().__init__()
        self.potential = potential if isinstance(potential, Potential) else Potential.load(potential)
        self.implemented_properties = self.implemented_properties + trust_properties(self.potential)
        self._has_index, self._warned = self.potential.has_index, False
        self.parameters.update(skin=skin, threads=threads)
        self.parameters.update(_checked(index=index, warn_above=warn_above, level=level))
        self._evaluator = self._new_evaluator()
        # Atoms and results of one calculation, written and read as one object: whatever other threads do to
        # `self.atoms` and `self.results`, the atoms of one never meet the results of another.
        self._last: tuple[Atoms, Results] | None = None

    @property
    def skin(self) -> float:
        """Extra radius of the neighbour list, Å."""
        return float(self.parameters["skin"])

    @property
    def threads(self) -> int | None:
        """Number of threads asked for; None for the default."""
        threads: int | None = self.parameters["threads"]
        return threads

    @property
    def n_builds(self) -> int:
        """How often this calculator has built its neighbour list."""
        return self._evaluator.n_builds

    def set(self, **kwargs: Any) -> Results:  # noqa: ANN401 -- ASE's signature
        """Change settings of the constructor; gives those that differ from before, as ASE wants it.

        Raises
        ------
        ConfigError
            Any other setting: the rest belongs to the potential; or a value that makes no sense.
        """
        unknown = kwargs.keys() - set(SETTINGS)
        if unknown:
            names = f"{', '.join(SETTINGS[:-1])} and {SETTINGS[-1]}"
            raise ConfigError(f"{', '.join(sorted(unknown))}: no such setting; there are {names}")
        kwargs = _checked(**kwargs)
        changed = {key: value for key, value in kwargs.items() if self.parameters[key] != value}
        old = dict(self.parameters)
        self.parameters.update(changed)
        if changed.keys() & {"skin", "threads"}:
            try:
                self._evaluator = self._new_evaluator()
            except ConfigError:
                self.parameters.update(old)
                raise
        if changed.keys() & {"index", "level"}:
            self.reset()  # results that are kept lack the index, or have error bars of another level
        return changed

    def todict(self, skip_default: bool = True) -> Results:
        """Return what identifies this calculator, for ASE's databases and trajectories."""
        return {"potential": self.potential.checksum, "skin": self.skin, "threads": self.threads}

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Compute all properties of the atoms, whichever are asked for, into `results`; error bars if asked for.

        Raises
        ------
        StructureError
            The structure cannot be evaluated; names the atom and the cure.
        """
        atoms = self.atoms if atoms is None else atoms
        if atoms is None:
            raise StructureError("there are no atoms; set atoms.calc, or pass atoms")
        calculated = self._calculate(atoms)
        for name in set(properties or ()).intersection(self.implemented_properties):
            with suppress(PropertyNotImplementedError):  # a stress without a volume is not among the results
                self._value(name, *calculated)

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True) -> Any:  # noqa: ANN401
        """Return a property, computed if the atoms have changed since it was last.

        Raises
        ------
        PropertyNotImplementedError
            A property that no potential has, or a stress without three cell vectors that span a volume.
        StructureError
            The structure cannot be evaluated; names the atom and the cure.
        """
        if name not in self.implemented_properties:
            raise PropertyNotImplementedError(missing(name))
        known = self._known(atoms)
        if not allow_calculation and (known is None or name not in known[1]):
            return None
        if known is None:
            atoms = self.atoms if atoms is None else atoms
            if atoms is None:
                raise StructureError("there are no atoms; set atoms.calc, or pass atoms")
            known = self._calculate(atoms)
        value = self._value(name, *known)
        return value.copy() if isinstance(value, np.ndarray) else value

    def export_properties(self) -> Any:  # noqa: ANN401 -- ASE carries no types
        """Results that ASE has definitions of, those of the last calculation."""
        return known_to_ase(self.results)

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:
        """Return what has changed since the last calculation; exact, and much faster than ASE's own."""
        return list(_changes(self.atoms, atoms))

    def get_spin_polarized(self) -> bool:
        """Return False. Without it, ASE stores a bound method that keeps dropped calculators alive."""
        return False

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["_evaluator"], state["_last"]
        state["atoms"], state["results"] = self._last or (None, {})
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.parameters = type(self.parameters)(self.parameters)
        self._last = None if self.atoms is None else (self.atoms, self.results)
        self._evaluator = self._new_evaluator()

    def __repr__(self) -> str:
        return f"MLIPCalculator({self.potential!r}, skin={self.skin:g}, threads={self.threads})"

    def _new_evaluator(self) -> _core.Evaluator:
        try:
            skin = float(self.parameters["skin"])
        except (TypeError, ValueError):
            raise ConfigError(f"skin = {self.parameters['skin']!r} is not a length in Å") from None
        return _core.Evaluator(self.potential.core, skin, number_of_threads(self.parameters["threads"]))

    def _known(self, atoms: Atoms | None) -> tuple[Atoms, Results] | None:
        """Atoms and results at hand that are valid for the atoms (None: those of the last calculation)."""
        last, results = self._last, self.results
        if last is None or last[1] is not results or not results:
            return None
        unchanged = atoms is None or next(_changes(last[0], atoms), None) is None
        return last if unchanged else None

    def _value(self, name: str, atoms: Atoms, results: Results) -> Any:  # noqa: ANN401 -- a number or an array
        """Value of a property of the atoms; error bars and index are added to their results when first asked for."""
        if name not in results and name not in MLIPCalculator.implemented_properties:
            if name not in self.implemented_properties:
                raise PropertyNotImplementedError(missing(name))
            if name == INDEX:
                (results[INDEX],) = indices(self.potential, [atoms], self.threads)
            else:
                results.update(error_bars(self.potential, atoms, self.parameters["level"], self.threads))
        if name not in results:
            raise PropertyNotImplementedError(f"{name} needs three cell vectors that span a volume")
        return results[name]

    def _calculate(self, atoms: Atoms) -> tuple[Atoms, Results]:
        # Forgotten first: after an error nobody must find the results of other atoms. Their memory is given back only
        # after that of the new ones was taken: the system would have to find, and clear, all of it again.
        previous = self._last, self.results
        self._last, self.results = None, {}
        arrays = arrays_from_atoms(atoms)
        # What the results depend on; `Atoms.copy`, which copies all else as well, takes longer.
        self.atoms = copied = Atoms(
            numbers=arrays.numbers, positions=arrays.positions, cell=arrays.cell, pbc=arrays.pbc
        )
        # Another thread may move the atoms meanwhile.
        arrays = arrays._replace(positions=copied.arrays["positions"], cell=copied.cell.array)
        with_index = self._has_index and self.parameters["index"]
        if with_index:
            energies, forces, virials, virial, index = self._evaluator.compute(*arrays, index=True)
        else:
            energies, forces, virials, virial = self._evaluator.compute(*arrays)
        energy = float(energies.sum())
        results = {"energy": energy, "free_energy": energy, "energies": energies, "forces": forces}
        volume = cell_volume(arrays.cell)
        if volume is not None:
            results["stress"] = ase_stress_from_virial(virial, volume)
            results["stresses"] = ase_stress_from_virial(virials, volume, out=virials)
        if with_index:
            results[INDEX] = index
        self.atoms, self.results, self._last = copied, results, (copied, results)
        del previous
        threshold = self.parameters["warn_above"]
        if with_index and threshold is not None and not self._warned:
            self._warned = warn_outside(copied, index, threshold)
        return copied, results


def _checked(**settings: Any) -> Results:  # noqa: ANN401 -- whatever the user has given
    """Settings with those of index and error bars as numbers; raises `ConfigError` for what is none."""
    checks: dict[str, Callable[[Any], Any]] = {
        "index": bool,
        "warn_above": checked_threshold,
        "level": checked_level,
    }
    return {key: checks[key](value) if key in checks else value for key, value in settings.items()}


def _changes(old: Atoms | None, new: Atoms) -> Iterator[str]:
    """Which of positions, numbers, cell and periodicity differ (NaN always does), likeliest first."""
    if old is None:
        yield from all_changes
        return
    for name in ("positions", "numbers"):
        if not _equal(old.arrays[name], new.arrays[name]):
            yield name
    if not _equal(old.cell.array, new.cell.array):
        yield "cell"
    if not _equal(old.pbc, new.pbc):
        yield "pbc"


def _equal(old: NDArray[Any], new: NDArray[Any]) -> bool:
    """Whether arrays are equal; that of the last calculation is finite. ASE asks for it ten times a step."""
    return old.tobytes() == new.tobytes() or bool(np.array_equal(old, new))
