"""Imported moment tensor potentials beside MLIP-2 itself: differences of energies, forces and stresses, time per atom.

    python benches/import_mtp.py MLIP_SOURCE [--levels 8 12 16 20 24] [--n-elements 1 2 3] [--files POT.mtp=Al,Ni …]

MLIP_SOURCE is the folder of the source of MLIP-2, with `src` and `untrained_mtps`; a C++ compiler is needed. Models
are its templates with random coefficients, cutoff 5 Å. Differences as in `import_pace.py`, on crystals and random
cells. Time is core time of one thread for a rattled fcc crystal of about 2,000 atoms with the neighbour list reused: of
MLIP-2 its loop over atoms, compiled with `-O3 -march=native`; the best of three runs.
"""

import argparse
import re
import subprocess
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
from ase.build import bulk
from import_pace import differences
from import_peers import crystals, random_cells

import mlip_rs as mlip
from mlip_rs.cost.timing import measure

PARTS = [
    *("mtpr", "radial_basis", "basic_mlip", "basic_potentials"),
    *("configuration", "neighborhoods", "utils", "stdafx"),
]
SYMBOLS = ["Al", "Ni", "Cu", "Ti"]

HARNESS = """
#include <cstdio>
#include <ctime>
#include <fstream>
#include "mtpr.h"
struct Timed : public MLMTPR {
  using MLMTPR::MLMTPR;
  double seconds(Configuration& cfg) {
    Neighborhoods all(cfg, CutOff());
    double best = 1e30;
    for (int k = 0; k < 3; k++) {
      timespec a, b;
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
      for (int i = 0; i < cfg.size(); i++) {
        CalcSiteEnergyDers(all[i]);
        cfg.energy += buff_site_energy_;
        for (int j = 0; j < all[i].count; j++)
          for (int c = 0; c < 3; c++) {
            cfg.force(i)[c] += buff_site_energy_ders_[j][c];
            cfg.force(all[i].inds[j])[c] -= buff_site_energy_ders_[j][c];
            for (int d = 0; d < 3; d++) cfg.stresses[c][d] -= buff_site_energy_ders_[j][c] * all[i].vecs[j][d];
          }
      }
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
      best = std::min(best, (b.tv_sec - a.tv_sec) + 1e-9 * (b.tv_nsec - a.tv_nsec));
    }
    return best;
  }
};
int main(int, char** argv) {
  Timed mtp(argv[1]);
  std::ifstream in(argv[2]);
  for (int n; in >> n;) {
    Configuration cfg;
    cfg.resize(n);
    for (int a = 0; a < 3; a++) for (int b = 0; b < 3; b++) in >> cfg.lattice[a][b];
    for (int i = 0; i < n; i++) { in >> cfg.type(i); for (int c = 0; c < 3; c++) in >> cfg.pos(i)[c]; }
    mtp.CalcEFS(cfg);
    printf("%.17g", cfg.energy);
    for (int i = 0; i < n; i++) for (int c = 0; c < 3; c++) printf(" %.17g", cfg.force(i)[c]);
    for (int a = 0; a < 3; a++) for (int b = 0; b < 3; b++) printf(" %.17g", cfg.stresses[a][b]);
    printf(" %.17g\\n", mtp.seconds(cfg));
  }
}
"""


def built(source: Path, place: Path) -> Path:
    """The program that evaluates structures by MLIP-2."""
    files = [next(source.glob(f"*src/**/{name}.cpp")) for name in PARTS]
    (place / "harness.cpp").write_text(HARNESS, encoding="utf-8")
    folders = {file.parent for file in files} | {source}
    options = ["-O3", "-march=native", "-std=c++11", "-w", *(f"-I{folder}" for folder in folders)]
    subprocess.run(["g++", *options, place / "harness.cpp", *files, "-o", place / "harness"], check=True)
    return place / "harness"


