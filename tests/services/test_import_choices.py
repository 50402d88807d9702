import pytest

from experiments_core.domain.source import Role, Shape
from experiments_core.errors import InvalidInputError
from experiments_core.services.import_choices import (
    Choices,
    choices_from_document,
    choices_to_document,
    choose,
)
from experiments_core.tabular.detection import Detection, detect

UNITS = """user_id,group,converted,revenue,country,first_seen
u1,control,0,0.00,DE,2026-05-01
u2,test,1,12.50,FR,2026-05-01
u3,control,1,8.00,DE,2026-05-02
u4,test,0,0.00,,2026-05-02
"""
TOTALS = "variant,visitors,signups,bounces\nopen,31204,2318,11702\nwall,31396,2127,12610\n"


def seen(text: str) -> Detection:
    return detect(text, complete=True, records=text.count("\n"))


def roles(text: str, choices: Choices) -> dict[str, Role]:
    return {column.name: column.role for column in choose(seen(text), choices).columns}


def test_what_is_not_said_stays_as_proposed():
    detection = seen(UNITS)
    assert choose(detection, Choices()) == detection.proposal


def test_named_measures_replace_the_proposed_ones():
    found = roles(UNITS, Choices(outcomes=("converted",)))
    assert found["converted"] is Role.OUTCOME
    assert found["revenue"] is Role.IGNORE
    assert found["user_id"] is Role.UNIT


def test_a_variant_has_one_column():
    found = roles(UNITS, Choices(variant="country"))
    assert [name for name, role in found.items() if role is Role.VARIANT] == ["country"]


def test_an_empty_name_takes_a_role_away():
    found = roles(UNITS, Choices(unit="", time=""))
    assert Role.UNIT not in found.values()
    assert Role.TIME not in found.values()


def test_segments_and_covariates_are_added_by_name():
    found = roles(UNITS, Choices(segments=("country",), covariates=("revenue",)))
    assert found["country"] is Role.SEGMENT
    assert found["revenue"] is Role.COVARIATE


def test_names_are_found_without_regard_to_case():
    assert roles(UNITS, Choices(values=("Revenue",)))["revenue"] is Role.VALUE


def test_conversions_and_visitors_make_it_totals():
    mapping = choose(seen(TOTALS), Choices(conversions=("signups",), visitors="visitors"))
    assert mapping.shape is Shape.TOTALS
    assert [c.name for c in mapping.named(Role.CONVERSIONS)] == ["signups"]
    assert [c.name for c in mapping.named(Role.VISITORS)] == ["visitors"]


def test_outcomes_make_it_one_row_per_unit():
    mapping = choose(seen(TOTALS), Choices(values=("signups",)))
    assert mapping.shape is Shape.UNIT
    assert mapping.named(Role.VISITORS) == ()


def test_an_unknown_column_is_named_with_those_there_are():
    with pytest.raises(InvalidInputError, match="no column “grp”; it has “user_id”"):
        choose(seen(UNITS), Choices(variant="grp"))


def test_a_name_that_stands_twice_is_no_choice():
    doubled = seen(UNITS.replace("country,", "converted,", 1))
    with pytest.raises(InvalidInputError, match="2 columns “converted”"):
        choose(doubled, Choices(outcomes=("converted",)))


def test_shares_become_basis_points_that_sum_to_the_whole():
    split = choose(seen(UNITS), Choices(split={"a": 1, "b": 1, "c": 1})).split
    assert split == {"a": 3334, "b": 3333, "c": 3333}
    assert choose(seen(UNITS), Choices(split={"a": 0.2, "b": 0.8})).split == {
        "a": 2000,
        "b": 8000,
    }


@pytest.mark.parametrize("share", (0, -1, float("inf")))
def test_a_share_is_above_0(share: float):
    with pytest.raises(InvalidInputError, match="shares are above 0"):
        choose(seen(UNITS), Choices(split={"a": share, "b": 1}))


def test_everything_else_is_carried_over():
    choices = Choices(
        control="test", finished=True, blank="zero", repeats="max", crossovers="refuse"
    )
    mapping = choose(seen(UNITS), choices)
    assert (mapping.control, mapping.finished) == ("test", True)
    assert (mapping.repeats, mapping.crossovers) == ("max", "refuse")
    assert {c.blank for c in mapping.named(Role.OUTCOME)} == {"zero"}


def test_choices_survive_a_journey_as_json():
    choices = Choices(
        variant="group", unit="", outcomes=("converted",), segments=("country",),
        split={"a": 1.0}, finished=False, answers={"CONTROL": "a"}, accept_defaults=True,
    )  # fmt: skip
    assert choices_from_document(choices_to_document(choices)) == choices
    assert choices_from_document(choices_to_document(Choices())) == Choices()


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    (
        ("colour", "red", "UNKNOWN_FIELD"),
        ("variant", 3, "TYPE"),
        ("outcomes", "converted", "TYPE"),
        ("outcomes", [1], "TYPE"),
        ("segments", {}, "TYPE"),
        ("finished", "yes", "TYPE"),
        ("accept_defaults", None, "TYPE"),
        ("split", {"a": True}, "TYPE"),
        ("split", [1], "TYPE"),
        ("answers", {"CONTROL": 1}, "TYPE"),
    ),
)
def test_a_document_of_another_form_is_refused(field: str, value: object, rule: str):
    with pytest.raises(InvalidInputError) as refusal:
        choices_from_document({field: value})
    assert [(p.field, p.rule) for p in refusal.value.details] == [(field, rule)]
