"""The robustness sheet as one sorted chart of intervals, the planned analysis in bold."""

from __future__ import annotations

from experiments_core.analysis.results import MetricResult
from experiments_core.analysis.robustness import (
    CROSSOVERS,
    LATER_DAYS,
    Robustness,
    Variation,
)
from experiments_core.charts import words
from experiments_core.charts.forest import LIFTS, POINTS, ForestGroup, ForestRow, draw_forest
from experiments_core.charts.marks import Mark
from experiments_core.charts.readings import BY_VERDICT
from experiments_core.charts.theme import Figure, Tokens
from experiments_core.stats.estimate import Undefined, Value

METHODS = {
    "pooled_z": "Score (pooled z)",
    "stratified_score": "Score over phases",
    "t_of_zero_one": "Welch t on 0 and 1",
    "newcombe": "Newcombe",
    "agresti_caffo": "Agresti-Caffo",
    "miettinen_nurminen": "Miettinen-Nurminen",
    "log_delta": "Log-delta lift",
    "welch_t": "Welch t",
    "stratified_t": "Welch t over phases",
    "student_t": "Student t",
    "size_weighted": "Phases by their size",
    "quantile_z": "Quantile z",
}
SAID = {
    "better": "better", "worse": "worse", "no_clear_difference": "no clear difference",
    "cannot_say": "cannot say",
}  # fmt: skip
UNITS = {
    "exclude": "one version", "first_seen": "first sight", "as_imported": "as imported",
}  # fmt: skip
COLUMNS = (0.001, 0.232, 0.29, 0.441)  # name; right edges of adjusted, cap, units
TableRow = dict[str, object]


def title(found: Robustness) -> str:
    """Say in how many analyses the answer holds: 22 of 24."""
    total, said = len(found.variations), SAID[found.planned.verdict]
    if found.holds == total:
        return f"The answer “{said}” holds in all {total} analyses."
    return f"The answer “{said}” holds in {found.holds} of {total} analyses."


def can_be_drawn(found: Robustness) -> bool:
    """Whether the planned analysis has the estimate that the axis shows."""
    return not isinstance(_estimate(found, found.planned)[0], Undefined)


def about_crossovers(found: Robustness) -> str:
    """Say what the words for units in both versions mean; nothing where one rule was tried."""
    if not found.tries_crossovers:
        return ""
    mixed = any(one.setting.crossovers == "as_imported" for one in found.variations)
    more = ", “as imported” does what each import was told" if mixed else ""
    return (
        "Units seen in both versions: “one version” leaves them out, “first sight” counts them "
        f"where they were first seen{more}."
    )


def robustness_sheet(found: Robustness, tokens: Tokens, *, narrow: bool = False) -> Figure:
    """Draw every analysis, sorted: of a rate the differences, else the lifts.

    Args:
        found: The sheet; see :func:`can_be_drawn`.
        tokens: Colours.
        narrow: Two lines per row.
    """
    rows = tuple(_row(found, one, narrow=narrow) for one in found.variations)
    adjusted = any(one.adjusted is not None for one in found.variations)
    drawn = "difference in percentage points" if found.in_points else "relative lift"
    return draw_forest(
        (ForestGroup(rows),),
        tokens,
        headings=("Method", "Adjusted" if adjusted else "", "Cap", "Units", "Says"),
        caption=f"{drawn}, {words.level(found.confidence_level)} intervals",
        narrow=narrow,
        measure=POINTS if found.in_points else LIFTS,
        columns=COLUMNS,
    )


def table(found: Robustness, metric: MetricResult) -> list[TableRow]:
    """Every analysis as a row of text."""
    return [
        {
            "Method": _method(one), "Adjusted": _adjusted(one) or "–", "Cap": one.cap or "none",
            "Units": _days(one), **_crossed(found, one),
            "n": words.count(one.control_n + one.treatment_n),
            "Difference": words.difference_of(metric, one.difference),
            "Difference interval": words.difference_interval(
                metric, one.difference_ci_lower, one.difference_ci_upper
            ),
            "Lift": words.lift(one.relative_lift),
            "Lift interval": words.lift_interval(
                one.relative_lift_ci_lower, one.relative_lift_ci_upper, column=True
            ),
            "p": words.p(one.p_value), "Says": SAID[one.verdict],
            "Holds": "yes" if one.holds else "no",
        }
        for one in found.variations
    ]  # fmt: skip


def _row(found: Robustness, one: Variation, *, narrow: bool) -> ForestRow:
    reading = BY_VERDICT[one.verdict]
    value, lower, upper = _estimate(found, one)
    bare = isinstance(lower, Undefined) and isinstance(upper, Undefined)
    mark = Mark(Undefined("no_data") if bare else value, lower, upper, reading)
    other = "lift" if found.in_points else "difference"
    name, _, choices = _short(found, one).partition(", ")
    return ForestRow(
        cells=(
            name if narrow else _method(one),
            _adjusted(one),
            one.cap or "none",
            _units(found, one),
        ),
        mark=mark,
        lift=words.points(value) if found.in_points else words.lift(value),
        note=SAID[one.verdict],
        under=choices,
        sentence=f"judges the {other} only" if bare else "",
        strong=one.planned,
    )


def _estimate(found: Robustness, one: Variation) -> tuple[Value, Value, Value]:
    if found.in_points:
        return one.difference, one.difference_ci_lower, one.difference_ci_upper
    return one.relative_lift, one.relative_lift_ci_lower, one.relative_lift_ci_upper


def _method(one: Variation) -> str:
    name = METHODS.get(one.method, one.method)
    return f"{name} (planned)" if one.planned else name


def name_of(found: Robustness, one: Variation) -> str:
    """Method and choices in one line, the planned analysis named as such."""
    name = _short(found, one)
    return f"{name} (planned)" if one.planned else name


def _short(found: Robustness, one: Variation) -> str:
    """Method and choices in one line, for a narrow page."""
    adjusted = {None: "", True: ", adjusted", False: ", raw"}[one.adjusted]
    cap = f", cap {one.cap}" if one.cap else ""
    units = "" if _units(found, one) == "all" else f", {_units(found, one)}"
    return METHODS.get(one.method, one.method) + adjusted + cap + units


def _adjusted(one: Variation) -> str:
    return "" if one.adjusted is None else "yes" if one.adjusted else "no"


def _units(found: Robustness, one: Variation) -> str:
    """Which units count; the rule for those in both versions where several were tried."""
    days = _days(one)
    if not found.tries_crossovers:
        return days
    rule = UNITS[one.setting.crossovers]
    return rule if days == "all" else f"{days}, {rule}"


def _days(one: Variation) -> str:
    return "not day 1" if one.setting.days == LATER_DAYS else "all"


def _crossed(found: Robustness, one: Variation) -> TableRow:
    if not found.tries_crossovers:
        return {}
    return {"In both versions": CROSSOVERS[one.setting.crossovers]}
