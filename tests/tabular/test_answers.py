import pytest

from experiments_core.domain.source import Role
from experiments_core.errors import InvalidInputError
from experiments_core.tabular.answers import answer, give_role

from .conftest import Judge, asked, units


def test_an_answer_outside_the_choices_is_refused(detected: Judge):
    found = detected(units("converted", "1", "0"))
    with pytest.raises(InvalidInputError, match="“maybe” is no answer to FINISHED"):
        answer(found.proposal, asked(found)["FINISHED"], "maybe")


def test_only_one_column_keeps_a_role_that_is_single(detected: Judge):
    found = detected(units("group,converted", "x,1", "y,0"))
    mapping = give_role(found.proposal, 2, Role.VARIANT)
    assert [column.name for column in mapping.named(Role.VARIANT)] == ["group"]
    assert mapping.columns[1].role is Role.IGNORE
