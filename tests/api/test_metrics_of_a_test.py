"""The metrics of a test over HTTP: of the library by key, or with a meaning of their own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import Client

EXAMPLE = """
{"name": "Shorter checkout", "type": "page", "hypothesis": "Fewer fields, more paid orders",
 "variants": [{"key": "control", "is_control": true, "weight_bp": 5000, "value": {"fields": 9}},
              {"key": "short", "weight_bp": 5000, "value": {"fields": 4}}],
 "allocation_bp": 2000, "metrics": [{"metric": "paid_order", "role": "primary", "relative_minimum_detectable_effect": 0.08},
              {"metric": "refund_rate", "role": "guardrail", "non_inferiority_margin": 0.01}],
 "plan": {"method": "fixed", "power": 0.8, "planned_units": 56200}}
"""  # noqa: E501  word for word the example of the specification
LIBRARY: list[dict[str, Any]] = [
    {"key": "paid_order", "name": "Paid order", "kind": "proportion", "column": "paid"},
    {
        "key": "refund_rate", "name": "Refunds", "kind": "proportion", "column": "refunded",
        "preferred_direction": "decrease", "window_days": 14,
    },
]  # fmt: skip
INLINE: list[dict[str, Any]] = [
    {"kind": "proportion", "column": "paid", "missing": "zero"},
    {"kind": "proportion", "column": "orders", "of": "visitors"},
    {"kind": "mean", "column": "revenue", "covariate": "before", "cap": "99.9%", "unit": "USD"},
    {"kind": "mean", "column": "revenue", "cap": 500.0, "key": "spent", "name": "Spent"},
    {"kind": "count", "column": "orders", "event": "order", "aggregation": "count"},
    {"kind": "ratio", "numerator": "clicks", "denominator": "views", "window_days": 7},
    {
        "kind": "ratio", "numerator": "taps", "denominator": "screens",
        "covariate": "taps_before", "covariate_denominator": "screens_before",
    },
    {"kind": "quantile", "column": "seconds", "q": 0.95, "preferred_direction": "decrease"},
    {
        "kind": "mean", "column": "seconds", "role": "guardrail", "delay_days": 1,
        "non_inferiority_margin_absolute": 0.2, "preferred_direction": "decrease",
    },
]  # fmt: skip


@pytest.fixture
def stocked(api: Client) -> Client:
    for one in LIBRARY:
        assert api.post("/metrics", one).status_code == 201
    return api


def refused(api: Client, *metrics: dict[str, Any]) -> list[tuple[str, str]]:
    answer = api.post("/experiments", {"name": "x", "metrics": metrics})
    assert answer.status_code == 422, answer.text
    return [(one["field"], one["rule"]) for one in answer.json()["error"]["details"]]


def test_the_example_of_the_specification_word_for_word(stocked: Client):
    sent = {"content": EXAMPLE, "headers": {"Content-Type": "application/json"}}
    answer = stocked("POST", "/experiments", **sent)
    assert (answer.status_code, answer.headers["etag"]) == (201, '"v1"'), answer.text
    paid, refund = answer.json()["data"]["metrics"]
    assert (paid["key"], paid["kind"], paid["column"]) == ("paid_order", "proportion", "paid")
    assert paid["relative_minimum_detectable_effect"] == 0.08
    assert (refund["role"], refund["non_inferiority_margin"]) == ("guardrail", 0.01)
    assert (refund["preferred_direction"], refund["window_days"]) == ("decrease", 14)


def test_without_the_library_each_unknown_key_is_named(api: Client):
    asked = json.loads(EXAMPLE)["metrics"]
    assert refused(api, *asked) == [
        ("metrics[0].metric", "NOT_FOUND"), ("metrics[1].metric", "NOT_FOUND"),
    ]  # fmt: skip


@pytest.mark.parametrize("metric", INLINE, ids=lambda one: str(one["kind"]))
def test_every_kind_may_have_a_meaning_of_its_own(api: Client, metric: dict[str, Any]):
    answer = api.post("/experiments", {"name": "x", "metrics": [metric]})
    assert answer.status_code == 201, answer.text
    (kept,) = api.get("/experiments/x").json()["data"]["metrics"]
    assert {name: kept[name] for name in metric} == metric


def test_a_test_does_not_say_otherwise_what_a_metric_of_the_library_means(stocked: Client):
    wrong = {"metric": "paid_order", "kind": "mean", "window_days": 3}
    assert sorted(refused(stocked, wrong)) == [
        ("metrics[0].kind", "UNKNOWN_FIELD"), ("metrics[0].window_days", "UNKNOWN_FIELD"),
    ]  # fmt: skip
