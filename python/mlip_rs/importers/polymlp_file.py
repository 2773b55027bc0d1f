"""The file `polymlp.yaml` of pypolymlp, read without trust."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

from mlip_rs.errors import PotentialFileError
from mlip_rs.importers.polymlp_invariants import MAX_DEGREES
from mlip_rs.importers.yaml_document import MAX_ELEMENTS, Document, read_yaml

MAX_RADIAL: int = 1000
"""Largest number of radial functions of a model, as of our basis."""

MAX_CHARACTERS: int = 16 << 20
"""Largest file."""

KIND: str = "polymlp.yaml"
"""What the file is called in messages."""

KEYS: frozenset[str] = frozenset(
    {
        *("elements", "enable_spins", "dataset_type", "atomic_energy", "electrostatic", "mass"),
        *("cutoff", "pair_type", "feature_type", "model_type", "max_p", "max_l"),
        *("gtinv_order", "gtinv_maxl", "gtinv_sym", "gtinv_version"),
        *("n_pair_params", "pair_params", "n_type_pairs", "type_pairs", "type_full", "type_indices"),
        *("n_coeffs", "coeffs"),
    }
)
"""What pypolymlp 0.22 and its predecessors write; a file with anything else may mean something else."""

_FOREIGN_YAML = r"[&*!%@`|<>{}]"
"""Signs of anchors, tags, merged keys, blocks of text: what pypolymlp does not write, and what hides a hostile file."""


@dataclass(frozen=True)
class PolymlpModel:
    """One model of pypolymlp.

    Parameters
    ----------
    elements
        Chemical symbols in the order of its type indices.
    sees_all_elements
        Whether atoms of other elements are an error; otherwise they are invisible (a part of a hybrid model).
    cutoff
        Å.
    pair_only
        Whether features are sums over neighbours by distance (`feature_type: pair`).
    model_type, max_power
        Which features are multiplied, 1 to 4, and how many at most (`max_p`).
    max_degrees
        Largest l of the invariants of order 2, 3, …
    gtinv_version
        Version of its table of invariants; 0 without.
    gaussians
        (β in 1/Å², μ in Å) of the radial functions `exp(−β (r − μ)²) (1 + cos πr/rc) / 2`.
    radial_of_pair
        Numbers of the radial functions of each pair of types (i ≤ j).
    atomic_energies
        Energies of isolated atoms that its author gave, eV; none if the file does not say.
    coefficients
        One for each feature, eV.
    """

    elements: tuple[str, ...]
    sees_all_elements: bool
    cutoff: float
    pair_only: bool
    model_type: int
    max_power: int
    max_degrees: tuple[int, ...]
    gtinv_version: int
    gaussians: tuple[tuple[float, float], ...]
    radial_of_pair: Mapping[tuple[int, int], tuple[int, ...]]
    atomic_energies: tuple[float, ...] | None
    coefficients: tuple[float, ...]


def polymlp_model(text: str) -> PolymlpModel:
    """Read the text of a `polymlp.yaml`.

    Raises
    ------
    PotentialFileError
        It is cut short, malformed, or holds what our potentials cannot represent; the message names that, not the file.
    """
    return _model(_document(text))


def _document(text: str) -> Document:
    if len(text) > MAX_CHARACTERS:
        raise PotentialFileError(
            f"is larger than {MAX_CHARACTERS >> 20} MB; our basis cannot hold so many features"
        )
    if re.search(_FOREIGN_YAML, text) or any(line.count("[") > 1 for line in text.splitlines()):
        raise PotentialFileError("is no polymlp.yaml: it has YAML that pypolymlp does not write")
    content = read_yaml(text, KIND)
    if not isinstance(content, dict) or "feature_type" not in content:
        raise PotentialFileError("is no polymlp.yaml of pypolymlp: it has no feature_type")
    unknown = next((key for key in content if key not in KEYS), None)
    if unknown is not None:
        raise PotentialFileError(
            f"has the key {str(unknown)[:40]!r}, which files of pypolymlp 0.22 do not have; it is of a newer version "
            "or another program, and not imported lest it mean something else"
        )
    return Document(content, KIND)


def _model(document: Document) -> PolymlpModel:
    elements = document.symbols("elements")
    _refuse_foreign(document)
    pair_only = document.choice("feature_type", ("gtinv", "pair")) == "pair"
    model_type = document.integer("model_type", 1, 2 if pair_only else 4)
    max_power = document.integer("max_p", 1, 3)
    version, max_degrees = (0, ()) if pair_only else _gtinv(document)
    gaussians = _gaussians(document)
    energies = document.numbers("atomic_energy") if document.has("atomic_energy") else None
    coefficients = document.numbers("coeffs")
    if document.has("n_coeffs") and document.integer("n_coeffs", 1, 10**8) != len(coefficients):
        raise PotentialFileError(
            f"has {len(coefficients)} coefficients and not n_coeffs = {document['n_coeffs']}; it is cut short or edited"
        )
    return PolymlpModel(
        elements=elements,
        sees_all_elements=document.integer("type_full", 0, 1) == 1,
        cutoff=document.number("cutoff", positive=True),
        pair_only=pair_only,
        model_type=model_type,
        max_power=1 if model_type == 1 else max_power,
        max_degrees=max_degrees,
        gtinv_version=version,
        gaussians=gaussians,
        radial_of_pair=_radial_of_pair(document, len(elements), len(gaussians)),
        atomic_energies=energies if energies is not None and len(energies) == len(elements) else None,
        coefficients=coefficients,
    )


def _refuse_foreign(document: Document) -> None:
    """Refuse what no function of our basis is."""
    if document.has("electrostatic") and document.integer("electrostatic", 0, 1000) != 0:
        raise PotentialFileError("has electrostatic terms, which our potentials do not have")
    if document.has("enable_spins") and any(document.integers("enable_spins", 0, 1)):
        raise PotentialFileError(
            "tells atoms apart by their spins (enable_spins), which our potentials do not"
        )
    document.choice("pair_type", ("gaussian",))


def _gtinv(document: Document) -> tuple[int, tuple[int, ...]]:
    """Version of the table of invariants, and the largest l of each order from 2."""
    order = document.integer("gtinv_order", 1, 6)
    version = document.integer("gtinv_version", 1, 2)
    max_degrees = document.integers("gtinv_maxl", 0, 1000)
    largest = document.integer("max_l", 0, 1000)
    if len(max_degrees) < order - 1:
        raise PotentialFileError(f"has {len(max_degrees)} entries in gtinv_maxl, and needs {order - 1}")
    max_degrees = max_degrees[: order - 1]
    for k, max_degree in enumerate(max_degrees, start=2):
        if max_degree > largest:
            raise PotentialFileError(f"has gtinv_maxl = {max_degree} above max_l = {largest}; it is edited")
        if max_degree > MAX_DEGREES[k]:
            raise PotentialFileError(
                f"has l up to {max_degree} in invariants of order {k}; our potentials go up to {MAX_DEGREES[k]}"
            )
    return version, max_degrees


def _gaussians(document: Document) -> tuple[tuple[float, float], ...]:
    rows = document.items("pair_params", MAX_RADIAL)
    found = []
    for row in rows:
        if not isinstance(row, list) or len(row) != 2:
            raise PotentialFileError("has pair_params that are not pairs of numbers")
        beta, mu = (document.as_number(value, "pair_params") for value in row)
        found.append((beta, mu))
    if document.has("n_pair_params") and document.integer("n_pair_params", 0, MAX_RADIAL) != len(found):
        raise PotentialFileError(
            "has not as many pair_params as n_pair_params says; it is cut short or edited"
        )
    return tuple(found)


def _radial_of_pair(
    document: Document, n_types: int, n_radial: int
) -> dict[tuple[int, int], tuple[int, ...]]:
    found = {}
    for entry in document.items("type_pairs", MAX_ELEMENTS**2):
        inner = Document(entry if isinstance(entry, dict) else {}, KIND)
        pair = inner.integers("atom_type_pair", 0, n_types - 1)
        numbers = inner.integers("pair_params_indices", 0, n_radial - 1)
        if len(pair) != 2 or pair[0] > pair[1] or list(numbers) != sorted(set(numbers)):
            raise PotentialFileError("has type_pairs that are not ascending")
        if (pair[0], pair[1]) in found:
            raise PotentialFileError(f"has the type_pair {list(pair)} twice")
        found[pair[0], pair[1]] = numbers
    expected = set(combinations_with_replacement(range(n_types), 2))
    if set(found) != expected:
        missing = sorted(expected - set(found))
        raise PotentialFileError(f"lacks the type_pair {list(missing[0])}; it is cut short or edited")
    return found
