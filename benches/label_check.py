"""Set traps in the labels of clean data and see which of them `check_labels` finds, and that clean data raise none.

    python benches/label_check.py SHARED_DATA [--clean] [--sets Si Al] [--sizes 30 100 all] [--traps forces-sign …]

A cell of the table says E (error of the right kind), w (warning of the right kind), u (not found, but something is said
not to be checked), · (missed), and `!` for each finding of another kind. Design rows are kept between traps, so only
the seconds of clean sets count.
"""

import argparse
import hashlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase.units import Bohr, GPa, Hartree, Rydberg, kcal, kJ, mol

from mlip_rs import Basis, FitSettings, Weights, fit
from mlip_rs.data import Dataset, Frame, read_dataset
from mlip_rs.label_check import rows as label_rows
from mlip_rs.label_check.check import LabelCheck, check_labels

TRAINING = {
    "Si": "mlearn/Si_train.xyz",
    "Al": "al_dft/al_dft.extxyz",
    "AgAu": "agau/AgAu_train.xyz",
    "Mo": "mlearn/Mo_train.xyz",
    "Li": "mlearn/Li_train.xyz",
    "W": "mlearn2/W_train.xyz",
    "Cu": "mlearn2/Cu_train.xyz",
    "TaW": "mlearn2/TaW_train.xyz",
}
CLEAN = {
    **TRAINING,
    "Al raw": "al_dft/al_dft_raw.extxyz",
    "Ge": "mlearn/Ge_train.xyz",
    "Nb": "mlearn2/Nb_train.xyz",
    "Si test": "mlearn/Si_test.xyz",
    "Mo test": "mlearn/Mo_test.xyz",
    "Li test": "mlearn/Li_test.xyz",
    "Ge test": "mlearn/Ge_test.xyz",
    "Cu test": "mlearn2/Cu_test.xyz",
    "Nb test": "mlearn2/Nb_test.xyz",
    "W test": "mlearn2/W_test.xyz",
    "TaW test": "mlearn2/TaW_test.xyz",
    "AgAu test": "agau/AgAu_test.xyz",
}

Trap = Callable[[list[Frame], np.random.Generator], list[Frame]]


def scaled(label: str, factor: float) -> Callable[[Frame], Frame]:
    """Multiply one label."""

    def change(frame: Frame) -> Frame:
        value = getattr(frame, label)
        return frame if value is None else replace(frame, **{label: value * factor})

    return change


def bohr(frame: Frame) -> Frame:
    return replace(frame, positions=frame.positions / Bohr, cell=frame.cell / Bohr)


def per_atom(frame: Frame) -> Frame:
    return replace(frame, energy=frame.energy / frame.n_atoms)


def virial(frame: Frame) -> Frame:
    return replace(frame, stress=-frame.stress * frame.volume)


def vasp_order(frame: Frame) -> Frame:
    return replace(frame, stress=frame.stress[[0, 1, 2, 5, 3, 4]])


def pulay(frame: Frame) -> Frame:
    return replace(frame, stress=frame.stress + 4.0 * GPa * np.array([1, 1, 1, 0, 0, 0]))


CHANGES: dict[str, tuple[str, Callable[[Frame], Frame]]] = {
    "forces sign": ("forces: sign", scaled("forces", -1.0)),
    "forces Ha/bohr": ("forces: unit", scaled("forces", Bohr / Hartree)),
    "forces Ry/bohr": ("forces: unit", scaled("forces", Bohr / Rydberg)),
    "forces kcal/mol/Å": ("forces: unit", scaled("forces", mol / kcal)),
    "forces meV/Å": ("forces: unit", scaled("forces", 1000.0)),
    "energies sign": ("energy: sign", scaled("energy", -1.0)),
    "energies Ha": ("energy: unit", scaled("energy", 1 / Hartree)),
    "energies Ry": ("energy: unit", scaled("energy", 1 / Rydberg)),
    "energies kcal/mol": ("energy: unit", scaled("energy", mol / kcal)),
    "energies kJ/mol": ("energy: unit", scaled("energy", mol / kJ)),
    "energies meV": ("energy: unit", scaled("energy", 1000.0)),
    "energies per atom": ("energy: per atom", per_atom),
    "positions bohr": ("positions: bohr", bohr),
    "stress sign": ("stress: sign", scaled("stress", -1.0)),
    "stress kBar": ("stress: unit", scaled("stress", -10.0 / GPa)),
    "stress GPa": ("stress: unit", scaled("stress", 1.0 / GPa)),
    "stress virial": ("stress: virial", virial),
    "stress order": ("stress: order", vasp_order),
    "pressure": ("stress: constant pressure", pulay),
}
PARTIAL = (
    "forces sign",
    "forces Ha/bohr",
    "energies Ha",
    "energies per atom",
    "positions bohr",
    "stress sign",
    "stress kBar",
)


def everywhere(change: Callable[[Frame], Frame]) -> Trap:
    return lambda frames, random: [change(frame) for frame in frames]


