"""Fit, test and time the peer pypolymlp 0.22, in the interpreter that has it; `peers.py` and `fit_peers.py` call this.

    python benches/pypolymlp_runs.py fit TRAIN TEST --elements Mo --model g2 -o mo_g2.yaml     # also writes mo_g2.json
    python benches/pypolymlp_runs.py time mo_g2.yaml CRYSTAL... --elements Mo                  # prints JSON

Its conventions: lattice vectors in columns, atoms sorted by element, virials in eV per cell, positive in compression,
energies relative to isolated atoms. It chooses its ridge penalty among 11 by the error on the test set. One thread:
OMP_NUM_THREADS=1.
"""

import argparse
import json
import resource
import statistics
import time
from pathlib import Path

import numpy as np
from ase.io import read
from isolated_atoms import ATOMIC_ENERGY
from pypolymlp.calculator.properties import Properties
from pypolymlp.core.data_format import PolymlpStructure
from pypolymlp.mlp_dev.pypolymlp import Pypolymlp

POLYNOMIAL = dict(feature_type="gtinv", max_p=2)
MODELS = {  # from cheap to accurate
    "pair": dict(feature_type="pair", model_type=2, max_p=3, cutoff=6.0, n_gaussians=8),
    "g2": dict(POLYNOMIAL, model_type=4, cutoff=5.0, gtinv_order=2, gtinv_maxl=[4], n_gaussians=6),
    "g3s": dict(POLYNOMIAL, model_type=4, cutoff=5.0, gtinv_order=3, gtinv_maxl=[4, 4], n_gaussians=6),
    "m3_88": dict(POLYNOMIAL, model_type=3, cutoff=5.0, gtinv_order=3, gtinv_maxl=[8, 8], n_gaussians=8),
    "g3m": dict(POLYNOMIAL, model_type=4, cutoff=6.0, gtinv_order=3, gtinv_maxl=[8, 4], n_gaussians=10),
}


def peer_structure(atoms, elements):
    """The structure of the peer, and the order of the atoms in it."""
    types = np.array([elements.index(symbol) for symbol in atoms.symbols])
    order = np.argsort(types, kind="stable")
    structure = PolymlpStructure(
        axis=atoms.cell.array.T,
        positions=atoms.get_scaled_positions(wrap=False)[order].T,
        n_atoms=[int((types == k).sum()) for k in range(len(elements))],
        elements=[atoms.symbols[k] for k in order],
        types=types[order].tolist(),
        volume=atoms.get_volume(),
    )
    return structure, order


def peer_data(frames, name: str, elements) -> dict:
    """What `set_datasets_structures` takes."""
    pairs = [peer_structure(atoms, elements) for atoms in frames]
    return {
        f"{name}_structures": [structure for structure, _ in pairs],
        f"{name}_energies": np.array([atoms.get_potential_energy() for atoms in frames]),
        f"{name}_forces": [a.get_forces()[order].T for a, (_, order) in zip(frames, pairs, strict=True)],
        f"{name}_stresses": np.array([-a.get_stress(voigt=False) * a.get_volume() for a in frames]),
    }


def peer_errors(potential, test: dict) -> dict:
    """Errors on data made by `peer_data(..., "test", ...)`."""
    structures = test["test_structures"]
    energies, forces, _ = potential.eval_multiple(structures)
    isolated = [sum(ATOMIC_ENERGY[symbol] for symbol in s.elements) for s in structures]
    n_atoms = [len(s.elements) for s in structures]
    per_atom = 1e3 * (np.asarray(energies) + isolated - test["test_energies"]) / n_atoms
    pairs = zip(forces, test["test_forces"], strict=True)
    components = np.concatenate([(np.asarray(force) - true).ravel() for force, true in pairs])
    return {
        key: {"mae": float(abs(values).mean()), "rmse": float(np.sqrt((values**2).mean()))}
        for key, values in (("energy_mev_per_atom", per_atom), ("force_ev_per_angstrom", components))
    }


def fit(args: argparse.Namespace) -> None:
    training, test = (
        peer_data(read(path, ":"), name, args.elements)
        for path, name in ((args.train, "train"), (args.test, "test"))
    )
    begin = time.process_time()
    peer = Pypolymlp()
    peer.set_params(
        elements=args.elements,
        atomic_energy=[ATOMIC_ENERGY[symbol] for symbol in args.elements],
        reg_alpha_params=[-4, 1, 11],
        **MODELS[args.model],
    )
    peer.set_datasets_structures(**training, **test)
    peer.fit()
    record = {"n_features": int(peer.n_features), "fit_core_s": time.process_time() - begin}
    peer.save_mlp(filename=str(args.output))
    record |= peer_errors(Properties(pot=str(args.output)), test)
    # Last: where it is, the fit is whole.
    args.output.with_suffix(".json").write_text(json.dumps(record))


def core_times(args: argparse.Namespace) -> None:
    """Median core time of three evaluations of energy, forces and stress of each crystal."""
    potential = Properties(pot=str(args.potential))
    out = []
    for path in args.crystals:
        atoms = read(path)
        structure, _ = peer_structure(atoms, args.elements)
        times = []
        for _ in range(3):
            begin = time.process_time()
            potential.eval(structure)
            times.append(time.process_time() - begin)
        out.append({"n_atoms": len(atoms), "us_per_atom": statistics.median(times) / len(atoms) * 1e6})
    print(json.dumps(out))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(required=True)
    fitting = verbs.add_parser("fit")
    fitting.add_argument("train", type=Path)
    fitting.add_argument("test", type=Path)
    fitting.add_argument("--model", choices=MODELS, required=True)
    fitting.add_argument("-o", "--output", type=Path, required=True)
    fitting.add_argument("--max-seconds", type=int, default=200, help="of core time; then the process ends")
    fitting.set_defaults(run=fit)
    timing = verbs.add_parser("time")
    timing.add_argument("potential", type=Path)
    timing.add_argument("crystals", nargs="+", type=Path)
    timing.set_defaults(run=core_times)
    for verb in (fitting, timing):
        verb.add_argument("--elements", nargs="+", required=True)
    args = parser.parse_args()
    if args.run is fit:
        resource.setrlimit(resource.RLIMIT_CPU, (args.max_seconds, args.max_seconds))
    args.run(args)


if __name__ == "__main__":
    main()
