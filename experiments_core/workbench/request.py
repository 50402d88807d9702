"""What a caller asks for, checked before anything is read."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments_core.domain.arms import SHARES_HINT, shares_fault
from experiments_core.domain.metric import Metric, MetricRole, Proportion
from experiments_core.domain.source import FILE_REPEATS, REPEATS_OF, Role
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.tabular.roles import certain_control
from experiments_core.tabular.text import fold, listed, shorten

REPEATS = (*FILE_REPEATS, "rows")
COLUMN_RULES = REPEATS_OF[Role.VALUE]
CROSSOVERS = ("exclude", "first_seen", "refuse")


@dataclass(frozen=True, slots=True)
class Request:
    """How to read the data.

    Attributes:
        variant: Column of arms.
        unit: Column that identifies a unit; without it each row is one.
        time: Column with the moment a unit was first seen.
        phases: Column that names the phase of a row.
        segments: Columns to cut by.
        repeats: Several rows of one unit in one arm: ``refuse``, ``first``, ``last``, ``max``,
            ``sum``, ``mean`` or ``rows``.
        repeats_of: Column -> a rule of its own.
        crossovers: Units in two arms: ``exclude``, ``first_seen`` or ``refuse``.
        decimal: Decimal mark where the data can be read in two ways.
        leave_out_bad_rows: Go on without rows that break a rule.
        alpha: Error rate of the plan, a fraction.
        later_days: Without the units that were first seen on the first day.
    """

    metrics: tuple[Metric, ...]
    variant: str = ""
    control: str | None = None
    unit: str | None = None
    time: str | None = None
    phases: str | None = None
    segments: tuple[str, ...] = ()
    repeats: str = "refuse"
    repeats_of: Mapping[str, str] = field(default_factory=dict)
    crossovers: str = "exclude"
    decimal: str | None = None
    leave_out_bad_rows: bool = False
    alpha: float = 0.05
    later_days: bool = False

    @property
    def totals(self) -> tuple[Proportion, ...]:
        """Metrics that read totals per variant."""
        found = (metric for metric in self.metrics if isinstance(metric, Proportion))
        return tuple(metric for metric in found if metric.of is not None)


def check(request: Request) -> None:
    """Refuse what cannot be meant.

    Raises:
        InvalidInputError: names the argument and what to do.
    """
    if not request.metrics:
        raise refusal(
            "metrics",
            [],
            "REQUIRED",
            "There is no metric.",
            'Name at least one, such as metrics=[Proportion("converted")].',
        )
    for metric in request.metrics:
        if not isinstance(metric, Metric):
            raise refusal(
                "metrics",
                metric,
                "TYPE",
                f"{metric!r} is no metric.",
                'Use Proportion("column"), Mean("column"), Ratio("above", "below") or '
                'Quantile("column", 0.9).',
            )
    keys = [metric.key for metric in request.metrics]
    double = next((key for key in keys if keys.count(key) > 1), None)
    if double is not None:
        raise refusal(
            "metrics",
            double,
            "NOT_UNIQUE",
            f"Two metrics have the key “{double}”.",
            'Give one of them a key of its own: Mean("column", key="other").',
        )
    if not any(metric.role is MetricRole.PRIMARY for metric in request.metrics):
        raise refusal(
            "metrics",
            keys,
            "REQUIRED",
            "No metric is primary, so there is no verdict.",
            'Leave role out, or say role="primary", for at least one.',
        )
    if request.repeats == "rows" and not request.unit:
        raise refusal(
            "unit",
            None,
            "REQUIRED",
            "Several rows per unit need the column that names the unit.",
            'Say it: unit="user_id".',
        )
    for name, value, allowed in (
        ("repeats", request.repeats, REPEATS),
        ("crossovers", request.crossovers, CROSSOVERS),
        ("decimal", request.decimal or ".", (".", ",")),
        *(
            (f"repeats of “{name}”", rule, COLUMN_RULES)
            for name, rule in request.repeats_of.items()
        ),
    ):
        if value not in allowed:
            raise refusal(
                name,
                value,
                "UNKNOWN_CHOICE",
                f"{name} is “{value}”.",
                f"Choose one of {', '.join(f'“{one}”' for one in allowed)}.",
            )


def rules_of(repeats: str | Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The rule of the file (``*``) and those of columns, for several rows of one unit."""
    if isinstance(repeats, str):
        return repeats, {}
    return repeats.get("*", "refuse"), {n: rule for n, rule in repeats.items() if n != "*"}


