import pytest

from experiments_core.errors import InvalidInputError
from experiments_core.tabular.sniff import Row, looks_like_data, sniff, split

ROWS = "u1,a,1\nu2,b,0\nu3,a,0\nu4,b,1\n"


@pytest.mark.parametrize("delimiter", (",", ";", "\t", "|"))
def test_the_delimiter_is_found(delimiter: str):
    text = ("id,arm,won\n" + ROWS).replace(",", delimiter)
    found = sniff(text, complete=True)
    assert (found.delimiter, found.names) == (delimiter, ("id", "arm", "won"))
    assert len(found.rows) == 4


def test_decimal_commas_do_not_divide_fields():
    text = "id;arm;won;revenue\nu1;a;1;10,50\nu2;b;0;0,00\n"
    assert sniff(text, complete=True).delimiter == ";"


def test_a_ragged_row_does_not_change_the_delimiter():
    assert sniff("id,arm,won\nu1,a\n" + ROWS, complete=True).delimiter == ","


def test_lines_above_the_header_are_passed_over():
    found = sniff("# export\n# 2024\n\nid,arm,won\n" + ROWS, complete=True)
    assert (found.header_line, found.preamble) == (4, 3)
    assert found.rows[0] == Row(5, ("u1", "a", "1"))


def test_a_missing_header_is_noticed():
    assert sniff(ROWS, complete=True).header_doubtful
    assert not sniff("id,arm,won\n" + ROWS, complete=True).header_doubtful


def test_a_person_can_say_that_there_is_no_header():
    found = sniff(ROWS, complete=True, header_line=0)
    assert found.names == ("column 1", "column 2", "column 3")
    assert len(found.rows) == 4


def test_names_are_trimmed_and_blank_ones_numbered():
    found = sniff(" User ID ,,Won \nu1,a,1\nu2,b,0\n", complete=True)
    assert found.names == ("User ID", "column 2", "Won")


def test_a_value_of_the_column_in_the_header_looks_like_data():
    rows = [Row(n, ("x", arm)) for n, arm in enumerate(("a", "b", "a", "b", "a"))]
    assert looks_like_data(("name", "a"), rows)
    assert not looks_like_data(("name", "arm"), rows)


@pytest.mark.parametrize(
    ("text", "words"),
    (
        ("\n\n", "no rows"),
        ("id,arm,won\n", "no rows below"),
        ("won\n1\n0\n", "only one column, “won”"),
        ('"id,arm"\n"u1,a"\n', "each whole line stands in quotes"),
        ("Sum of x,Column Labels,\nRow Labels,a,b\n1,2,3\n", "pivot table"),
        (",".join(f"c{n}" for n in range(201)) + "\n" + ",".join("1" * 201), "201 columns"),
    ),
)
def test_what_is_no_table_is_named(text: str, words: str):
    with pytest.raises(InvalidInputError, match=words):
        sniff(text, complete=True)


def test_records_know_the_lines_they_begin_on():
    rows = split('a,b\n1,"x\ny"\n\n2,z\n', ",", complete=True)
    assert [row.line for row in rows] == [1, 2, 5]


def test_the_last_record_of_a_beginning_is_left_out():
    assert len(split("a,b\n1,2\n3,", ",", complete=False)) == 2


def test_no_more_records_are_split_than_are_wanted():
    assert split(ROWS, ",", complete=True, most=2) == split(ROWS, ",", complete=True)[:2]
    assert split(ROWS, ",", complete=False, most=9) == split(ROWS, ",", complete=False)
