import pytest

from experiments_core.domain.source import Role, Shape
from experiments_core.errors import InvalidInputError
from experiments_core.services.choosing import choose
from experiments_core.services.import_choices import Choices
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


def test_everything_else_is_carried_over():
    choices = Choices(
        control="test", finished=True, blank="zero", repeats="max", crossovers="refuse"
    )
    mapping = choose(seen(UNITS), choices)
    assert (mapping.control, mapping.finished) == ("test", True)
    assert (mapping.repeats, mapping.crossovers) == ("max", "refuse")
    assert {c.blank for c in mapping.named(Role.OUTCOME)} == {"zero"}


@pytest.mark.parametrize("field", ("blank", "repeats", "crossovers"))
def test_a_choice_that_there_is_not_is_refused(field: str):
    with pytest.raises(InvalidInputError, match=f"^{field.capitalize()} is one of "):
        choose(seen(UNITS), Choices(**{field: "perhaps"}))


def test_a_zone_is_one_of_the_list_and_belongs_to_the_time():
    mapping = choose(seen(UNITS), Choices(zone="Europe/Berlin"))
    assert [c.name for c in mapping.columns if c.zone] == ["first_seen"]
    with pytest.raises(InvalidInputError, match="“Berlin” is no time zone"):
        choose(seen(UNITS), Choices(zone="Berlin"))


def test_a_split_that_was_typed_is_kept_in_basis_points():
    assert choose(seen(UNITS), Choices(split={"a": 1, "b": 4})).split == {"a": 2000, "b": 8000}
