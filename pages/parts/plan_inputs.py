"""What a plan asks for: fields of the planner and of the plan step of Create."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st

from experiments_core.charts import words
from experiments_core.errors import InvalidInputError, UpshotError
from experiments_core.services.planning_design import Design
from pages.parts import entry, theme

T = TypeVar("T")

KINDS = {"rate": "Rate", "mean": "Mean", "ratio": "Ratio"}
SPREAD_HELP = {
    "mean": "How much one user differs from another, in the metric’s own unit.",
    "ratio": (
        "Of the linearised value of one user: (numerator − ratio × denominator) / mean "
        "denominator. Results show it for every ratio, and Create takes it from earlier data."
    ),
}
BASELINE_HELP = "The share of users that convert today, such as 8.3 %."
LIFT_HELP = (
    "The smallest change worth finding: in % of today’s value, or as a plain difference. "
    "Half the lift needs about four times the users."
)
ALPHA_HELP = (
    "How often a test of two equal versions may call one better: 0.05 is one in twenty."
)
POWER_HELP = "How often the test finds a change that is exactly as large as the smallest lift."
SIDES_HELP = "Two finds a change either way. One looks in one direction only, and needs fewer."
FINDS = {"size": "Users", "effect": "Lift", "power": "Power"}
ALPHAS = {one: f"{one:g}" for one in (0.01, 0.025, 0.05, 0.1, 0.2)}
POWERS = {one: words.percent(one, 0) for one in (0.7, 0.8, 0.9, 0.95)}
SIDES = {"two-sided": "Two", "greater": "One, up", "less": "One, down"}
SHARES = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
EQUAL = 0
RELATIVE = "%"
LIVE = "400ms"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the planner.

    Attributes:
        design: Everything typed; its effect is 0 when the effect is what is sought.
        find: ``size``, ``effect`` or ``power``.
        total: Units in all arms, where they are given.
    """

    design: Design
    find: str
    total: int


@dataclass
class Fields:
    """Draws the fields of one form and collects what cannot be read.

    Attributes:
        prefix: Begins the key of each field.
        keep: How a value outlives its field: ``bind`` or ``persist_state`` of Streamlit.
        filled: The session holds a value for each field already, so defaults do not matter.
        faults: What cannot be read, one per field.
    """

    prefix: str = ""
    keep: dict[str, Any] = field(default_factory=dict)
    faults: list[UpshotError] = field(default_factory=list)
    filled: bool = False

    def typed(
        self, label: str, name: str, default: str, read: Callable[[str, str], T], **options: Any
    ) -> T | None:
        """A text field, read while it is typed; None if it cannot be read."""
        start = "" if self.filled else default
        text = st.text_input(
            label, start, key=self.prefix + name, live=LIVE, **self.keep, **options
        )
        try:
            return read(label, text or "")
        except InvalidInputError as fault:
            self.faults.append(fault)
            return None

    def listed(
        self, label: str, name: str, choices: Mapping[T, str], default: T, *, about: str
    ) -> T:
        """A list to choose from, with what it means behind the question mark."""
        options = list(choices)
        if self.filled:
            held = st.session_state[self.prefix + name]
            options = list(dict.fromkeys([*options, held]))
        chosen: T = st.selectbox(
            label,
            options,
            index=0 if self.filled else options.index(default),
            format_func=lambda one: choices.get(one, str(one)),
            key=self.prefix + name,
            help=about,
            **self.keep,
        )
        return chosen

    def switched(
        self, label: str, name: str, choices: Mapping[str, str], **options: Any
    ) -> str:
        """A few choices side by side; the first is the default."""
        chosen = st.segmented_control(
            label,
            list(choices),
            default=None if self.filled else next(iter(choices)),
            required=True,
            format_func=lambda one: choices[one],
            key=self.prefix + name,
            **self.keep,
            **options,
        )
        return str(chosen)


