import pytest

from experiments_core.domain.source import ColumnMapping, Dialect, Mapping, Role, Shape
from experiments_core.tabular.sniff import Row
from experiments_core.tabular.totals import Total, read_totals

NAMES = ("variant", "visitors", "sales")


def mapping(blank: str = "") -> Mapping:
    roles = (Role.VARIANT, Role.VISITORS, Role.CONVERSIONS)
    return Mapping(Shape.TOTALS, Dialect(), tuple(
        ColumnMapping(name, place, role, blank=blank)
        for place, (name, role) in enumerate(zip(NAMES, roles, strict=True))
    ))  # fmt: skip


def read(*rows: tuple[str, ...], blank: str = "") -> tuple[list[Total], list[tuple[int, str]]]:
    totals, rejects = read_totals(
        [Row(line, cells) for line, cells in enumerate(rows, start=2)], mapping(blank), NAMES
    )
    return totals, [(reject.line, reject.rule) for reject in rejects]


def test_counts_are_read_as_whole_numbers():
    totals, rejects = read(("a", "1000.0", "50"), (" b ", "990", "61.0"))
    assert totals == [Total(2, "a", 1000, {"sales": 50}), Total(3, "b", 990, {"sales": 61})]
    assert rejects == []


def test_counts_that_cannot_be_are_rejected_with_their_line():
    rows = (("a", "1000", "60.5"), ("b", "100", "1000"), ("c", "0", "0"), ("d", "-5", "1"))
    totals, rejects = read(*rows)
    assert totals == []
    assert rejects == [(2, "COUNT"), (3, "COUNT_ABOVE"), (4, "VISITORS_ZERO"), (5, "COUNT")]


@pytest.mark.parametrize("cell", ("1_000", "0x3E8", "1e3", "1E+03", "0b11"))
def test_a_count_is_written_in_digits(cell: str):
    assert read(("a", cell, "1"))[1] == [(2, "COUNT")]


def test_totals_rows_second_headers_and_blank_arms_are_no_data():
    rows = (
        ("Total", "200", "20"),
        ("variant", "visitors", "sales"),
        ("", "3", "1"),
        ("", "", ""),
    )
    assert read(*rows)[1] == [
        (2, "TOTALS_ROW"), (3, "REPEATED_HEADER"), (4, "VARIANT_BLANK"), (5, "EMPTY_ROW"),
    ]  # fmt: skip


def test_a_blank_count_is_what_was_answered():
    assert read(("a", "10", ""))[1] == [(2, "COUNT")]
    assert read(("a", "10", "NA"), blank="exclude")[0] == [Total(2, "a", 10, {})]
    assert read(("a", "10", ""), blank="zero")[0] == [Total(2, "a", 10, {"sales": 0})]
