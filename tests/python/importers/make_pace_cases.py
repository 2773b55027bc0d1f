"""Make the models `pace_*.yace` and `pace_reference.json` beside this file, by PACE itself.

    pip install python-ace==0.4.0rc1 && python tests/python/importers/make_pace_cases.py   # in its own environment

Coefficients are random numbers; couplings are the null space of the total angular momentum. The evaluator of PACE,
which is that of LAMMPS, computes energies (eV), forces (eV/Å) and stresses (eV/Å³, xx yy zz yz xz xy). The cutoff of
one pair lies 4 mÅ beyond a distance of the structure, within `dcut`.
"""

import json
from itertools import combinations_with_replacement, product
from pathlib import Path

import numpy as np
from ase import Atoms
from pyace import PyACECalculator

HERE = Path(__file__).parent
SCALED = [[0.05, 0.1, 0.02], [0.5, 0.45, 0.1], [0.1, 0.55, 0.6], [0.6, 0.07, 0.55], [0.85, 0.6, 0.65]]
CELL = [[5.6, 0, 0], [0.7, 5.9, 0], [-0.4, 0.3, 5.4]]
SYMBOLS = ["Ni", "Al", "Al", "Ni", "Al"]
DISTANCE = float(np.linalg.norm((np.array(SCALED[0]) - SCALED[1]) @ np.array(CELL)))  # of Ni and Al

BOND = {"lmax": 3, "nradbasemax": 6, "nradmax": 3, "prehc": 0, "lambdahc": 0, "dcut": 0.01, "rcut": 4.4}
SHORT = {"prehc": 60.0, "lambdahc": 0.9}
CASES = {
    # Elements; radial functions and what else differs by pair; pairs (n, l) of each rank; FS_parameters by element.
    "ranks": (["Al"], [("ChebExpCos", 5.25, {})], {2: (3, 3), 3: (2, 2), 4: (2, 1), 5: (1, 1)}, [[1, 1]]),
    "power": (["Al"], [("ChebPow", 2.5, {})], {2: (2, 2), 3: (2, 1)}, [[1, 1]]),
    "bessel": (["Al"], [("SBessel", 1.0, SHORT)], {2: (2, 2), 4: (1, 2)}, [[1, 1]]),
    "linear": (["Al"], [("ChebLinear", 1.0, {})], {2: (1, 1)}, [[1, 1]]),
    "inner": (
        ["Al"],
        [("ChebExpCos", 4.0, SHORT | {"rcut_in": 2.9, "dcut_in": 0.6, "inner_cutoff_type": "distance"})],
        {2: (2, 2), 3: (2, 2)},
        [[1, 1]],
    ),
    "two": (
        ["Al", "Ni"],
        [
            ("ChebExpCos", 5.25, {}),
            ("ChebPow", 2.0, {"rcut": 4.1, "lmax": 1, "nradbasemax": 4}),
            ("ChebExpCos", 3.0, {"rcut": DISTANCE + 0.004}),
            ("ChebExpCos", 3.0, {"rcut": 3.9, "dcut": 0.4} | SHORT),
        ],
        {2: (2, 2), 3: (1, 2), 4: (1, 1)},
        [[1, 1], [0.7, 1, -0.4, 1]],
    ),
}


def invariants(degrees):
    """All m of vanishing sum, and a basis (k, m) of the couplings that the raising operator annihilates."""
    ranges = [range(-degree, degree + 1) for degree in degrees]
    states = [m for m in product(*ranges) if sum(m) == 0]
    raised = {m: k for k, m in enumerate(m for m in product(*ranges) if sum(m) == 1)}
    operator = np.zeros((len(raised), len(states)))
    for column, m in enumerate(states):
        for t, degree in enumerate(degrees):
            if m[t] < degree:
                above = (*m[:t], m[t] + 1, *m[t + 1 :])
                operator[raised[above], column] += np.sqrt((degree - m[t]) * (degree + m[t] + 1.0))
    _, sizes, rows = np.linalg.svd(operator, full_matrices=True)
    return states, rows[np.count_nonzero(sizes > 1e-10) :]


