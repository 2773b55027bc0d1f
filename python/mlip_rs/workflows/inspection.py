"""Description of a potential file, as text or as JSON."""

import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlip_rs import _core
from mlip_rs.basis.repulsion import repulsion_lines
from mlip_rs.basis.summary import Composition, composition
from mlip_rs.cost.plan import Plan, evaluation_plans
from mlip_rs.data.label_source import sources_text
from mlip_rs.data.reference import ISOLATED_ATOMS_CURE
from mlip_rs.errors import PotentialFileError
from mlip_rs.fitting.weights import precisions_text
from mlip_rs.potential import Potential
from mlip_rs.potential.file_text import potential_text
from mlip_rs.potential.origin import origin_text
from mlip_rs.potential.short_range import short_range_failures
from mlip_rs.potential.stress_record import stress_test_text
from mlip_rs.text import counted
from mlip_rs.uncertainty import Committee
from mlip_rs.uncertainty.domain import CURE

IMPORTED: str = (
    "the potential was imported, and its file has none; "
    "they need the data that it was fitted to, or a fit of your own"
)
"""Why an imported potential has no error bars."""


@dataclass(frozen=True)
class Description:
    """The contents of a potential.

    Parameters
    ----------
    elements, hierarchy, cutoff
        Attributes of the basis; the cutoff in Å.
    reference_energies
        Energies of atoms without neighbours, eV.
    reference_origins
        Origin of each: "given", "found" in the data, "fitted" or "unknown".
    undetermined_atoms
        Elements whose isolated atom has an arbitrary energy.
    n_features, n_nonzero
        Numbers of candidate features and of nonzero coefficients.
    kept
        Numbers (nonzero, candidates) by kind of feature: constant, d, d^2, p, d*p, …
    repulsion
        Short-range repulsion by pair and element, one line each.
    error_bars
        Whether it has error bars, or why those it has cannot be used.
    plans
        Operations of the compiled evaluator, by centre element.
    composition
        Features of the basis by order, with the numbers of nonzero coefficients.
    info
        Method, weights, errors and data of the fit.
    version
        Version of the package that wrote the file.
    checksum
        SHA-256 of the content.
    """

    elements: tuple[str, ...]
    hierarchy: str
    cutoff: float
    reference_energies: Mapping[str, float]
    reference_origins: Mapping[str, str]
    undetermined_atoms: tuple[str, ...]
    n_features: int
    n_nonzero: int
    kept: Mapping[str, tuple[int, int]]
    repulsion: tuple[str, ...]
    error_bars: str
    plans: tuple[Plan, ...]
    composition: Composition
    info: Mapping[str, Any]
    version: str
    checksum: str

    def to_dict(self) -> dict[str, Any]:
        """Convert to a JSON document, as printed by `mlip-rs inspect --json`."""
        kept = {kind: {"kept": kept, "of": total} for kind, (kept, total) in self.kept.items()}
        basis = self.composition.to_dict()
        return asdict(self) | {
            "elements": list(self.elements),
            "undetermined_atoms": list(self.undetermined_atoms),
            "kept": kept,
            "repulsion": list(self.repulsion),
            "plans": [plan.to_dict() for plan in self.plans],
            "composition": basis,
        }

    def lines(self) -> list[str]:
        """Format for a terminal."""
        references = ", ".join(
            f"{symbol} {value:.6g} eV ({self.reference_origins[symbol]})"
            for symbol, value in self.reference_energies.items()
        )
        origin = origin_text(self.info)
        lines = [
            *([] if origin is None else [f"imported from       {origin}"]),
            f"elements            {', '.join(self.elements)}",
            f"hierarchy           {self.hierarchy}",
            f"cutoff              {self.cutoff:g} Å",
            f"reference energies  {references}",
            *(
                [
                    f"isolated atoms      {', '.join(self.undetermined_atoms)} not determined; {ISOLATED_ATOMS_CURE}"
                ]
                if self.undetermined_atoms
                else []
            ),
            f"coefficients        {self.n_nonzero} of {self.n_features}",
            *(f"  {kind:<18}{kept} of {total}" for kind, (kept, total) in self.kept.items()),
            *(f"{'' if k else 'repulsion':<20}{line}" for k, line in enumerate(self.repulsion)),
            *(f"{'' if k else 'evaluator':<20}{plan}" for k, plan in enumerate(self.plans)),
            "basis",
            *(f"  {line}" for line in self.composition.lines()),
        ]
        for name in ("training", "validation"):
            errors = _mapping(_mapping(self.info.get("errors")).get(name))
            if errors:
                lines.append(f"{name + ' errors':<20}{_errors_text(errors)}")
        lines += [f"short range         {failure}" for failure in short_range_failures(self.info)]
        lines.append(f"stress test         {stress_test_text(self.info)}")
        lines.append(f"error bars          {self.error_bars}")
        weights = _mapping(self.info.get("weights"))
        if weights:
            lines.append(f"weights             precision of {precisions_text(weights)}")
        data = _mapping(self.info.get("data"))
        if data:
            files = ", ".join(map(str, data.get("files", ())))
            lines.append(
                f"data                {counted(data.get('n_structures'), 'structure')}, "
                f"{counted(data.get('n_atoms'), 'atom')}; {files}"
            )
            made_by = _mapping(data.get("label_sources"))
            if made_by:
                lines.append(f"labels made by      {sources_text(made_by, data.get('n_structures', 0))}")
            lines.append(f"data fingerprint    {data.get('fingerprint')}")
        if "method" in self.info:
            lines.append(f"method              {self.info['method']}")
        return [*lines, f"package version     {self.version}", f"checksum            {self.checksum}"]


