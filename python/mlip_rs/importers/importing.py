"""From the files of another program to a potential."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlip_rs.errors import PotentialFileError
from mlip_rs.importers.compiled import Compiled
from mlip_rs.importers.mtp import compile_mtp
from mlip_rs.importers.mtp_file import BINARY, mtp_model
from mlip_rs.importers.pace import compile_pace
from mlip_rs.importers.pace_file import pace_model
from mlip_rs.importers.polymlp import compile_models
from mlip_rs.importers.polymlp_file import polymlp_model
from mlip_rs.importers.snap import compile_snap
from mlip_rs.importers.snap_file import snap_model
from mlip_rs.potential import Potential
from mlip_rs.potential.file_text import potential_text
from mlip_rs.potential.origin import ORIGIN_KEY
from mlip_rs.potential.potential import REFERENCES_KEY

_PART = re.compile(r"(.+\.yaml)\.(\d+)(\..*)?")
"""Name of one file of a hybrid model of pypolymlp: `polymlp.yaml.1`, `polymlp.yaml.1.Fe`."""

_FOREIGN: tuple[tuple[str, str], ...] = (
    (r'\A\{\s*"format"\s*:\s*"mlip_rs', "is a potential of mlip_rs already; use it as it is"),
    (
        r"\A[^\n]*# ele",
        "is in the old text form of pypolymlp (polymlp.lammps); pypolymlp's convert_to_yaml makes a polymlp.yaml of it",
    ),
    (
        r"^embedding-function\s*:",
        "is in the old text form of PACE (.ace), which is not imported; python-ace writes a .yace, which is if it "
        "is linear",
    ),
    (
        r"^[ \t-]*\{?[ \t]*(nbody|speciesblock)\s*:",
        "is the form in which PACE fits (.yaml); pace_yaml2yace of python-ace makes a .yace of it, which is imported "
        "if it is linear",
    ),
    (
        r"\A(?:.*\n){3}[ \t]*\d+(?:[ \t]+[A-Z][a-z]?)+[ \t]*\n[ \t]*[\d.eE+-]+(?:[ \t]+[\d.eE+-]+){4}[ \t]*$",
        "is an EAM table (setfl), no polynomial of our basis; LAMMPS runs it as it is for less than a potential of "
        "ours would take, and `mlip-rs explain POTENTIAL --beside FILE` shows it beside one",
    ),
    (r"\Anep\d", "is a neural network (NEP), which is not linear in its coefficients and cannot be imported"),
)
"""Beginnings of files that are known and not imported, with what is said."""

_PACE = re.compile(r"^(deltaSplineBins|embeddings|bonds)\s*:", re.MULTILINE)
"""What a `.yace` looks like."""

_MTP = re.compile(r"\s*MTP\b")
"""How an `.mtp` begins."""

_SNAP: dict[str, str] = {
    "snapparam": r"^[ \t]*(rcutfac|twojmax)\b",
    "snapcoeff": r"\A(?:[ \t]*(?:#.*)?\n)*[ \t]*\d+[ \t]+\d+[ \t]*(?:#.*)?\n[ \t\"']*[A-Z][a-z]?[\"']?[ \t]+[\d.]+",
}
"""What the files of SNAP look like, by kind."""


def import_potential(
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], elements: Sequence[str] | None = None
) -> Potential:
    """Make a potential of the files of another program; it returns the same energies, forces and stresses.

    Parameters
    ----------
    files
        Of pypolymlp, a `polymlp.yaml`, all files of a hybrid model (`polymlp.yaml.1`, `polymlp.yaml.2`, …), or a folder
        that holds them. Of SNAP, the `.snapcoeff` and the `.snapparam`. Of PACE, a linear `.yace`.
        Of MLIP, an `.mtp` or `.almtp`.
    elements
        Chemical symbols of the types 0, 1, … of an `.mtp`, which has no names; of no other file.

    Returns
    -------
    Potential
        Without error bars, index of anomaly and repulsion of close pairs, because the files have none; `info` says
        where it comes from. Energies are those of the other program; pypolymlp's are relative to isolated atoms.

    Raises
    ------
    PotentialFileError
        A file is missing, cut short, of an unknown kind or version, or holds what our potentials cannot represent.

    Examples
    --------
    >>> import mlip_rs as mlip
    >>> potential = mlip.import_potential("polymlp.yaml")  # doctest: +SKIP
    >>> potential.save("al.mlip.json")  # doctest: +SKIP
    """
    given = [files] if isinstance(files, str | os.PathLike) else list(files)
    paths = _paths([Path(file) for file in given])
    texts = []
    for path in paths:
        with _naming(path):
            texts.append(potential_text(path, BINARY))
            _refuse_other_kinds(texts[-1])
    snap = {kind: k for k, text in enumerate(texts) for kind in [_snap_kind(text)] if kind is not None}
    if any(_MTP.match(text) for text in texts):
        program, compiled = "MLIP", _mtp(paths, texts, elements)
    elif elements is not None:
        raise PotentialFileError(f"{', '.join(map(str, paths))}: {_without_elements(paths)}")
    elif snap:
        program, compiled = "SNAP", _snap(paths, texts, snap)
    elif any(_PACE.search(text[:20_000]) for text in texts):
        program, compiled = "PACE", _pace(paths, texts)
    else:
        program, compiled = "pypolymlp", _polymlp(paths, texts)
    origin = {
        "program": program,
        "files": [
            {"name": path.name, "sha256": hashlib.sha256(text.encode()).hexdigest()}
            for path, text in zip(paths, texts, strict=True)
        ],
        **compiled.details,
    }
    word = "given" if compiled.are_isolated else "unknown"
    references = {"origins": dict.fromkeys(compiled.reference_energies, word)}
    info: dict[str, Any] = {ORIGIN_KEY: origin, REFERENCES_KEY: references}
    return Potential.from_coefficients(
        compiled.basis.spec, compiled.coefficients, compiled.reference_energies, info
    )


def _without_elements(paths: Sequence[Path]) -> str:
    """What is wrong with elements for files that do not begin as an `.mtp` does."""
    if any(path.suffix in (".mtp", ".almtp") for path in paths):
        return "does not begin with MTP, as a moment tensor potential does; give the whole file"
    return "names its elements itself; leave out --elements"


def _polymlp(paths: Sequence[Path], texts: Sequence[str]) -> Compiled:
    models = []
    for path, text in zip(paths, texts, strict=True):
        with _naming(path):
            models.append(polymlp_model(text))
    with _naming(*paths):
        return compile_models(models)


def _snap(paths: Sequence[Path], texts: Sequence[str], kinds: dict[str, int]) -> Compiled:
    with _naming(*paths):
        if len(kinds) < 2 or len(texts) > 2:
            raise PotentialFileError(
                "is of SNAP, whose potentials are a .snapcoeff and a .snapparam; give these two"
            )
        return compile_snap(snap_model(texts[kinds["snapcoeff"]], texts[kinds["snapparam"]]))


def _pace(paths: Sequence[Path], texts: Sequence[str]) -> Compiled:
    with _naming(*paths):
        if len(texts) > 1:
            raise PotentialFileError("are more than one file; a potential of PACE is one .yace")
        return compile_pace(pace_model(texts[0]))


def _mtp(paths: Sequence[Path], texts: Sequence[str], elements: Sequence[str] | None) -> Compiled:
    with _naming(*paths):
        if len(texts) > 1:
            raise PotentialFileError("are more than one file; a moment tensor potential is one .mtp")
        return compile_mtp(mtp_model(texts[0], elements))


def _snap_kind(text: str) -> str | None:
    kinds = (kind for kind, pattern in _SNAP.items() if re.search(pattern, text[:20_000], re.MULTILINE))
    return next(kinds, None)


@contextmanager
def _naming(*paths: Path) -> Iterator[None]:
    """Put the names of files before what is wrong with them."""
    try:
        yield
    except PotentialFileError as error:
        raise PotentialFileError(f"{', '.join(map(str, paths))}: {error}") from None


def _paths(given: Sequence[Path]) -> list[Path]:
    """The files, those of a folder in the order of their names; none of a hybrid model may be missing."""
    if len(given) == 1 and given[0].is_dir():
        folder = given[0]
        given = sorted(path for path in folder.glob("polymlp.yaml*") if path.is_file())
        if not given:
            raise PotentialFileError(
                f"{folder}: has no polymlp.yaml; give the files of the potential by name"
            )
    if not given:
        raise PotentialFileError("no file is given; give a polymlp.yaml")
    for path in given:
        part = _PART.fullmatch(path.name)
        if part is None:
            continue
        siblings = [other for other in _siblings(path, part) if other.name not in {own.name for own in given}]
        if siblings:
            raise PotentialFileError(
                f"{path}: is one part of a hybrid model, and {siblings[0].name} beside it is another; give all parts"
            )
    return list(given)


def _siblings(path: Path, part: re.Match[str]) -> list[Path]:
    """Files beside one part of a hybrid model that look like the others."""
    pattern = re.compile(re.escape(part[1]) + r"\.\d+" + re.escape(part[3] or ""))
    try:
        return sorted(other for other in path.parent.iterdir() if pattern.fullmatch(other.name))
    except OSError:
        return []


def _refuse_other_kinds(text: str) -> None:
    for pattern, sentence in _FOREIGN:
        if re.search(pattern, text[:20_000], re.MULTILINE):
            raise PotentialFileError(sentence)
