"""Counts, numbers and tables as text."""

import pytest

from mlip_rs.text import counted, rounded_up, table_lines, told_apart, with_error


def test_numbers_ranges_and_dashes_are_aligned_to_the_right_and_text_to_the_left():
    rows = [["fcc", "4.05", "−1.2 … 3.4"], ["hcp stack", "12", "–"]]
    assert table_lines(["crystal", "a Å", "stress"], rows) == [
        "crystal     a Å      stress",
        "fcc        4.05  −1.2 … 3.4",
        "hcp stack    12           –",
    ]


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (1, "structure", "1 structure"),
        (0, "atom", "0 atoms"),
        (2, "stress", "2 stresses"),
        (5, "energy", "5 energies"),
    ],
)
def test_one_is_singular(count, noun, text):
    assert counted(count, noun) == text


def test_combining_marks_take_no_column():
    lines = table_lines(["surface", "J/m²"], [["(11\u03050)", "1"], ["(110)", "2"]])
    assert lines[1].replace("\u0305", "").index("1", 5) == lines[2].index("2")


def test_a_table_without_rows_is_its_header():
    assert table_lines(["a", "b"], []) == ["a  b"]


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (141.3, 10.2, "140 ± 10"),
        (0.0373, 0.0006, "0.0373 ± 0.0006"),
        (-1.01, 0.0096, "-1.01 ± 0.01"),
        (27.2114, 3e-5, "27.21 ± 0.01"),
        (1e5, 30.0, "100000 ± 100"),
        (0.0, 0.2, "0.0 ± 0.2"),
        (0.0, 0.0, "0 ± 0"),
        (float("nan"), 1.0, "nan ± 1"),
    ],
)
def test_an_error_decides_the_digits_of_its_number(value, error, text):
    assert with_error(value, error) == text


@pytest.mark.parametrize(("value", "limit"), [(0.2249, 0.2213), (30.04, 30.0), (1.0, 1.0 + 1e-5)])
@pytest.mark.parametrize("kind", ["f", "g"])
def test_a_number_beyond_its_limit_looks_beyond_it(value, limit, kind):
    shown = told_apart(value, limit, kind=kind)
    assert shown[0] != shown[1]
    assert (float(shown[0]) > float(shown[1])) is (value > limit)


def test_equal_numbers_and_those_beyond_six_digits_look_equal():
    assert told_apart(0.5, 0.5) == ("0.50", "0.50")
    assert told_apart(1.0, 1.0 + 1e-12) == ("1.000000", "1.000000")


@pytest.mark.parametrize("value", [0.873, 0.87304, 99.96, 1234.5, 1e-9])
def test_a_number_keeps_the_limit_that_is_rounded_up(value):
    assert value <= float(rounded_up(value)) <= 1.01 * value
    assert rounded_up(0.0) == "0"
