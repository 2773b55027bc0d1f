"""Tables as text."""

import pytest

from mlip_rs.text import counted, table_lines


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
