"""What a caller asks for, checked before anything is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from experiments_core.domain.metric import Metric, MetricRole
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.domain.source import FILE_REPEATS, REPEATS_OF, Role
from experiments_core.tabular.text import shorten
from experiments_core.workbench.refusing import nearest, refusal

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
    _check_metrics(request.metrics)
    _check_rules(request)


def _check_metrics(metrics: tuple[Metric, ...]) -> None:
    if not metrics:
        raise refusal(
            "metrics", [], "REQUIRED", "There is no metric.",
            'Name at least one, such as metrics=[Proportion("converted")].',
        )  # fmt: skip
    for metric in metrics:
        if not isinstance(metric, Metric):
            raise refusal(
                "metrics", metric, "TYPE", f"{metric!r} is no metric.",
                'Use Proportion("column"), Mean("column"), Ratio("above", "below") or '
                'Quantile("column", 0.9).',
            )  # fmt: skip
    keys = [metric.key for metric in metrics]
    double = next((key for key in keys if keys.count(key) > 1), None)
    if double is not None:
        raise refusal(
            "metrics", double, "NOT_UNIQUE", f"Two metrics have the key “{double}”.",
            'Give one of them a key of its own: Mean("column", key="other").',
        )  # fmt: skip
    if not any(metric.role is MetricRole.PRIMARY for metric in metrics):
        raise refusal(
            "metrics", keys, "REQUIRED", "No metric is primary, so there is no verdict.",
            'Leave role out, or say role="primary", for at least one.',
        )  # fmt: skip


def _check_rules(request: Request) -> None:
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
        nearest(wanted, names),
    )
