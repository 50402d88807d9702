import pytest

from experiments_core.tabular.text import (
    fold,
    is_blank,
    lines_text,
    listed,
    neutral,
    visible,
)


@pytest.mark.parametrize("cell", ("", "  ", "NA", "n/a", "NULL", "None", "-", "nan", "\u00a0"))
def test_words_for_nothing_are_blank(cell: str):
    assert is_blank(cell)


@pytest.mark.parametrize("cell", ("0", "no", "#N/A", "x", ".", "none of them"))
def test_zero_words_and_errors_are_not_blank(cell: str):
    assert not is_blank(cell)


def test_invisible_characters_disappear_and_blanks_become_plain():
    assert visible("\u2060con\u200btrol\u00a0x ") == "control x"


def test_spellings_that_differ_in_case_blanks_and_invisible_characters_fold_together():
    assert {fold(t) for t in ("Control", " control", "CONTROL ", "control\u200b")} == {
        "control"
    }


@pytest.mark.parametrize(
    "cell", ("=1+1", "+1+1", "-2+3", "@SUM(A1)", " =cmd", "\u00a0=x", "a\n=x", "\t=1+2", "\r=1")
)
def test_cells_that_a_spreadsheet_would_run_get_an_apostrophe(cell: str):
    assert neutral(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ("-5", "+1.5", "-1e3", "a=b", "", "1-2", "e-mail"))
def test_numbers_and_harmless_text_stay_as_they_are(cell: str):
    assert neutral(cell) == cell


def test_lists_and_lines_are_cut_and_counted():
    assert listed(list("abcdefg"), 2) == "“a”, “b” and 5 more"
    assert lines_text([4]) == "line 4"
    assert lines_text([4, 6, 9]) == "lines 4, 6, 9"
    assert lines_text([1, 2, 3, 4, 5], 1200) == "lines 1, 2, 3, 4, 5 … (1\u202f200 in all)"