def ask(fields: Fields) -> Question | None:
    """All fields of the planner; None while one of them cannot be read."""
    kind = fields.switched("Metric kind", "kind", KINDS)
    find = fields.switched("What do you want to know?", "find", FINDS)
    given = effect_fields(fields, kind, sought=find == "effect")
    total = 0
    if find != "size":
        total = fields.typed("Users in total", "units", "56 000", entry.whole) or 0
    given |= risk_fields(fields, with_power=find != "power")
    left, right = st.columns(2)
    with left:
        given["alternative"] = sides_field(fields)
    with right:
        arms = _arms(fields)
    given["daily_units"] = fields.typed("Users a day", "daily", "4 200", entry.optional_whole)
    given["weights"] = _split(fields, arms)
    if fields.faults:
        return None
    return Question(Design(kind=kind, **given), find, total)


def effect_fields(fields: Fields, kind: str, *, sought: bool = False) -> dict[str, Any]:
    """Baseline, spread and effect as :class:`Design` wants them: fractions, absolute.

    Args:
        fields: The form.
        kind: ``rate``, ``mean`` or ``ratio``.
        sought: The effect is what is asked for, so there is no field for it.
    """
    given: dict[str, Any] = {"effect": 0.0, "relative": True}
    if kind == "rate":
        given["baseline"] = fields.typed(
            "Baseline", "baseline", "8.30 %", entry.percent,
            placeholder="8.3 %", help=BASELINE_HELP,
        )  # fmt: skip
    else:
        label = "Ratio now" if kind == "ratio" else "Mean now"
        given["baseline"] = fields.typed(label, "mean", "24.00", entry.number)
        given["standard_deviation"] = fields.typed(
            "Standard deviation", "sd", "61.00", entry.number, help=SPREAD_HELP[kind]
        )  # fmt: skip
    if not sought:
        given |= _effect(fields, kind, given["baseline"])
    return given


def _effect(fields: Fields, kind: str, baseline: float | None) -> dict[str, Any]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        size = fields.typed("Smallest lift", "lift", "8.0", entry.number, help=LIFT_HELP)
        way = fields.switched(
            "Unit of the lift",
            "lift-in",
            {RELATIVE: RELATIVE, "absolute": "pp" if kind == "rate" else "unit"},
            label_visibility="collapsed",
        )
    relative = way == RELATIVE
    if size is None or baseline is None:
        return {"relative": relative}
    scale = baseline / 100 if relative else (0.01 if kind == "rate" else 1.0)
    return {"effect": size * scale, "relative": relative}


def risk_fields(fields: Fields, *, with_power: bool = True) -> dict[str, Any]:
    """Alpha and power, side by side."""
    left, right = st.columns(2)
    with left:
        given: dict[str, Any] = {
            "alpha": fields.listed("Alpha", "alpha", ALPHAS, 0.05, about=ALPHA_HELP)
        }
    with right:
        if with_power:
            given["power"] = fields.listed("Power", "power", POWERS, 0.8, about=POWER_HELP)
    return given


def sides_field(fields: Fields) -> str:
    """One-sided or two-sided."""
    return fields.listed("Sides", "sides", SIDES, "two-sided", about=SIDES_HELP)


def _arms(fields: Fields) -> int:
    arms = st.number_input("Arms", 2, 20, 2, key=fields.prefix + "arms", **fields.keep)
    return int(arms)


def _split(fields: Fields, arms: int) -> tuple[float, ...]:
    choices = sorted((*SHARES, EQUAL), key=lambda share: share or 100 / arms)
    if arms == 2:
        choices.remove(50)
    share = st.select_slider(
        "Split, control first",
        choices,
        EQUAL,
        format_func=lambda one: _split_words(one, arms),
        key=fields.prefix + "split",
        **fields.keep,
    )
    return _weights(int(share), arms)


def _weights(control_share: int, arms: int) -> tuple[float, ...]:
    if control_share == EQUAL:
        return (1.0,) * arms
    return (float(control_share), *[(100 - control_share) / (arms - 1)] * (arms - 1))


def _split_words(control_share: int, arms: int) -> str:
    weights = _weights(control_share, arms)
    shares = [f"{100 * weight / sum(weights):.4g}" for weight in weights]
    if arms > 4:
        return f"{shares[0]} / {shares[1]} each"
    return " / ".join(shares)


def show_faults(faults: list[UpshotError]) -> None:
    """What cannot be read, beside the fields that stay as they were typed."""
    for fault in faults:
        theme.refused(fault)
