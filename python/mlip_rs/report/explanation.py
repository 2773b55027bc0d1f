"""The embedded-atom potential inside a potential as a report."""

from mlip_rs.eam.embedding import MOST_DENSITIES
from mlip_rs.eam.explain import Beside, Explanation
from mlip_rs.eam.figures import explanation_figures
from mlip_rs.eam.shares import Level
from mlip_rs.report.document import Image, Item, Report, Table
from mlip_rs.text import table_lines

HEADER: tuple[str, ...] = ("kind", "energy (meV/atom)", "share (%)", "force (eV/Å)", "share (%)")

CAPTIONS: dict[str, str] = {
    "functions": "Pair function, density and embedding function of the closest potential with one density. Dotted: "
    "the crystal, where the density is 1 and the embedding function has no slope. Functions are dotted where the "
    "structures have no such distance or density; grey: nothing is known of those of this potential there.",
    "shares": "What is left of energies and forces by potentials of more and more densities; “any” are polynomials of "
    "pairwise sums.",
    "embedding": "Left: share of the mean square embedding energy that functions of the first densities have. Right: "
    "those densities, with the energy of one standard deviation; grey: distances that do not occur.",
    "kinds": "Forces that no function of densities has, by kind of structure, and their share.",
}


def explanation_report(explanation: Explanation) -> Report:
    """Shares, functions, number of densities, published potentials, kinds of structure.

    Parameters
    ----------
    explanation
        What is shown.
    """
    figures = {
        name: Image(figure, CAPTIONS[name]) for name, figure in explanation_figures(explanation).items()
    }
    report = Report(f"The embedded-atom potential inside {explanation.name}", _subtitle(explanation))
    levels = (*explanation.levels, explanation.angles)
    report.add_section(
        "How much is an embedded-atom potential", _summary(explanation), _table(levels), figures["shares"]
    )
    if explanation.label_levels:
        report.add_section(
            "Do the data contradict the form", _label_text(explanation), _table(explanation.label_levels)
        )
    report.add_section("Functions", figures["functions"], *_beside_items(explanation))
    if "embedding" in figures:
        report.add_section("How many densities", _embedding_table(explanation), figures["embedding"])
    if "kinds" in figures:
        report.add_section("Where angles matter", figures["kinds"])
    return report


def explanation_lines(explanation: Explanation) -> list[str]:
    """The same in plain text, for a terminal."""
    levels = (*explanation.levels, explanation.angles)
    lines = [_subtitle(explanation), "", "left of the potential by", *table_lines(HEADER, _rows(levels))]
    if explanation.label_levels:
        lines += ["", "left of the labels by", *table_lines(HEADER, _rows(explanation.label_levels))]
    if any(len(own.shares) for own in explanation.spectra):
        table = _embedding_table(explanation)
        lines += ["", *table_lines(table.header, table.rows)]
    if explanation.beside:
        table = _beside_table(explanation)
        lines += ["", *table_lines(table.header, table.rows)]
    return [*lines, "", _summary(explanation)]


def _subtitle(explanation: Explanation) -> str:
    crystals = "; ".join(crystal.text for crystal in explanation.crystals)
    return f"{explanation.n_structures} structures, {explanation.n_atoms} atoms. Density 1: {crystals}."


def _summary(explanation: Explanation) -> str:
    angles = explanation.angles
    one = explanation.levels[1]
    return (
        f"One density leaves {one.energy_mev_per_atom:.3g} meV/atom and {one.force:.3g} eV/Å of the potential. "
        f"What no embedded-atom potential was found to have, the angular part: {angles.energy_mev_per_atom:.3g} "
        f"meV/atom, {_percent(angles.energy_share)} % of the mean square energy, and {angles.force:.3g} eV/Å, "
        f"{_percent(angles.force_share)} % of the mean square force."
    )


def _label_text(explanation: Explanation) -> str:
    *kinds, own = explanation.label_levels
    best = min(kind.force for kind in kinds)
    verdict = (
        "have forces that no embedded-atom potential has"
        if best > 1.1 * own.force
        else "do not contradict it"
    )
    return (
        f"Fitted to the labels, the best function of densities leaves {best:.3g} eV/Å of the forces, and "
        f"{explanation.name} {own.force:.3g} eV/Å: the data {verdict}. (Functions of any densities are fitted to one "
        "half of the structures and predict the other; the potential may have seen all of them.)"
    )


def _rows(levels: tuple[Level, ...]) -> list[tuple[str, ...]]:
    return [
        (
            own.name,
            f"{own.energy_mev_per_atom:.3g}",
            _percent(own.energy_share),
            f"{own.force:.3g}",
            _percent(own.force_share),
        )
        for own in levels
    ]


def _percent(share: float) -> str:
    return f"{100.0 * share:.2g}"


def _table(levels: tuple[Level, ...]) -> Table:
    caption = (
        "Root mean square of what is left, and its mean square as a share of that of energies and forces."
    )
    return Table(HEADER, _rows(levels), caption)


def _embedding_table(explanation: Explanation) -> Table:
    header = ("centre", "embedding energy, RMS (eV)", "densities for 90 %", "densities for 99 %")
    rows = [
        (
            own.element,
            f"{own.rms:.3g}",
            *(str(own.count(share) or f"> {MOST_DENSITIES}") for share in (0.9, 0.99)),
        )
        for own in explanation.spectra
    ]
    return Table(header, rows)


def _beside_items(explanation: Explanation) -> list[Item]:
    return [_beside_table(explanation)] if explanation.beside else []


def _beside_table(explanation: Explanation) -> Table:
    header = (
        "published", "pair function differs by (eV)", "of (eV)", "density differs by", "of",
        "F″ (eV)", "left of forces (eV/Å)", "of labels (eV/Å)",
    )  # fmt: skip
    rows = [(explanation.name, "", "", "", "", _curvature(explanation.form.curvature), "", _own(explanation))]
    rows += [_beside_row(own) for own in explanation.beside]
    return Table(header, rows)


def _own(explanation: Explanation) -> str:
    return f"{explanation.label_levels[-1].force:.3g}" if explanation.label_levels else ""


def _beside_row(own: Beside) -> tuple[str, str, str, str, str, str, str, str]:
    return (
        own.form.name,
        f"{own.agreement['pair_ev_rms_difference']:.3g}",
        f"{own.agreement['pair_ev_rms']:.3g}",
        f"{own.agreement['density_rms_difference']:.2g}",
        f"{own.agreement['density_rms']:.2g}",
        _curvature(own.form.curvature),
        f"{own.potential.force:.3g}",
        "" if own.labels is None else f"{own.labels.force:.3g}",
    )


def _curvature(values: object) -> str:
    return ", ".join(f"{float(value):.3g}" for value in list(values))  # type: ignore[call-overload]
