"""An alloy that holds together in dynamics."""

import json

import numpy as np

from mlip_rs import _core
from mlip_rs.potential import Potential

ELEMENTS = ("Al", "Ni")

EPSILON = {("Al", "Al"): 0.3, ("Al", "Ni"): 0.4, ("Ni", "Ni"): 0.35}
"""Depth of the pairs, eV."""

SIGMA = 2.4
"""Å."""


def holding_alloy():
    """Lennard-Jones pairs of two elements, with many-body terms of order 2 that are small beside them."""
    basis = {
        "elements": list(ELEMENTS),
        "cutoff": 5.5,
        "cutoff_function": "polynomial",
        "radial": [
            {"function": {"family": "polynomial", "p": [-12, -6]}, "orders": [1]},
            {"function": {"family": "gaussian", "beta": [0.8], "mu": [2.0, 3.0]}, "orders": [2]},
        ],
        "invariants": [{"order": 1}, {"order": 2, "max_l": 2}],
    }
    labels = _core.Basis(json.dumps(basis)).labels()
    rng = np.random.default_rng(5)
    coefficients = []
    for center in ELEMENTS:
        for label in labels:
            if label.startswith("d["):
                neighbor, column = label[2:-1].split(",")
                epsilon = EPSILON[tuple(sorted((center, neighbor)))]
                coefficients.append(2 * epsilon * (SIGMA**12 if column == "0" else -(SIGMA**6)))
            else:
                coefficients.append(0.004 * rng.uniform(-1, 1))
    return Potential.from_coefficients(basis, coefficients, {"Al": -3.0, "Ni": -4.0})
