"""Sites that are partly occupied, which ASE reads as whole atoms."""

from collections.abc import Mapping

from ase import Atoms

from mlip_rs.errors import StructureError

WHOLE: float = 1e-3
"""Occupancies that differ from 1 by less are whole."""


def check_occupancy(structure: Atoms, place: str = "the structure") -> None:
    """Refuse a structure with sites that are partly occupied, as in a CIF of a disordered alloy.

    Parameters
    ----------
    structure
        As ASE read it, with `occupancy` in its `info` if the file tells occupancies.
    place
        Names the structure in the error.

    Raises
    ------
    StructureError
        A site is partly occupied; names it.

    Examples
    --------
    >>> from ase.build import bulk
    >>> disordered = bulk("Ag")
    >>> disordered.info["occupancy"] = {"0": {"Ag": 0.5, "Au": 0.5}}
    >>> check_occupancy(disordered, "frame 0 of agau.cif")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    mlip_rs.errors.StructureError: site 0 of frame 0 of agau.cif is partly occupied (Ag 0.5, Au 0.5); make an ...
    """
    sites = structure.info.get("occupancy")
    if not isinstance(sites, Mapping):
        return
    for site, occupancy in sites.items():
        if isinstance(occupancy, Mapping) and any(
            abs(float(part) - 1.0) > WHOLE for part in occupancy.values()
        ):
            shown = ", ".join(f"{symbol} {float(part):g}" for symbol, part in occupancy.items())
            raise StructureError(
                f"site {site} of {place} is partly occupied ({shown}); make an ordered structure with whole atoms"
            )