def evaluated(program: Path, file: Path, structures, elements):
    """Energy, forces, stress and µs per atom of every structure by MLIP-2."""
    lines = []
    for atoms in structures:
        lines += [str(len(atoms)), *(" ".join(map(repr, row)) for row in atoms.cell.array.tolist())]
        for symbol, position in zip(atoms.symbols, atoms.positions.tolist(), strict=True):
            lines.append(f"{elements.index(symbol)} {' '.join(map(repr, position))}")
    listed = program.parent / "structures.txt"
    listed.write_text("\n".join([*lines, ""]), encoding="utf-8")
    done = subprocess.run([program, file, listed], capture_output=True, text=True, check=True)
    found = []
    for atoms, line in zip(structures, done.stdout.splitlines(), strict=True):
        values, n = np.array(line.split(), dtype=float), 3 * len(atoms)
        stress = -values[n + 1 : n + 10].reshape(3, 3) / atoms.get_volume()
        voigt = stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        found.append((values[0], values[1 : n + 1].reshape(-1, 3), voigt, values[-1] / len(atoms) * 1e6))
    return found


def trained(template: Path, n_elements: int, path: Path) -> Path:
    """A template with random coefficients."""
    text, rng = template.read_text(encoding="utf-8"), np.random.default_rng(5)
    n_radial = int(re.findall(r"radial_funcs_count = (\d+)", text)[0])
    n_scalar = int(re.findall(r"alpha_scalar_moments = (\d+)", text)[0])

    def row(values):
        return "{" + ", ".join(f"{value:.15e}" for value in values) + "}"

    lines = [
        "MTP",
        "version = 1.1.0",
        "potential_name = random",
        "scaling = 3e-02",
        f"species_count = {n_elements}",
    ]
    lines += ["potential_tag = ", "radial_basis_type = RBChebyshev", "\tmin_dist = 1.9", "\tmax_dist = 5.0"]
    lines += ["\tradial_basis_size = 8", f"\tradial_funcs_count = {n_radial}", "\tradial_coeffs"]
    for pair in product(range(n_elements), repeat=2):
        lines.append("\t\t{}-{}".format(*pair))
        lines += [f"\t\t\t{row(rng.normal(0.0, 1.0, 8) / np.arange(1, 9))}" for _ in range(n_radial)]
    lines += [text[text.index("alpha_moments_count") :].rstrip()]
    lines += [f"species_coeffs = {row(rng.normal(-3.0, 1.0, n_elements))}"]
    path.write_text(
        "\n".join([*lines, f"moment_coeffs = {row(rng.normal(0.0, 0.3, n_scalar))}"]), encoding="utf-8"
    )
    return path


def compare(program: Path, name: str, file: Path, elements) -> None:
    try:
        potential = mlip.import_potential(file, elements)
    except mlip.errors.PotentialFileError as error:
        print(f"{name}, {len(elements)} elements: {error}", flush=True)
        return
    rng = np.random.default_rng(1)
    structures = [*crystals(elements, rng), *random_cells(elements, rng)]
    worst = differences(potential, structures, evaluated(program, file, structures, elements))
    atoms = bulk("Al", cubic=True).repeat(8)
    atoms.symbols[:] = [elements[k % len(elements)] for k in range(len(atoms))]
    atoms.rattle(0.03, seed=1)
    own, theirs = measure(potential, atoms).us_per_atom, evaluated(program, file, [atoms], elements)[0][3]
    print(
        f"{name}, {len(elements)} elements: {potential.info['imported_from']['n_coefficients']} coefficients, "
        f"{potential.n_nonzero} of ours; energy {worst[0]:.1e}, forces {worst[1]:.1e}, stress {worst[2]:.1e}; "
        f"{own:.1f} and {theirs:.1f} µs; {theirs / own:.1f} times",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="MLIP_SOURCE")
    parser.add_argument("--levels", nargs="*", type=int, default=[8, 12, 16, 20, 24])
    parser.add_argument("--n-elements", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--files", nargs="*", default=[], metavar="FILE=SYMBOL,…")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        program = built(given.source, place)
        for level, n_elements in product(given.levels, given.n_elements):
            template = given.source / "untrained_mtps" / f"{level:02d}.mtp"
            file = trained(template, n_elements, place / "model.mtp")
            compare(program, f"level {level}", file, SYMBOLS[:n_elements])
        for entry in given.files:
            file, _, elements = entry.rpartition("=")
            compare(program, Path(file).stem, Path(file), elements.split(","))


if __name__ == "__main__":
    main()
