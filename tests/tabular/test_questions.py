from dataclasses import replace

import pytest

from experiments_core.domain.source import Mapping, Role
from experiments_core.errors import InvalidInputError
from experiments_core.tabular.answers import Question, answer, give_role
from experiments_core.tabular.questions import Found, open_questions
from experiments_core.tabular.shape import Detection

from .conftest import Judge, judge


def file_of(header: str, *cells: str, arms: tuple[str, str] = ("control", "treatment")) -> str:
    lines = [f"u{n},{arms[n % 2]},{cells[n % len(cells)]}" for n in range(30)]
    return "\n".join((f"user_id,variant,{header}", *lines)) + "\n"


def asked(found: Detection, mapping: Mapping | None = None) -> dict[str, Question]:
    questions = open_questions(found, mapping or found.proposal)
    return {question.code: question for question in questions}


def test_a_plain_file_is_only_asked_whether_the_test_is_over(detected: Judge):
    found = detected(file_of("converted", "1", "0"))
    assert list(asked(found)) == ["FINISHED"]
    over = answer(found.proposal, asked(found)["FINISHED"], "yes")
    assert over.finished is True
    assert not asked(found, over)
    assert not open_questions(found, found.proposal, ask_finished=False)


def test_control_is_asked_for_when_no_arm_has_its_name(detected: Judge):
    found = detected(file_of("converted", "1", "0", arms=("gate_30", "gate_40")))
    question = asked(found)["CONTROL"]
    assert {choice.value for choice in question.choices} == {"gate_30", "gate_40"}
    assert question.default == "gate_30"
    assert answer(found.proposal, question, "gate_40").control == "gate_40"


CASES = (
    ("OUTCOME_BLANK", file_of("converted", "1", "0", "NA"), "exclude", "line 4"),
    ("OUTCOME_COUNTS", file_of("converted", "0", "3", "1"), "positive", "such as 3"),
    ("NUMBER_FORMAT", file_of("revenue", '"1,234"', '"5,678"'), ",", "decimal mark"),
    (
        "DAY_MONTH_AMBIGUOUS",
        file_of("converted,day", "1,01/02/2026", "0,03/04/2026"), "%m/%d/%Y", "day or month",
    ),
    (
        "TIME_FORMAT",
        file_of("converted,ts", "1,2024-03-05", "0,05/03/2024", "1,5 Mar 2024"),
        "ignore", "line 3 reads “05/03/2024”",
    ),
    ("DUPLICATE_COLUMN", file_of("won,converted,converted", "x,1,0", "y,0,1"), "3",
     "columns 4 and 5"),
    ("OUTCOME_COLUMN", file_of("plan", "x", "y", "z"), "", "Which column is the outcome"),
)  # fmt: skip


@pytest.mark.parametrize(("code", "text", "value", "words"), CASES)
def test_what_a_file_cannot_say_is_asked_and_an_answer_closes_the_question(
    code: str, text: str, value: str, words: str
):
    found = judge(text)
    question = asked(found)[code]
    assert words in question.text
    if value:
        assert code not in asked(found, answer(found.proposal, question, value))


def test_a_variant_column_is_asked_for_and_an_answer_gives_the_role(detected: Judge):
    text = "ID,Promotion,purchase\n" + "".join(
        f"{n},{'Yes' if n % 2 else 'No'},{n % 3 == 0:d}\n" for n in range(1, 60)
    )
    found = detected(text)
    question = asked(found)["VARIANT_COLUMN"]
    mapping = answer(found.proposal, question, "1")
    assert mapping.named(Role.VARIANT)[0].name == "Promotion"
    assert "CONTROL" in asked(found, mapping)


