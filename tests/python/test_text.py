"""Tables as text."""

from mlip_rs.text import table_lines


def test_numbers_ranges_and_dashes_are_aligned_to_the_right_and_text_to_the_left():
    rows = [["fcc", "4.05", "−1.2 … 3.4"], ["hcp stack", "12", "–"]]
    assert table_lines(["crystal", "a Å", "stress"], rows) == [
        "crystal     a Å      stress",
        "fcc        4.05  −1.2 … 3.4",
        "hcp stack    12           –",
    ]


def test_combining_marks_take_no_column():
    lines = table_lines(["surface", "J/m²"], [["(11\u03050)", "1"], ["(110)", "2"]])
    assert lines[1].replace("\u0305", "").index("1", 5) == lines[2].index("2")


def test_a_table_without_rows_is_its_header():
    assert table_lines(["a", "b"], []) == ["a  b"]
