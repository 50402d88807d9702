"""Metrics: one number per unit, what it means, and the moments it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from experiments_core.errors import InvalidInputError, Problem


class MetricKind(StrEnum):
    """What the number per unit is."""

    PROPORTION = "proportion"
    MEAN = "mean"
    COUNT = "count"
    RATIO = "ratio"
    QUANTILE = "quantile"


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

    def __post_init__(self) -> None:
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
        return problems


@dataclass(frozen=True, slots=True)
class MomentNeed:
    """One group of columns that share one n.

    Attributes:
        key: The metric's key.
        shape: ``counts`` (n and x of a 0/1 column) or ``moments`` (centred, of the columns).
        columns: Source columns, the outcome first.
        missing: ``exclude`` or ``zero``.
        skewness: Whether the third moment of the first column is wanted too.
    """

    key: str
    shape: str
    columns: tuple[str, ...]
    missing: str = "exclude"
    skewness: bool = False


@dataclass(frozen=True)
class Proportion(Metric):
    """Share of units with an outcome.

    Attributes:
        column: A 0/1 column with one row per unit, or a column of conversions in totals.
        of: For totals per variant: the column with the number of units (visitors).
    """

    column: str = field(kw_only=False)
    of: str | None = field(default=None, kw_only=False)

    @property
    def kind(self) -> MetricKind:
        return MetricKind.PROPORTION

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,) if self.of is None else (self.column, self.of)

    @property
    def needs(self) -> MomentNeed:
        return MomentNeed(self.key, "counts", (self.column,), self.missing)


@dataclass(frozen=True)
class Mean(Metric):
    """Mean of a number per unit (revenue, duration, orders).

    Attributes:
        column: The number.
        whole: Whole numbers only (kind ``count``).
    """

    column: str = field(kw_only=False)
    whole: bool = False

    @property
    def kind(self) -> MetricKind:
        return MetricKind.COUNT if self.whole else MetricKind.MEAN

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def needs(self) -> MomentNeed:
        return MomentNeed(self.key, "moments", (self.column,), self.missing, skewness=True)
