from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from experiments_core.domain.documents import (
    from_document,
    metric_from_document,
    metric_to_document,
    moment_text,
    plan_from_document,
    plan_to_document,
    read_moment,
    to_document,
)
from experiments_core.domain.experiment import Experiment, Plan
from experiments_core.domain.lifecycle import BIN, Status
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.errors import InvalidInputError

METRICS = (
    Proportion("paid"),
    Proportion("signups", of="visitors", role="secondary", preferred_direction="neutral"),
    Mean("revenue", unit="USD", role="guardrail", non_inferiority_margin_absolute=0.5),
    Mean("orders", whole=True, missing="zero", relative_minimum_detectable_effect=0.02),
)


@pytest.mark.parametrize("place", (*Status, BIN))
def test_an_experiment_survives_json(build: Callable[..., Experiment], place: str):
    plan = Plan(planned_end=date(2026, 5, 3), baseline=0.1)
    before = build(place, metrics=METRICS, plan=plan, tags=("a", "ü"), description="x\ny")
    document = json.loads(json.dumps(to_document(before), allow_nan=False))
    del document["phases"]
    assert from_document(document, before.phases) == before


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_survives_json(metric: Metric):
    assert metric_from_document(json.loads(json.dumps(metric_to_document(metric)))) == metric


@pytest.mark.parametrize(
    ("document", "rule"),
    (
        ({"kind": "median", "column": "x"}, "UNKNOWN_CHOICE"),
        ({"column": "x"}, "UNKNOWN_CHOICE"),
        ({"kind": "mean", "column": "x", "of": "y"}, "UNKNOWN_FIELD"),
        ({"kind": "mean"}, "REQUIRED"),
        ({"kind": "mean", "column": "x", "missing": "drop"}, "UNKNOWN_CHOICE"),
    ),
)
def test_a_metric_that_breaks_a_rule_is_refused(document: dict[str, str], rule: str):
    with pytest.raises(InvalidInputError) as refused:
        metric_from_document(document)
    assert refused.value.details[0].rule == rule


def test_a_plan_survives_json_and_refuses_unknown_fields():
    plan = Plan(alpha=0.01, planned_end=date(2026, 5, 3))
    assert plan_from_document(json.loads(json.dumps(plan_to_document(plan)))) == plan
    with pytest.raises(InvalidInputError, match="no field “alhpa”"):
        plan_from_document({"alhpa": 0.01})


def test_times_are_written_in_utc_and_read_aware():
    berlin = datetime(2026, 5, 4, 9, tzinfo=timezone(timedelta(hours=2)))
    assert moment_text(berlin) == "2026-05-04T07:00:00Z"
    assert read_moment("2026-05-04T09:00:00+02:00") == berlin
    assert read_moment("2026-05-04T07:00:00") == datetime(2026, 5, 4, 7, tzinfo=UTC)
