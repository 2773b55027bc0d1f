"""Figures have axes with units; the report is one safe page."""

import io
import re

import numpy as np
import pytest
from ase.calculators.emt import EMT

from mlip_rs.demo import REFERENCE_PATH
from mlip_rs.errors import ConfigError, DataError
from mlip_rs.evaluate.errors import Errors, ErrorSummary
from mlip_rs.evaluate.figures import error_by_config_type, parity
from mlip_rs.fitting.figures import ModelPoint, pareto, pareto_fronts, sparsity_path
from mlip_rs.report.document import Code, Image, Report, Table
from mlip_rs.report.html import save_html
from mlip_rs.report.markdown import save_markdown
from mlip_rs.report.validation import quantity_table
from mlip_rs.text import table_lines
from mlip_rs.validate import load_reference
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.figures.prototypes import energy_volume_curves
from mlip_rs.validate.judgement import property_result
from mlip_rs.validate.properties import zone_boundary

EVIL = '<script src="https://example.org/x.js">alert(1)</script>\'"&'


def summary(value):
    return ErrorSummary(value, 0.7 * value, 5 * value)


def errors(value, groups=()):
    by_type = {name: errors(value * (i + 1)) for i, name in enumerate(groups)}
    return Errors(summary(value), summary(value / 50), summary(value / 10), by_type)


@pytest.fixture
def points():
    sizes = [300, 3, 10, 30, 100]
    return [ModelPoint(n, 0.1 * n**0.5, errors(60 / n**0.5), errors(70 / n**0.5), str(n)) for n in sizes]


def axis_labels(figure):
    return [text for axes in figure.axes for text in (axes.get_xlabel(), axes.get_ylabel()) if text]


def all_figures(points):
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    reference = load_reference(REFERENCE_PATH)
    return {
        "parity": parity(x, x + 0.01, label="energy", unit="eV/atom"),
        "groups": parity(x, x + 1, label="stress", unit="GPa", groups=[f"g{i % 9}" for i in range(300)]),
        "energy–volume": energy_volume_curves(
            {"a": reference.curves, "b": reference.curves}, reference.curves
        ),
        "path": sparsity_path(points, selected={"knee": 2, "best": 0}),
        "pareto": pareto(points, selected={"knee": 2}, peers=[ModelPoint(1, 3.0, errors(9.0), label="EAM")]),
        "types": error_by_config_type(errors(3.0, ("bulk", "slab"))),
    }


def test_every_axis_of_every_figure_names_its_unit(points):
    for name, figure in all_figures(points).items():
        labels = axis_labels(figure)
        assert labels, name
        for label in labels:
            assert re.search(r"\(.+\)$", label) or label == "nonzero coefficients", (name, label)


def test_parity_shows_the_errors_in_small_units_and_rejects_mismatched_groups():
    figure = parity([0.0, 1.0], [0.003, 1.0], label="energy", unit="eV/atom")
    text = figure.axes[0].texts[0].get_text()
    assert "RMSE 2.12 meV/atom" in text
    assert "MAE 1.5 meV/atom" in text
    with pytest.raises(DataError, match="groups"):
        parity([0.0, 1.0], [0.0, 1.0], label="energy", unit="eV/atom", groups=["a"])
    parity([1.0], [1.0], label="force", unit="eV/Å").savefig(io.BytesIO(), format="png")


