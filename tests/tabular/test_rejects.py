import csv
import io

from experiments_core.tabular.rejects import RULES, Reject, summary, to_csv, words


def test_every_rule_has_words_for_one_row_and_for_all():
    for code in RULES:
        assert "{" not in words(code, "revenue", "x")
        assert code not in summary(code, 2)


def test_the_summary_says_whether_rows_are_left_out_or_have_to_be_decided_on():
    assert summary("VARIANT_BLANK", 3) == "3 rows left out: no variant"
    assert summary("NUMBER", 1) == "1 row cannot be used: not a number"


def test_rejects_as_csv_hold_every_field_and_run_in_no_spreadsheet():
    data = to_csv([Reject(3, "revenue", "=1+1", "NUMBER", "“=1+1” is not a number", "u1,=1+1")])
    assert data.startswith(b"\xef\xbb\xbf")
    header, row = csv.reader(io.StringIO(data.decode("utf-8-sig")))
    assert header == ["line", "column", "value", "rule", "message", "row"]
    assert row == ["3", "revenue", "'=1+1", "NUMBER", "“=1+1” is not a number", "u1,=1+1"]


def test_whole_rows_that_begin_like_a_formula_are_neutral_too():
    data = to_csv([Reject(3, "", "", "EMPTY_ROW", "x", "-2+3,a\n=cmd")]).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(data)))[1][-1] == "'-2+3,a\n=cmd"


def test_a_machine_gets_the_cells_as_they_stand_in_the_file():
    data = to_csv([Reject(3, "x", "=1+1", "NUMBER", "no number", "=1")], for_spreadsheet=False)
    assert data.decode("utf-8").split("\r\n")[1] == "3,x,=1+1,NUMBER,no number,=1"
