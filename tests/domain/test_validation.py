from __future__ import annotations

import pytest

from experiments_core.domain.validation import refuse
from experiments_core.errors import InvalidInputError, Problem


def test_one_error_names_every_field():
    refuse([])
    problems = [Problem("a", 1, "RANGE", "a is 1"), Problem("b", 2, "SPLIT_SUM", "b is 2")]
    with pytest.raises(InvalidInputError) as refused:
        refuse(problems)
    assert refused.value.code == "INVALID_INPUT"
    assert refused.value.message == "2 things to correct. A is 1."
    assert refused.value.details == tuple(problems)


def test_a_single_named_rule_is_the_code_of_the_error():
    for rule, code in (("SPLIT_SUM", "SPLIT_SUM"), ("RANGE", "INVALID_INPUT")):
        with pytest.raises(InvalidInputError) as refused:
            refuse([Problem("a", 1, rule, "why")])
        assert refused.value.code == code