def test_path_figure_has_energy_and_force_panels_on_a_logarithmic_axis(points):
    figure = sparsity_path(points, selected={"knee": 1})
    assert [axes.get_xscale() for axes in figure.axes] == ["log", "log"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["energy RMSE (meV/atom)", "force RMSE (eV/Å)"]
    validation, test = figure.axes[0].get_lines()[:2]
    assert (validation.get_label(), test.get_label()) == ("validation", "test")
    assert list(validation.get_xdata()) == [3, 10, 30, 100, 300]


def test_pareto_front_leaves_out_what_another_potential_beats_in_both(points):
    figure = pareto([*points, ModelPoint(5, 100.0, errors(100.0))])
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert len(lines["Pareto front"].get_xdata()) == 5
    assert list(lines["not on the front"].get_xdata()) == [100.0]


def test_pareto_figure_shows_the_front_of_a_fit_and_not_what_failed_its_stress_test(points):
    figure = pareto(points, front=[1, 3])
    for axes in figure.axes:
        lines = {line.get_label(): line for line in axes.get_lines()}
        assert list(lines["Pareto front"].get_xdata()) == [points[1].cost, points[3].cost]
        assert list(lines["not on the front"].get_xdata()) == [points[k].cost for k in (0, 2, 4)]


def test_figure_of_several_fits_shows_the_front_of_each(points):
    figure = pareto_fronts(
        {"a": points, "b": points}, fronts={"a": [0, 1, 3], "b": [4]}, selected={"b": {"best": 2}}
    )
    for axes in figure.axes:
        lines = {line.get_label(): line for line in axes.get_lines()}
        assert list(lines["a"].get_xdata()) == [points[k].cost for k in (0, 1, 3)]
        assert list(lines["b"].get_xdata()) == [points[4].cost]


def test_figures_without_anything_to_show_say_so(points):
    with pytest.raises(ConfigError, match="has a cost"):
        pareto([ModelPoint(3, None, errors(1.0))])
    with pytest.raises(ConfigError, match="path"):
        sparsity_path([])
    with pytest.raises(ConfigError, match="config_type"):
        error_by_config_type(errors(1.0))
    with pytest.raises(ConfigError, match="number 9 of 5"):
        sparsity_path(points, selected={"best": 9})
    with pytest.raises(ConfigError, match="no energy–volume"):
        energy_volume_curves({}, {})


def test_points_come_from_the_json_of_the_front():
    document = {
        "potential": "a.json",
        "n_nonzero": 7,
        "us_per_atom": 1.5,
        "validation": errors(2.0).to_dict(),
    }
    point = ModelPoint.from_dict(document)
    assert (point.n_nonzero, point.us_per_atom, point.test, point.label) == (7, 1.5, None, "a.json")
    assert point.validation.energy.rmse == 2.0
    with pytest.raises(DataError, match="Pareto front"):
        ModelPoint.from_dict({"us_per_atom": 1})


def test_report_escapes_every_text_and_refers_to_nothing_outside(points, tmp_path):
    report = Report(EVIL, EVIL)
    report.add_section(EVIL, EVIL, Table([EVIL], [[EVIL]], caption=EVIL))
    for name, figure in all_figures(points).items():
        report.add_section(name, Image(figure, EVIL), figure)
    case = ValidationCase(EMT(), ("fcc", "Al"))
    computed = zone_boundary.PROPERTY.attempt(lambda: case)
    found = property_result(zone_boundary.PROPERTY, computed, load_reference(REFERENCE_PATH).phonons)
    report.add_section("properties", quantity_table(found.rows))
    page = save_html(report, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?\s*(https?:|//)""", page.replace(EVIL, ""))
    for source in re.findall(r'<[^>]*\b(?:src|href)="([^"]*)"', page):
        assert source.startswith(("data:image/", "#s")), source[:60]
    assert page.count("<img ") == 12
    assert 'name="viewport"' in page
    assert "FAIL" in page


def test_report_replaces_the_old_file_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    save_html(Report("old"), path)

    def fail(report):
        raise OSError("disk full")

    report = Report("new")
    monkeypatch.setattr("mlip_rs.report.html.page", fail)
    with pytest.raises(OSError, match="disk full"):
        save_html(report, path)
    assert "old" in path.read_text(encoding="utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_table_with_ragged_rows_is_refused():
    with pytest.raises(ConfigError, match="row 1 has 1 cells for 2 columns"):
        Table(["a", "b"], [["1", "2"], ["3"]])


def test_markdown_refers_to_its_figures_and_gives_no_meaning_to_names(points, tmp_path):
    report = Report(EVIL, "two\nlines")
    report.add_section("One", "a_b *c*", Table(["x|y", "n"], [["a|b", EVIL]], caption="| caption"))
    for name, figure in all_figures(points).items():
        report.add_section(name, Image(figure, EVIL), figure)
    report.add_section("Code", Code("run ```x```"))
    text = save_markdown(report, tmp_path / "report.md").read_text(encoding="utf-8")
    files = re.findall(r"\]\((figures/[^)]+)\)", text)
    assert len(files) == len(set(files)) == 12
    assert sorted(files) == sorted(f"figures/{path.name}" for path in (tmp_path / "figures").iterdir())
    assert all((tmp_path / file).read_bytes().startswith(b"\x89PNG") for file in files)
    assert not re.search(r"(?<!\\)<script", text)
    assert "two  \nlines" in text
    row = next(line for line in text.splitlines() if line.startswith(r"| a\|b"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 3
    assert "````\nrun ```x```\n````" in text


def test_a_table_as_text_is_aligned_although_a_character_may_take_no_column():
    lines = table_lines(("surface", "J/m²"), [("(110)", "0.9"), ("(11\u03050)", "11.25")])
    assert lines == ["surface   J/m²", "(110)      0.9", "(11\u03050)    11.25"]
