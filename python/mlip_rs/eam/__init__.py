"""The embedded-atom potential inside: tables that LAMMPS runs as it comes, projections, and what they explain."""

from mlip_rs.eam.explain import Explanation, explain
from mlip_rs.eam.export import Export, export_potential

__all__ = ["Explanation", "Export", "explain", "export_potential"]
