"""Results made by hand: every situation of a figure, drawn without an analysis."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from experiments_core.analysis.contrast import Contrast, PhaseResult, Sequential
from experiments_core.analysis.results import (
    ArmResult,
    Check,
    ExperimentResult,
    MetricResult,
    Progress,
    Recommendation,
    SegmentResult,
    SeriesPoint,
    Verdict,
)
from experiments_core.stats.estimate import Undefined, Value

NOT_THERE = Undefined("zero_control")


def contrast(
    difference: tuple[Value, Value, Value],
    lift: tuple[Value, Value, Value],
    p: Value,
    verdict: str,
    wings: tuple[Value, Value] | None = None,
    **more: Any,
) -> Contrast:
    """A treatment against control; each triple is value, lower, upper."""
    sequential = wings and Sequential(
        "always_valid", 0.95, 0.06, difference[1], difference[2], *wings, decides=False
    )
    fields: dict[str, Any] = {
        "difference": difference[0],
        "difference_ci_lower": difference[1],
        "difference_ci_upper": difference[2],
        "relative_lift": lift[0],
        "relative_lift_ci_lower": lift[1],
        "relative_lift_ci_upper": lift[2],
        "statistic": 2.36,
        "p_value": p,
        "p_value_adjusted": p,
        "confidence_level": 0.95,
        "test_method": "stratified_score",
        "interval_method": "score",
        "significant": verdict in {"better", "worse"},
        "verdict": verdict,
        "sequential": sequential or None,
    }
    return Contrast(**fields | more)


def metric(
    name: str,
    values: tuple[float, float],
    sizes: tuple[int, int],
    found: Contrast,
    *,
    role: str = "secondary",
    kind: str = "proportion",
    direction: str = "increase",
    unit: str = "",
    margin: float | None = None,
    **more: Any,
) -> MetricResult:
    """One metric with a control and B."""
    rate = kind == "proportion"
    arms = tuple(
        ArmResult(
            variant=variant,
            n=n,
            conversions=round(value * n) if rate else None,
            value=value,
            ci_lower=value * 0.95,
            ci_upper=value * 1.05,
            standard_deviation=None if rate else value * 2,
            contrast=told,
        )
        for variant, value, n, told in zip(
            ("control", "B"), values, sizes, (None, found), strict=True
        )
    )
    return MetricResult(
        key=name.lower().replace(" ", "_"),
        name=name,
        kind=kind,
        role=role,
        preferred_direction=direction,
        unit=unit,
        arms=arms,
        non_inferiority_margin=margin,
        **more,
    )


USERS, ORDERS = (19_430, 39_476), (1_704, 3_295)


def paid_order() -> MetricResult:
    phases = (
        phase("phase 1", 12_682, 12_708, 0.0983, 0.1053, (0.071, -0.005, 0.153), 0.067, 0.43),
        phase("phase 2", 6_748, 26_768, 0.0677, 0.0731, (0.080, -0.019, 0.197), 0.118, 0.57),
    )
    total = phase("plain total", 19_430, 39_476, 0.0877, 0.0835, (-0.048, -0.099, 0.006), 0.08)
    found = contrast(
        (0.0061, 0.0011, 0.0111),
        (0.075, 0.013, 0.143),
        0.018,
        "better",
        (-0.020, 0.183),
        by_phase=phases,
        plain_total=replace(total, misleading=True),
    )
    return metric("Paid order", (0.0809, 0.0870), USERS, found, role="primary")


def phase(
    label: str,
    control_n: int,
    treatment_n: int,
    control: float,
    treatment: float,
    lift: tuple[float, float, float],
    p: float,
    weight: float | None = None,
) -> PhaseResult:
    return PhaseResult(
        label,
        control_n,
        treatment_n,
        control,
        treatment,
        treatment - control,
        lift[1] * control,
        lift[2] * control,
        *lift,
        p,
        weight,
    )


def guardrails() -> tuple[MetricResult, ...]:
    lower = {"role": "guardrail", "direction": "decrease"}
    return (
        metric(
            "Refund within 7 days",
            (0.108, 0.124),
            ORDERS,
            contrast(
                (0.0160, -0.0036, 0.0357),
                (0.148, -0.030, 0.377),
                0.11,
                "no_clear_difference",
                (-0.113, 0.55),
                guardrail="not_shown_safe",
                guardrail_p_value=0.679,
            ),
            margin=0.10,
            **lower,
        ),
        metric(
            "Support contact",
            (0.0514, 0.0495),
            USERS,
            contrast(
                (-0.0019, -0.0060, 0.0021),
                (-0.037, -0.110, 0.044),
                0.33,
                "no_clear_difference",
                (-0.147, 0.093),
                guardrail="safe",
                guardrail_p_value=0.0002,
            ),
            margin=0.10,
            **lower,
        ),
        metric(
            "Page load",
            (2.86, 2.88),
            USERS,
            contrast(
                (0.02, -0.02, 0.06),
                (0.008, -0.007, 0.023),
                0.29,
                "no_clear_difference",
                (-0.017, 0.032),
                guardrail="safe",
                guardrail_p_value=0.002,
            ),
            kind="mean",
            unit="s",
            margin=0.03,
            **lower,
        ),
    )


def secondaries() -> tuple[MetricResult, ...]:
    return (
        metric(
            "Revenue per user",
            (5.06, 5.32),
            USERS,
            contrast(
                (0.25, -0.16, 0.67),
                (0.050, -0.030, 0.140),
                0.228,
                "no_clear_difference",
                (-0.07, 0.194),
            ),
            kind="mean",
            unit="USD",
        ),
        metric(
            "Time to pay",
            (92.1, 87.2),
            ORDERS,
            contrast(
                (-5.0, -9.6, -0.4),
                (-0.054, -0.101, -0.004),
                0.016,
                "better",
                (-0.116, 0.014),
                p_value_adjusted=0.032,
            ),
            kind="mean",
            unit="s",
            direction="decrease",
        ),
        metric(
            "Express pay used",
            (0.0, 0.0181),
            USERS,
            contrast(
                (0.0181, 0.0167, 0.0194),
                (NOT_THERE, 3.0, NOT_THERE),
                1e-9,
                "better",
            ),
        ),
    )


CHECKS = (
    Check("sample_ratio_mismatch", "pass", "Sample ratio", "p = 0.818", "As planned.", 0.818),
    Check("split_changed", "info", "Split changed once", "", "On 12 May, 50/50 to 20/80."),
    Check("left_out_rows", "pass", "Left out", "131 rows", "131 of 59 037 rows."),
)


def shorter_checkout() -> ExperimentResult:
    """The example of the pictures: orders up, refunds not shown to be safe."""
    return ExperimentResult(
        final=True,
        verdict=Verdict(
            "better",
            "B",
            "units",
            "B is better: +7.5 % paid orders (1.3 % to 14.3 %).",
            ("Refunds are not shown to be safe.", "The split changed on 12 May."),
        ),
        recommendation=Recommendation("discuss", "B", ("guardrail_open",), "Discuss."),
        health=CHECKS,
        phases=2,
        reference="control",
        metrics=(paid_order(), *guardrails(), *secondaries()),
        engine_version="0.1.0",
        data_hash="sha256:8f3a0000c21d",
        look=3,
        status="stopped",
        progress=Progress(58_906, 56_200, 14, 14, 0.088, 0.08),
    )


def three_arms() -> ExperimentResult:
    """The same metrics with a third arm whose interval runs off the axis."""
    result = shorter_checkout()
    wide = contrast(
        (0.03, 0.001, 0.06), (0.35, 0.01, 1.4), 0.041, "better", p_value_adjusted=0.082
    )

    def with_third(one: MetricResult) -> MetricResult:
        third = replace(one.arms[1], variant="<b>C</b> & co", n=812, contrast=wide)
        return replace(one, arms=(*one.arms, third))

    return replace(result, metrics=tuple(with_third(m) for m in result.metrics[:3]))


def gate_closed() -> ExperimentResult:
    """The sample ratio is off: numbers stay, nothing is usable."""
    result = shorter_checkout()
    failed = Check("sample_ratio_mismatch", "fail", "Sample ratio", "p < 0.0001", "Off.", 1e-6)
    verdict = Verdict("cannot_say", None, "units", "Traffic is not what you asked for.", (),
                      "sample_ratio_mismatch")  # fmt: skip
    return replace(result, verdict=verdict, health=(failed, *CHECKS[1:]))


def interim() -> ExperimentResult:
    """Day 5 of 14, without a sequential method."""
    result = shorter_checkout()
    verdict = Verdict("interim", None, "units", "Day 5 of 14.", ())
    return replace(result, final=False, verdict=verdict)


def no_metrics() -> ExperimentResult:
    """Nothing was uploaded yet."""
    result = shorter_checkout()
    return replace(
        result, verdict=Verdict("no_data", None, "units", "No data yet."), metrics=()
    )


def cumulative_points() -> tuple[SeriesPoint, ...]:
    """Fourteen days from 6 May 2026."""
    lifts = (6.9, 8.6, 5.4, 7.9, 7.5, 7.1, 8.3, 7.5, 5.7, 8.1, 6.3, 6.6, 7.8, 7.5)
    halves = (19.8, 14.2, 11.2, 10.0, 8.6, 8.0, 7.6, 7.2, 7.0, 6.8, 6.7, 6.6, 6.5, 6.5)
    points = []
    for number, (lift, half) in enumerate(zip(lifts, halves, strict=True)):
        points.append(
            SeriesPoint(
                day=date(2026, 5, 6) + timedelta(days=number),
                control_n=1400 * (number + 1),
                treatment_n=2800 * (number + 1),
                difference=lift / 1200,
                difference_ci_lower=(lift - half) / 1200,
                difference_ci_upper=(lift + half) / 1200,
                relative_lift=lift / 100,
                relative_lift_ci_lower=(lift - half) / 100,
                relative_lift_ci_upper=(lift + half) / 100,
                always_valid_lower=(lift - 1.5 * half) / 100,
                always_valid_upper=(lift + 1.65 * half) / 100,
            )
        )
    return tuple(points)


def segments() -> tuple[SegmentResult, ...]:
    """Two columns; one value stands out, one is blank, one has no lift."""
    rows = (
        ("device", "Mobile", 0.0708, 0.0804, 33_926, (0.137, 0.008, 0.295), 0.027, "better"),
        ("device", "Desktop", 0.0983, 0.1022, 19_609, (0.040, -0.09, 0.20), 0.574, ""),
        ("device", "(blank)", 0.0582, 0.0520, 1_818, (-0.106, -0.51, 1.6), 0.672, ""),
        ("country", "Germany", 0.0826, 0.0856, 18_051, (0.036, -0.11, 0.22), 0.634, ""),
        ("country", "<i>Oz</i>", 0.0716, 0.0848, 9_488, (0.185, -0.05, 0.51), 0.108, ""),
    )
    found = []
    for column, value, control, treatment, n, lift, p, verdict in rows:
        told = contrast(
            (treatment - control, lift[1] * control, lift[2] * control),
            lift,
            p / 2,
            verdict or "no_clear_difference",
            p_value_adjusted=p,
            confidence_level=0.995,
        )
        one = metric("Paid order", (control, treatment), (n // 3, n - n // 3), told)
        interaction = 0.161 if column == "device" else 0.543
        found.append(SegmentResult(column, value, one.arms, interaction))
    return tuple(found)
