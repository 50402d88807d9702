"""Which change of a metric is good, where an experiment is born from a file."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from experiments_core.analysis.body import to_dict
from experiments_core.domain.access import LOCAL
from experiments_core.errors import InvalidInputError
from experiments_core.services import analyses, ingestion
from experiments_core.services.workspace import Workspace
from tests.services.files import add, answered, bring, receive

TABLE = "variant,visitors,signups,refunds\ncontrol,5000,500,300\nB,5000,500,400\n"
MOMENTS = (
    "variant,metric,n,mean,sd\ncontrol,latency_ms,900,200,40\nB,latency_ms,900,230,40\n"
    "control,revenue,900,20,4\nB,revenue,900,23,4\n"
)


def born(ws: Workspace, text: str, less_is_better: Sequence[str] | None) -> dict[str, str]:
    draft = receive(ws, text)
    mapping = answered(draft)
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    made = ingestion.create_from_import(
        ws, LOCAL, draft.import_id, mapping, name="Test", less_is_better=less_is_better
    )
    return {metric.key: metric.preferred_direction.value for metric in made.metrics}


@pytest.mark.parametrize(
    ("text", "told", "expected"),
    (
        (TABLE, None, {"signups": "increase", "refunds": "decrease"}),
        (TABLE, ["signups"], {"signups": "decrease", "refunds": "increase"}),
        (TABLE, [], {"signups": "increase", "refunds": "increase"}),
        (MOMENTS, None, {"latency_ms": "decrease", "revenue": "increase"}),
    ),
)
def test_a_measure_falls_for_the_better_where_its_name_or_a_person_says_so(
    ws: Workspace, text: str, told: Sequence[str] | None, expected: dict[str, str]
):
    assert born(ws, text, told) == expected


def test_more_of_what_should_be_less_is_worse(ws: Workspace):
    experiment, _ = bring(ws, MOMENTS)
    found = to_dict(analyses.look(ws, LOCAL, experiment.id).result)
    (_, treatment) = found["metrics"][0]["arms"]
    assert treatment["difference"] == pytest.approx(30)
    assert treatment["verdict"] == "worse"


def test_a_measure_that_is_not_there_is_refused_by_name(ws: Workspace):
    with pytest.raises(InvalidInputError) as refused:
        born(ws, TABLE, ["returns"])
    (problem,) = refused.value.details
    assert (problem.field, problem.value, problem.rule) == (
        "less_is_better", "returns", "NOT_FOUND",
    )  # fmt: skip


def test_the_report_of_a_new_experiment_tells_what_the_names_say(ws: Workspace):
    draft = receive(ws, TABLE)
    report = ingestion.check(ws, LOCAL, draft.import_id, answered(draft))
    assert report.measures == ("signups", "refunds")
    told = [one.message for one in report.warnings if one.code == "LESS_IS_BETTER"]
    assert len(told) == 1
    assert "better for “refunds” in" in told[0]
    experiment, _ = bring(ws, TABLE)
    again = add(ws, experiment, TABLE.replace("300", "310"), existing="replace")
    assert "LESS_IS_BETTER" not in {one.code for one in again.warnings}
