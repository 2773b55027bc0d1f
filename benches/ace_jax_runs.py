"""Fit, test and time the peer ace-jax, in the interpreter that has it; `peers.py` calls this.

    python benches/ace_jax_runs.py fit TRAIN TEST --elements Si --model 3-12 -o Si-ace.npz     # also writes Si-ace.json
    python benches/ace_jax_runs.py time Si-ace.npz CRYSTAL... --elements Si                    # prints JSON

Linear ACE by its Bayesian regression: energies and forces, one noise for all rows, so that the weight of the energies
counts. That weight is the one of `WEIGHTS` with the least product of energy and force RMSE on a fifth of the training
structures (each kind of structure its share), tried once for each training file on `TRIAL` and kept beside the
potential. What is timed is its C++ kernel, compiled with its own flags -O3 -march=native, which lammps-jax calls in
LAMMPS: energies and forces, no virial, in double precision, radial functions tabulated, the list of neighbours within
the cutoff and 0.5 Å reused.
"""

import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from ace_jax import load as load_model
from ace_jax.basis.model import BasisSpec
from ace_jax.eval import ffi, highest_precision
from ace_jax.eval.model import lean
from ace_jax.fit.pipeline import FitConfig, load_fit_data
from ace_jax.fit.pipeline.export import linear_arrays_from_mean
from ace_jax.fit.pipeline.mapfit import fit_map
from ace_jax.fit.pipeline.objective import make_objective
from ace_jax.fit.pipeline.problem import build_problem
from ace_jax.fit.predict import fit_posterior
from ase.io import read, write
from ase.neighborlist import neighbor_list
from peer_runs import CUTOFFS, chosen, errors, held_out, main

jax.config.update("jax_enable_x64", True)

MODELS = {"2-10": (2, 10), "3-12": (3, 12), "3-16": (3, 16), "4-12": (4, 12)}  # order, total degree
TRIAL = (3, 8)
WEIGHTS = (8.0, 32.0, 128.0)
SKIN = 0.5


def regression(train: Path, element: str, model: tuple[int, int], weight: float, path: Path) -> None:
    """Fit as `aj fit --noise shared --e0 lsq` does, without its predictions of errors; writes the model."""
    order, degree = model
    config = FitConfig(
        model=BasisSpec(elements=(element,), order=order, max_degree=degree, rcut=CUTOFFS[element]),
        arm="linear",
        weights={"default": {"E": weight, "F": 1.0, "V": 0.0}},
        map_polish="off",
        m_per_species=0,
        r0=None,
    ).validate()
    data = load_fit_data(config, train=str(train), test=str(train))
    with highest_precision():
        problem = build_problem(config, data)
        objective = make_objective(config, data, problem)
        theta = fit_map(config, data, problem, objective).theta
        mean, _ = fit_posterior(theta, objective.stats(theta), problem.prob, data.ds_train)
    np.savez(path, **linear_arrays_from_mean(data.z, data.E0, problem.prob.cfg, mean))


def energy_weight(train: Path, element: str, place: Path) -> float:
    part, path = place / f"{element}-ace-trial.xyz", place / f"{element}-ace-trial.npz"
    fitted, validation = held_out(read(train, ":"))
    write(part, fitted)

    def trial(weight: float) -> dict:
        regression(part, element, TRIAL, weight, path)
        return errors(load(path, [element]), validation)

    return chosen(place / f"{element}-ace-weights.json", WEIGHTS, trial)


def fit(args) -> dict:
    (element,) = args.elements
    weight = energy_weight(args.train, element, args.output.parent)
    begin = time.process_time()
    regression(args.train, element, MODELS[args.model], weight, args.output)
    seconds = time.process_time() - begin
    _, meta, _ = load_model(args.output)
    return {"n_features": meta["n_B"] + meta["n_pair"], "energy_weight": weight, "fit_core_s": seconds}


def load(path: Path, elements: list[str]):
    """One call of the kernel for each evaluation; neighbours and their images are listed once."""
    model, meta, _ = load_model(path)
    attributes, constants = ffi.kernel_inputs(lean(model, radial_table=True))
    attributes["rc2"] = np.float64(meta["rcut"] ** 2)
    ffi.register(ffi.library())

    @jax.jit
    def kernel(positions, neighbors, counts):
        n = len(positions)
        out = (jax.ShapeDtypeStruct((n,), positions.dtype), jax.ShapeDtypeStruct((n, 3), positions.dtype))
        species, weights = jnp.zeros(n, jnp.int32), jnp.ones(n)
        call = jax.ffi.ffi_call(ffi.TARGET, out)
        return call(positions, species, neighbors, counts, weights, *constants, **attributes)

    def prepare(atoms):
        positions, neighbors, counts, origins = listed(atoms, meta["rcut"] + SKIN)
        arguments = [jnp.asarray(array) for array in (positions, neighbors, counts)]

        def evaluate():
            energies, forces = kernel(*arguments)
            total = np.zeros((len(atoms), 3))
            np.add.at(total, origins, np.asarray(forces))
            return float(energies[: len(atoms)].sum()), total

        return evaluate

    return prepare


def listed(atoms, cutoff: float):
    """Positions of atoms and images, neighbours (slots, atoms), their number, the atom of each atom and image.

    Padded, since each new size is compiled.
    """
    i, j, shift = neighbor_list("ijS", atoms, cutoff)
    outside = shift.any(1)
    images, index = np.unique(np.column_stack([j, shift])[outside], axis=0, return_inverse=True)
    n, rows = len(atoms), padded(len(atoms), 64)
    neighbor = j.copy()
    neighbor[outside] = rows + index.ravel()
    counts = np.bincount(i, minlength=rows).astype(np.int32)
    origins = np.zeros(padded(rows + len(images), 1024), int)
    origins[:n], origins[rows : rows + len(images)] = np.arange(n), images[:, 0]
    positions = atoms.positions[origins]
    positions[rows : rows + len(images)] += images[:, 1:] @ atoms.cell.array
    matrix = np.full((padded(counts.max(), 32), rows), len(positions), np.int32)
    matrix[np.arange(len(i)) - (np.cumsum(counts) - counts)[i], i] = neighbor
    return positions, matrix, counts, origins


def padded(n: int, unit: int) -> int:
    return -(-n // unit) * unit


if __name__ == "__main__":
    main(__doc__, MODELS, fit, load)
