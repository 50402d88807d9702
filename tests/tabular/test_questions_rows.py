from dataclasses import replace

from experiments_core.tabular.answers import Question, answer
from experiments_core.tabular.courses import Readings
from experiments_core.tabular.found import Found
from experiments_core.tabular.questions import open_questions

from .conftest import Judge, asked, units


def by_code(questions: tuple[Question, ...]) -> dict[str, Question]:
    return {question.code: question for question in questions}


def test_which_of_several_experiments_is_read_is_asked(detected: Judge):
    seen = detected(units("experiment,converted", "one,1", "two,0", "one,0"))
    question = asked(seen)["EXPERIMENT"]
    assert [c.value for c in question.choices] == ["one", "two", "*", "-"]
    assert "EXPERIMENT" not in asked(seen, answer(seen.proposal, question, "two"))


def test_a_column_that_contradicts_the_variant_is_asked_about_with_its_largest_pairs(
    detected: Judge,
):
    seen = detected(units("page,converted", "old,1", "new,0"))
    pairs = {("control", "new"): 3, ("treatment", "old"): 1_200}
    found = Found({"control": 20, "treatment": 20}, {}, contradicted={2: pairs})
    question = by_code(open_questions(seen, seen.proposal, found))["COLUMNS_CONTRADICT"]
    assert "in 1,203 rows (“treatment” with “old”: 1,200; “control” with “new”: 3)" in (
        question.text.replace("\u202f", ",")
    )
    answered = answer(seen.proposal, question, "keep")
    assert answered.contradictions == {"page": "keep"}
    assert "COLUMNS_CONTRADICT" not in by_code(open_questions(seen, answered, found))


def test_rows_read_at_several_times_are_asked_about_unless_time_counts_from_the_start(
    detected: Judge,
):
    seen = detected("variant,visitors,orders\na,100,5\nb,110,6\na,200,9\nb,190,11\n")
    found = Found({"a": 2, "b": 2}, {}, readings=Readings(rows=4, fall=4))
    question = by_code(open_questions(seen, seen.proposal, found))["READINGS"]
    assert "(on line 4 a count is below an earlier one)" in question.text
    steady = replace(found, readings=Readings(rows=4, since_start=True))
    assert "READINGS" not in by_code(open_questions(seen, seen.proposal, steady))
