"""`mlip-rs validate`: compute the properties of potentials one by one, store each result, write a report."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from mlip_rs.errors import ConfigError
from mlip_rs.files import check_outputs, distinct_names, write_atomically
from mlip_rs.progress import Progress, Silent
from mlip_rs.report.comparison import comparison_report
from mlip_rs.report.html import save_html
from mlip_rs.report.markdown import FIGURES, save_markdown
from mlip_rs.report.validation import validation_report
from mlip_rs.validate.properties import PROPERTIES
from mlip_rs.validate.property import Property
from mlip_rs.validate.result import PropertyResult, Validation, ValidationComparison
from mlip_rs.workflows.validation_session import RESULTS, ValidationSession, ValidationSettings


def validate(
    potentials: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    reference: str | None = None,
    crystal: str | None = None,
    only: Sequence[str] = (),
    quick: bool = False,
    data: str | Path | None = None,
    reading: Mapping[str, Any] | None = None,
    isolated_atoms: Mapping[str, float] | None = None,
    error_bars: bool | None = None,
    progress: Progress | None = None,
) -> Validation | ValidationComparison:
    """Compute the properties of one potential, or of several side by side, and compare them with a reference.

    Every finished property is stored in `output`; a second call with the same potential, reference and settings
    restores it. `report.html`, `report.md` with `figures/*.png`, and `validation.json` are written at the end.

    Parameters
    ----------
    potentials
        Potential file, or an ASE calculator as `module:factory`; a sequence of at least two different ones compares
        them.
    output
        Folder; created if it does not exist.
    reference
        File of reference properties, potential file or `module:factory`. None: only the criteria that need no
        reference are applied.
    crystal
        Structure file, `PROTOTYPE` or `PROTOTYPE:ELEMENT`. None: the prototype of lowest energy for the reference, or
        without one for the first potential.
    only
        Names of properties, see `PROPERTIES`; empty: all.
    quick
        Compute fewer structures, in smaller cells.
    data
        Labelled structures: the errors on them are added by kind and by size of the force; for potential files only.
    reading
        How `data` are read: values by key as those of `load_sources`, such as {"data.keys.energy": "E_PBE"}.
    isolated_atoms
        Energies of isolated atoms in eV by element, by the code and settings of the training data: zero of the cohesive
        energies of all potentials (not of the reference). None: those of the potential, if they are determined.
    error_bars
        Let the members of the committee of each potential compute the properties, too, and give ± σ. None: where a
        potential has a committee, but not for costly properties; True: for all; False: for none.
    progress
        Notified of every property.

    Returns
    -------
    Validation or ValidationComparison
        For one potential or for several; a property that cannot be computed is listed with the reason.

    Raises
    ------
    ConfigError, PotentialFileError, DataError
        An argument is invalid, or a file cannot be read.
    OSError
        The folder cannot be written.
    """
    settings = ValidationSettings(
        reference, crystal, only, quick, data, isolated_atoms, reading or {}, error_bars
    )
    result: Validation | ValidationComparison
    if isinstance(potentials, str | Path):
        (result,) = _validations({"potential": str(potentials)}, Path(output), settings, progress).values()
    else:
        given = distinct_names([str(potential) for potential in potentials])
        if len(given) < 2:
            raise ConfigError("a comparison needs at least two different potentials")
        result = ValidationComparison(_validations(given, Path(output), settings, progress))
    _write(result, Path(output))
    return result


def _write(result: Validation | ValidationComparison, output: Path) -> None:
    """Write the result of one or several potentials as JSON, HTML and Markdown."""
    report = validation_report(result) if isinstance(result, Validation) else comparison_report(result)
    write_atomically(output / "validation.json", json.dumps(result.to_dict(), indent=1, ensure_ascii=False))
    save_html(report, output / "report.html")
    save_markdown(report, output / "report.md")


def _validations(
    potentials: Mapping[str, str], output: Path, settings: ValidationSettings, progress: Progress | None
) -> dict[str, Validation]:
    """Validate potentials given by name, property by property."""
    chosen = _chosen(settings.only)
    check_outputs(output, ("validation.json", "report.html", "report.md"), (FIGURES, RESULTS))
    session = ValidationSession(potentials, settings, output)
    evaluations = {} if settings.data is None else session.evaluations()
    results: dict[str, list[PropertyResult]] = {name: [] for name in potentials}
    progress = progress or Silent()
    for notice in session.notices:
        progress.note(f"notice: {notice}")
    steps = sum(1 + session.n_members(entry, name) for entry in chosen for name in potentials)
    progress.start("validating", steps)
    with threadpool_limits(1, user_api="blas"):  # the matrices of optimisers are far too small to share
        for entry in chosen:
            for name in potentials:
                found = session.result(entry, name, progress.advance)
                results[name].append(found)
                of = f" of {name}" if len(potentials) > 1 else ""
                progress.note(f"{entry.name}{of}: {found.status}")
    return {
        name: Validation(
            potential=text,
            reference=settings.reference or "",
            crystal=session.crystal_name(name),
            given_crystal=settings.crystal or "",
            quick=settings.quick,
            properties=tuple(results[name]),
            data=str(settings.data or ""),
            evaluation=evaluations.get(name),
            notices=session.notices,
            isolated_atoms=settings.isolated_atoms or {},
            error_bars=settings.error_bars,
        )
        for name, text in potentials.items()
    }


def _chosen(only: Sequence[str]) -> list[Property]:
    names = [entry.name for entry in PROPERTIES]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise ConfigError(f"unknown property {', '.join(unknown)}; known are {', '.join(names)}")
    return [entry for entry in PROPERTIES if not only or entry.name in only]
