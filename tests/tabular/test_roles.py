from experiments_core.domain.source import Role

from .conftest import Judge, roles, units


def test_rows_per_unit_with_their_usual_columns(detected: Judge):
    found = detected(units(
        "converted,revenue,first_seen,country,prior_spend,note",
        "1,10.50,2026-05-06 10:00:00,DE,3.5,x1",
        "0,0.00,2026-05-07 11:00:00,US,0.5,x2",
        "0,0.00,2026-05-08 11:00:00,,1.25,x3",
    ))  # fmt: skip
    assert roles(found) == {
        "user_id": Role.UNIT,
        "variant": Role.VARIANT,
        "converted": Role.OUTCOME,
        "revenue": Role.VALUE,
        "first_seen": Role.TIME,
        "country": Role.SEGMENT,
        "prior_spend": Role.COVARIATE,
        "note": Role.SEGMENT,
    }
    assert found.proposal.control == "control"
    assert found.seen == "One row per unit, 40 rows, 2 variants."
    time = found.proposal.named(Role.TIME)[0]
    assert time.time_format == "%Y-%m-%d %H:%M:%S"


def test_numbers_are_written_per_column(detected: Judge):
    text = units("revenue,score", '"1,500.00",2.5', '"12,000.00",3.5')
    first, second = detected(text).proposal.columns[2:4]
    assert (first.decimal, first.thousands) == (".", ",")
    assert (second.decimal, second.thousands) == (".", "")


def test_two_columns_of_one_name_are_not_chosen_between(detected: Judge):
    found = detected(units("converted,converted", "1,0", "0,1"))
    assert [c.role for c in found.proposal.columns[2:]] == [Role.IGNORE, Role.IGNORE]