def test_an_event_log_asks_for_its_exposure_conversion_and_window(detected: Judge):
    lines = "".join(
        f"u{n // 2},{'a' if n % 4 > 1 else 'b'},{'view' if n % 2 else 'Buy'},2026-05-01\n"
        for n in range(40)
    )
    questions = asked(detected("user_id,variant,event,at_time\n" + lines))
    assert questions["EXPOSURE_EVENT"].default == "view"
    assert [c.value for c in questions["CONVERSION_EVENT"].choices] == ["Buy"]
    assert "several rows per user_id" in questions["CONVERSION_EVENT"].text
    assert questions["CONVERSION_WINDOW"].default == "all"


def test_an_exposure_that_alone_carries_the_variant_is_not_asked_about(detected: Judge):
    lines = "".join(
        f"u{n // 2},{'' if n % 2 else 'ab'[n % 4 // 2]},{'buy' if n % 2 else 'seen'}\n"
        for n in range(40)
    )
    seen = detected("user_id,variant,event\n" + lines)
    assert seen.proposal.exposure_event == "seen"
    assert "EXPOSURE_EVENT" not in asked(seen)


def test_two_columns_that_may_be_the_unit_are_asked_about(detected: Judge):
    lines = "".join(f"u{n},s{n},{'ab'[n % 2]},{n % 3 == 0:d}\n" for n in range(40))
    seen = detected("user_id,session_id,variant,converted\n" + lines)
    question = asked(seen)["UNIT_COLUMN"]
    assert [c.value for c in question.choices] == ["0", "1"]
    chosen = answer(seen.proposal, question, "1")
    assert [c.name for c in chosen.named(Role.UNIT)] == ["session_id"]
    assert "UNIT_COLUMN" not in {one.code for one in open_questions(seen, chosen)}


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


def test_what_all_rows_show_replaces_what_the_sample_showed(detected: Judge):
    found = detected(file_of("converted", "1", "0"))
    mapping = replace(found.proposal, finished=True)
    seen = Found({"control": 15, "treatment": 15}, {2: (7, 812)}, repeated=3)
    questions = {q.code: q for q in open_questions(found, mapping, seen)}
    assert "7 rows, the first on line 812" in questions["OUTCOME_BLANK"].text
    mapping = answer(mapping, questions["UNIT_REPEATED"], "sum")
    mapping = answer(mapping, questions["OUTCOME_BLANK"], "zero")
    assert mapping.columns[2].blank == "zero"
    assert open_questions(found, mapping, seen) == ()


def test_an_answer_outside_the_choices_is_refused(detected: Judge):
    found = detected(file_of("converted", "1", "0"))
    with pytest.raises(InvalidInputError, match="“maybe” is no answer to FINISHED"):
        answer(found.proposal, asked(found)["FINISHED"], "maybe")


def test_only_one_column_keeps_a_role_that_is_single(detected: Judge):
    found = detected(file_of("group,converted", "x,1", "y,0"))
    mapping = give_role(found.proposal, 2, Role.VARIANT)
    assert [column.name for column in mapping.named(Role.VARIANT)] == ["group"]
    assert mapping.columns[1].role is Role.IGNORE


def test_a_header_that_looks_like_data_is_asked_about(detected: Judge):
    found = detected(file_of("converted", "1", "0").split("\n", 1)[1])
    question = asked(found)["HEADER"]
    assert question.default == "0"
    assert answer(found.proposal, question, "0").dialect.header_line == 0


def test_few_identifiers_in_many_rows_are_asked_about(detected: Judge):
    rows = "".join(f"u{n % 8},{'ab'[n % 2]},{n % 3 == 0:d}\n" for n in range(40))
    found = detected(f"user_id,variant,converted\n{rows}")
    question = asked(found)["UNIT_COLUMN"]
    assert "8 different values in 40 rows" in question.text
    assert [choice.value for choice in question.choices] == ["unit", "segment"]
    for value in ("unit", "segment"):
        mapping = answer(found.proposal, question, value)
        assert "UNIT_COLUMN" not in {q.code for q in open_questions(found, mapping)}
