from .conftest import Judge, asked


def test_percent_or_fraction_is_asked_where_both_give_whole_counts(detected: Judge):
    found = detected("variant,visitors,rate\na,100000,0.05\nb,100000,0.06\n")
    assert [c.value for c in asked(found)["RATE_UNIT"].choices] == ["fraction", "percent"]
    found = detected("variant,visitors,conversion_rate\na,2000,0.0525\nb,2000,0.061\n")
    assert "RATE_UNIT" not in asked(found)
    assert found.proposal.columns[2].rate == "fraction"


def test_a_count_that_can_be_read_in_two_ways_is_asked_about(detected: Judge):
    found = detected("variant;visitors;orders\na;20.000;1.000\nb;21.000;2.000\n")
    assert asked(found)["NUMBER_FORMAT"].field == "columns[2].decimal"
    found = detected("variant;visitors;orders\na;20.123;1.001\nb;21.000;2.000\n")
    assert "NUMBER_FORMAT" not in asked(found)  # a fraction of a visitor is none
    assert {column.thousands for column in found.proposal.columns[1:]} == {"."}
