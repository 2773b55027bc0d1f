"""What a file may hold and the reader did not understand: columns that may be forces, frames whose cell is missing."""

from collections import Counter
from collections.abc import Sequence

from mlip_rs.data.label_names import label_name
from mlip_rs.data.labels import FrameLabels, RawFrame
from mlip_rs.text import counted

NOT_FORCES: tuple[str, ...] = (
    "mom",
    "vel",
    "pos",
    "disp",
    "dipole",
    "frac",
    "scaled",
    "unwrapped",
    "image",
    "charge",
)
"""Parts of names of columns of three numbers that are something else than forces; momenta and magnetic moments, too."""


def overlooked_forces(frames: Sequence[RawFrame], labels: Sequence[FrameLabels], file: str) -> list[str]:
    """Name columns of three numbers in frames without forces, which may be forces under a name of their own.

    Parameters
    ----------
    frames
        Of one file.
    labels
        Keys chosen for each of them.
    file
        Name for the notice.

    Returns
    -------
    list
        At most one notice.

    Examples
    --------
    >>> from ase.build import bulk
    >>> atoms = bulk("Al")
    >>> atoms.arrays["pull"] = 0.0 * atoms.positions
    >>> overlooked_forces([RawFrame.of(atoms, "frame 0 of a.xyz", 0)], [FrameLabels()], "a.xyz")[0][:67]
    'a.xyz: 1 of 1 frame has no forces, but three numbers for each atom '
    """
    found = Counter[str]()
    count = 0
    for frame, own in zip(frames, labels, strict=True):
        if own.forces is not None:
            continue
        columns = [key for key in frame.atoms.arrays if _may_be_forces(frame, key)]
        found.update(columns)
        count += bool(columns)
    if not found:
        return []
    names = ", ".join(map(repr, found))
    verb = "has" if count == 1 else "have"
    return [
        f"{file}: {count} of {counted(len(frames), 'frame')} {verb} no forces, but three numbers for each atom in "
        f"{names}: if they are forces, pass --forces-key {found.most_common(1)[0][0]}"
    ]


def missing_cells(frames: Sequence[RawFrame], file: str) -> list[str]:
    """Name frames of several atoms without a cell among others of the same atoms that have one.

    Parameters
    ----------
    frames
        Of one file.
    file
        Name for the notice.

    Returns
    -------
    list
        At most one notice.

    Examples
    --------
    >>> from ase.build import bulk
    >>> crystal, bare = bulk("Al", cubic=True), bulk("Al", cubic=True)
    >>> bare.set_cell(None), bare.set_pbc(False)
    (None, None)
    >>> raw = [RawFrame.of(atoms, f"frame {k} of al.xyz", k) for k, atoms in enumerate([crystal, crystal, bare])]
    >>> missing_cells(raw, "al.xyz")[0]
    'al.xyz: 1 of 3 frames has no Lattice (first frame 2) and is taken as a cluster; others of the same atoms have one'
    """
    with_cell = Counter(_formula(frame) for frame in frames if frame.atoms.cell.rank > 0)
    bare = [frame for frame in frames if frame.atoms.cell.rank == 0 and len(frame.atoms) > 1]
    lost = [frame for frame in bare if with_cell[_formula(frame)]]
    if not lost or 2 * len(bare) > len(frames):
        return []
    verbs = ("has", "is taken as a cluster") if len(lost) == 1 else ("have", "are taken as clusters")
    return [
        f"{file}: {len(lost)} of {counted(len(frames), 'frame')} {verbs[0]} no Lattice (first frame {lost[0].index}) "
        f"and {verbs[1]}; others of the same atoms have one"
    ]


def _may_be_forces(frame: RawFrame, key: str) -> bool:
    """Tell whether a column has three numbers for each atom, and a name that does not say what they are."""
    value = frame.atoms.arrays[key]
    if value.dtype.kind != "f" or value.shape != (len(frame.atoms), 3):
        return False
    return label_name(key) is None and not any(part in key.lower() for part in NOT_FORCES)


def _formula(frame: RawFrame) -> str:
    return str(frame.atoms.get_chemical_formula())
