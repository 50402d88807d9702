from dataclasses import replace

import pytest

from experiments_core.tabular.answers import answer
from experiments_core.tabular.found import Found
from experiments_core.tabular.questions import open_questions

from .conftest import Judge, asked, judge, units


def test_a_plain_file_is_only_asked_whether_the_test_is_over(detected: Judge):
    found = detected(units("converted", "1", "0"))
    assert list(asked(found)) == ["FINISHED"]
    over = answer(found.proposal, asked(found)["FINISHED"], "yes")
    assert over.finished is True
    assert not asked(found, over)
    assert not open_questions(found, found.proposal, ask_finished=False)


CASES = (
    ("OUTCOME_BLANK", units("converted", "1", "0", "NA"), "exclude", "line 4"),
    ("OUTCOME_COUNTS", units("converted", "0", "3", "1"), "positive", "such as 3"),
    ("NUMBER_FORMAT", units("revenue", '"1,234"', '"5,678"'), ",", "decimal mark"),
    (
        "DAY_MONTH_AMBIGUOUS",
        units("converted,day", "1,01/02/2026", "0,03/04/2026"), "%m/%d/%Y", "day or month",
    ),
    (
        "TIME_FORMAT",
        units("converted,ts", "1,2024-03-05", "0,05/03/2024", "1,5 Mar 2024"),
        "ignore", "line 3 reads “05/03/2024”",
    ),
    ("DUPLICATE_COLUMN", units("won,converted,converted", "x,1,0", "y,0,1"), "3",
     "columns 4 and 5"),
    ("OUTCOME_COLUMN", units("plan", "x", "y", "z"), "", "Which column is the outcome"),
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


def test_what_all_rows_show_replaces_what_the_sample_showed(detected: Judge):
    found = detected(units("converted", "1", "0"))
    mapping = replace(found.proposal, finished=True)
    seen = Found({"control": 15, "treatment": 15}, {2: (7, 812)}, repeated=3)
    questions = {q.code: q for q in open_questions(found, mapping, seen)}
    assert "7 rows, the first on line 812" in questions["OUTCOME_BLANK"].text
    mapping = answer(mapping, questions["UNIT_REPEATED"], "sum")
    mapping = answer(mapping, questions["OUTCOME_BLANK"], "zero")
    assert mapping.columns[2].blank == "zero"
    assert open_questions(found, mapping, seen) == ()


def test_a_header_that_looks_like_data_is_asked_about(detected: Judge):
    found = detected(units("converted", "1", "0").split("\n", 1)[1])
    question = asked(found)["HEADER"]
    assert question.default == "0"
    assert answer(found.proposal, question, "0").dialect.header_line == 0
