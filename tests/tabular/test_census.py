import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_core.tabular.census import LONGEST_LINE, Census
from experiments_core.tabular.structure import Structure


def count(
    data: bytes, size: int = 7, skip_lines: int = 0, delimiter: bytes = b","
) -> Structure:
    census = Census(ord(delimiter), skip_lines)
    for begin in range(0, len(data), size):
        census.feed(data[begin : begin + size])
    return census.finish()


def lines_of(found: Structure) -> list[int]:
    return [found.line_of(record) for record in range(found.records)]


def test_plain_lines_are_records():
    found = count(b"a,b\n1,2\n3,4\n")
    assert (found.records, found.lines, lines_of(found)) == (3, 3, [1, 2, 3])


def test_the_last_line_needs_no_line_feed():
    assert count(b"a,b\n1,2").records == 2


@pytest.mark.parametrize("size", (1, 3, 1000))
@pytest.mark.parametrize(
    ("text", "found"),
    (("a,b\n1,1_000\n", True), ("a,b\n1_\n_2,x_1\n", False), ("a_b,1__2\n_", False)),
)
def test_an_underscore_between_digits_is_noticed(text: str, size: int, *, found: bool):
    assert count(text.encode(), size).joined_digits is found


def test_blank_lines_are_no_records_but_count_as_lines():
    found = count(b"\na,b\n\n\n1,2\n\n")
    assert lines_of(found) == [2, 5]
    assert (found.blank_lines, found.blank_count) == ((1, 3, 4, 6), 4)


def test_a_quoted_field_over_several_lines_is_one_record():
    found = count(b'a,b\n1,"x\n\ny"\n2,z\n')
    assert lines_of(found) == [1, 2, 5]
    assert found.blank_count == 0


def test_quotes_inside_text_are_text():
    found = count(b'a,b\n1,5" pipe\n2,z\n')
    assert lines_of(found) == [1, 2, 3]
    assert found.open_quote_line == 0


def test_blanks_may_stand_around_quotes():
    assert lines_of(count(b'a,b\n1, "x\ny" \n2,z\n')) == [1, 2, 4]


@pytest.mark.parametrize("size", (3, 1000))
def test_an_open_quote_is_found_where_it_was_opened(size: int):
    found = count(b'a,b\n1,2\n"3,4\n5,6\n7,8\n', size)
    assert found.open_quote_line == 3
    assert found.records == 3


def test_text_after_a_closing_quote_is_found():
    assert count(b'a,b\n1,2\n3,"x"y\n').stray_quote_line == 3


def test_lines_above_the_header_follow_no_rule():
    found = count(b'# "open\n\na,b\n1,2\n', skip_lines=2)
    assert lines_of(found) == [3, 4]
    assert found.first_record_after(3) == 1


def test_a_line_without_end_is_noticed():
    found = count(b"a,b\n1," + b"x" * (LONGEST_LINE + 2), size=LONGEST_LINE // 2)
    assert found.long_line == 2


cells = st.text(alphabet='ab,;" \n', max_size=4)


@given(
    st.lists(st.lists(cells, min_size=2, max_size=3), min_size=1, max_size=8),
    st.integers(1, 30),
)
def test_it_counts_what_a_csv_writer_wrote_whatever_the_pieces(
    rows: list[list[str]], size: int
):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    found = count(out.getvalue().encode(), size)
    begins, line = [], 1
    for row in rows:
        begins.append(line)
        line += 1 + sum(cell.count("\n") for cell in row)
    assert (found.records, found.open_quote_line, found.stray_quote_line) == (len(rows), 0, 0)
    assert lines_of(found) == begins


@pytest.mark.parametrize("text", (b' "\n""\n', b'a,"b\n""c""\n', b'a,"b\n""\n""c\n'))
@pytest.mark.parametrize("size", (1, 100))
def test_a_quote_left_open_is_named_by_its_own_line_not_by_a_doubled_one(
    text: bytes, size: int
):
    assert count(text, size).open_quote_line == 1


@given(
    st.binary(max_size=60).map(
        lambda data: data.translate(bytes(b'ab,"\n '[i % 6] for i in range(256)))
    ),
    st.integers(1, 20),
)
def test_the_pieces_never_change_what_is_counted(data: bytes, size: int):
    assert count(data, size) == count(data, len(data) + 1)
