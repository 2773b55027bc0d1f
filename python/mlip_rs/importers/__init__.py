"""Potentials of other programs as potentials of ours."""

from mlip_rs.importers.importing import import_potential

__all__ = ["import_potential"]
