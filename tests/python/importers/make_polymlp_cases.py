"""Make the models `polymlp_*.yaml*` and `polymlp_reference.json` beside this file, by pypolymlp 0.22.

    pip install pypolymlp && python tests/python/importers/make_polymlp_cases.py     # in an environment of its own

Coefficients are random numbers, smaller for products of more order parameters; pypolymlp counts the features, and
computes energies (eV), forces (eV/Å) and virials (eV, xx yy zz xy yz zx, positive in compression) of small structures.
"""

import json
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
from pypolymlp.calculator.properties import Properties
from pypolymlp.core.data_format import PolymlpStructure
from pypolymlp.core.io_polymlp_yaml import load_mlp_yaml
from pypolymlp.cxx.lib import libmlpcpp

HERE = Path(__file__).parent
MASS = {"Al": 26.98, "Ni": 58.69}
SCALE = 0.3


@dataclass(frozen=True)
class Model:
    """What is written into one file."""

    elements: tuple = ("Al",)
    cutoff: float = 4.5
    model_type: int = 1
    max_p: int = 1
    maxl: tuple = ()
    version: int = 2
    gaussians: tuple = ((1.0, 1.5), (0.8, 2.5))
    indices: dict = field(default_factory=dict)
    type_indices: tuple | None = None


WITH_CONSTANT = ((1.0, 2.0), (0.0, 0.0), (1.0, 3.0))
CASES = {
    "pair_linear": [Model()],
    "pair_cubic": [
        Model(("Al", "Ni"), 5.0, 2, 3, gaussians=WITH_CONSTANT, indices={(0, 1): [0, 2], (1, 1): [1]})
    ],
    "linear_v1": [Model(maxl=(3, 2), version=1, gaussians=WITH_CONSTANT)],
    "linear_order_6": [Model(maxl=(3, 2, 2, 1, 1))],
    "linear_order_6_v1": [Model(maxl=(2, 2, 2, 1, 1), version=1, gaussians=((0.9, 2.2),))],
    "linear_binary": [Model(("Al", "Ni"), maxl=(2, 2, 1, 1), gaussians=((0.9, 2.2),))],
    "all_multiplied": [Model(model_type=2, max_p=2, maxl=(1, 1, 1))],
    "all_cubed": [Model(model_type=2, max_p=3, maxl=(2, 1), gaussians=((0.9, 2.2),))],
    "pairs_multiplied": [Model(("Al", "Ni"), 4.5, 3, 3, (2, 1), gaussians=((0.9, 2.2),))],
    "second_order_multiplied": [
        Model(
            ("Al", "Ni"), 4.2, 4, 2, (1, 1), 1, gaussians=WITH_CONSTANT, indices={(0, 1): [0], (1, 1): [0, 2]}
        )
    ],
    "second_order_cubed": [Model(("Al",), 4.5, 4, 3, (2, 2, 1))],
    "hybrid": [
        Model(("Al", "Ni"), 5.0, 2, 2, gaussians=WITH_CONSTANT),
        Model(("Al", "Ni"), 4.0, 4, 2, (1, 1), gaussians=((0.9, 2.2),)),
        Model(("Ni",), 4.6, 3, 2, (1, 2), 1, type_indices=(1,)),
    ],
}


