"""Formats of first-principles data that cannot be read here, recognised by their content, with the way out."""

import re
from pathlib import Path

from mlip_rs.errors import DataError

_WAY_OUT: str = "write extxyz with energy, forces and stress or virial"


def refuse_foreign(file: Path, head: bytes) -> None:
    """Refuse a file of a format that ASE does not read or takes for another.

    Parameters
    ----------
    file
        The file, for the message and its suffix.
    head
        The first bytes of its (decompressed) content.

    Raises
    ------
    DataError
        The file is of such a format; says which one and how to convert it.
    """
    sentence = _sentence(file.name.lower(), head)
    if sentence:
        raise DataError(f"{file}: {sentence}")


def refuse_foreign_folder(folder: Path) -> None:
    """Refuse a folder in a format that is known but not read.

    Raises
    ------
    DataError
        The folder holds data of DeePMD.
    """
    if (folder / "type.raw").is_file() or any(folder.glob("set.*")):
        raise DataError(
            f"{folder}: is a folder of DeePMD data, which is not read; convert it with dpdata: "
            f"dpdata.LabeledSystem({str(folder)!r}, fmt='deepmd/npy') has .to_ase_structure(), which ase.io.write "
            "writes as extxyz"
        )


def _sentence(name: str, head: bytes) -> str:
    """What the file is and what to do; empty if nothing is known against it."""
    if re.search(r"\.(pkl|pckl|pickle)(\.|$)", name) or re.match(rb"\x80[\x02-\x05](\x95|c|\})", head):
        return (
            "is a pickle (of pandas, say), which runs whatever its author wrote into it and is not opened; "
            f"load it where you trust it and {_WAY_OUT} (ase.io.write)"
        )
    if head.startswith(b"\x89HDF") and not name.endswith((".nc", ".h5md")):
        return (
            "is an HDF5 file, which is not read; of VASP, give vasprun.xml or OUTCAR of the same run, else "
            f"{_WAY_OUT}"
        )
    if head.startswith(b"\x93NUMPY") or name.endswith((".npz", ".npy")):
        return (
            f"is a file of NumPy arrays, whose meaning and units it does not tell; {_WAY_OUT} (ase.io.write)"
        )
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "is compressed with zstd, which is not read; decompress it (unzstd), or compress it with gzip or xz"
    if head[257:262] == b"ustar":
        return "is a tar archive; unpack it and give the files that are meant"
    if name.endswith(".mlip.json"):
        return "is a potential; data are files of structures with energies, forces and stresses"
    text = head.decode("utf-8", "replace")
    if re.match(r"\s*BEGIN_CFG\b", text):
        return (
            "is a configuration file of MTP (MLIP), which ASE does not read; convert it, e.g. with dpdata or "
            f"`mlp convert-cfg`, and {_WAY_OUT} (PlusStress there is the virial W = −dE/dε in eV)"
        )
    if re.match(r"\s*begin\s*$", text, re.MULTILINE) and re.search(
        r"^\s*(lattice|atom)\s", text, re.MULTILINE
    ):
        return (
            "is input.data of n2p2 or RuNNer, which ASE does not read and which does not tell its units (often "
            f"Hartree and bohr); convert it to eV and Å and {_WAY_OUT}"
        )
    return ""