def one_file(change: Callable[[Frame], Frame]) -> Trap:
    """A third of the structures come from another file with the fault."""

    def trap(frames: list[Frame], random: np.random.Generator) -> list[Frame]:
        chosen = random.random(len(frames)) < 1 / 3
        return [replace(change(f), file="other.xyz") if c else f for f, c in zip(frames, chosen, strict=True)]

    return trap


def one_config_type(change: Callable[[Frame], Frame]) -> Trap:
    """The config type with the second largest forces has the fault, or half of the largest under another name."""

    def trap(frames: list[Frame], random: np.random.Generator) -> list[Frame]:
        kinds = [f.config_type for f in frames]
        sizes = {
            name: sum(float((f.forces**2).sum()) for f in frames if f.config_type == name)
            for name in set(kinds)
        }
        names = sorted(sizes, key=lambda name: -sizes[name])
        if len(names) > 1 and kinds.count(names[1]) >= 5:
            return [change(f) if f.config_type == names[1] else f for f in frames]
        chosen = random.random(len(frames)) < 1 / 2
        return [
            replace(change(f), config_type="half") if c and f.config_type == names[0] else f
            for f, c in zip(frames, chosen, strict=True)
        ]

    return trap


def permuted(share: float) -> Trap:
    def trap(frames: list[Frame], random: np.random.Generator) -> list[Frame]:
        return [
            replace(f, forces=f.forces[random.permutation(f.n_atoms)]) if random.random() < share else f
            for f in frames
        ]

    return trap


def some(share: float, change: Callable[[Frame], Frame]) -> Trap:
    return lambda frames, random: [change(f) if random.random() < share else f for f in frames]


