"""Plain-text tables."""

from __future__ import annotations

import pytest
from stealscope.tables import bar, cell, key_values, table


def test_the_first_column_is_left_and_the_others_right() -> None:
    text = table(("name", "count"), [("a", 1234), ("longer", None)], indent="  ")
    assert text.splitlines() == ["  name    count", "  ------  -----", "  a       1,234", "  longer      -"]


def test_columns_that_do_not_fit_continue_below_after_the_first_again() -> None:
    text = table(("name", "one", "two"), [("a", 1, 2)], width=12)
    assert text.splitlines() == ["name  one", "----  ---", "a       1", "", "name  two", "----  ---", "a       2"]
    assert table(("name", "one", "two"), [("a", 1, 2)], width=14).count("name") == 1
    assert table(("name", "one"), [("a", 1)], width=1).count("\n") == 2
    assert table(("name", "one", "two"), [("a", 1, 2)], width=12, glued=(2,)).count("name") == 1


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="need 2"):
        table(("a", "b"), [("x",)])


def test_cells_are_for_people() -> None:
    assert [cell(v) for v in (None, True, 1234567, 0.12345, 123456.7, "x")] == ["-", "yes", "1,234,567", "0.1235", "123,457", "x"]


def test_bars_stay_in_their_width() -> None:
    assert [bar(f, 4) for f in (-1, 0, 0.5, 1, 7)] == ["....", "....", "##..", "####", "####"]


def test_keys_are_aligned() -> None:
    assert key_values([("a", 1), ("long", 2)]) == "a     1\nlong  2"
