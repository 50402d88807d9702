"""The one JSON body of a result, and the way back.

What cannot be said is ``null`` with ``<field>_reason`` beside it. Fractions stay fractions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from experiments_core.analysis.contrast import (
    Adjustment,
    Bayes,
    Contrast,
    PhaseResult,
    Plain,
    Sequential,
)
from experiments_core.analysis.results import (
    ArmResult,
    Check,
    ExperimentResult,
    HoldoutMetric,
    HoldoutResult,
    MetricResult,
    Omnibus,
    Progress,
    Recommendation,
    SegmentResult,
    Verdict,
)
from experiments_core.stats.estimate import Undefined

Json = dict[str, Any]

_OPTIONAL = (
    "standard_deviation", "conversions", "value_interval_method", "probability_best", "missing",
    "capped", "covariate_filled",
)  # fmt: skip
_HELD = {
    "sequential", "by_phase", "size_weighted", "plain_total", "heterogeneity_p_value", "bayes",
    "unadjusted", "adjustment", "uncapped",
}  # fmt: skip
_WHERE_THEY_APPLY = (
    "verdict_reason", "guardrail", "guardrail_p_value", "difference_interval_method",
    "relative_lift_interval_method", "p_value_exact",
)  # fmt: skip
_SOME_METRICS = ("q", "denominator", "covariate", "cap", "cap_rule")
_ROWS = {
    "size_weighted": PhaseResult, "plain_total": PhaseResult,
    "unadjusted": Plain, "uncapped": Plain, "adjustment": Adjustment,
}  # fmt: skip
"""Parts of a contrast that are dataclasses of their own, where they exist."""


def to_dict(result: ExperimentResult) -> Json:
    """The results body. Ready for ``json.dumps(..., allow_nan=False)``."""
    verdict = {
        "code": result.verdict.code,
        "variant": result.verdict.variant,
        "basis": result.verdict.basis,
        "text": result.verdict.text,
        "reasons": list(result.verdict.reasons),
    }
    if result.verdict.reason is not None:
        verdict["reason"] = result.verdict.reason
    suggestion = result.recommendation
    body: Json = {
        "look": result.look,
        "status": result.status,
        "final": result.final,
        "verdict": verdict,
        "recommendation": {
            "action": suggestion.action,
            "variant": suggestion.variant,
            "reasons": list(suggestion.reasons),
            "text": suggestion.text,
        },
        "health": [_check(card) for card in result.health],
        "phases": result.phases,
        "reference": result.reference,
        "metrics": [_metric(metric) for metric in result.metrics],
        "progress": None if result.progress is None else _values(result.progress),
        "engine_version": result.engine_version,
        "statistics_version": result.statistics_version,
        "data_hash": result.data_hash,
    }
    if result.holdout is not None:
        held = _values(result.holdout, skip=("metrics",))
        held["metrics"] = [_without_nothing(_values(one)) for one in result.holdout.metrics]
        body["holdout"] = held
    if result.exploring:
        body["exploring"] = list(result.exploring)
    if result.locked:
        body["locked"] = True
    return body


def segment_to_dict(segment: SegmentResult, *, neutral: bool = False) -> Json:
    """One segment value of one metric."""
    body = _values(segment, skip=("arms",))
    body["arms"] = [_arm(arm, neutral=neutral) for arm in segment.arms]
    return body


def from_dict(body: Mapping[str, Any]) -> ExperimentResult:
    """Read a stored body back: ``from_dict(to_dict(result)) == result``."""
    verdict, suggestion = dict(body["verdict"]), dict(body["recommendation"])
    return ExperimentResult(
        final=body["final"],
        verdict=Verdict(**{**verdict, "reasons": tuple(verdict["reasons"])}),
        recommendation=Recommendation(
            **{**suggestion, "reasons": tuple(suggestion["reasons"])}
        ),
        health=tuple(_read(Check, card) for card in body["health"]),
        phases=body["phases"],
        reference=body["reference"],
        metrics=tuple(metric_from_dict(metric) for metric in body["metrics"]),
        engine_version=body["engine_version"],
        data_hash=body["data_hash"],
        statistics_version=body["statistics_version"],
        look=body["look"],
        status=body["status"],
        progress=None if body["progress"] is None else _read(Progress, body["progress"]),
        exploring=tuple(body.get("exploring", ())),
        locked=body.get("locked", False),
        holdout=_read_holdout(body.get("holdout")),
    )


def _put(body: Json, name: str, value: Any) -> None:
    if isinstance(value, Undefined):
        body[name] = None
        body[f"{name}_reason"] = value.reason
    else:
        body[name] = value


def _values(item: Any, skip: Sequence[str] = ()) -> Json:
    """The fields of a dataclass, a missing number with its reason."""
    body: Json = {}
    for field in fields(item):
        if field.name not in skip:
            _put(body, field.name, getattr(item, field.name))
    return body


def _without_nothing(body: Json) -> Json:
    """Leave out what does not apply; what cannot be said stays, with its reason."""
    return {k: v for k, v in body.items() if v is not None or f"{k}_reason" in body}


def _check(card: Check) -> Json:
    body = _values(card)
    if card.p_value is None:
        del body["p_value"]
    return body


def _metric(metric: MetricResult) -> Json:
    neutral = metric.preferred_direction == "neutral"
    body = _values(metric, skip=("arms", "segments", "omnibus"))
    for name in _SOME_METRICS:
        if body[name] is None:
            del body[name]
    body["arms"] = [_arm(arm, neutral=neutral) for arm in metric.arms]
    if metric.omnibus is not None:
        body["omnibus"] = _values(metric.omnibus)
    if metric.segments:
        body["segments"] = [segment_to_dict(one, neutral=neutral) for one in metric.segments]
    return body


def _arm(arm: ArmResult, *, neutral: bool) -> Json:
    body = _values(arm, skip=("contrast",))
    for name in _OPTIONAL:
        if body[name] is None and f"{name}_reason" not in body:
            del body[name]
    if arm.contrast is not None:
        body |= _contrast(arm.contrast, neutral=neutral)
    return body


def _contrast(contrast: Contrast, *, neutral: bool) -> Json:
    body = _values(contrast, skip=tuple(_HELD))
    body["flags"] = list(contrast.flags)
    for name in _WHERE_THEY_APPLY:
        if body[name] is None and f"{name}_reason" not in body:
            del body[name]
    if neutral and contrast.verdict != "cannot_say":
        body["verdict"] = None  # a neutral metric may be significant, but not better or worse
    early = contrast.sequential
    if early is not None:
        name = "sequential" if early.decides else "always_valid"
        body[name] = _without_nothing(_values(early, skip=("decides",)))
    if contrast.by_phase:
        body["by_phase"] = [_values(row) for row in contrast.by_phase]
    for name in ("size_weighted", "plain_total", "unadjusted", "adjustment", "uncapped"):
        row = getattr(contrast, name)
        if row is not None:
            body[name] = _values(row)
    if contrast.bayes is not None:
        body["bayes"] = _values(contrast.bayes)
    if contrast.heterogeneity_p_value is not None:
        _put(body, "heterogeneity_p_value", contrast.heterogeneity_p_value)
    return body


def _read(kind: type[Any], body: Mapping[str, Any], **given: Any) -> Any:
    """Fill a dataclass from its fields; what the body does not hold keeps its default."""
    values = dict(given)
    for field in fields(kind):
        if field.name in values or field.name not in body:
            continue
        reason = body.get(f"{field.name}_reason")
        value = body[field.name]
        values[field.name] = Undefined(reason) if value is None and reason else value
    return kind(**values)


def _read_holdout(body: Mapping[str, Any] | None) -> HoldoutResult | None:
    if body is None:
        return None
    metrics = tuple(_read(HoldoutMetric, one) for one in body["metrics"])
    return HoldoutResult(body["arm"], body["randomised"], metrics)


def metric_from_dict(body: Mapping[str, Any]) -> MetricResult:
    """Read one metric of a stored body back."""
    segments = tuple(
        _read(SegmentResult, one, arms=tuple(_read_arm(arm) for arm in one["arms"]))
        for one in body.get("segments", ())
    )
    arms = tuple(_read_arm(arm) for arm in body["arms"])
    told = body.get("omnibus")
    omnibus = None if told is None else _read(Omnibus, told)
    metric: MetricResult = _read(
        MetricResult, body, arms=arms, segments=segments, omnibus=omnibus
    )
    return metric


def _read_arm(body: Mapping[str, Any]) -> ArmResult:
    contrast = _read_contrast(body) if "difference" in body else None
    conversions = body.get("conversions")
    arm: ArmResult = _read(ArmResult, body, contrast=contrast, conversions=conversions)
    return arm


def _read_contrast(body: Mapping[str, Any]) -> Contrast:
    given: Json = {
        "flags": tuple(body["flags"]),
        "verdict": body["verdict"] or "no_clear_difference",
        "verdict_reason": body.get("verdict_reason"),
        "by_phase": tuple(_read(PhaseResult, row) for row in body.get("by_phase", ())),
    }
    for name, decides in (("sequential", True), ("always_valid", False)):
        if name in body:
            told = {"p_value_always_valid": None, **body[name]}
            given["sequential"] = _read(Sequential, told, decides=decides)
    given["bayes"] = _read(Bayes, body["bayes"]) if "bayes" in body else None
    for name, kind in _ROWS.items():
        given[name] = _read(kind, body[name]) if name in body else None
    contrast: Contrast = _read(Contrast, body, **given)
    return contrast
