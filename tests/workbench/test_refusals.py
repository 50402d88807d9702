"""What cannot be meant or read is refused by name, with what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import experiments_core as ec
from experiments_core.errors import InvalidInputError
from tests.workbench.conftest import RATE, analyse, frame


def test_a_folder_and_a_table_without_columns_are_no_data(tmp_path: Path):
    with pytest.raises(InvalidInputError, match="is a folder"):
        analyse(tmp_path)
    with pytest.raises(InvalidInputError, match="has no columns"):
        analyse(pd.DataFrame())


WRONG = {
    "no such column": ({"variant": "grup"}, "no column “grup”", "Did you mean “group”?"),
    "no such metric": (
        {"metrics": [ec.Proportion("convertd")]}, "no column “convertd”", "“converted”",
    ),
    "no such unit": ({"unit": "user_id"}, "no column “user_id”", "There are: "),
    "no such control": ({"control": "C"}, "no variant “C”", "There are: "),
    "variant left out": ({"variant": None}, "which column is the variant", "variant="),
    "no metric": ({"metrics": []}, "no metric", "Proportion"),
    "same metric twice": ({"metrics": [*RATE, *RATE]}, "key “converted”", "key="),
    "not a metric": ({"metrics": ["converted"]}, "is no metric", "Proportion"),
    "no primary": ({"metrics": [ec.Mean("revenue", role="secondary")]}, "primary", "role"),
    "unknown arm in split": ({"split": {"control": 1, "C": 1}}, "names “C”", "There are: "),
    "arm not in split": ({"split": {"control": 1}}, "nothing about “B”", "every variant"),
    "share of zero": ({"split": {"control": 1, "B": 0}}, "is 0", "above 0"),
    "share in words": ({"split": {"control": 1, "B": "half"}}, "'half'", "above 0"),
    "alpha in per cent": ({"alpha": 5}, "alpha is 5", "0.05"),
    "alternative": ({"alternative": "larger"}, "“larger”", "greater"),
    "correction": ({"correction": "sidak"}, "“sidak”", "holm"),
    "sequential": ({"sequential": "yes"}, "“yes”", "always_valid"),
    "repeats": ({"repeats": "newest"}, "“newest”", "first"),
    "text as a number": ({"metrics": [ec.Mean("country")]}, "not a number", "leave_out_bad"),
    "numbers as an outcome": ({"metrics": [ec.Proportion("revenue")]}, "not 0 or 1", "of="),
    "text as an outcome": ({"metrics": [ec.Proportion("user")]}, "no yes or no", "Correct"),
    "a column named twice": ({"unit": "group"}, "named twice", "second column"),
    "totals and rows": (
        {"metrics": [*RATE, ec.Proportion("revenue", of="phase", key="x")]},
        "totals", "two calls",
    ),
    "totals with units": (
        {"metrics": [ec.Proportion("converted", of="phase")], "unit": "user"},
        "no rows per unit", "Leave unit",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("told", "message", "hint"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_meant_is_refused_by_name_with_what_to_do(
    told: dict[str, Any], message: str, hint: str
):
    with pytest.raises(InvalidInputError) as caught:
        analyse(frame(), **told)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.details[0].rule


FILES = {
    "empty": ("", "empty"),
    "a header alone": ("user,group,converted,revenue\n", "no rows below it"),
    "one arm": (
        "user,group,converted,revenue\nu1,control,1,2\nu2,control,0,1\n", "two variants",
    ),
    "control not there": ("user,group,converted,revenue\nu1,A,1,2\nu2,C,0,1\n", "is control"),
    "a bad outcome": (
        "user,group,converted,revenue\nu1,control,1,2\nu2,B,maybe,1\nu3,B,0,1\n", "line 3",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_no_test_is_refused_in_words(tmp_path: Path, text: str, message: str):
    path = tmp_path / "file.csv"
    path.write_text(text)
    with pytest.raises(InvalidInputError) as caught:
        analyse(path)
    assert message in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InvalidInputError, match="There is no file"):
        analyse(tmp_path / "nowhere.csv")


def test_something_that_is_no_table_is_named():
    with pytest.raises(InvalidInputError, match="int cannot be read"):
        analyse(5)
    with pytest.raises(InvalidInputError, match="dict cannot be read"):
        analyse({"group": ["control", "B"], "converted": [1, "x"]})


TYPED = {
    "no n": ({"control": {"x": 1}, "B": {"n": 2, "x": 1}}, "“control” has no “n”"),
    "no count": ({"control": {"n": 1}, "B": {"n": 2, "x": 1}}, "“control” has no “x”"),
    "too many": ({"control": {"n": 1, "x": 2}, "B": {"n": 2, "x": 1}}, "among 1 units"),
    "half a unit": ({"control": {"n": 1.5, "x": 1}, "B": {"n": 2, "x": 1}}, "is 1.5"),
    "true": ({"control": {"n": True, "x": 1}, "B": {"n": 2, "x": 1}}, "is True"),
    "nan": ({"control": {"n": float("nan"), "x": 1}, "B": {"n": 2, "x": 1}}, "is nan"),
    "one arm": ({"control": {"n": 3, "x": 1}}, "two variants"),
}


@pytest.mark.parametrize(("data", "message"), TYPED.values(), ids=TYPED.keys())
def test_numbers_typed_in_are_checked(data: dict[str, Any], message: str):
    with pytest.raises(InvalidInputError) as caught:
        ec.analyze(data, metrics=[ec.Proportion("x")])
    assert message in caught.value.message


def test_moments_typed_in_are_checked():
    for row, message in (
        ({"n": 10, "mean": 1.0}, "no “variance”"),
        ({"n": 10, "mean": 1.0, "variance": -1.0}, "below 0"),
        ({"n": 10, "mean": float("inf"), "sd": 1.0}, "is inf"),
    ):
        with pytest.raises(InvalidInputError) as caught:
            ec.analyze({"control": row, "B": row}, metrics=[ec.Mean("time")])
        assert message in caught.value.message
