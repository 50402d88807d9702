from experiments_core.domain.source import Role
from experiments_core.tabular.answers import answer
from experiments_core.tabular.questions import open_questions

from .conftest import Judge, asked, units


def test_a_variant_column_is_asked_for_and_an_answer_gives_the_role(detected: Judge):
    text = "ID,Promotion,purchase\n" + "".join(
        f"{n},{'Yes' if n % 2 else 'No'},{n % 3 == 0:d}\n" for n in range(1, 60)
    )
    found = detected(text)
    question = asked(found)["VARIANT_COLUMN"]
    mapping = answer(found.proposal, question, "1")
    assert mapping.named(Role.VARIANT)[0].name == "Promotion"
    assert "CONTROL" in asked(found, mapping)


def test_control_is_asked_for_when_no_arm_has_its_name(detected: Judge):
    found = detected(units("converted", "1", "0", arms=("gate_30", "gate_40")))
    question = asked(found)["CONTROL"]
    assert {choice.value for choice in question.choices} == {"gate_30", "gate_40"}
    assert question.default == "gate_30"
    assert answer(found.proposal, question, "gate_40").control == "gate_40"


def test_two_columns_that_may_be_the_unit_are_asked_about(detected: Judge):
    lines = "".join(f"u{n},s{n},{'ab'[n % 2]},{n % 3 == 0:d}\n" for n in range(40))
    seen = detected("user_id,session_id,variant,converted\n" + lines)
    question = asked(seen)["UNIT_COLUMN"]
    assert [c.value for c in question.choices] == ["0", "1"]
    chosen = answer(seen.proposal, question, "1")
    assert [c.name for c in chosen.named(Role.UNIT)] == ["session_id"]
    assert "UNIT_COLUMN" not in {one.code for one in open_questions(seen, chosen)}


def test_few_identifiers_in_many_rows_are_asked_about(detected: Judge):
    rows = "".join(f"u{n % 8},{'ab'[n % 2]},{n % 3 == 0:d}\n" for n in range(40))
    found = detected(f"user_id,variant,converted\n{rows}")
    question = asked(found)["UNIT_COLUMN"]
    assert "8 different values in 40 rows" in question.text
    assert [choice.value for choice in question.choices] == ["unit", "segment"]
    for value in ("unit", "segment"):
        mapping = answer(found.proposal, question, value)
        assert "UNIT_COLUMN" not in {q.code for q in open_questions(found, mapping)}
