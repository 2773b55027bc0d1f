"""The configuration that repeats a fit, written from the record of its run."""

import json
from collections.abc import Mapping
from typing import Any

from mlip_rs.basis.specification import Invariants
from mlip_rs.fitting.settings import RUN_ONLY
from mlip_rs.fitting.weights import PROPERTIES

_ANGULAR = {
    "max_l": "max_l",
    "radial": "radial_coupling",
    "degree": "angular_degree",
    "cross_degree": "angular_cross_degree",
    "product_max_l": "product_max_l",
    "product_radial": "product_coupling",
    "mixed_degree": "mixed_degree",
}

_SCALES = ("force_scale", "static_scale")
"""Weights whose default is not none, beside the precisions."""


def configuration(record: Mapping[str, Any]) -> str:
    """Text of a TOML file for `mlip-rs fit` with everything a run depends on: basis, settings, weights, seed.

    Parameters
    ----------
    record
        Of a run, as in `run.json`. The data files appear by name, without their folders.
    """
    settings = {"elastic_weight": 0.0} | record["settings"]  # earlier versions had none
    scales = dict.fromkeys(_SCALES)  # that records of earlier versions do not have
    weights = {key: _switched(key, value) for key, value in (scales | settings.pop("weights")).items()}
    for name in RUN_ONLY:
        settings.pop(name, None)
    sections = {
        "data": {
            "train": record["data"]["files"],
            "test": None if record["test_data"] is None else record["test_data"]["files"],
        },
        "basis": _basis(record),
        "fit": settings,
        "weights": weights,
    }
    blocks = (
        "\n".join(
            [f"[{name}]", *(f"{key} = {_value(entry)}" for key, entry in values.items() if _given(entry))]
        )
        for name, values in sections.items()
    )
    return "\n\n".join(blocks) + "\n"


def _basis(record: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Basis` that give the specification in the record."""
    spec = record["basis"]
    invariants = {entry["order"]: Invariants(**entry) for entry in spec["invariants"]}
    arguments = {
        "elements": spec["elements"],
        "cutoff": spec["cutoff"],
        "cutoff_function": spec["cutoff_function"],
        "hierarchy": _hierarchy(spec, record["hierarchy"]),
        "pair_degree": invariants[1].degree,
        "pair_cross_degree": invariants[1].cross_degree,
    }
    if 2 in invariants:
        arguments |= {name: getattr(invariants[2], key) for key, name in _ANGULAR.items()}
    higher = [_higher_order(entry) for entry in spec["invariants"] if entry["order"] > 2]
    if higher:
        arguments["higher"] = higher
    repulsion = record.get("repulsion")
    return arguments | {
        # "zbl" is the default; its distances come from the data again.
        "repulsion": False if repulsion is None else None if repulsion == "zbl" else _fields(repulsion),
        "constant": spec.get("constant") or None,
        "radial": [_radial_set(entry) for entry in spec["radial"]],
    }


def _hierarchy(spec: Mapping[str, Any], name: str) -> str:
    """The hierarchy whose settings say all that the specification has, and nothing more."""
    highest = max(entry["order"] for entry in spec["invariants"])
    if name != "invariants" or highest > 2:
        return name
    return "angular-poly" if highest == 2 else "pair-poly"


def _higher_order(entry: Mapping[str, Any]) -> dict[str, Any]:
    settings = {"radial_coupling" if key == "radial" else key: value for key, value in entry.items()}
    return {"max_l": 0, "radial_coupling": "free"} | settings


def _fields(repulsion: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in repulsion.items() if value is not None}


def _radial_set(entry: Mapping[str, Any]) -> dict[str, Any]:
    parameters = dict(entry["function"])
    family = parameters.pop("family")
    rest = {key: value for key, value in entry.items() if key != "function"}
    return {"family": family, "parameters": parameters, **rest}


def _switched(key: str, value: object) -> object:
    """What is none, but not by default, is switched off by `false`; the others are left out."""
    return False if value is None and key in (*PROPERTIES, *_SCALES) else value


def _given(value: object) -> bool:
    return value is not None and value != {}


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{json.dumps(str(key))} = {_value(entry)}" for key, entry in value.items()) + "}"
        )
    if isinstance(value, list | tuple):
        if value and all(isinstance(entry, Mapping) for entry in value):
            return "[\n" + "".join(f"  {_value(entry)},\n" for entry in value) + "]"
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
