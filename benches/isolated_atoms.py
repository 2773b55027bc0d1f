"""Energies of isolated atoms that belong to the published data sets; Ge: of pypolymlp's table of PBE energies."""

ATOMIC_ENERGY = {
    "Li": -0.29385697,
    "Mo": -4.58763796,
    "Si": -0.871629,
    "Ge": -0.77067288,
    "Ag": -0.19820116,
    "Au": -0.18494148,
}
"""By element, in eV (PBE)."""
