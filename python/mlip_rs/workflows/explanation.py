"""`mlip-rs explain`: the embedded-atom potential inside a potential, as report, figures and numbers in a folder."""

import json
from collections.abc import Sequence
from pathlib import Path

from mlip_rs.data import Dataset
from mlip_rs.eam.explain import Explanation, explain
from mlip_rs.eam.structures import rattled_crystals
from mlip_rs.files import check_outputs, write_atomically
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress
from mlip_rs.report.explanation import explanation_report
from mlip_rs.report.html import save_html
from mlip_rs.report.markdown import FIGURES, save_markdown

REPORT: str = "explanation"
"""Name of the report (`.html`, `.md`) and of the numbers (`.json`)."""


def explain_potential(
    potential: str | Path,
    output: str | Path,
    *,
    data: Dataset | None = None,
    beside: Sequence[str] = (),
    progress: Progress | None = None,
) -> Explanation:
    """Explain a potential file, and write `explanation.html`, `.md` with `figures/*.png`, and `.json`.

    Parameters
    ----------
    potential
        Potential file.
    output
        Folder; created if it does not exist.
    data
        Structures with or without labels; rattled crystals if None.
    beside
        Files of published embedded-atom potentials, or names of those that come with LAMMPS.
    progress
        Told of the steps.

    Raises
    ------
    MlipError
        A file that cannot be read, structures that cannot be evaluated.
    OSError
        A file cannot be written; where that can be seen, it is raised before anything is computed.
    """
    loaded, folder = Potential.load(potential), Path(output)
    check_outputs(folder, [f"{REPORT}{suffix}" for suffix in (".html", ".md", ".json")], [FIGURES])
    structures = rattled_crystals(loaded) if data is None else data
    explanation = explain(loaded, structures, name=name_of(Path(potential)), beside=beside, progress=progress)
    report = explanation_report(explanation)
    folder.mkdir(parents=True, exist_ok=True)
    save_html(report, folder / f"{REPORT}.html")
    save_markdown(report, folder / f"{REPORT}.md")
    write_atomically(
        folder / f"{REPORT}.json", json.dumps(explanation.to_dict(), indent=1, ensure_ascii=False) + "\n"
    )
    return explanation


def name_of(path: Path) -> str:
    """Name of a potential for tables and figures; the one of a run directory has that in front.

    >>> name_of(Path("al.mlip.json")), name_of(Path("runs/al/best.mlip.json"))
    ('al', 'al/best')
    """
    name = path.name.removesuffix(".json").removesuffix(".mlip")
    folder = path.absolute().parent.name
    return f"{folder}/{name}" if name in ("best", "knee", "one-standard-error") and folder else name
