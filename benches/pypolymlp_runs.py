"""Fit, test and time the peer pypolymlp 0.22, in the interpreter that has it; `peers.py` and `fit_peers.py` call this.

    python benches/pypolymlp_runs.py fit TRAIN TEST --elements Mo --model g2 -o mo_g2.yaml     # also writes mo_g2.json
    python benches/pypolymlp_runs.py time mo_g2.yaml CRYSTAL... --elements Mo                  # prints JSON

Its conventions: lattice vectors in columns, atoms sorted by element, virials in eV per cell, positive in compression,
energies relative to isolated atoms. It chooses its ridge penalty among 11 by the error on the test set. One thread:
OMP_NUM_THREADS=1.
"""

import json
import time
from pathlib import Path

import numpy as np
from ase.io import read
from isolated_atoms import ATOMIC_ENERGY
from peer_runs import main
from pypolymlp.calculator.properties import Properties
from pypolymlp.core.data_format import PolymlpStructure
from pypolymlp.mlp_dev.pypolymlp import Pypolymlp

POLYNOMIAL = dict(feature_type="gtinv", max_p=2)
MODELS = {  # from cheap to accurate
    "pair": dict(feature_type="pair", model_type=2, max_p=3, cutoff=6.0, n_gaussians=8),
    "g2": dict(POLYNOMIAL, model_type=4, cutoff=5.0, gtinv_order=2, gtinv_maxl=[4], n_gaussians=6),
    "g3s": dict(POLYNOMIAL, model_type=4, cutoff=5.0, gtinv_order=3, gtinv_maxl=[4, 4], n_gaussians=6),
    "m3_88": dict(POLYNOMIAL, model_type=3, cutoff=5.0, gtinv_order=3, gtinv_maxl=[8, 8], n_gaussians=8),
    "oxide6": dict(POLYNOMIAL, model_type=3, cutoff=6.0, gtinv_order=3, gtinv_maxl=[4, 4], n_gaussians=6),
    "oxide8": dict(POLYNOMIAL, model_type=3, cutoff=8.0, gtinv_order=3, gtinv_maxl=[4, 4], n_gaussians=8),
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


def atomic_energies(path: Path, elements) -> dict[str, float]:
    """Energies of isolated atoms, eV; of elements without one, those that fit a training set, as ours."""
    if set(elements) <= ATOMIC_ENERGY.keys():
        return {symbol: ATOMIC_ENERGY[symbol] for symbol in elements}
    frames = read(path, ":")
    counts = np.array([[atoms.symbols.count(symbol) for symbol in elements] for atoms in frames], dtype=float)
    found, *_ = np.linalg.lstsq(counts, [atoms.get_potential_energy() for atoms in frames], rcond=None)
    return dict(zip(elements, found.tolist(), strict=True))


def fit(args) -> dict:
    energies = atomic_energies(args.train, args.elements)
    args.output.with_suffix(".energies.json").write_text(json.dumps(energies))
    training, test = (
        peer_data(read(path, ":"), name, args.elements)
        for path, name in ((args.train, "train"), (args.test, "test"))
    )
    begin = time.process_time()
    peer = Pypolymlp()
    peer.set_params(
        elements=args.elements,
        atomic_energy=[energies[symbol] for symbol in args.elements],
        reg_alpha_params=[-4, 1, 11],
        **MODELS[args.model],
    )
    peer.set_datasets_structures(**training, **test)
    peer.fit()
    record = {"n_features": int(peer.n_features), "fit_core_s": time.process_time() - begin}
    peer.save_mlp(filename=str(args.output))
    return record


def load(path: Path, elements: list[str]):
    potential = Properties(pot=str(path))
    energies = json.loads(path.with_suffix(".energies.json").read_text())

    def prepare(atoms):
        structure, order = peer_structure(atoms, elements)
        isolated = sum(energies[symbol] for symbol in atoms.symbols)

        def evaluate():
            energy, found, _ = potential.eval(structure)
            forces = np.empty((len(atoms), 3))
            forces[order] = np.asarray(found).T
            return float(energy) + isolated, forces

        return evaluate

    return prepare


if __name__ == "__main__":
    main(__doc__, MODELS, fit, load)
