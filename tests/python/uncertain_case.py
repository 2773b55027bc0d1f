"""Potentials with an index of anomaly and error bars, made by hand, that tests share."""

import json
import warnings

import numpy as np
from potentials import argon_crystal, argon_potential

from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.errors import OutsideDomainWarning
from mlip_rs.potential import Potential
from mlip_rs.uncertainty import Committee

NOISE = {"energy": 1e-3, "forces": 0.02, "stress": 1e-4}
SHELL = 3.5
"""Å."""


def indexed(potential, structures, shell=SHELL):
    """The potential with its features, standardised over structures, as forms; 99 % of their atoms have less than 1."""
    basis = potential.core.basis
    labels = basis.labels()
    values = np.concatenate([basis.features(structure_from_atoms(atoms)) for atoms in structures])
    symbols = np.concatenate([atoms.get_chemical_symbols() for atoms in structures])
    kept = {symbol: [name for name in potential.coefficients(symbol) if name != "1"] for symbol in symbols}
    most = min(max(len(names) for names in kept.values()), 64)
    centers = []
    for symbol in potential.elements:
        names = [name for name in potential.coefficients(symbol) if name != "1"][:most]
        own = values[symbols == symbol][:, [labels.index(name) for name in names]]
        z = (own - own.mean(axis=0)) / own.std(axis=0)
        scale = 1.0 / (own.std(axis=0) * np.quantile(np.sqrt((z**2).sum(axis=1) / most), 0.99))
        forms = {name: (scale[k] * np.eye(most)[k]).tolist() for k, name in enumerate(names)}
        offsets = np.zeros(most)
        offsets[: len(names)] = own.mean(axis=0) * scale
        centers.append({"element": symbol, "offsets": offsets.tolist(), "forms": forms})
    text = json.dumps({"shell": shell, "centers": centers})
    return Potential(potential.core.with_index(text))


def with_committee(potential, size=0.01, n_members=3, calibration=None):
    """The potential with members whose coefficients differ by about `size` of the largest."""
    labels = potential.core.basis.labels()
    columns = [
        k * len(labels) + labels.index(name)
        for k, symbol in enumerate(potential.elements)
        for name in potential.coefficients(symbol)
    ]
    values = [value for symbol in potential.elements for value in potential.coefficients(symbol).values()]
    order = np.argsort(columns)
    rng = np.random.default_rng(5)
    deviations = size * rng.normal(size=(n_members, len(columns))) * np.array(values)[order]
    committee = Committee(np.array(columns)[order], deviations, NOISE, "each of 3 folds", calibration)
    return committee.attached(potential)


def cold_argon(seed, amplitude=0.05):
    """A crystal as in training data: slightly rattled."""
    atoms = argon_crystal(repeat=2)
    atoms.rattle(amplitude, seed=seed)
    return atoms


def watched_argon():
    """Argon whose index knows crystals at rest, with error bars."""
    potential = indexed(argon_potential(), [cold_argon(seed) for seed in range(3)])
    return with_committee(potential)


def warned(function):
    """Sentences that a function makes the package say."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return [str(entry.message) for entry in caught if issubclass(entry.category, OutsideDomainWarning)]
