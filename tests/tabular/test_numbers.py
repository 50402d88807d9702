import pytest

from experiments_core.tabular.numbers import NumberFormat, detect, read


@pytest.mark.parametrize(
    ("cells", "delimiter", "found"),
    (
        (["1", "2.5", "-3", "1e5"], ",", NumberFormat(".", "")),
        (["18,50", "0,00"], ";", NumberFormat(",", "")),
        (["10,500.00", "0.00"], ",", NumberFormat(".", ",")),
        (["1.234,56", "7,5"], ";", NumberFormat(",", ".")),
        (["$10.50", "$0.00"], ",", NumberFormat(".", "", currency=True)),
        (["12 €", "7 €"], ";", NumberFormat(".", "", currency=True)),
        (["1 234,5", "2"], ";", NumberFormat(",", " ")),
        (["5.25%", "6 %"], ",", NumberFormat(".", "", percent=True)),
        (["12,5\u00a0%", "0,25 %"], ";", NumberFormat(",", "", percent=True)),
        (["1,234", "5,678"], ",", NumberFormat(",", "", doubtful=True)),
        (["1.234", "5.678"], ";", NumberFormat(".", "", doubtful=True)),
        (["1.234", "5.678"], ",", NumberFormat(".", "")),
    ),
)
def test_one_way_of_writing_numbers_is_found_per_column(
    cells: list[str], delimiter: str, found: NumberFormat
):
    assert detect(cells, delimiter=delimiter) == found


def test_a_few_errors_do_not_make_a_column_of_numbers_text():
    assert detect(["1.5"] * 9 + ["#DIV/0!"]) == NumberFormat(".", "")
    assert detect(["a", "b", "1"]) is None
    assert detect([]) is None


@pytest.mark.parametrize(
    ("cell", "decimal", "thousands", "number"),
    (
        ("18,50", ",", "", 18.5),
        ("18,50", ".", ",", None),  # never 1850
        ("10,500.00", ".", ",", 10500.0),
        ("$ 4.50", ".", "", 4.5),
        ("-$4.50", ".", "", -4.5),
        ("1e400", ".", "", None),
        ("inf", ".", "", None),
        ("1_000", ".", "", None),
        ("0x10", ".", "", None),
        ("١", ".", "", None),
    ),
)
def test_a_cell_is_read_in_the_format_of_its_column_only(
    cell: str, decimal: str, thousands: str, number: float | None
):
    assert read(cell, decimal, thousands) == number
