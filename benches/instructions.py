"""Instructions per atom of the compiled evaluator, counted by valgrind's callgrind: no clock, no noise.

    apt-get install valgrind
    python benches/instructions.py [--update]

Potentials with random coefficients on all features, one for each hierarchy, on rattled fcc Al of about 2,000 atoms.
The counts are compared with those in `instructions.json`, which `--update` writes; more than 3 % above ends with exit
code 1. They hold for the instruction set that valgrind offers (AVX2 at most) and the compiler of the day.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import mlip_rs as mlip

RECORD = Path(__file__).with_suffix(".json")
TOLERANCE = 1.03
FUNCTION = "*::evaluate_clusters"
BASES = {
    "pair": mlip.Basis(["Al"], cutoff=6.0, r_min=1.5, hierarchy="pair"),
    "pair-poly": mlip.Basis(["Al"], cutoff=6.0, r_min=1.5, hierarchy="pair-poly"),
    "angular": mlip.Basis(["Al"], cutoff=6.0, r_min=1.5, hierarchy="angular"),
    "angular-poly": mlip.Basis(["Al"], cutoff=6.0, r_min=1.5, hierarchy="angular-poly"),
    "standard": mlip.Basis(["Al"], cutoff=6.0, r_min=1.5, size="standard"),
    "standard, angles to 4.2": mlip.Basis(["Al"], cutoff=6.0, r_min=1.5, size="standard", angular_cutoff=4.2),
}


def executable() -> str:
    """The benchmark of the evaluator, built."""
    command = ["cargo", "bench", "--bench", "evaluator", "--no-run", "--message-format=json"]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=True)
    artifacts = [json.loads(line) for line in done.stdout.splitlines()]
    return next(a["executable"] for a in artifacts if a.get("target", {}).get("name") == "evaluator")


def instructions(program: str, potential: Path, folder: Path) -> float:
    """Of one evaluation, per atom."""
    options = ["--tool=callgrind", f"--toggle-collect={FUNCTION}", f"--callgrind-out-file={folder}/callgrind"]
    command = ["valgrind", *options, program, str(potential), "--once"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None or int(found[1]) == 0:
        sys.exit(f"valgrind counted nothing:\n{done.stderr}")
    return int(found[1]) / int(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--update", action="store_true", help="write the counts as the new record")
    args = parser.parse_args()
    record = {} if args.update else json.loads(RECORD.read_text())
    program = executable()
    print("| basis | coefficients | instructions per atom | recorded |\n|---|---|---|---|")
    counts = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, basis in BASES.items():
            coefficients = np.random.default_rng(0).normal(size=basis.n_features) * 1e-3
            path = Path(folder) / f"{name}.mlip.json"
            mlip.Potential.from_coefficients(basis.to_dict(), coefficients, {"Al": 0.0}, {}).save(path)
            counts[name] = round(instructions(program, path, Path(folder)))
            recorded = record.get(name, "–")
            print(f"| {name} | {basis.n_features} | {counts[name]} | {recorded} |", flush=True)
    if args.update:
        RECORD.write_text(json.dumps(counts, indent=1) + "\n")
    above = [name for name, count in counts.items() if name in record and count > TOLERANCE * record[name]]
    if above:
        sys.exit(f"more than {TOLERANCE - 1:.0%} above the record: {', '.join(above)}")


if __name__ == "__main__":
    main()
