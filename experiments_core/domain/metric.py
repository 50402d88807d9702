"""Metrics: one number per unit, what it means, and the moments it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import inf

from experiments_core.domain.needs import MomentNeed
from experiments_core.errors import InvalidInputError, Problem


class MetricKind(StrEnum):
    """What the number per unit is."""

    PROPORTION = "proportion"
    MEAN = "mean"
    COUNT = "count"
    RATIO = "ratio"
    QUANTILE = "quantile"


AGGREGATIONS = ("any", "count", "sum", "mean", "min", "max", "last", "rows")
"""``rows`` takes every event by itself, for a quantile of events."""
"""How the events of one unit become its number."""


class MetricRole(StrEnum):
    """What a metric is for in one experiment."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    GUARDRAIL = "guardrail"


class Direction(StrEnum):
    """Which change is good."""

    INCREASE = "increase"
    DECREASE = "decrease"
    NEUTRAL = "neutral"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What every metric has, whatever its kind.

    Attributes:
        key: Stable name inside the experiment; the first column when left out.
        name: What people read; the key when left out.
        role: Primary metrics decide, guardrails must not be harmed, secondary ones inform.
        preferred_direction: ``neutral`` is for secondary metrics only.
        non_inferiority_margin: Largest harm accepted on a guardrail, relative to control,
            a fraction in (0, 1].
        non_inferiority_margin_absolute: The same in the metric's own unit, > 0.
        relative_minimum_detectable_effect: Planned lift, a fraction in (0, 10].
        unit: ``USD``, ``s`` …; empty for a proportion.
        missing: ``exclude`` leaves a unit without a value out of this metric, ``zero``
            counts it.
        post_hoc: Added after the start.
        event: Name of the event that is counted where units come from the log; the column's
            name when empty.
        aggregation: One of :data:`AGGREGATIONS`; the one that fits the kind when empty.
        window_days: Days from the first exposure on that count, 0 to 365; 0 is no end.
        delay_days: Days between exposure and the first that counts, -30 to 30.
    """

    key: str = ""
    name: str = ""
    role: MetricRole = MetricRole.PRIMARY
    preferred_direction: Direction = Direction.INCREASE
    non_inferiority_margin: float | None = None
    non_inferiority_margin_absolute: float | None = None
    relative_minimum_detectable_effect: float | None = None
    unit: str = ""
    missing: str = "exclude"
    post_hoc: bool = False
    version: int = 1
    event: str = ""
    aggregation: str = ""
    window_days: int = 0
    delay_days: int = 0

    def __post_init__(self) -> None:
        misfits = tuple(self._misfits())
        if misfits:
            message = f"The metric is not valid: {misfits[0].message}."
            raise InvalidInputError(message, details=misfits)
        object.__setattr__(self, "role", MetricRole(self.role))
        object.__setattr__(self, "preferred_direction", Direction(self.preferred_direction))
        if not self.key:
            object.__setattr__(self, "key", self.columns[0])
        if not self.name:
            object.__setattr__(self, "name", self.key.replace("_", " ").capitalize())
        problems = tuple(self._problems())
        if problems:
            message = f"The metric “{self.key}” is not valid: {problems[0].message}."
            raise InvalidInputError(message, details=problems)

    @property
    def kind(self) -> MetricKind:
        """The kind of the number."""
        raise NotImplementedError

    @property
    def columns(self) -> tuple[str, ...]:
        """Source columns, the outcome first."""
        raise NotImplementedError

    @property
    def needs(self) -> MomentNeed:
        """The moments that the one query has to fetch for this metric."""
        raise NotImplementedError

    @property
    def covariates(self) -> tuple[str, ...]:
        """Source columns from before the test that adjust the outcome."""
        return self.needs.covariates

    @property
    def covariate_name(self) -> str | None:
        """The covariate as people read it, ``clicks_before / views_before`` for a ratio."""
        return " / ".join(self.covariates) or None

    def _misfits(self) -> Iterator[Problem]:
        """What is not even of the right type or word."""
        columns: tuple[object, ...] = self.columns
        for column in columns:
            if not isinstance(column, str):
                rule = f"the column is {column!r}; write its header as text"
                yield Problem("column", column, "TYPE", rule)
        for field_name, value, choices in (
            ("role", self.role, list(MetricRole)),
            ("preferred_direction", self.preferred_direction, list(Direction)),
        ):
            if value not in choices:
                rule = f"{field_name} is {value!r}; choose one of {', '.join(choices)}"
                yield Problem(field_name, value, "UNKNOWN_CHOICE", rule)

    def _problems(self) -> list[Problem]:
        problems = []
        margins = (self.non_inferiority_margin, self.non_inferiority_margin_absolute)
        given = [margin for margin in margins if margin is not None]
        if self.role is MetricRole.GUARDRAIL and len(given) != 1:
            problems.append(Problem(
                "non_inferiority_margin", margins, "REQUIRED",
                "a guardrail needs exactly one of non_inferiority_margin (relative) and "
                "non_inferiority_margin_absolute",
            ))  # fmt: skip
        if any(not 0 < margin < inf for margin in given):
            problems.append(Problem(
                "non_inferiority_margin", given[0], "RANGE", "a margin is a number above 0",
            ))  # fmt: skip
        relative = self.non_inferiority_margin
        if relative is not None and relative > 1:
            problems.append(Problem(
                "non_inferiority_margin", relative, "RANGE",
                "a relative margin is a fraction up to 1; 0.01 means 1 %",
            ))  # fmt: skip
        effect = self.relative_minimum_detectable_effect
        if effect is not None and not 0 < effect <= 10:
            problems.append(Problem(
                "relative_minimum_detectable_effect", effect, "RANGE",
                "a planned lift is a fraction above 0 and up to 10; 0.05 means 5 %",
            ))  # fmt: skip
        neutral = self.preferred_direction is Direction.NEUTRAL
        if neutral and self.role is not MetricRole.SECONDARY:
            problems.append(Problem(
                "preferred_direction", "neutral", "UNKNOWN_CHOICE",
                "only a secondary metric may be neutral",
            ))  # fmt: skip
        if self.missing not in {"exclude", "zero"}:
            problems.append(Problem(
                "missing", self.missing, "UNKNOWN_CHOICE", "missing is “exclude” or “zero”",
            ))  # fmt: skip
        return [*problems, *self._event_problems()]

    def _event_problems(self) -> list[Problem]:
        problems = []
        if self.aggregation and self.aggregation not in AGGREGATIONS:
            problems.append(Problem(
                "aggregation", self.aggregation, "UNKNOWN_CHOICE",
                f"aggregation is “{self.aggregation}”; choose one of {', '.join(AGGREGATIONS)}",
            ))  # fmt: skip
        if self.aggregation == "rows" and self.kind is not MetricKind.QUANTILE:
            problems.append(Problem(
                "aggregation", "rows", "UNKNOWN_CHOICE",
                "“rows” takes every event by itself, which only a quantile does; say how the "
                "events of a unit are added up, such as “sum”",
            ))  # fmt: skip
        for name, low, high in (("window_days", 0, 365), ("delay_days", -30, 30)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                problems.append(Problem(name, value, "TYPE", f"{name} must be a whole number"))
            elif not low <= value <= high:
                problems.append(Problem(
                    name, value, "RANGE", f"{name} is {value}; it must be {low} to {high}",
                ))  # fmt: skip
        return problems
