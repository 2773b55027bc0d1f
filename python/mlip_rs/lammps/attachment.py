"""A potential inside LAMMPS without a compiler: forces through `fix external`, on one rank."""

import ctypes
import os
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from ase.data import atomic_masses, atomic_numbers
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.errors import ConfigError, LammpsError, StructureError
from mlip_rs.lammps.startup import Instance
from mlip_rs.potential import Potential
from mlip_rs.threads import number_of_threads

Array: TypeAlias = NDArray[Any]

FIX: str = "mlip_rs"
"""ID of the fix that adds the forces."""

LAMMPS_ORDER: tuple[int, ...] = (0, 1, 2, 5, 4, 3)
"""Components xx yy zz xy xz yz, as LAMMPS has them, in the order of ASE."""

SAME_MASS: float = 0.03
"""Relative deviation of the mass of a type up to which it tells the element."""

LEAST_MASS: float = 1e-3
"""u; less is what LAMMPS holds of types whose mass has not been set."""

COMMANDS: tuple[str, ...] = ("command", "file", "commands_list", "commands_string")
"""Methods of LAMMPS that can run it."""


class Attachment:
    """A potential that gives forces in an instance of LAMMPS; made by `attach`.

    Commands given to the instance raise what has gone wrong in the potential meanwhile; LAMMPS itself only stops.

    Attributes
    ----------
    potential
        The potential.
    elements
        Element of each atom type, None where the potential does not act.
    energies
        (N,) eV, of the atoms in LAMMPS' present order, from the last evaluation.

    Examples
    --------
    >>> lmp = start()  # doctest: +SKIP
    >>> with attach(lmp, "al.mlip.json", ["Al"]) as attached:  # doctest: +SKIP
    ...     attached.run(1000)
    """

    def __init__(
        self,
        lmp: Instance,
        potential: Potential,
        elements: Sequence[str | None],
        skin: float,
        threads: int | None,
    ) -> None:
        self.potential = potential
        self.elements = tuple(elements)
        self.energies: NDArray[np.float64] = np.zeros(0)
        self._lmp = lmp
        self._evaluator = _core.Evaluator(potential.core, skin, number_of_threads(threads))
        self._numbers = np.array([0, *(atomic_numbers[e] if e else 0 for e in elements)], dtype=np.uint8)
        self._error: BaseException | None = None

    def run(self, steps: int, *options: str) -> None:
        """Run LAMMPS: `run STEPS OPTIONS`.

        Raises
        ------
        MlipError
            The potential cannot be evaluated, naming the step and the atoms, or it is no longer attached.
        """
        if not (self._lmp.lmp and self._lmp.has_id("fix", FIX)):
            raise LammpsError(
                "the potential is no longer attached: `clear`, `unfix`, detach or close has ended it; call attach again"
            )
        self._lmp.command(" ".join(["run", str(steps), *options]))

    def detach(self) -> None:
        """Remove the potential from the instance."""
        for name in COMMANDS:
            self._lmp.__dict__.pop(name, None)
        if self._lmp.lmp and self._lmp.has_id("fix", FIX):
            self._lmp.command(f"unfix {FIX}")

    def __enter__(self) -> "Attachment":
        return self

    def __exit__(self, *_: object) -> None:
        self.detach()

    def install(self) -> None:
        """Add the fix, and let commands raise errors of the potential."""
        lmp = self._lmp
        if lmp.extract_global("pair_style") in (None, "none"):
            lmp.command("pair_style zero 1.0 nocoeff")
            lmp.command("pair_coeff * *")
        lmp.command(f"fix {FIX} all external pf/callback 1 1")
        lmp.command(f"fix_modify {FIX} energy yes virial yes")
        lmp.set_fix_external_callback(FIX, self._callback)
        for name in COMMANDS:
            setattr(lmp, name, self._raising(getattr(type(lmp), name).__get__(lmp)))

    def _raising(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """A method of LAMMPS that raises the error of the potential, if there was one."""

        def call(*arguments: Any) -> Any:  # noqa: ANN401 (those of the method)
            self._error = None
            try:
                result = method(*arguments)
            except Exception as error:
                if self._error is None:
                    raise
                raise self._error from error
            if self._error is not None:
                error, self._error = self._error, None
                self._lmp.lib.lammps_command(self._lmp.lmp, b"timer timeout off")
                raise error
            return result

        return call

    def _callback(
        self, _: object, step: int, n_atoms: int, tags: Array, positions: Array, forces: Array
    ) -> None:
        """Called by LAMMPS in every step; nothing may leave it, for ctypes would only print it."""
        if self._error is not None or n_atoms == 0:
            return
        try:
            self._evaluate(step, tags, positions, forces)
        except BaseException as error:  # KeyboardInterrupt as well: it shall reach the caller
            self._error = error
            forces[:] = 0.0
            self._lmp.force_timeout()

    def _evaluate(self, step: int, tags: Array, positions: Array, forces: Array) -> None:
        lmp, n_atoms = self._lmp, len(positions)
        numbers = self._numbers[lmp.numpy.extract_atom("type", nelem=n_atoms)]
        cell, periodic = box(lmp)
        ours = numbers > 0
        try:
            energies, acting, virials, virial = self._evaluator.compute(
                numbers[ours], np.ascontiguousarray(positions[ours]), cell, periodic
            )
        except StructureError as error:
            raise _named(error, step, tags[ours]) from None
        forces[:] = _spread(acting, ours)
        self.energies = _spread(energies, ours)
        lmp.fix_external_set_energy_global(FIX, float(energies.sum()))
        lmp.fix_external_set_virial_global(FIX, virial[list(LAMMPS_ORDER)].tolist())
        self._set_per_atom(_spread(virials[:, LAMMPS_ORDER], ours))

    def _set_per_atom(self, virials: NDArray[np.float64]) -> None:
        """Hand over energies and virials of the atoms, which LAMMPS takes if a compute asks for them."""
        lmp, real = self._lmp, ctypes.POINTER(ctypes.c_double)
        energies = self.energies.ctypes.data_as(real)
        lmp.lib.lammps_fix_external_set_energy_peratom(lmp.lmp, FIX.encode(), energies)
        starts = virials.ctypes.data + np.arange(len(virials), dtype=np.uintp) * virials.strides[0]
        rows = (real * len(virials)).from_buffer(starts.data)
        lmp.lib.lammps_fix_external_set_virial_peratom(lmp.lmp, FIX.encode(), rows)


def attach(
    lmp: Instance,
    potential: Potential | str | os.PathLike[str],
    elements: Sequence[str | None] | None = None,
    *,
    skin: float = 1.0,
    threads: int | None = None,
) -> Attachment:
    """Let a potential act in an instance of LAMMPS; no plugin and no compiler are needed.

    Energies, forces and virials, also those of the atoms, come from `fix external`. It works on one rank, with
    `threads`; on several ranks use the pair style `mlip/rs`. The instance needs `units metal` and a box with types of
    atoms. Unless it has a pair style, `pair_style zero` is set. Other fixes come afterwards, as after a pair style.
    `clear` ends it.

    Parameters
    ----------
    lmp
        `lammps.lammps`, such as `start()` gives.
    potential
        A potential, or the path of its file.
    elements
        Chemical symbol of each atom type in order; None for types that the potential does not see. By default those
        that the masses of the types tell.
    skin
        Extra radius of the neighbour list of the potential, Å.
    threads
        None: `MLIP_RS_NUM_THREADS`, or all cores.

    Returns
    -------
    Attachment
        Also a context that removes the potential at its end.

    Raises
    ------
    ConfigError
        More than one rank, other units, no box, fixes that are there before, elements that the potential does not know,
        a number of elements that is not that of the types, or masses that tell none.
    PotentialFileError
        Not a potential file.

    Examples
    --------
    >>> from mlip_rs.lammps import attach, start
    >>> lmp = start()  # doctest: +SKIP
    >>> lmp.commands_list(["units metal", "read_data al.data"])  # doctest: +SKIP
    >>> attach(lmp, "al.mlip.json", ["Al"]).run(0)  # doctest: +SKIP
    >>> lmp.get_thermo("pe")  # doctest: +SKIP
    """
    loaded = potential if isinstance(potential, Potential) else Potential.load(potential)
    ranks = lmp.extract_setting("world_size")
    if ranks > 1:
        raise ConfigError(
            f"attach works on one rank, and LAMMPS has {ranks}; use pair_style mlip/rs (pip install mlip-rs-lammps), "
            "or one rank with more threads"
        )
    units = lmp.extract_global("units")
    if units != "metal":
        raise ConfigError(
            f"LAMMPS has units {units}, but potentials are in eV and Å; begin with `units metal`"
        )
    if not lmp.extract_setting("box_exist"):
        raise ConfigError(
            "LAMMPS has no box yet; call attach (in an input pair_coeff) after read_data or create_box"
        )
    fixes = [name for name in lmp.available_ids("fix") if not name.startswith("package_")]
    if fixes and FIX not in fixes:
        raise ConfigError(
            f"call attach before the fixes ({', '.join(fixes)}): those that hold atoms or need a pressure must find "
            "its forces and virial, as they find those of a pair style"
        )
    attachment = Attachment(lmp, loaded, _elements(lmp, loaded, elements), skin, threads)
    attachment.install()
    return attachment


def box(lmp: Instance) -> tuple[NDArray[np.float64], list[bool]]:
    """Return the cell of an instance of LAMMPS, (3, 3) Å, lattice vectors in rows, and the periodic directions."""
    low, high, xy, yz, xz, periodic, _ = lmp.extract_box()
    lx, ly, lz = (above - below for below, above in zip(low, high, strict=True))
    return np.array([[lx, 0.0, 0.0], [xy, ly, 0.0], [xz, yz, lz]]), [bool(flag) for flag in periodic]


def _spread(values: NDArray[np.float64], ours: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values of those atoms that the potential sees, zero for the others."""
    whole = np.zeros((len(ours), *values.shape[1:]))
    whole[ours] = values
    return whole


def _elements(lmp: Instance, potential: Potential, given: Sequence[str | None] | None) -> list[str | None]:
    """Elements of the atom types, checked."""
    n_types = int(lmp.extract_setting("ntypes"))
    known = potential.elements
    if given is None:
        return _elements_of_masses(lmp, n_types, known)
    names: list[str | None] = [given] if isinstance(given, str) else list(given)
    if len(names) != n_types:
        raise ConfigError(
            f"{len(names)} elements are given, and LAMMPS has {n_types} atom types; name one for each, None (in an "
            "input NULL) for types that the potential does not see"
        )
    for number, name in enumerate(names, 1):
        if name is not None and name not in known:
            raise ConfigError(
                f"element {name} of atom type {number} is not in the potential ({', '.join(known)})"
            )
    if not any(names):
        raise ConfigError("no atom type has an element; name at least one")
    return names


def _elements_of_masses(lmp: Instance, n_types: int, known: Sequence[str]) -> list[str | None]:
    """The element of each type whose mass is nearest, if it is near."""
    masses = lmp.numpy.extract_atom("mass")
    own = {symbol: float(atomic_masses[atomic_numbers[symbol]]) for symbol in known}
    found: list[str | None] = []
    for number in range(1, n_types + 1):
        mass = 0.0 if masses is None else float(masses[number])
        nearest = min(known, key=lambda symbol: abs(own[symbol] - mass))
        if not (mass > LEAST_MASS and abs(own[nearest] - mass) <= SAME_MASS * mass):
            example = known if len(known) == n_types else [known[0]] * n_types
            expected = ", ".join(f"{symbol} {own[symbol]:.4g}" for symbol in known)
            given = f"({mass:g} u)" if mass > LEAST_MASS else "(none)"
            raise ConfigError(
                f"the mass of atom type {number} {given} tells none of the elements of the potential ({expected} u); "
                "name the elements of the types in order, None for those that the potential does not see: "
                "attach(lmp, potential, [" + ", ".join(f'"{symbol}"' for symbol in example) + "])"
            )
        found.append(nearest)
    return found


def _named(error: StructureError, step: int, tags: NDArray[Any]) -> LammpsError:
    """The error with the step of LAMMPS, and IDs for the indices of atoms in the core."""

    def with_ids(found: "re.Match[str]") -> str:
        return re.sub(r"\d+", lambda index: str(tags[int(index[0])]), found[0].replace("atom", "atom ID", 1))

    return LammpsError(
        f"step {step} of LAMMPS: " + re.sub(r"\batom \d+|\batoms \d+ and \d+", with_ids, str(error.args[0]))
    )
