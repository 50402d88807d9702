"""Several rows of one unit: what counts, for the file and column by column."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import experiments_core as ec
from experiments_core.domain.access import LOCAL
from experiments_core.errors import InvalidInputError
from experiments_core.services import ingestion
from experiments_core.services.import_choices import choices_from_document
from experiments_core.services.import_reading import read_draft
from experiments_core.services.workspace import Workspace, open_workspace

# unit, arm, converted, revenue, rating, country; the second row of u0 and u1 comes later
ROWS = (
    ("u0", "a", 0, 10, 4, "DE"), ("u1", "b", 1, "", 1, "FR"),
    ("u0", "a", 1, 30, 1, "DE"), ("u1", "b", 0, 7, 5, "FR"),
    *((f"u{n}", "ab"[n % 2], n % 3 == 0, n, 3, "DE") for n in range(2, 30)),
)  # fmt: skip
HEADER = "user_id,variant,converted,revenue,rating,country\n"
TEXT = HEADER + "\n".join(",".join(str(c if c is not True else 1) for c in r) for r in ROWS)
TEXT = TEXT.replace("False", "0")


@pytest.fixture(scope="module")
def ws() -> Iterator[Workspace]:
    with open_workspace(":memory:") as found:
        yield found


def read(ws: Workspace, **said: Any) -> tuple[dict[str, tuple[Any, ...]], Any]:
    draft = ingestion.receive(ws, LOCAL, io.BytesIO(TEXT.encode()), "rows.csv")
    choices = choices_from_document({
        "outcomes": ["converted"], "values": ["revenue", "rating"], "finished": True,
        "control": "a", "blank": "exclude", **said,
    })  # fmt: skip
    _, _, report = read_draft(ws, LOCAL, draft, choices)
    names, rows = report.preview
    places = [names.index(name) for name in ("converted", "revenue", "rating")]
    found = {row[0]: tuple(row[p] for p in places) for row in rows}
    return {unit: found[unit] for unit in ("u0", "u1")}, report


@pytest.mark.parametrize(
    ("said", "units", "used"),
    (
        ({"repeats": "sum"}, {"u0": (1, 40, 5), "u1": (1, 7, 6)}, 32),
        ({"repeats": "mean"}, {"u0": (1, 20, 2.5), "u1": (1, 7, 3)}, 32),
        ({"repeats": "first"}, {"u0": (0, 10, 4), "u1": (1, None, 1)}, 30),
        ({"repeats": "last"}, {"u0": (1, 30, 1), "u1": (0, 7, 5)}, 30),
        (
            {"repeats": "max", "repeats_of": {"revenue": "sum", "rating": "last"}},
            {"u0": (1, 40, 1), "u1": (1, 7, 5)}, 32,
        ),
        (
            {"repeats_of": {"converted": "last", "revenue": "count", "rating": "min"}},
            {"u0": (1, 2, 1), "u1": (0, 1, 1)}, 32,
        ),
    ),
)  # fmt: skip
def test_each_column_is_aggregated_by_its_own_rule(
    ws: Workspace, said: dict[str, Any], units: dict[str, tuple[Any, ...]], used: int
):
    found, report = read(ws, **said)
    assert found == units
    assert report.questions == ()
    assert (report.rows_used, report.rows_left_out) == (used, 32 - used)
    assert report.units == 30


def test_a_column_without_a_rule_leaves_the_question_open(ws: Workspace):
    _, report = read(ws, repeats_of={"revenue": "sum"})
    assert [question.code for question in report.questions] == ["UNIT_REPEATED"]
    _, report = read(ws, repeats_of={"revenue": "sum"}, repeats="max")
    text = next(one.message for one in report.warnings if one.code == "UNIT_REPEATED")
    assert "highest value of each outcome" in text
    assert "of “revenue” the sum counts" in text


def test_a_yes_or_no_has_no_mean(ws: Workspace):
    with pytest.raises(InvalidInputError, match="“max”, “min”, “first”, “last” may count"):
        read(ws, repeats_of={"converted": "mean"})


def test_the_rule_is_remembered_for_the_next_export(ws: Workspace):
    draft = ingestion.receive(ws, LOCAL, io.BytesIO(TEXT.encode()), "rows.csv")
    choices = choices_from_document({
        "outcomes": ["converted"], "values": ["revenue", "rating"], "finished": True,
        "control": "a", "blank": "exclude", "repeats": "max", "repeats_of": {"rating": "mean"},
    })  # fmt: skip
    draft, mapping, _ = read_draft(ws, LOCAL, draft, choices)
    record = ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Rows")
    later = io.BytesIO((TEXT + "\nu99,a,1,5,2,DE").encode())
    again = ingestion.receive(ws, LOCAL, later, "later.csv", experiment_id=record.experiment_id)
    known = {column.name: column.repeats for column in again.detection.proposal.columns}
    assert known["rating"] == "mean"
    assert again.detection.proposal.repeats == "max"


def test_the_notebook_takes_one_rule_per_column(tmp_path: Path):
    path = tmp_path / "rows.csv"
    path.write_text(TEXT)
    rules = {"revenue": "sum", "rating": "mean", "*": "max"}
    told: dict[str, Any] = {
        "variant": "variant", "unit": "user_id", "repeats": rules,
    }  # fmt: skip
    metrics = [ec.Proportion("converted"), ec.Mean("revenue"), ec.Mean("rating")]
    found = ec.read_data(path, metrics=metrics, **told).data.set_index("unit")
    assert tuple(found.loc["u0", ["converted", "revenue", "rating"]]) == (1, 40, 2.5)
    same = ec.read_data(
        path, **told, outcomes=["converted"], values=["revenue", "rating"], blank="exclude",
        control="a",
    ).data.set_index("unit")  # fmt: skip
    assert tuple(same.loc["u0", ["converted", "revenue", "rating"]]) == (1, 40, 2.5)
    with pytest.raises(InvalidInputError, match="repeats of “revenue” is “median”"):
        ec.read_data(path, metrics=metrics, **told | {"repeats": {"revenue": "median"}})
