"""Where the time of the compiled evaluator goes, and which share of the peak of the core each kernel reaches.

    apt-get install linux-perf binutils
    python benches/roofline.py POTENTIAL... --peak 48

Samples of `perf` in `cargo bench --bench evaluator`, built with line tables, are assigned to the innermost source line
within `src/potential/compiled`, and to kernels by file. Operations are those that the plan cannot do without, two for
each multiply-add, and a product or sum alone counts as one; padding does not count. `--peak` is that of the core in
Gflop/s (lanes × 2 × fused multiply-adds per cycle × GHz); without it no shares are printed. One core.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

import mlip_rs as mlip
from mlip_rs.cost.plan import multiply_adds

ROOT = Path(__file__).parents[1]
SOURCES = "src/potential/compiled/"
KERNELS = {
    "radial tables": ("table.rs", "tabulate.rs"),
    "harmonics": ("harmonics.rs",),
    "products": ("products.rs",),
    "polynomial": ("graph.rs",),
    "transpositions": ("transpose.rs",),
    "neighbours, forces": ("lane.rs", "gradients.rs", "kernel.rs"),
}


def built() -> Path:
    """The benchmark of the evaluator, with line tables."""
    command = ["cargo", "bench", "--bench", "evaluator", "--no-run", "--message-format=json"]
    environment = os.environ | {"CARGO_PROFILE_BENCH_DEBUG": "line-tables-only"}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    artifacts = [json.loads(line) for line in done.stdout.splitlines()]
    return Path(next(a["executable"] for a in artifacts if a.get("target", {}).get("name") == "evaluator"))


def samples(program: Path, potential: Path, folder: Path) -> tuple[Counter[int], str]:
    """Samples by address in the program, and what the benchmark printed."""
    record = folder / "perf.data"
    command = ["perf", "record", "-q", "-F", "3000", "-o", str(record), str(program), str(potential)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    script = ["perf", "script", "-i", str(record), "--show-mmap-events", "-F", "ip,sym"]
    lines = subprocess.run(script, capture_output=True, text=True, check=True).stdout.splitlines()
    pattern = rf"\[0x([0-9a-f]+)\(.*?@ (?:0x)?([0-9a-f]+).*r-xp .*{re.escape(program.name)}"
    mapping = next(found for line in lines if (found := re.search(pattern, line)))
    start, offset = int(mapping[1], 16), int(mapping[2], 16)
    header = subprocess.run(
        ["readelf", "-lW", str(program)], capture_output=True, text=True, check=True
    ).stdout
    loads = [line.split() for line in header.splitlines() if line.split()[:1] == ["LOAD"]]
    segments = [(int(load[1], 16), int(load[2], 16), int(load[4], 16)) for load in loads]
    found: Counter[int] = Counter()
    for line in lines:
        ip, _, symbol = line.strip().partition(" ")
        if "vectorize" not in symbol:  # what is dispatched by instruction set
            continue
        in_file = int(ip, 16) - start + offset
        for begin, address, length in segments:
            if begin <= in_file < begin + length:
                found[in_file - begin + address] += 1
    return found, printed


def by_kernel(program: Path, found: Counter[int]) -> dict[str, float]:
    """Shares of the samples."""
    names = "\n".join(hex(address) for address in found)
    command = ["addr2line", "-a", "-i", "-e", str(program)]
    text = subprocess.run(command, input=names, capture_output=True, text=True, check=True).stdout
    counts: Counter[str] = Counter()
    for entry in re.split(r"^(?=0x)", text, flags=re.MULTILINE)[1:]:
        address, *places = entry.splitlines()
        inside = [place.rpartition(SOURCES)[2].partition(":")[0] for place in places if SOURCES in place]
        kernel = next((k for k, files in KERNELS.items() if inside and inside[0] in files), "other")
        counts[kernel] += found[int(address, 16)]
    total = sum(counts.values())
    return {kernel: count / total for kernel, count in counts.most_common()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("potentials", nargs="+", type=Path)
    parser.add_argument("--peak", type=float, help="Gflop/s of one core")
    args = parser.parse_args()
    program = built()
    print("| potential | kernel | share of the time | µs/atom | multiply-adds | Gflop/s | of the peak |")
    print("|---|---|---|---|---|---|---|")
    for path in args.potentials:
        with tempfile.TemporaryDirectory() as folder:
            found, printed = samples(program, path, Path(folder))
        if not found:
            sys.exit(f"{path}: perf has seen nothing of the evaluator")
        name, neighbors, near, time, *_ = printed.splitlines()[-1].split(", ")
        plan = json.loads(mlip.Potential.load(path).core.plans())[0]
        work = multiply_adds(plan, np.array([float(near)]), np.array([float(neighbors)]))
        for kernel, share in by_kernel(program, found).items():
            microseconds = share * float(time)
            cells = ["", "", ""]
            if work.get(kernel):
                rate = 2e-3 * work[kernel] / microseconds
                cells = [f"{work[kernel]:.0f}", f"{rate:.0f}", f"{rate / args.peak:.0%}" if args.peak else ""]
            print(
                f"| {name} | {kernel} | {share:.0%} | {microseconds:.2f} | {' | '.join(cells)} |", flush=True
            )


if __name__ == "__main__":
    main()
