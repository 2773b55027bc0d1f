"""The results of the demo: potentials with their errors and physical properties."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlip_rs.evaluate.errors import Errors
from mlip_rs.fitting import Point, Run
from mlip_rs.report.document import Table
from mlip_rs.report.validation import quantity_table
from mlip_rs.text import table_lines
from mlip_rs.validate.reference import Reference
from mlip_rs.validate.result import PropertyResult, ValidationRow


@dataclass(frozen=True)
class Choice:
    """A potential chosen from a path.

    Parameters
    ----------
    label
        "best" or "knee".
    file
        Potential file, relative to the directory of the demo.
    point
        The potential with its errors and cost; `test` are the errors on the structures held out.
    properties
        Physical properties compared with first principles.
    """

    label: str
    file: str
    point: Point
    properties: tuple[PropertyResult, ...]

    @property
    def rows(self) -> list[tuple[PropertyResult, ValidationRow]]:
        """Quantities that the reference has, each with its property."""
        return [(found, row) for found in self.properties for row in found.rows if row.reference is not None]

    @property
    def missed(self) -> str:
        """Properties that fail, each with its quantities outside their thresholds; empty if all pass."""
        texts = []
        for found in self.properties:
            outside = ", ".join(row.name for row in found.rows if row.passed is False)
            if not found.passed:
                texts.append(f"{found.title.lower()} ({outside or found.status})")
        return "; ".join(texts)

    @property
    def held_out(self) -> Errors:
        """Errors on the structures held out."""
        assert self.point.test is not None  # the demo always holds a part out
        return self.point.test

    def to_dict(self) -> dict[str, Any]:
        """Return the point as `pareto --json` prints it, with the properties."""
        return self.point.to_dict(self.file) | {"properties": self._properties_to_dict()}

    def _properties_to_dict(self) -> dict[str, Any]:
        """Return the comparison with the reference, as in earlier versions, and the full results of every property."""
        by_name = {found.name: found for found in self.properties}
        crystals = by_name["prototypes"].value
        return {
            "element": "Al",
            "passed": all(found.passed for found in self.properties),
            "properties": [
                {
                    "validated": found.name,
                    "property": row.name,
                    "unit": row.unit,
                    "potential": row.value,
                    "reference": row.reference,
                    "deviation": row.deviation,
                    "threshold": row.threshold,
                    "pass": row.passed,
                    "message": "; ".join(found.failures),
                }
                for found, row in self.rows
            ],
            "energy_volume": {} if crystals is None else {c.name: c.to_dict() for c in crystals.curves},
            "results": [found.to_dict() for found in self.properties],
        }


@dataclass(frozen=True)
class HierarchyResult:
    """One hierarchy: its path, and the potentials chosen from it."""

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
    """Result of `run_demo`.

    Parameters
    ----------
    directory
        Directory with all files.
    hierarchies
        Results by the name of the hierarchy, from pair potentials to invariants of many atoms.
    n_training, n_held_out
        Number of structures fitted to, and held out.
    seconds
        Wall time of the whole demo.
    reference
        Properties from first principles.
    dynamics
        What came of the run in LAMMPS, in a sentence.

    Examples
    --------
    >>> from pathlib import Path
    >>> from mlip_rs.demo import REFERENCE_PATH
    >>> from mlip_rs.validate import load_reference
    >>> result = DemoResult(Path("al-demo"), {}, 269, 47, 95.0, load_reference(REFERENCE_PATH))
    >>> result.potential.as_posix()
    'al-demo/al.mlip.json'
    """

    directory: Path
    hierarchies: Mapping[str, HierarchyResult]
    n_training: int
    n_held_out: int
    seconds: float
    reference: Reference
    dynamics: str = ""

    @property
    def report(self) -> Path:
        """Report for the browser."""
        return self.directory / "report.html"

    @property
    def potential(self) -> Path:
        """Potential file of the recommended potential."""
        return self.directory / "al.mlip.json"

    @property
    def recommended(self) -> Choice:
        """Potential with the lowest cross-validation score of all hierarchies."""
        return self.recommended_hierarchy.best

    @property
    def recommended_hierarchy(self) -> HierarchyResult:
        """Hierarchy of the recommended potential."""
        return min(self.hierarchies.values(), key=lambda entry: entry.best.point.score)

    def lines(self) -> list[str]:
        """Lines of text for a terminal."""
        lines = [
            f"aluminium: {self.n_training} DFT structures fitted to, {self.n_held_out} held out, "
            f"{self.seconds:.0f} s",
            "",
            *_lines(self._errors_table()),
        ]
        recommended = self.recommended_hierarchy
        lines += ["", f"properties of {recommended.name} best ({self.potential}) compared with DFT"]
        for found in recommended.best.properties:
            known = tuple(row for row in found.rows if row.reference is not None)
            lines += ["", f"{found.title}: {found.status}", *_lines(quantity_table(known))]
        lines.append("")
        for entry in self.hierarchies.values():
            missed = entry.best.missed
            lines.append(f"{entry.name} best: {'misses ' + missed if missed else 'all within the limits'}")
        return [*lines, "", self.dynamics] if self.dynamics else lines

    def _errors_table(self) -> Table:
        """RMSE on the structures held out, with size and cost of every potential."""
        rows = [
            (
                f"{entry.name} {choice.label}",
                f"{choice.point.potential.n_nonzero}",
                f"{choice.point.us_per_atom:.3g}",
                *_rmse_cells(choice.held_out),
            )
            for entry in self.hierarchies.values()
            for choice in (entry.knee, entry.best)
        ]
        return Table(("held-out RMSE", "coefficients", "µs/atom", "meV/atom", "eV/Å", "GPa"), rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `--json`."""
        return {
            "report": str(self.report),
            "potential": str(self.potential),
            "recommended": self.recommended_hierarchy.name,
            "n_training": self.n_training,
            "n_held_out": self.n_held_out,
            "seconds": self.seconds,
            "hierarchies": {name: entry.to_dict() for name, entry in self.hierarchies.items()},
            "dynamics": self.dynamics,
        }


def _rmse_cells(errors: Errors) -> tuple[str, ...]:
    """RMSE of energy, forces and stress; a dash where there are no labels."""
    columns = ((errors.energy, 2), (errors.forces, 3), (errors.stress, 2))
    return tuple("–" if found is None else f"{found.rmse:.{digits}f}" for found, digits in columns)


def _lines(table: Table) -> list[str]:
    """A table of the report as text."""
    return table_lines(table.header, table.rows)
