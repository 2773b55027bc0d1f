"""Design of data sets: the structures that together tell most about the coefficients of a linear potential."""

from mlip_rs.design.selection import Selection, select

__all__ = ["Selection", "select"]
