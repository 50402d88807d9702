from __future__ import annotations

from typing import Any

import pytest

from experiments_core.domain.metric import MetricKind
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.errors import InvalidInputError


@pytest.mark.parametrize(
    ("fields", "field", "rule"),
    (
        ({"role": "guardrail"}, "non_inferiority_margin", "REQUIRED"),
        ({"role": "guardrail", "non_inferiority_margin": 0.1,
          "non_inferiority_margin_absolute": 0.1}, "non_inferiority_margin", "REQUIRED"),
        ({"non_inferiority_margin": 0}, "non_inferiority_margin", "RANGE"),
        ({"non_inferiority_margin": 1.5}, "non_inferiority_margin", "RANGE"),
        ({"non_inferiority_margin_absolute": float("inf")}, "non_inferiority_margin", "RANGE"),
        ({"non_inferiority_margin_absolute": float("nan")}, "non_inferiority_margin", "RANGE"),
        ({"relative_minimum_detectable_effect": 11}, "relative_minimum_detectable_effect",
         "RANGE"),
        ({"preferred_direction": "neutral"}, "preferred_direction", "UNKNOWN_CHOICE"),
        ({"missing": "drop"}, "missing", "UNKNOWN_CHOICE"),
    ),
)  # fmt: skip
def test_a_metric_that_breaks_a_rule_is_refused(fields: dict[str, Any], field: str, rule: str):
    with pytest.raises(InvalidInputError) as refused:
        Proportion("paid", **fields)
    assert [(p.field, p.rule) for p in refused.value.details] == [(field, rule)]


def test_key_and_name_come_from_the_column():
    metric = Mean("page_load_s")
    assert (metric.key, metric.name) == ("page_load_s", "Page load s")


def test_each_metric_knows_its_kind_columns_and_moments():
    rate = Proportion("signups", of="visitors")
    assert (rate.kind, rate.columns) == (MetricKind.PROPORTION, ("signups", "visitors"))
    assert (rate.needs.shape, rate.needs.columns) == ("counts", ("signups",))
    assert Proportion("paid").columns == ("paid",)
    orders = Mean("orders", whole=True, missing="zero")
    assert (orders.kind, Mean("x").kind) == (MetricKind.COUNT, MetricKind.MEAN)
    assert (orders.needs.shape, orders.needs.missing) == ("moments", "zero")
    assert orders.needs.skewness
