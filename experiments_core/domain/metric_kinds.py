"""The kinds of metric: a share, a mean, a ratio, a quantile."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.domain.needs import MomentNeed
from experiments_core.errors import Problem

LEAST_CAP_SHARE, MOST_CAP_SHARE = 0.9, 0.9999
"""Between these points values may be cut."""


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
