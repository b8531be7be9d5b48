"""Plain tables fit the terminal, and Markdown tables stay tables."""

import pytest

from sslbench.tables import fitted_table, markdown_table, plain_table, terminal_width

TEXT = "the quick brown fox jumps over the lazy dog " * 4
BOARD = [
    {"method": "srp-phat", "error": "0.1 (0.0 to 0.2)", "time": "1.5", "memory": "300"},
    {"method": "music", "error": "0.3 (0.2 to 0.4)", "time": "0.5", "memory": ""},
]


def widest(text):
    return max(map(len, text.splitlines()))


def test_the_width_is_100_where_there_is_no_terminal(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert terminal_width() == 100


def test_the_width_follows_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "61")
    assert terminal_width() == 61
    assert widest(plain_table([["a", TEXT]])) <= 61


def test_a_narrow_table_is_not_wrapped():
    assert plain_table([["a", 1], ["bb", 2]], ["name", "n"], 80).splitlines() == [
        "name  n",
        "----  -",
        "a     1",
        "bb    2",
    ]


@pytest.mark.parametrize("width", [30, 50, 80, 100])
def test_long_texts_are_wrapped_and_keep_their_words(width):
    table = plain_table([["first", TEXT, "x"], ["second", TEXT, "y"]], ["name", "text", "z"], width)
    assert widest(table) <= width
    assert table.count("quick") == 8


def test_names_with_hyphens_are_not_broken():
    name = "position-error-percentile[p=50]"
    table = plain_table([[name, TEXT]], ["metric", "summary"], 60)
    assert name in table
    assert widest(table) <= 60


def test_words_are_broken_where_even_the_longest_do_not_fit():
    table = plain_table([["x" * 30, "y" * 30]], ["a", "b"], 40)
    assert widest(table) <= 40
    assert table.count("x") == table.count("y") == 30


def test_a_table_without_rows_has_a_header():
    assert plain_table([], ["a", "b"]).splitlines()[0] == "a  b"
    assert plain_table([]) == ""


def test_all_columns_are_shown_where_they_fit():
    table = fitted_table(BOARD, ["memory", "time"], 80)
    assert table.columns == ("method", "error", "time", "memory")
    assert table.note == ""


def test_the_least_important_columns_are_left_out_first():
    table = fitted_table(BOARD, ["memory", "time"], 35)
    assert table.columns == ("method", "error", "time")
    assert widest(table.text) <= 35
    assert table.note == ("Left out to fit 35 characters: memory. Set COLUMNS=40 to see them.")


def test_a_board_that_is_still_too_wide_is_wrapped():
    table = fitted_table(BOARD, ["memory", "time"], 20)
    assert table.columns == ("method", "error")
    assert widest(table.text) <= 20


def test_markdown_rows_have_one_cell_per_column():
    lines = markdown_table([{"a|b": "x|y\nz", "c": "1"}]).splitlines()
    assert lines[0].startswith("| a\\|b")
    assert lines[2].startswith("| x\\|y z")
    assert [line.replace("\\|", "").count("|") for line in lines] == [3, 3, 3]


def test_numbers_with_separators_can_be_in_a_wrapped_column():
    text = plain_table([["doanet", "198,504"], ["gnn", "a long remark about it"]], ["m", "n"], 20)
    assert "198,504" in text
    assert max(map(len, text.splitlines())) <= 20
