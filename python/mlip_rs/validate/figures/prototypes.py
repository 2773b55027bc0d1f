"""Figure of energy against volume of the crystal structures."""

from collections.abc import Mapping
from operator import methodcaller
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.errors import ConfigError
from mlip_rs.plot.series import Members, Results, label_patterns, named_series, series
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    GUIDE,
    LINE_WIDTH,
    MARKER_SIZE,
    SMALL_SIZE,
    color,
    dress,
    legend_beside,
    marker,
    new_figure,
)
from mlip_rs.validate.eos import EnergyVolumeFit
from mlip_rs.validate.figures.spread import shade, spread
from mlip_rs.validate.prototype_energies import ISOLATED_ATOM, LOWEST_CRYSTAL, PrototypeEnergies


def prototype_curves(
    potentials: Results[PrototypeEnergies],
    reference: PrototypeEnergies | None = None,
    members: Members[PrototypeEnergies] | None = None,
) -> Figure:
    """Energy against volume of every structure that has a minimum, above isolated atoms if all are determined."""
    entries = series(potentials, reference, members)
    determined = all(entry.result.zero == ISOLATED_ATOM for entry in entries)

    def curves(found: PrototypeEnergies) -> dict[str, EnergyVolumeFit]:
        chosen = found if determined else found.above_lowest()
        return {curve.name: curve for curve in chosen.curves}

    return energy_volume_curves(
        {entry.label: curves(entry.result) for entry in entries if not entry.is_reference},
        next((curves(entry.result) for entry in entries if entry.is_reference), {}),
        zero=ISOLATED_ATOM if determined else LOWEST_CRYSTAL,
        members={
            entry.label: [curves(member) for member in entry.members]
            for entry in entries
            if not entry.is_reference
        },
    )


def energy_volume_curves(
    potentials: Mapping[str, Mapping[str, EnergyVolumeFit]],
    reference: Mapping[str, EnergyVolumeFit],
    *,
    zero: str = ISOLATED_ATOM,
    members: Members[Mapping[str, EnergyVolumeFit]] | None = None,
) -> Figure:
    """Energy against volume: lines the potentials, open symbols the reference, colours the crystal structures.

    Parameters
    ----------
    potentials
        Curves by the name of the potential and by crystal structure; energies in eV/atom.
    reference
        Curves of the reference by crystal structure; may be empty.
    zero
        What has the energy zero.
    members
        Curves of the members of the committees, for bands of ± σ, by the name of the potential.

    Raises
    ------
    ConfigError
        There are no curves.
    """
    names = list(dict.fromkeys((*reference, *(name for curves in potentials.values() for name in curves))))
    if not names:
        raise ConfigError("no energy–volume curves to draw")
    figure = new_figure(1.5 * COLUMN_WIDTH, 3.6)
    axes = figure.subplots()
    drawn = named_series(potentials, members=members)
    for i, name in enumerate(names):
        hue = color(i)
        for entry in drawn:
            if name in entry.result:
                fit = entry.result[name]
                volumes = np.linspace(min(fit.volumes), max(fit.volumes), 200)
                energies = fit.energy(volumes)
                others = [member[name] for member in entry.members if name in member]
                shade(axes, volumes, energies, spread(energies, others, methodcaller("energy", volumes)), hue)
                axes.plot(volumes, energies, color=hue, linestyle=entry.pattern, linewidth=LINE_WIDTH)
        symbol: dict[str, Any] = {}
        if name in reference:
            points = reference[name]
            symbol = {"marker": marker(i), "mfc": "white", "mew": 1.1, "ms": MARKER_SIZE}
            axes.plot(points.volumes, points.energies, color=hue, linestyle="none", **symbol)
        axes.plot([], [], color=hue, linewidth=LINE_WIDTH, label=name, **symbol)
    label_patterns(axes, drawn)
    dress(axes, x="volume (Å³/atom)", y=f"energy above {zero} (eV/atom)")
    legend_beside(axes)
    if reference:
        axes.set_title("lines: potential; symbols: reference", fontsize=SMALL_SIZE, color=GUIDE)
    return figure
