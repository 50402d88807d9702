import pytest

from experiments_core.errors import InvalidInputError
from experiments_core.services.import_choices import (
    Choices,
    choices_from_document,
    choices_to_document,
)


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
