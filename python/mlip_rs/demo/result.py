"""What the demo has found."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlip_rs.evaluate.errors import Errors
from mlip_rs.fitting import Point, Run
from mlip_rs.validate import Comparison, Reference


@dataclass(frozen=True)
class Choice:
    """A potential picked from a path.

    Parameters
    ----------
    label
        "best" or "knee".
    file
        Relative to the directory of the demo.
    point
        The potential with its errors and cost; `test` are those on the part held out.
    comparison
        Its physical properties against first principles.
    """

    label: str
    file: str
    point: Point
    comparison: Comparison

    @property
    def held_out(self) -> Errors:
        """Errors on the part held out."""
        assert self.point.test is not None  # the demo always holds a part out
        return self.point.test

    def to_dict(self) -> dict[str, Any]:
        """The point as `pareto --json` prints it, with the properties."""
        return self.point.to_dict(self.file) | {"properties": self.comparison.to_dict()}


@dataclass(frozen=True)
class HierarchyResult:
    """One hierarchy: its path, and the potentials picked from it."""

    name: str
    run: Run
    best: Choice
    knee: Choice

    def to_dict(self) -> dict[str, Any]:
        """Keys n_features, best, knee."""
        return {
            "n_features": int(self.run.record["n_features"]),
            "best": self.best.to_dict(),
            "knee": self.knee.to_dict(),
        }


@dataclass(frozen=True)
class DemoResult:
    """Outcome of `run_demo`.

    Parameters
    ----------
    directory
        Where everything was written.
    hierarchies
        From pair potentials to polynomials of angular invariants.
    n_training, n_held_out
        Structures fitted to, and held out.
    seconds
        Wall time of the whole demo.
    reference
        The properties from first principles.
    """

    directory: Path
    hierarchies: Mapping[str, HierarchyResult]
    n_training: int
    n_held_out: int
    seconds: float
    reference: Reference

    @property
    def report(self) -> Path:
        """The page to read."""
        return self.directory / "report.html"

    @property
    def potential(self) -> Path:
        """File of the potential to use."""
        return self.directory / "al.mlip.json"

    @property
    def recommended(self) -> Choice:
        """The potential with the lowest cross-validation score of all hierarchies."""
        return self.recommended_hierarchy.best

    @property
    def recommended_hierarchy(self) -> HierarchyResult:
        """The hierarchy it belongs to."""
        return min(self.hierarchies.values(), key=lambda entry: entry.best.point.score)

    def lines(self) -> list[str]:
        """Text for a terminal, one line each."""
        lines = [
            f"aluminium: {self.n_training} DFT structures fitted to, {self.n_held_out} held out, "
            f"{self.seconds:.0f} s",
            "",
            f"{'held-out RMSE':<20}{'coefficients':>13}{'µs/atom':>9}{'meV/atom':>10}{'eV/Å':>8}{'GPa':>7}",
        ]
        for entry in self.hierarchies.values():
            for choice in (entry.knee, entry.best):
                point = choice.point
                lines.append(
                    f"{entry.name + ' ' + choice.label:<20}{point.potential.n_nonzero:>13}"
                    f"{point.us_per_atom:>9.3g}" + _errors_text(choice.held_out)
                )
        recommended = self.recommended_hierarchy
        return [
            *lines,
            "",
            f"properties of {recommended.name} best ({self.potential}) against DFT",
            *recommended.best.comparison.table().splitlines(),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Keys report, potential, recommended, n_training, n_held_out, seconds, hierarchies."""
        return {
            "report": str(self.report),
            "potential": str(self.potential),
            "recommended": self.recommended_hierarchy.name,
            "n_training": self.n_training,
            "n_held_out": self.n_held_out,
            "seconds": self.seconds,
            "hierarchies": {name: entry.to_dict() for name, entry in self.hierarchies.items()},
        }


def _errors_text(errors: Errors) -> str:
    columns = ((errors.energy, 10, 2), (errors.forces, 8, 3), (errors.stress, 7, 2))
    return "".join(
        f"{'–':>{width}}" if summary is None else f"{summary.rmse:>{width}.{digits}f}"
        for summary, width, digits in columns
    )