def text(model: Model, coefficients) -> str:
    """The file, as `pypolymlp.core.io_polymlp_yaml.save_mlp_yaml` writes it."""
    pairs = combinations_with_replacement(range(len(model.elements)), 2)
    every = list(range(len(model.gaussians)))
    lines = [
        f"elements:      [{', '.join(model.elements)}]",
        f"enable_spins:  {[0 for _ in model.elements]}",
        f"atomic_energy: {[-3.5 + k for k in range(len(model.elements))]}",
        "",
        "electrostatic: 0",
        f"mass:          {[MASS[element] for element in model.elements]}",
        "",
        f"cutoff:        {model.cutoff}",
        "pair_type:     gaussian",
        f"feature_type:  {'gtinv' if model.maxl else 'pair'}",
        f"model_type:    {model.model_type}",
        f"max_p:         {model.max_p}",
        f"max_l:         {max(model.maxl, default=0)}",
        "",
    ]
    if model.maxl:
        lines += [
            f"gtinv_order:   {len(model.maxl) + 1}",
            f"gtinv_maxl:    {list(model.maxl)}",
            f"gtinv_sym:     {[0 for _ in model.maxl]}",
            f"gtinv_version: {model.version}",
            "",
        ]
    lines += [
        f"n_pair_params: {len(every)}",
        "pair_params:",
        *(f"- {list(row)}" for row in model.gaussians),
        "",
    ]
    entries = []
    for pair in pairs:
        entries += [f"- atom_type_pair:      {list(pair)}"]
        entries += [f"  pair_params_indices: {model.indices.get(pair, every)}"]
    lines += [f"n_type_pairs: {len(entries) // 2}", "type_pairs:", *entries, ""]
    types = list(range(len(model.elements))) if model.type_indices is None else list(model.type_indices)
    lines += [f"type_full:    {int(model.type_indices is None)}", f"type_indices: {types}", ""]
    numbers = ", ".join(f"{c:.3e}" for c in coefficients)
    return "\n".join([*lines, f"n_coeffs: {len(coefficients)}", f"coeffs: [{numbers}]", ""])


def write(path: Path, model: Model, rng) -> None:
    path.write_text(text(model, [0.0]), encoding="utf-8")
    params, _ = load_mlp_yaml(str(path))
    attributes = libmlpcpp.FeaturesAttr(params.as_dict())
    linear = [len(pairs) for pairs in attributes.get_tcomb_ids()]
    orders = linear + [sum(linear[k] for k in ids) for ids in attributes.get_polynomial_ids()]
    path.write_text(text(model, [rng.normal() * SCALE**order for order in orders]), encoding="utf-8")


def structures(rng):
    """A strained and rattled crystal, and a small random cell: symbols, cell, scaled positions."""
    fcc = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    crystal = np.concatenate([fcc, fcc + np.array([1, 0, 0])]) * [0.5, 1, 1] + rng.normal(0, 0.02, (8, 3))
    cell = np.diag([7.7, 3.9, 3.8]) + rng.normal(0, 0.1, (3, 3))
    random = np.array(
        [[0.05, 0.1, 0.0], [0.5, 0.45, 0.1], [0.1, 0.55, 0.6], [0.6, 0.0, 0.55], [0.85, 0.6, 0.65]]
    )
    return [
        (["Al", "Ni", "Al", "Al", "Ni", "Al", "Ni", "Al"], cell, crystal),
        (["Ni", "Al", "Al", "Ni", "Al"], np.array([[4.6, 0, 0], [0.7, 4.9, 0], [-0.4, 0.3, 4.4]]), random),
    ]


def main():
    rng = np.random.default_rng(7)
    made = structures(rng)
    reference = {"structures": [], "cases": {}}
    for symbols, cell, scaled in made:
        entry = {"symbols": symbols, "cell": cell.tolist(), "positions": (scaled @ cell).tolist()}
        reference["structures"].append(entry)
    for name, models in CASES.items():
        suffixes = [f".{k + 1}" for k in range(len(models))] if len(models) > 1 else [""]
        files = [f"polymlp_{name}.yaml{suffix}" for suffix in suffixes]
        for file, model in zip(files, models, strict=True):
            write(HERE / file, model, rng)
        paths = [str(HERE / file) for file in files]
        properties = Properties(pot=paths if len(paths) > 1 else paths[0])
        elements = models[0].elements
        values = []
        for symbols, cell, scaled in made:
            types = np.array([elements.index(s) if s in elements else 0 for s in symbols])
            order = np.argsort(types, kind="stable")
            structure = PolymlpStructure(
                axis=cell.T,
                positions=scaled[order].T,
                n_atoms=[int((types == k).sum()) for k in range(len(elements))],
                elements=[elements[types[k]] for k in order],
                types=types[order].tolist(),
                volume=abs(np.linalg.det(cell)),
            )
            energy, forces, virial = properties.eval(structure, use_openmp=False)
            forces = forces.T[np.argsort(order)]
            values.append(
                {"energy": energy, "forces": forces.tolist(), "virial": np.asarray(virial).tolist()}
            )
        reference["cases"][name] = {"files": files, "elements": elements, "values": values}
    (HERE / "polymlp_reference.json").write_text(json.dumps(reference) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