def function(center, neighbors, ns, degrees, n_densities, rng, half):
    states, basis = invariants(degrees)
    values = rng.normal(0, 0.3, (n_densities, len(basis))) @ basis
    if half:  # one of m and −m, as PACE writes them
        first = [next((part for part in m if part), 0) for m in states]
        values = values * [0.0 if sign < 0 else 1.0 + (sign > 0) for sign in first]
    kept = np.flatnonzero(np.abs(values).max(axis=0) > 1e-14)
    return {
        "mu0": center,
        "rank": len(degrees),
        "ndensity": n_densities,
        "num_ms_combs": len(kept),
        "mus": list(neighbors),
        "ns": [n + 1 for n in ns],
        "ls": list(degrees),
        "ms_combs": [part for k in kept for part in states[k]],
        "ctildes": values[:, kept].T.ravel().tolist(),
    }


def functions(center, elements, ranks, n_base, n_densities, rng):
    found = [
        function(center, [mu], [n], [0], n_densities, rng, False)
        for mu in range(len(elements))
        for n in range(n_base)
    ]
    for rank, (n_radial, max_l) in ranks.items():
        channels = product(range(len(elements)), range(n_radial), range(max_l + 1))
        for chosen in combinations_with_replacement(channels, rank):
            neighbors, ns, degrees = zip(*chosen, strict=True)
            if sum(degrees) % 2 == 0 and 2 * max(degrees) <= sum(degrees) and rng.random() < 25 / 2**rank:
                made = function(center, neighbors, ns, degrees, n_densities, rng, rng.random() < 0.5)
                found += [made] if made["num_ms_combs"] else []
    return found


def write(name: str, rng) -> None:
    elements, radials, ranks, parameters = CASES[name]
    pairs = [[i, j] for i in range(len(elements)) for j in range(len(elements))]
    bonds = []
    for pair, (radbasename, parameter, changes) in zip(pairs, radials, strict=True):
        bond = BOND | {"radbasename": radbasename, "radparameters": [parameter]} | changes
        shape = (bond["nradmax"], bond["lmax"] + 1, bond["nradbasemax"])
        bonds.append(f"  {pair}: {flow(bond | {'radcoefficients': rng.normal(0, 0.4, shape).tolist()})}")
    lines = [f"elements: [{', '.join(elements)}]", f"E0: {[0.5 * k - 1.2 for k in range(len(elements))]}"]
    lines += ["deltaSplineBins: 0.001", "embeddings:"]
    for k, own in enumerate(parameters):
        entry = {"ndensity": len(own) // 2, "FS_parameters": own, "npoti": "FinnisSinclairShiftedScaled"}
        lines.append(f"  {k}: {flow(entry | {'rho_core_cutoff': 100000, 'drho_core_cutoff': 250})}")
    lines += ["bonds:", *bonds, "functions:"]
    for center, own in enumerate(parameters):
        lines.append(f"  {center}:")
        made = functions(center, elements, ranks, BOND["nradbasemax"], len(own) // 2, rng)
        lines += [f"    - {flow(entry)}" for entry in made]
    (HERE / f"pace_{name}.yace").write_text("\n".join([*lines, ""]), encoding="utf-8")


def flow(entries) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"


def evaluate(name: str, symbols, cell, positions):
    elements = CASES[name][0]
    known = [symbol if symbol in elements else elements[0] for symbol in symbols]
    atoms = Atoms(known, positions=positions, cell=cell, pbc=True)
    atoms.calc = PyACECalculator(str(HERE / f"pace_{name}.yace"))
    forces, stress = atoms.get_forces().tolist(), atoms.get_stress().tolist()
    return {"energy": float(atoms.get_potential_energy()), "forces": forces, "stress": stress}


def main():
    rng = np.random.default_rng(17)
    positions = (np.array(SCALED) @ np.array(CELL)).tolist()
    reference = {"structure": {"symbols": SYMBOLS, "cell": CELL, "positions": positions}, "cases": {}}
    for name, (elements, *_) in CASES.items():
        write(name, rng)
        reference["cases"][name] = {"elements": elements, **evaluate(name, SYMBOLS, CELL, positions)}
    (HERE / "pace_reference.json").write_text(json.dumps(reference) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
