from experiments_core.tabular.columns import Kind

from .conftest import Judge, units


def test_kinds_of_cells_are_seen(detected: Judge):
    found = detected(units(
        "flag,count,money,rate,when,word,empty",
        "yes,3,1.5,5%,2024-01-01,x,", "no,0,2.5,6%,2024-01-02,y,", "NA,1,,7%,2024-01-03,z,",
    ))  # fmt: skip
    kinds = {column.name: column.kind for column in found.columns[2:]}
    assert list(kinds.values()) == [
        Kind.YES_NO, Kind.WHOLE, Kind.NUMBER, Kind.PERCENT, Kind.TIME, Kind.TEXT, Kind.EMPTY,
    ]  # fmt: skip
    flag = found.columns[2]
    assert (flag.blanks, flag.blank_line, flag.distinct) == (13, 4, 2)


def test_a_totals_row_and_a_second_header_do_not_count_in_the_sample(detected: Judge):
    text = units("converted", "1", "0") + "user_id,variant,converted\nTotal,,20\n"
    found = detected(text)
    assert found.columns[2].kind is Kind.YES_NO
    assert len(found.columns[1].values) == 2