def describe(potential: Potential | str | os.PathLike[str]) -> Description:
    """Describe a potential or a potential file.

    Raises
    ------
    PotentialFileError
        Not a potential file.
    """
    if isinstance(potential, Potential):
        document = json.loads(potential.to_json())
    else:
        path, potential = Path(potential), Potential.load(potential)
        document = json.loads(potential_text(path))
    kept = Counter(
        feature_kind(label) for element in potential.elements for label in potential.coefficients(element)
    )
    basis = _core.Basis(json.dumps(potential.spec))
    candidates = Counter(feature_kind(label) for label in basis.labels())
    return Description(
        elements=potential.elements,
        hierarchy=potential.hierarchy,
        cutoff=potential.cutoff,
        reference_energies=potential.reference_energies,
        reference_origins=potential.reference_origins,
        undetermined_atoms=potential.undetermined_atoms,
        n_features=potential.n_features,
        n_nonzero=potential.n_nonzero,
        kept={kind: (kept[kind], count * len(potential.elements)) for kind, count in candidates.items()},
        repulsion=tuple(repulsion_lines(potential.spec)),
        error_bars=_error_bars_text(potential),
        plans=evaluation_plans(potential),
        composition=composition(basis, {e: list(potential.coefficients(e)) for e in potential.elements}),
        info=potential.info,
        version=str(document["content"]["package_version"]),
        checksum=str(document["checksum"]),
    )


def feature_kind(label: str) -> str:
    """Return the kind of a feature from its label.

    >>> feature_kind("d[Al,0]*p[Al.0,Al.1,l=2]"), feature_kind("1")
    ('d*p', 'constant')
    """
    return "constant" if label == "1" else re.sub(r"\[[^\]]*\]", "", label)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _errors_text(errors: Mapping[str, Any]) -> str:
    shown = (
        ("energy_mev_per_atom", "energy", "meV/atom"),
        ("force_ev_per_angstrom", "force", "eV/Å"),
        ("stress_gpa", "stress", "GPa"),
    )
    parts = [
        f"{label} {errors[key]['rmse']:.4g} {unit}"
        for key, label, unit in shown
        if errors.get(key) is not None
    ]
    return "RMSE " + ", ".join(parts) if parts else "none"


def _error_bars_text(potential: Potential) -> str:
    try:
        committee = Committee.of(potential)
    except PotentialFileError as error:
        return f"damaged: {error}"
    if committee is None:
        cure = CURE if origin_text(potential.info) is None else IMPORTED
        return f"none: {cure}"
    return f"{counted(len(committee.deviations), 'member')}: {committee.kind}"