def frozen(frame: Frame) -> Frame:
    forces = frame.forces.copy()
    forces[: frame.n_atoms // 2] = 0.0
    return replace(frame, forces=forces)


def one_bad(frames: list[Frame], random: np.random.Generator) -> list[Frame]:
    k = int(random.integers(len(frames)))
    return [replace(f, energy=f.energy + 5.0) if i == k else f for i, f in enumerate(frames)]


def three_bad(frames: list[Frame], random: np.random.Generator) -> list[Frame]:
    shifts = dict(zip(random.permutation(len(frames)).tolist(), (5.0, -4.0, 3.0), strict=False))
    return [replace(f, energy=f.energy + shifts.get(k, 0.0)) for k, f in enumerate(frames)]


def of_a_model(frames: list[Frame], random: np.random.Generator) -> list[Frame]:
    """Energies of a pair potential fitted to the energies, beside the forces of first principles."""
    settings = FitSettings(method="ridge", n_folds=3, prior="flat", weights=Weights(forces=None, stress=None))
    settings = replace(settings, allow_contradictory_labels=True, allow_underdetermined=True)
    data = Dataset(tuple(frames))
    potential = fit(data, Basis(data.elements, hierarchy="pair", n_radial=4, repulsion=None), settings).best()
    calculator = potential.calculator()
    return [replace(f, energy=float(calculator.get_potential_energy(f.to_atoms()))) for f in frames]


def shuffled(frames: list[Frame], random: np.random.Generator) -> list[Frame]:
    """Every frame has the forces of the next one with as many atoms."""
    sizes: dict[int, list[int]] = {}
    for k, frame in enumerate(frames):
        sizes.setdefault(frame.n_atoms, []).append(k)
    source = {k: own[(i + 1) % len(own)] for own in sizes.values() for i, k in enumerate(own)}
    return [replace(f, forces=frames[source[k]].forces) for k, f in enumerate(frames)]


def relative(frames: list[Frame], random: np.random.Generator) -> list[Frame]:
    lowest = min(f.energy for f in frames)
    return [replace(f, energy=f.energy - lowest) for f in frames]


def shifted(eV: float, per: str) -> Callable[[Frame], Frame]:
    return lambda f: replace(f, energy=f.energy + eV * (f.n_atoms if per == "atom" else 1))


def traps() -> dict[str, tuple[tuple[str, ...], Trap]]:
    """By name: the kinds of findings that are right, and what makes the trap."""
    found: dict[str, tuple[tuple[str, ...], Trap]] = {
        name: ((kind,), everywhere(change)) for name, (kind, change) in CHANGES.items()
    }
    groups = ("energy: unit of a group", "energy: constant of a group")
    for name in PARTIAL:
        kind, change = CHANGES[name]
        kinds = groups if name.startswith("energies") else (kind,)
        found[f"{name}, one file"] = (kinds, one_file(change))
        found[f"{name}, one type"] = (kinds, one_config_type(change))
    zero_stress = scaled("stress", 0.0)
    zero_forces = scaled("forces", 0.0)
    found |= {
        "rows permuted": (("forces: order",), permuted(1.0)),
        "rows permuted, a third": (("forces: order",), permuted(1 / 3)),
        "forces sign, a third": (("forces: sign",), some(1 / 3, scaled("forces", -1.0))),
        "stress zeros, a third": (("stress: zeros",), some(1 / 3, zero_stress)),
        "stress zeros, all": (("stress: zeros",), everywhere(zero_stress)),
        "forces zeros, a third": (("forces: zeros",), some(1 / 3, zero_forces)),
        "forces zeros, all": (("forces: zeros",), everywhere(zero_forces)),
        "atoms held fixed": (("forces: zeros",), some(1 / 3, frozen)),
        "one energy 5 eV off": (("energy: single frame",), one_bad),
        "three energies 3 to 5 eV off": (("energy: single frame",), three_bad),
        "energies of a model": (("energy: another model",), of_a_model),
        "forces of other frames": (("forces: order", "forces: unrelated"), shuffled),
        "energies + 1 eV/atom, one type": (groups, one_config_type(shifted(1.0, "atom"))),
        "energies relative": (("energy: constant per structure",), relative),
        "two codes, 3 eV/atom": (groups, one_file(shifted(3.0, "atom"))),
        "two codes, unnamed": (groups, some(0.4, shifted(3.0, "atom"))),
        "charged, 6 eV": (groups, some(0.3, shifted(6.0, "cell"))),
    }
    return found


def cached_design() -> None:
    """Keep design rows by basis and geometry: most traps change labels only."""
    plain, store = label_rows.design, {}

    def design(basis: label_rows.Basis, frame: Frame) -> np.ndarray:
        digest = hashlib.md5(json.dumps(basis.to_dict()).encode())
        for array in (frame.positions, frame.cell, frame.numbers):
            digest.update(array.tobytes())
        key = digest.digest()
        if key not in store:
            store[key] = plain(basis, frame)
        return store[key]

    label_rows.design = design


def subset(dataset: Dataset, size: str, seed: int) -> Dataset:
    if size == "all" or int(size) >= len(dataset):
        return dataset
    chosen = np.random.default_rng(seed).permutation(len(dataset))[: int(size)]
    return dataset.subset(np.sort(chosen))


def cell(check: LabelCheck, kinds: tuple[str, ...]) -> str:
    right = [f for f in check.findings if f.kind in kinds]
    mark = "E" if any(f.certain for f in right) else "w" if right else "u" if check.unchecked else "·"
    return mark + "!" * len({f.kind for f in check.findings if f.kind not in kinds})


def show(name: str, check: LabelCheck, seconds: float) -> None:
    print(f"{name}: {check.n_structures} structures, {check.n_sample} looked at, {seconds:.1f} s")
    for line in check.lines():
        print("   ", line[:400])


def clean(root: Path, sets: list[str], seeds: int) -> None:
    """Whole sets, subsets of 30, and each config type alone."""
    alarms = checks = 0
    for name in sets:
        data = read_dataset(root / CLEAN[name])
        parts = {name: data} | {f"{name} 30/{s}": subset(data, "30", s) for s in range(seeds)}
        for kind in data.config_types:
            own = [k for k, f in enumerate(data) if f.config_type == kind]
            if len(own) >= 15 and len(own) < len(data):
                parts[f"{name} '{kind}'"] = data.subset(own)
        for part, own_data in parts.items():
            started = time.process_time()
            check = check_labels(own_data)
            seconds = time.process_time() - started
            checks += 1
            alarms += bool(check.findings)
            if check.findings or part == name:
                show(part, check, seconds)
    print(f"{checks} clean sets, {alarms} with findings", flush=True)


def table(root: Path, sets: list[str], sizes: list[str], only: list[str], verbose: bool) -> None:
    known = traps()
    chosen = {
        name: trap
        for name, trap in known.items()
        if not only or name in only or any(o in name for o in only if o not in known)
    }
    columns = [(name, size) for name in sets for size in sizes]
    results: dict[tuple[str, str, str], str] = {}
    spent: dict[tuple[str, str], float] = defaultdict(float)
    for name, size in columns:
        data = subset(read_dataset(root / TRAINING[name]), size, 0)
        for trap, (kinds, make) in chosen.items():
            frames = make(list(data.frames), np.random.default_rng(1))
            started = time.process_time()
            check = check_labels(replace(data, frames=tuple(frames)))
            spent[name, size] += time.process_time() - started
            result = cell(check, kinds)
            results[trap, name, size] = result
            print(f"{name} {size}: {trap}: {result}", file=sys.stderr, flush=True)
            if verbose and result != "E":
                print(f"--- {trap}, {name} {size}: {result} ({time.process_time() - started:.1f} s)")
                print("\n".join("      " + line[:300] for line in check.lines()), flush=True)
    width = max(map(len, chosen)) if chosen else 10
    seconds = {column: f"{spent[column] / len(chosen):.1f} s" for column in columns}
    print(" " * width, *(f"{name} {size}".rjust(9) for name, size in columns))
    for trap in chosen:
        print(trap.ljust(width), *(results[trap, name, size].rjust(9) for name, size in columns))
    print("mean time".ljust(width), *(seconds[column].rjust(9) for column in columns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--clean", action="store_true")
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--sizes", nargs="*", default=["30", "100", "all"])
    parser.add_argument("--traps", nargs="*", default=[])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if options.clean:
        clean(options.data, options.sets or list(CLEAN), options.seeds)
    else:
        cached_design()
        table(options.data, options.sets or list(TRAINING), options.sizes, options.traps, options.verbose)


if __name__ == "__main__":
    main()
