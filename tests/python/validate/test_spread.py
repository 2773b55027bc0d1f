"""± σ in figures of properties."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from matplotlib.collections import LineCollection, PolyCollection

from mlip_rs.report.document import Image
from mlip_rs.report.validation import BANDS, figure_items
from mlip_rs.validate import (
    BainPath,
    Compound,
    Compounds,
    EnergyVolumeFit,
    GrainBoundaries,
    GrainBoundary,
    PointDefects,
    PrototypeEnergies,
    StackingFault,
    SurfaceEnergy,
    Surfaces,
    VacancyConvergence,
    VacancyFormation,
    VacancyMigration,
    elastic_analysis,
    phonons,
)
from mlip_rs.validate.figures import FIGURES
from mlip_rs.validate.figures.spread import spread
from mlip_rs.validate.properties.point_defects import DefectEnergy
from mlip_rs.validate.prototype_energies import LOWEST_CRYSTAL

WITH_BARS = sorted(name for name, figure in FIGURES.items() if figure.bars)


def curve(name, shift):
    return EnergyVolumeFit(
        name, (15.5, 16.5, 17.5), (-3.4, -3.5, -3.4), 16.5 + shift, -3.5 + shift, 78.0, 4.5, None
    )


def result(name, shift):
    """A result of each property, somewhat different for each `shift`."""
    make = {
        "bain": lambda: BainPath((1.0, 1.2, 1.41), (0.1 + shift, 0.05, 0.0), 16.5),
        "compounds": lambda: Compounds((Compound("B2 AlNi", curve("B2", 0.0), -0.5 + shift),)),
        "elastic": lambda: elastic_analysis(EMT(), bulk("Cu", a=3.59 + shift)),
        "grain-boundaries": lambda: GrainBoundaries(
            (GrainBoundary((0, 0, 1), (2, 1, 0), 5, 53.1, 40, 0.5 + shift),)
        ),
        "migration": lambda: VacancyMigration(32, (0.0, 1.3, 2.6), (0.0, 0.8 + shift, 0.0)),
        "phonons": lambda: phonons(EMT(), bulk("Cu", a=3.59 + shift), smallest_supercell=4.0, mesh=2),
        "point-defects": lambda: PointDefects(32, (DefectEnergy("octahedral", 2.5 + shift),), (), 0.7),
        "prototypes": lambda: PrototypeEnergies("Al", (curve("fcc", shift),)),
        "stacking-fault": lambda: StackingFault("{111}⟨112⟩", (0.0, 0.5, 1.0), (0.0, 0.18 + shift, 0.05)),
        "surfaces": lambda: Surfaces((SurfaceEnergy((1, 1, 1), 8, 1.3, 1.2 + shift),)),
        "vacancy": lambda: VacancyConvergence((VacancyFormation(32, 0.8, 0.7 + shift),)),
    }
    return make[name]()


def spans(figure):
    """Heights or widths of what is drawn for ± σ: shades, and lines of error bars."""
    drawn = [one for axes in figure.axes for one in axes.collections]
    paths = [path for one in drawn if isinstance(one, PolyCollection) for path in one.get_paths()]
    found = [float(np.ptp(path.vertices[:, 1])) for path in paths]
    lines = [segment for one in drawn if isinstance(one, LineCollection) for segment in one.get_segments()]
    return [*found, *(float(np.ptp(segment, axis=0).max()) for segment in lines)]


@pytest.mark.parametrize("name", WITH_BARS)
def test_figures_show_the_spread_of_the_members(name):
    own = result(name, 0.0)
    members = [result(name, shift) for shift in (-0.02, 0.02, 0.01)]
    assert spans(FIGURES[name].draw(own)) == []
    found = spans(FIGURES[name].draw({"mine": own}, None, {"mine": members}))
    assert max(found) > 0.0
    if name in ("grain-boundaries", "point-defects", "surfaces", "vacancy"):
        assert max(found) == pytest.approx(2 * 0.03)
    (image,) = figure_items(name, {"mine": own}, None, (), {"mine": members})
    assert isinstance(image, Image)
    assert image.caption.endswith(BANDS)
    (bare,) = figure_items(name, {"mine": own}, None, (), {"mine": members[:2]})
    assert BANDS not in bare.caption


def test_the_spread_is_that_of_the_members_with_the_same_points():
    found = spread([1.0, 2.0], [1, 2, 2, 3], lambda n: [1.0, 2.0 + 0.1 * n][: 2 if n < 3 else 1])
    np.testing.assert_allclose(found, [0.0, np.sqrt(4 / 3 * 0.09)])
    assert spread([1.0, 2.0], [1, 2], lambda n: [1.0, 2.0 + n]) is None
    assert spread([1.0, 2.0], [], lambda n: [1.0, 2.0]) is None


def test_energies_above_the_lowest_crystal_have_no_spread_of_the_zero():
    members = [PrototypeEnergies("Al", (curve("fcc", s),)).above_lowest() for s in (-0.02, 0.02, 0.01)]
    assert all(member.zero == LOWEST_CRYSTAL for member in members)
    own = PrototypeEnergies("Al", (curve("fcc", 0.0),)).above_lowest()
    figure = FIGURES["prototypes"].draw({"mine": own}, None, {"mine": members})
    (shade,) = (one for one in figure.axes[0].collections if isinstance(one, PolyCollection))
    vertices = shade.get_paths()[0].vertices
    at_rest = np.abs(vertices[:, 0] - 16.5) < 0.01
    assert np.ptp(vertices[at_rest, 1]) < 1e-3


def test_of_several_potentials_each_has_its_own():
    own = result("bain", 0.0)
    members = [result("bain", shift) for shift in (-0.02, 0.02, 0.01)]
    figure = FIGURES["bain"].draw({"a": own, "b": own}, own, {"b": members})
    (shade,) = (one for one in figure.axes[0].collections if isinstance(one, PolyCollection))
    assert tuple(shade.get_facecolor()[0][:3]) == pytest.approx((0.835, 0.369, 0.0), abs=0.01)
