"""From the files of another program to a potential."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlip_rs.errors import PotentialFileError
from mlip_rs.importers.polymlp import compile_models
from mlip_rs.importers.polymlp_file import PolymlpModel, polymlp_model
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
    (r"^\s*rcutfac\b", "is a .snapparam of SNAP, which is not imported (docs/import.md)"),
    (r"^(deltaSplineBins|embeddings)\s*:", "is a linear ACE (.yace), which is not imported (docs/import.md)"),
    (r"\AMTP\b", "is a moment tensor potential, which is not imported (docs/import.md)"),
)
"""Beginnings of files that are known and not imported, with what is said."""


def import_potential(files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> Potential:
    """Make a potential of the files of another program; it returns the same energies, forces and stresses.

    Parameters
    ----------
    files
        A `polymlp.yaml` of pypolymlp, all files of a hybrid model (`polymlp.yaml.1`, `polymlp.yaml.2`, …), or a folder
        that holds them.

    Returns
    -------
    Potential
        Without error bars, index of anomaly and repulsion of close pairs, because the file has none; `info` says where
        it comes from. Energies are relative to isolated atoms, as in pypolymlp.

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
    texts, models = [], []
    for path in paths:
        with _naming(path):
            texts.append(potential_text(path))
            _refuse_other_kinds(texts[-1])
            models.append(polymlp_model(texts[-1]))
    with _naming(*paths):
        compiled = compile_models(models)
    elements = compiled.basis.elements
    info = _info([path.name for path in paths], texts, models, elements)
    return Potential.from_coefficients(
        compiled.basis.spec, compiled.coefficients, dict.fromkeys(elements, 0.0), info
    )


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
            raise PotentialFileError(f"{folder}: has no polymlp.yaml; give the files of the potential")
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


def _info(
    names: Sequence[str], texts: Sequence[str], models: Sequence[PolymlpModel], elements: Sequence[str]
) -> dict[str, Any]:
    energies = {
        symbol: energy
        for model in models
        for symbol, energy in zip(model.elements, model.atomic_energies or (), strict=False)
    }
    known = set(energies) == set(elements) and any(energies.values())
    origin = {
        "program": "pypolymlp",
        "files": [
            {"name": name, "sha256": hashlib.sha256(text.encode()).hexdigest()}
            for name, text in zip(names, texts, strict=True)
        ],
        "n_coefficients": sum(len(model.coefficients) for model in models),
        "atomic_energies": energies or None,
    }
    references = {"origins": dict.fromkeys(elements, "given" if known else "unknown")}
    return {ORIGIN_KEY: origin, REFERENCES_KEY: references}
