"""Metrics: one number per unit, what it means, and the moments it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from experiments_core.errors import InvalidInputError, Problem

LEAST_CAP_SHARE, MOST_CAP_SHARE = 0.9, 0.9999
"""Between these points values may be cut."""


class MetricKind(StrEnum):
    """What the number per unit is."""

    PROPORTION = "proportion"
    MEAN = "mean"
    COUNT = "count"
    RATIO = "ratio"
    QUANTILE = "quantile"


AGGREGATIONS = ("any", "count", "sum", "mean", "min", "max", "last")
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
        for name, low, high in (("window_days", 0, 365), ("delay_days", -30, 30)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                problems.append(Problem(name, value, "TYPE", f"{name} must be a whole number"))
            elif not low <= value <= high:
                problems.append(Problem(
                    name, value, "RANGE", f"{name} is {value}; it must be {low} to {high}",
                ))  # fmt: skip
        return problems


@dataclass(frozen=True, slots=True)
class MomentNeed:
    """One group of columns that share one n.

    Attributes:
        key: The metric's key.
        shape: ``counts`` (n and x of a 0/1 column), ``moments`` (centred, of the columns) or
            ``quantile`` (of the rows of the first column).
        columns: Source columns, the outcome first.
        missing: ``exclude`` or ``zero``.
        skewness: Whether the third moment of the first column is wanted too.
        covariates: Source columns known before exposure, one number or the two of a ratio;
            they join the columns, and where one is missing the mean over all arms stands in.
        cap: Larger values of the first column count as this.
        cap_share: The same, as the quantile over all arms at this share.
        q: For a quantile: which.
    """

    key: str
    shape: str
    columns: tuple[str, ...]
    missing: str = "exclude"
    skewness: bool = False
    covariates: tuple[str, ...] = ()
    cap: float | None = None
    cap_share: float | None = None
    q: float | None = None

    @property
    def capped(self) -> bool:
        """Whether large values are cut."""
        return self.cap is not None or self.cap_share is not None


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
        covariate: A number of the same units from before the test (CUPED); None without.
        cap: Larger values count as this: an amount, or ``"99.9%"`` for that point over the
            units of all arms together. Chosen before the start; one cap for all arms.
        whole: Whole numbers only (kind ``count``).
    """

    column: str = field(kw_only=False)
    covariate: str | None = field(default=None, kw_only=False)
    cap: float | str | None = field(default=None, kw_only=False)
    whole: bool = False

    @property
    def kind(self) -> MetricKind:
        return MetricKind.COUNT if self.whole else MetricKind.MEAN

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def needs(self) -> MomentNeed:
        share = cap_share(self.cap)
        return MomentNeed(
            self.key, "moments", (self.column,), self.missing, skewness=True,
            covariates=() if self.covariate is None else (self.covariate,), cap_share=share,
            cap=None if share is not None or self.cap is None else float(self.cap),
        )  # fmt: skip

    def _problems(self) -> list[Problem]:
        problems = super()._problems()
        if self.covariate is not None and self.covariate == self.column:
            problems.append(Problem(
                "covariate", self.covariate, "COVARIATE_IS_OUTCOME",
                f"“{self.covariate}” is the outcome itself; a covariate is a number from "
                "before the test",
            ))  # fmt: skip
        if self.cap is not None and not _is_cap(self.cap):
            problems.append(Problem(
                "cap", self.cap, "RANGE",
                "a cap is an amount above 0, or a point such as “99.9%” (90 % to 99.99 %)",
            ))  # fmt: skip
        return problems


@dataclass(frozen=True)
class Ratio(Metric):
    """Sum of one number over the sum of another (clicks per view, revenue per order).

    The units that were randomised are what varies, so one row holds both sums of one unit.

    Attributes:
        numerator: Column of what is counted.
        denominator: Column of what it is counted against.
        covariate: A number of the same units from before the test (CUPED); None without.
        covariate_denominator: Where the covariate is a ratio too, what it is divided by.
    """

    numerator: str = field(kw_only=False)
    denominator: str = field(kw_only=False)
    covariate: str | None = field(default=None, kw_only=True)
    covariate_denominator: str | None = field(default=None, kw_only=True)

    @property
    def kind(self) -> MetricKind:
        return MetricKind.RATIO

    @property
    def columns(self) -> tuple[str, ...]:
        return self.numerator, self.denominator

    @property
    def needs(self) -> MomentNeed:
        before = (self.covariate, self.covariate_denominator)
        return MomentNeed(
            self.key, "moments", self.columns, self.missing, skewness=True,
            covariates=tuple(name for name in before if name is not None),
        )  # fmt: skip

    def _problems(self) -> list[Problem]:
        problems = super()._problems()
        if not self.denominator:
            problems.append(Problem(
                "denominator", self.denominator, "REQUIRED",
                "a ratio needs the column that it is divided by",
            ))  # fmt: skip
        if self.numerator == self.denominator:
            problems.append(Problem(
                "denominator", self.denominator, "NOT_UNIQUE",
                "numerator and denominator are the same column, so the ratio is always 1",
            ))  # fmt: skip
        return [*problems, *self._covariate_problems()]

    def _covariate_problems(self) -> list[Problem]:
        names = ("covariate", "covariate_denominator")
        before = {name: getattr(self, name) for name in names}
        problems = [
            Problem(
                name, column, "COVARIATE_IS_OUTCOME",
                f"“{column}” is part of the outcome itself; a covariate is a number from "
                "before the test",
            )
            for name, column in before.items()
            if column is not None and column in self.columns
        ]  # fmt: skip
        if self.covariate_denominator is not None and self.covariate is None:
            problems.append(Problem(
                "covariate", None, "REQUIRED",
                "covariate_denominator divides a covariate; name that column too",
            ))  # fmt: skip
        elif self.covariate is not None and self.covariate == self.covariate_denominator:
            problems.append(Problem(
                "covariate_denominator", self.covariate_denominator, "NOT_UNIQUE",
                "covariate and covariate_denominator are the same column, so it is always 1",
            ))  # fmt: skip
        return problems


@dataclass(frozen=True)
class Quantile(Metric):
    """A quantile of a number (the median, p95 of the load time).

    Attributes:
        column: The number.
        q: Share of values at or below it, a fraction from 0.01 to 0.99.
    """

    column: str = field(kw_only=False)
    q: float = field(kw_only=False)

    @property
    def kind(self) -> MetricKind:
        return MetricKind.QUANTILE

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def needs(self) -> MomentNeed:
        return MomentNeed(self.key, "quantile", (self.column,), self.missing, q=self.q)

    def _problems(self) -> list[Problem]:
        problems = super()._problems()
        if not (_is_number(self.q) and 0.01 <= self.q <= 0.99):
            problems.append(Problem(
                "q", self.q, "RANGE",
                "q is a fraction from 0.01 to 0.99; 0.5 is the median, 0.9 is p90",
            ))  # fmt: skip
        return problems


def cap_share(cap: float | str | None) -> float | None:
    """``"99.9%"`` as a fraction; None for an amount, or where it cannot be read."""
    if not isinstance(cap, str) or not cap.strip().endswith("%"):
        return None
    try:
        return float(cap.strip()[:-1].strip()) / 100
    except ValueError:
        return None


def _is_cap(cap: float | str) -> bool:
    if isinstance(cap, str):
        share = cap_share(cap)
        return share is not None and LEAST_CAP_SHARE <= share <= MOST_CAP_SHARE
    return _is_number(cap) and 0 < cap < inf


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