def find_column(wanted: object, names: Sequence[str], what: str) -> int:
    """Position of a column; a frame's column may have a number for a name.

    Raises:
        InvalidInputError: there is none, or two; the nearest name is offered.
    """
    wanted = str(wanted)
    places = [place for place, name in enumerate(names) if name == wanted]
    if len(places) == 1:
        return places[0]
    if places:
        raise refusal(
            wanted,
            len(places),
            "NOT_UNIQUE",
            f"{len(places)} columns are called “{shorten(wanted)}”.",
            "Give them different names.",
        )
    raise refusal(
        what,
        wanted,
        "NOT_FOUND",
        f"There is no column “{shorten(wanted)}” ({what}).",
        _nearest(wanted, names),
    )


def choose_control(wanted: str | None, arms: Sequence[str]) -> str:
    """The arm that is control: the one named, else the one that is called so.

    Raises:
        InvalidInputError: fewer than two arms, no such arm, or nobody said which.
    """
    if len(arms) < 2:
        seen = f"only “{shorten(arms[0])}”" if arms else "none"
        raise refusal(
            "variant",
            list(arms),
            "ONE_VARIANT",
            f"A test needs two variants; {seen} is there.",
            "Add the rows of the other variant, or name another variant column.",
        )
    if wanted is None:
        found = certain_control(arms)
        if not found:
            raise refusal(
                "control",
                None,
                "REQUIRED",
                f"Nobody said which variant is control: {listed(tuple(arms), 20)}.",
                f"Say it: control={arms[0]!r}.",
            )
        return found
    if wanted in arms:
        return wanted
    same = [arm for arm in arms if fold(arm) == fold(str(wanted))]
    if len(same) == 1:
        return same[0]
    raise refusal(
        "control",
        wanted,
        "NOT_FOUND",
        f"There is no variant “{wanted}” to be the control.",
        _nearest(str(wanted), arms),
    )


def refuse_split(split: object) -> None:
    """Refuse a split that names no arms.

    Raises:
        InvalidInputError: it is no mapping.
    """
    if split is not None and not isinstance(split, Mapping):
        raise refusal(
            "split",
            split,
            "TYPE",
            f"The split is {split!r}; it is a share for each variant.",
            'Write it like split={"control": 50, "treatment": 50}.',
        )


def choose_split(split: Mapping[str, float] | None, arms: Sequence[str]) -> dict[str, float]:
    """Planned shares of the arms: percent, fractions or a ratio; equal when left out.

    Raises:
        InvalidInputError: the split names another arm, or leaves one out, a share is not
            above 0, or they do not add up.
    """
    if split is None:
        return dict.fromkeys(arms, 1.0)
    for arm, share in split.items():
        if arm not in arms:
            raise refusal(
                "split",
                arm,
                "NOT_FOUND",
                f"The split names “{shorten(str(arm))}”, but no such variant is in the data.",
                _nearest(str(arm), arms),
            )
        if not is_number(share) or share <= 0:
            raise refusal(
                "split",
                share,
                "RANGE",
                f"The share of “{shorten(arm)}” in the split is {share!r}.",
                f"Shares are numbers above 0. {SHARES_HINT}",
            )
    missing = [arm for arm in arms if arm not in split]
    if missing:
        raise refusal(
            "split",
            missing[0],
            "REQUIRED",
            f"The split says nothing about {listed(missing)}, which is in the data.",
            "Name every variant, or leave those rows out.",
        )
    fault = shares_fault([float(share) for share in split.values()])
    if fault:
        raise refusal("split", dict(split), "SPLIT_SUM", fault, SHARES_HINT)
    return {arm: float(share) for arm, share in split.items()}


def refusal(field: str, value: Any, rule: str, message: str, hint: str) -> InvalidInputError:
    """Make the error that says what is wrong and what to do."""
    return InvalidInputError(
        message, hint=hint, details=(Problem(field, value, rule, message),)
    )


def is_number(value: Any) -> bool:
    """Whether something is one finite number; True and False are none."""
    typed = isinstance(value, int | float) and not isinstance(value, bool)
    scalar = hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0
    return (typed or scalar) and math.isfinite(value)


def _nearest(wanted: str, names: Iterable[str]) -> str:
    known = list(names)
    folded = {fold(name): name for name in known}
    close = difflib.get_close_matches(fold(wanted), list(folded), n=1, cutoff=0.6)
    offer = f"Did you mean “{shorten(folded[close[0]])}”? " if close else ""
    return f"{offer}There are: {listed(known, 12)}."
