import pytest

from experiments_core.domain.source import ColumnMapping, Dialect, Mapping, Role, Shape
from experiments_core.tabular.rates import disagreements, rate_column, units_that_fit
from experiments_core.tabular.sniff import Row
from experiments_core.tabular.totals import read_totals

VISITORS = ColumnMapping("visitors", 1, Role.VISITORS)


def rate(unit: str = "", decimal: str = ".") -> ColumnMapping:
    return ColumnMapping("rate", 2, Role.RATE, rate=unit, decimal=decimal)


def rows(*cells: tuple[str, str]) -> list[Row]:
    return [Row(line, ("ab"[line % 2], *pair)) for line, pair in enumerate(cells, start=2)]


@pytest.mark.parametrize(
    ("column", "cells", "visitors", "count"),
    (
        (rate("percent"), ["5.25%"], 2000, 105),
        (rate("percent", ","), ["6,1 %", "5,25 %"], 2000, 122),  # written 6,10 %
        (rate("percent"), ["5.25"], 2000, 105),
        (rate("fraction"), ["0.05251273433807698"], 19043, 1000),
        (rate("fraction"), ["0.3333333333333333"], 3, 1),
        (rate("fraction"), ["5.25e-2"], 2000, 105),
        (
            rate("fraction"),
            ["0"],
            10**9,
            ("RATE_COARSE", "0 of 1\u202f000\u202f000\u202f000 visitors"),
        ),
        (rate("percent"), ["5%"], 2000, ("RATE_COARSE", "90 to 110 conversions")),
        (rate("percent"), ["5.27%"], 2000, ("RATE_NOT_WHOLE", "105.40 conversions")),
        (rate("percent"), ["105%"], 2000, ("RATE", "105%")),
        (rate("percent"), ["-1%"], 2000, ("RATE", "-1%")),
        (rate("percent"), ["5.25", "5.25%"], 2000, ("RATE", "5.25")),
        (rate("percent"), ["n.b.", "5%"], 2000, ("RATE", "n.b.")),
    ),
)
def test_a_count_is_derived_only_where_one_whole_number_fits(
    column: ColumnMapping, cells: list[str], visitors: int, count: int | tuple[str, str]
):
    found = rate_column(column, Dialect(), cells).count(cells[0], visitors)
    if isinstance(count, int):
        assert found == count
    else:
        assert isinstance(found, tuple)
        assert found[0] == count[0]
        assert count[1] in found[1]


@pytest.mark.parametrize(
    ("cells", "fitting"),
    (
        ((("2000", "0.0525"), ("2000", "0.061")), ("fraction",)),  # 1.05 units are none
        ((("2000", "5.25"), ("2000", "6.1")), ("percent",)),  # more than everybody
        ((("2000", "5.25%"), ("2000", "6.1%")), ("percent",)),
        ((("100000", "0.05"), ("100000", "0.06")), ("percent", "fraction")),
        ((("2000", "0.0527"), ("2000", "0.061")), ()),
    ),
)
def test_percent_or_fraction_is_open_where_both_can_be_meant(
    cells: tuple[tuple[str, str], ...], fitting: tuple[str, ...]
):
    assert units_that_fit(rate(), VISITORS, Dialect(), rows(*cells)) == fitting


def mapping(*columns: ColumnMapping) -> Mapping:
    variant = ColumnMapping("variant", 0, Role.VARIANT)
    return Mapping(Shape.TOTALS, Dialect(), (variant, VISITORS, *columns))


def test_rates_give_the_totals_when_nothing_else_does():
    said = mapping(rate("percent"))
    found, rejects = read_totals(
        rows(("2000", "5.25%"), ("0", "5.25%"), ("2000", "")),
        said, ["variant", "visitors", "rate"],
    )  # fmt: skip
    assert [total.conversions for total in found] == [{"rate": 105}]
    assert [(one.line, one.rule) for one in rejects] == [(3, "VISITORS_ZERO"), (4, "RATE")]


def test_a_rate_beside_counts_is_held_against_them_and_not_used():
    counted = ColumnMapping("paid", 3, Role.CONVERSIONS)
    said = mapping(rate("percent"), counted)
    table = [
        Row(2, ("a", "2000", "5.25%", "105")),
        Row(3, ("b", "2000", "6.10%", "125")),
        Row(4, ("b", "2000", "", "125")),
    ]
    found, rejects = read_totals(table, said, ["variant", "visitors", "rate", "paid"])
    assert [total.conversions for total in found] == [{"paid": n} for n in (105, 125, 125)]
    assert rejects == []
    assert {name: [row.line for row in wrong]
            for name, wrong in disagreements(said, table).items()} == {"rate": [3]}  # fmt: skip
