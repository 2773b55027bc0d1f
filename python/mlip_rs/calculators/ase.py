"""`MLIPCalculator`: a potential as an ASE calculator."""

import os
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.data.core_structures import arrays_from_atoms, cell_volume
from mlip_rs.errors import ConfigError, StructureError
from mlip_rs.potential import Potential
from mlip_rs.threads import number_of_threads
from mlip_rs.units import ase_stress_from_virial

Results = dict[str, Any]


class MLIPCalculator(Calculator):  # type: ignore[misc]  # ASE carries no types
    """Energy, forces and stress of a potential for ASE.

    Everything is computed at once; stresses of the atoms are −virial / volume, they sum to the stress.
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
    implemented_properties: ClassVar[list[str]] = [
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
    ) -> None:
        super().__init__()
        self.potential = potential if isinstance(potential, Potential) else Potential.load(potential)
        self.parameters.update(skin=skin, threads=threads)
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
        """Change `skin` or `threads`; gives those that differ from before, as ASE wants it.

        Raises
        ------
        ConfigError
            Any other setting: the rest belongs to the potential.
        """
        unknown = kwargs.keys() - {"skin", "threads"}
        if unknown:
            raise ConfigError(f"{', '.join(sorted(unknown))}: no such setting; there are skin and threads")
        changed = {key: value for key, value in kwargs.items() if self.parameters[key] != value}
        if changed:
            old = dict(self.parameters)
            self.parameters.update(changed)
            try:
                self._evaluator = self._new_evaluator()
            except ConfigError:
                self.parameters.update(old)
                raise
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
        """Compute all properties of the atoms, whichever are asked for, into `results`.

        Raises
        ------
        StructureError
            The structure cannot be evaluated; names the atom and the cure.
        """
        atoms = self.atoms if atoms is None else atoms
        if atoms is None:
            raise StructureError("there are no atoms; set atoms.calc, or pass atoms")
        self._calculate(atoms)

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
            raise PropertyNotImplementedError(f"{name} property not implemented")
        results = self._known_results(atoms)
        if results is None:
            if not allow_calculation:
                return None
            atoms = self.atoms if atoms is None else atoms
            if atoms is None:
                raise StructureError("there are no atoms; set atoms.calc, or pass atoms")
            results = self._calculate(atoms)
        if name not in results:
            raise PropertyNotImplementedError(f"{name} needs three cell vectors that span a volume")
        value = results[name]
        return value.copy() if isinstance(value, np.ndarray) else value

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

    def _known_results(self, atoms: Atoms | None) -> Results | None:
        """Results at hand that are valid for the atoms (None: those of the last calculation)."""
        last, results = self._last, self.results
        if last is None or last[1] is not results or not results:
            return None
        unchanged = atoms is None or next(_changes(last[0], atoms), None) is None
        return results if unchanged else None

    def _calculate(self, atoms: Atoms) -> Results:
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
        energies, forces, virials, virial = self._evaluator.compute(*arrays)
        energy = float(energies.sum())
        results = {"energy": energy, "free_energy": energy, "energies": energies, "forces": forces}
        volume = cell_volume(arrays.cell)
        if volume is not None:
            results["stress"] = ase_stress_from_virial(virial, volume)
            results["stresses"] = ase_stress_from_virial(virials, volume, out=virials)
        self.atoms, self.results, self._last = copied, results, (copied, results)
        del previous
        return results


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
