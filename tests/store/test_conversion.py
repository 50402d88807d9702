import pytest

from experiments_core.domain.source import Role
from experiments_core.store import (
    conversion,
)
from experiments_core.store.database import Database

from .conftest import value


@pytest.mark.parametrize(
    ("cell", "stored"),
    (
        ("1", 1), ("0", 0), (" Yes ", 1), ("N", 0), ("TRUE", 1), ("f", 0), ("1.0", 1),
        ("0,0", 0),
        ("", None), ("NA", None), ("-", None), (None, None),
        ("maybe", 2), ("-1", 2), ("3", 2), ("#N/A", 2), ("0.5", 2), ("0_1", 2), ("0x1", 2),
    ),
)  # fmt: skip
def test_outcomes_are_one_zero_blank_or_wrong(
    db: Database, cell: str | None, stored: int | None
):
    assert value(db, conversion.outcome("f", "VARCHAR"), cell) == stored


def test_blank_outcomes_are_zero_and_counts_converted_only_when_somebody_said_so(db: Database):
    said = conversion.outcome("f", "VARCHAR", blank="zero", converted="positive")
    assert [value(db, said, cell) for cell in ("", "3", "0.5", "-2")] == [0, 1, 2, 2]


@pytest.mark.parametrize(
    ("sql_type", "cell", "stored"),
    (("BOOLEAN", True, 1), ("BIGINT", 0, 0), ("BIGINT", 7, 2), ("DOUBLE", float("nan"), None)),
)
def test_outcomes_of_a_frame_keep_their_type(
    db: Database, sql_type: str, cell: object, stored: int | None
):
    field = f"CAST(f AS {sql_type})"
    assert value(db, conversion.outcome(field, sql_type), cell) == stored


@pytest.mark.parametrize(
    ("role", "cell", "rule"),
    (
        (Role.VALUE, "#####", "SPREADSHEET_ERROR"), (Role.VALUE, "1e400", "NOT_FINITE"),
        (Role.VALUE, "abc", "NUMBER"), (Role.OUTCOME, "-1", "OUTCOME_RANGE"),
        (Role.OUTCOME, "maybe", "OUTCOME_WORD"), (Role.TIME, "soon", "TIME"),
    ),
)  # fmt: skip
def test_each_wrong_cell_has_its_rule(db: Database, role: Role, cell: str, rule: str):
    assert value(db, conversion.rule_of(role, "f"), cell) == rule
