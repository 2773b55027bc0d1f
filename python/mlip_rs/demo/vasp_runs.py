"""Folders of VASP runs, written from the shipped calculations of aluminium, for trying what users of VASP have."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import GPa, Rydberg
from numpy.typing import NDArray

from mlip_rs.demo.files import DATA_PATH
from mlip_rs.files import write_atomically

NELM: int = 60
"""Most electronic iterations of an ionic step."""

RELAXED: str = "eos_hcp"
"""Config type whose structures become the ionic steps of one relaxation."""

FOLDERS: dict[str, str] = {RELAXED: "relax", "stacking_fault": "stacking_fault"}
"""Folders of config types; others lie in that of the first word of their name."""

UNCONVERGED: frozenset[tuple[str, int]] = frozenset({("md", 0), ("rattle", 5)})
"""Folder and number of the runs whose last step does not converge."""

OLD_SHIFT: float = 0.02
"""eV/atom, by which the runs with a low cutoff are wrong."""

VALENCE: int = 3
"""Electrons of an atom of aluminium."""


@dataclass(frozen=True)
class _Run:
    """Ionic steps of one run with one cell or several, and its settings."""

    folder: str
    steps: tuple[Atoms, ...]
    divisions: tuple[int, ...]
    encut: float = 15.0 * Rydberg
    ispin: int = 1
    ismear: int = 1
    sigma: float = 1.36
    unconverged: int | None = None


def write_vasp_runs(folder: str | Path) -> tuple[Path, ...]:
    """Write the calculations of the demo as `vasprun.xml` of VASP 6, with what is usually wrong in such folders.

    The labels are those of `DATA_PATH`, made with Quantum ESPRESSO. Static runs have a folder for each structure,
    `KIND/NN`; structures of molecular dynamics and the hcp crystals are ionic steps of a few runs. Wrong on purpose
    are two ionic steps that did not converge, and the four runs in `old`, with a low cutoff and few k-points, whose
    energies are 20 meV/atom too high. `atom/00` is the isolated atom.

    Parameters
    ----------
    folder
        Where to write; created if it is missing.

    Returns
    -------
    tuple
        The files.

    Examples
    --------
    >>> import tempfile
    >>> files = write_vasp_runs(tempfile.mkdtemp())
    >>> len(files), files[0].name
    (304, 'vasprun.xml')
    """
    files = []
    for run in _runs(ase.io.read(DATA_PATH, ":")):
        files.append(Path(folder) / run.folder / "vasprun.xml")
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        write_atomically(files[-1], "".join(f"{line}\n" for line in _lines(run)))
    return tuple(files)


def _runs(structures: Sequence[Atoms]) -> Iterator[_Run]:
    kinds: dict[str, list[tuple[Atoms, ...]]] = {}
    for own in _by_config_type(structures):
        name = own[0].info["config_type"]
        kinds.setdefault(FOLDERS.get(name, name.partition("_")[0]), []).extend(_steps(name, own))
    for kind, runs in kinds.items():
        for number, steps in enumerate(runs):
            run = _Run(f"{kind}/{number:02d}", steps, _divisions(steps[0]))
            if (kind, number) in UNCONVERGED:
                last = len(steps) - 1
                wrong = _with_labels(steps[last], 0.08, 0.3)
                run = replace(run, steps=(*steps[:last], wrong), unconverged=last)
            yield run
    for number, (atoms,) in enumerate(kinds["strain"][:4]):
        half = tuple(max(1, n // 2) for n in _divisions(atoms))
        yield _Run(f"old/{number:02d}", (_with_labels(atoms, OLD_SHIFT, 0.0),), half, encut=11.0 * Rydberg)
    free = Atoms("Al", cell=[14.0, 14.5, 15.0], pbc=True)
    free.calc = SinglePointCalculator(
        free, energy=0.0, free_energy=0.0, forces=np.zeros((1, 3)), stress=np.zeros(6)
    )
    yield _Run("atom/00", (free,), (1, 1, 1), ispin=2, ismear=0, sigma=0.05)


def _by_config_type(structures: Sequence[Atoms]) -> list[list[Atoms]]:
    kinds: dict[str, list[Atoms]] = {}
    for atoms in structures:
        kinds.setdefault(atoms.info["config_type"], []).append(atoms)
    return list(kinds.values())


def _steps(name: str, own: Sequence[Atoms]) -> Iterator[tuple[Atoms, ...]]:
    """Structures of each run of a config type; a relaxation goes downhill."""
    if name == RELAXED:
        yield tuple(sorted(own, key=lambda atoms: -atoms.get_potential_energy()))
    elif name.startswith("md_"):
        cells: dict[bytes, list[Atoms]] = {}
        for atoms in own:
            cells.setdefault(atoms.cell.array.round(4).tobytes(), []).append(atoms)
        yield from map(tuple, cells.values())
    else:
        yield from ((atoms,) for atoms in own)


def _divisions(atoms: Atoms) -> tuple[int, ...]:
    return tuple(int(number) for number in atoms.info["kpts"].split("_")[0].split("x"))


def _with_labels(atoms: Atoms, per_atom: float, force: float) -> Atoms:
    """The same with an energy (eV/atom) and a random force (eV/Å) added."""
    shift = per_atom * len(atoms)
    noise = np.random.default_rng(len(atoms)).normal(scale=force, size=(len(atoms), 3)) if force else 0.0
    changed = atoms.copy()
    changed.calc = SinglePointCalculator(
        changed,
        energy=atoms.get_potential_energy() + shift,
        free_energy=atoms.get_potential_energy(force_consistent=True) + shift,
        forces=atoms.get_forces() + noise,
        stress=atoms.get_stress(),
    )
    return changed


def _lines(run: _Run) -> Iterator[str]:
    first = run.steps[0]
    yield '<?xml version="1.0" encoding="ISO-8859-1"?>'
    yield "<modeling>"
    yield ' <generator><i name="program" type="string">vasp </i><i name="version" type="string">6.4.2 </i></generator>'
    yield ' <kpoints>\n  <generation param="Monkhorst-Pack">'
    yield f'   <v type="int" name="divisions">{"".join(f"{n:9d}" for n in run.divisions)} </v>\n  </generation>'
    yield from _array("kpointlist", np.zeros((1, 3)), "  ")
    yield from _array("weights", np.ones((1, 1)), "  ")
    yield " </kpoints>\n <parameters>"
    for name, value in (("ENMAX", run.encut), ("NELECT", VALENCE * len(first)), ("SIGMA", run.sigma)):
        yield f'   <i name="{name}">{value:16.8f}</i>'
    for name, number in (("NELM", NELM), ("ISPIN", run.ispin), ("ISMEAR", run.ismear)):
        yield f'   <i type="int" name="{name}">{number:6d}</i>'
    yield '   <i type="string" name="GGA">--</i>\n </parameters>\n <atominfo>'
    yield '  <array name="atoms" ><set>'
    yield from (f"   <rc><c>{symbol}</c><c>   1</c></rc>" for symbol in first.symbols)
    yield '  </set></array>\n  <array name="atomtypes" ><set>'
    yield f"   <rc><c>{len(first):4d}</c><c>Al</c><c>     26.982</c><c>{VALENCE:7.1f}</c><c>  Al.pbe-tm2.UPF </c></rc>"
    yield "  </set></array>\n </atominfo>"
    yield from _structure(first, ' name="initialpos"')
    for number, atoms in enumerate(run.steps):
        yield from _calculation(atoms, NELM if number == run.unconverged else 9 + number % 4)
    yield "</modeling>"


def _calculation(atoms: Atoms, n_iterations: int) -> Iterator[str]:
    free = atoms.get_potential_energy(force_consistent=True)
    smeared = atoms.info.get("energy_sigma0", free)
    energies = [
        f'   <i name="{name}">{value:18.8f} </i>'
        for name, value in (
            ("e_fr_energy", free),
            ("e_wo_entrp", 2.0 * smeared - free),
            ("e_0_energy", smeared),
        )
    ]
    yield " <calculation>"
    for _ in range(n_iterations):
        yield "  <scstep>\n   <energy>"
        yield from energies
        yield "   </energy>\n  </scstep>"
    yield from _structure(atoms)
    yield from _array("forces", atoms.get_forces(), "  ")
    yield from _array(
        "stress", -10.0 * atoms.get_stress(voigt=False) / GPa, "  "
    )  # kbar, positive under compression
    yield "  <energy>"
    yield from energies
    yield "  </energy>\n </calculation>"


def _structure(atoms: Atoms, name: str = "") -> Iterator[str]:
    yield f" <structure{name} >\n  <crystal>"
    yield from _array("basis", atoms.cell.array, "   ")
    yield "  </crystal>"
    yield from _array("positions", atoms.get_scaled_positions(wrap=False), "  ")
    yield " </structure>"


def _array(name: str, rows: NDArray[np.float64], indent: str) -> Iterator[str]:
    yield f'{indent}<varray name="{name}" >'
    for row in rows:
        yield f"{indent} <v>{''.join(f'{value:17.8f}' for value in row)} </v>"
    yield f"{indent}</varray>"
