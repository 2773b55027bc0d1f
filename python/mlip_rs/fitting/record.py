"""Records of the origin of a run and of its potentials."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mlip_rs import _core
from mlip_rs.basis import Basis
from mlip_rs.basis.repulsion import repulsion_setting
from mlip_rs.data import Dataset
from mlip_rs.fitting.data_domain import data_range
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.selection import Candidates, Selection
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.potential.data_range import RANGE_KEY


def data_record(dataset: Dataset) -> dict[str, Any]:
    """Files, fingerprint and counts of a dataset."""
    return {
        "files": list(dict.fromkeys(Path(name).name for name in dataset.files)),
        "fingerprint": dataset.fingerprint(),
        "n_structures": len(dataset),
        "n_atoms": int(dataset.n_atoms),
        "energy_source": dataset.energy_source,
        "labels": asdict(dataset.labels),
        "label_sources": dict(dataset.label_sources),
        "config_types": list(dataset.config_types),
        "notices": list(dataset.notices),
    }


def potential_infos(problem: Problem, candidates: Candidates, settings: FitSettings) -> list[dict[str, Any]]:
    """Metadata of the potential of each candidate."""
    used = settings.weights.with_scale_of(problem.dataset)
    weights = asdict(used) | {"units": {"energy": "eV/atom", "forces": "eV/Å", "stress": "GPa"}}
    common = {
        "weights": weights,
        "reference_energies": {
            "source": problem.reference.source,
            "origins": dict(problem.reference.origins),
        },
        "data": data_record(problem.dataset),
        RANGE_KEY: data_range(problem.dataset, problem.basis.core.cutoff).to_dict(),
    }
    if settings.unit_costs is not None:  # whoever predicts the time of the potential later uses the same
        common["unit_costs"] = dict(settings.unit_costs)
    return [
        {
            "method": settings.method_name,
            "ridge_penalty": candidates.ridge_penalty,
            "prior": candidates.prior,
            "l1_penalty": float(penalty),
            "score": float(score),
            **common,
        }
        for penalty, score in zip(candidates.lambdas, candidates.scores, strict=True)
    ]


def run_record(
    problem: Problem, selection: Selection, settings: FitSettings, testing: Dataset | None, basis: Basis
) -> dict[str, Any]:
    """Everything of `run.json` but points and times; `basis` is the one that was asked for."""
    candidates, anchors = selection.candidates, selection.anchors
    return {
        "package_version": _core.__version__,
        "basis": problem.basis.to_dict(),
        "n_features": problem.basis.n_features,
        "hierarchy": problem.basis.hierarchy,
        "settings": settings.to_dict(),
        "ridge_penalty": candidates.ridge_penalty,
        "prior": candidates.prior,
        "ridge_path": {
            "penalties": [] if candidates.prior else list(settings.ridge_penalties),
            "scores": [float(s) if np.isfinite(s) else None for s in candidates.ridge_scores],
        },
        "anchors": None if anchors is None else anchors.record,
        "elastic_rows": None if selection.elastic is None else selection.elastic.record,
        "reference_energies": {
            "values": dict(problem.reference.values),
            "source": problem.reference.source,
            "origins": dict(problem.reference.origins),
        },
        "data": data_record(problem.dataset),
        "test_data": None if testing is None else data_record(testing),
        "repulsion": repulsion_setting(basis.repulsion),
        "chosen_angular_cutoff": problem.basis.angular_cutoff if basis.angular_cutoff_is_open else None,
    }
