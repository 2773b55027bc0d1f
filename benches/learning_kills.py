"""A learning loop that is killed again and again, beside one that is not: the same choices, labels and potential.

    python benches/learning_kills.py FOLDER [--kills 20] [--seed 0] [--explore 900]

A week of calculations takes some minutes here: labels are those of EMT after a sleep. `mlip-rs learn` or the process
that calculates for it is killed by SIGKILL at random moments, and the same command is given again.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from mlip_rs.label.unlabelled import LABEL_ID
from mlip_rs.potential import Potential

LATEST = 20.0
"""Seconds after its start at which a command is killed, at the latest."""

CHILD = 0.5
"""Part of the kills that meet the process that calculates, after which the command goes on."""


class Slow(EMT):
    """EMT with the pace of a calculation in a queue; `seconds` on average."""

    def __init__(self, seconds: float = 0.2) -> None:
        super().__init__()
        self.seconds, self.random = seconds, np.random.default_rng()

    def calculate(self, *arguments: object) -> None:
        time.sleep(float(self.random.exponential(self.seconds)))
        super().calculate(*arguments)


def pool(n: int) -> list[Atoms]:
    """Rattled and strained cells of copper."""
    rng = np.random.default_rng(0)
    frames = []
    for k in range(n):
        atoms = bulk("Cu", cubic=True)
        atoms.set_cell(atoms.cell * (1.0 + rng.uniform(-0.05, 0.05)), scale_atoms=True)
        atoms.rattle(0.02 + 0.2 * k / n, rng=rng)
        frames.append(atoms)
    return frames


def command(folder: Path, name: str, more: list[str]) -> list[str]:
    """The command of one loop."""
    calculator = ["-c", f"{Path(__file__).resolve()}:Slow", "--workers", "1"]
    aims = ["--energy", "0.5", "--forces", "0.005", "--size", "small", "--batch", "6", "--max-labels", "30"]
    loop = ["learn", str(folder / "pool.extxyz"), "-o", str(folder / name)]
    return [sys.executable, "-m", "mlip_rs", *loop, *calculator, *aims, *more]


def children(pid: int) -> list[int]:
    """Processes begun by a process."""
    try:
        texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # the process or a thread of it has just ended
        return []
    return [int(own) for text in texts for own in text.split()]


def calculating(process: "subprocess.Popen[bytes]") -> list[int]:
    """Processes that calculate, once there are some; none if the command ends before."""
    while process.poll() is None:
        if found := children(process.pid):
            return found
        time.sleep(0.02)
    return []


def killed_run(words: list[str], n_kills: int, seed: int) -> None:
    """Kill the command, or a calculation of it, so many times, then let it end."""
    rng = np.random.default_rng(seed)

    def begun() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    process, spared = begun(), True  # a calculation that is killed twice by one command counts as failed
    for k in range(n_kills):
        wait = float(rng.uniform(0.0, LATEST))
        time.sleep(wait)
        pids = calculating(process) if spared and rng.uniform() < CHILD else []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        spared = not pids
        if not pids:
            process.kill()
            process.wait()
            process = begun()
        print(f"kill {k + 1}: {'calculation' if pids else 'command'} after {wait:.1f} s", flush=True)
    if process.wait():
        raise SystemExit(f"the command has failed: {' '.join(words)}")


def state(directory: Path) -> dict[str, object]:
    """What a loop has decided and found."""
    record = json.loads((directory / "learning.json").read_text())
    for cycle in record["cycles"]:
        del cycle["seconds"]
    frames = ase.io.read(directory / "labels.extxyz", ":")
    labels = {a.info[LABEL_ID]: [a.get_potential_energy(), a.get_forces().tolist()] for a in frames}
    if len(labels) != len(frames):
        raise SystemExit(f"{directory}: {len(frames) - len(labels)} labels are there twice")
    files = {"loop": directory / "loop.mlip.json", "fit": directory / "fit/best.mlip.json"}
    potentials = {name: Potential.load(path).coefficients("Cu") for name, path in files.items()}
    return {
        "turns and choices": record["cycles"],
        "outcome": record["outcome"],
        "labels": labels,
    } | potentials


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--explore", default="")
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    ase.io.write(folder / "pool.extxyz", pool(60))
    more = ["--explore", arguments.explore] if arguments.explore else []
    begin = time.monotonic()
    subprocess.run(command(folder, "whole", more), check=True)
    print(f"not killed: {time.monotonic() - begin:.0f} s", flush=True)
    begin = time.monotonic()
    killed_run(command(folder, "killed", more), arguments.kills, arguments.seed)
    print(f"killed {arguments.kills} times: {time.monotonic() - begin:.0f} s")
    whole, killed = state(folder / "whole"), state(folder / "killed")
    for name in whole:
        print(f"{name}: {'the same' if whole[name] == killed[name] else 'DIFFERENT'}")
    print(f"{len(killed['labels'])} labels, none lost or twice")
    if whole != killed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
