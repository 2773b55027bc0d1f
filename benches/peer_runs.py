"""What the modules of the peers share: their verbs `fit` and `time`, errors on labelled structures, core times.

A module gives `main` its models, `fit(args)`, which writes `args.output` and returns a record, and
`load(path, elements)`, which returns a function: of a structure, it makes what evaluates energy (eV) and forces (eV/Å)
of that structure again and again, anything that outlives a step of dynamics prepared.
"""

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read

CUTOFFS = {"Li": 6.0, "Mo": 5.2, "Si": 5.2, "Ge": 5.4}  # Å, of POD and ACE
ERRORS = ("energy_mev_per_atom", "force_ev_per_angstrom")
Evaluation = Callable[[], tuple[float, np.ndarray]]
Potential = Callable[[Atoms], Evaluation]


def errors(potential: Potential, frames: Sequence[Atoms]) -> dict:
    """MAE and RMSE of the energy per atom and of force components."""
    energies, components = [], []
    for atoms in frames:
        energy, forces = potential(atoms)()
        energies.append(1e3 * (energy - atoms.get_potential_energy()) / len(atoms))
        components.append((forces - atoms.get_forces()).ravel())
    return {
        key: {"mae": float(abs(values).mean()), "rmse": float(np.sqrt((values**2).mean()))}
        for key, values in zip(ERRORS, (np.array(energies), np.concatenate(components)), strict=True)
    }


def held_out(frames: Sequence[Atoms]) -> tuple[list[Atoms], list[Atoms]]:
    """Four fifths and one fifth of the structures; each kind of structure gives its share."""
    order = np.random.default_rng(0).permutation(len(frames))
    order = sorted(order, key=lambda k: frames[k].info["config_type"])
    validation = set(order[2::5])
    return [a for k, a in enumerate(frames) if k not in validation], [frames[k] for k in sorted(validation)]


def chosen(kept: Path, settings: Sequence[float], trial: Callable[[float], dict]) -> float:
    """The setting with the least product of energy and force RMSE of `trial`; both are kept in a file."""
    if not kept.is_file():
        found = {setting: trial(setting) for setting in settings}
        kept.write_text(json.dumps({s: [e[key]["rmse"] for key in ERRORS] for s, e in found.items()}))
    scores = json.loads(kept.read_text())
    return float(min(scores, key=lambda setting: np.prod(scores[setting])))


def core_time(evaluate: Evaluation) -> float:
    """Median of three, s; the first evaluation, which may compile, is not timed."""
    evaluate()
    times = []
    for _ in range(3):
        begin = time.process_time()
        evaluate()
        times.append(time.process_time() - begin)
    return statistics.median(times)


def main(
    doc: str, models: Sequence[str], fit: Callable, load: Callable[[Path, list[str]], Potential]
) -> None:
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    fitting = verbs.add_parser("fit")
    fitting.add_argument("train", type=Path)
    fitting.add_argument("test", type=Path)
    fitting.add_argument("--model", choices=models, required=True)
    fitting.add_argument("-o", "--output", type=Path, required=True)
    fitting.add_argument("--max-seconds", type=int, default=480, help="of core time; then the process ends")
    timing = verbs.add_parser("time")
    timing.add_argument("potential", type=Path)
    timing.add_argument("crystals", nargs="+", type=Path)
    for verb in (fitting, timing):
        verb.add_argument("--elements", nargs="+", required=True)
    args = parser.parse_args()
    if args.verb == "fit":
        resource.setrlimit(resource.RLIMIT_CPU, (args.max_seconds, args.max_seconds))
        begin = time.process_time()
        record = fit(args)
        record = {"fit_core_s": time.process_time() - begin} | record
        record |= errors(load(args.output, args.elements), read(args.test, ":"))
        # Last: where it is, the fit is whole.
        args.output.with_suffix(".json").write_text(json.dumps(record))
        return
    potential = load(args.potential, args.elements)
    out = []
    for atoms in map(read, args.crystals):
        out.append({"n_atoms": len(atoms), "us_per_atom": core_time(potential(atoms)) / len(atoms) * 1e6})
    print(json.dumps(out))
