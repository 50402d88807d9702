"""The robustness sheet as one sorted chart of intervals, the planned analysis in bold."""

from __future__ import annotations

from experiments_core.analysis.results import MetricResult
from experiments_core.analysis.robustness import LATER_DAYS, Robustness, Variation
from experiments_core.charts import words
from experiments_core.charts.forest import ForestGroup, ForestRow, draw_forest
from experiments_core.charts.marks import Mark
from experiments_core.charts.readings import BY_VERDICT
from experiments_core.charts.theme import Figure, Tokens
from experiments_core.stats.estimate import Undefined

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
TableRow = dict[str, object]


def title(found: Robustness) -> str:
    """Say in how many analyses the answer holds: 22 of 24."""
    total, said = len(found.variations), SAID[found.planned.verdict]
    if found.holds == total:
        return f"The answer “{said}” holds in all {total} analyses."
    return f"The answer “{said}” holds in {found.holds} of {total} analyses."


def robustness_sheet(found: Robustness, tokens: Tokens, *, narrow: bool = False) -> Figure:
    """Draw every analysis on the axis of the lift, sorted.

    Args:
        found: The sheet; its planned analysis has a lift.
        tokens: Colours.
        narrow: Two lines per row.
    """
    rows = tuple(_row(one, narrow=narrow) for one in found.variations)
    adjusted = any(one.adjusted is not None for one in found.variations)
    return draw_forest(
        (ForestGroup(rows),),
        tokens,
        headings=("Method", "Adjusted" if adjusted else "", "Cap", "Units", "Says"),
        caption=f"relative lift, {words.level(found.confidence_level)} intervals",
        narrow=narrow,
    )


def table(found: Robustness, metric: MetricResult) -> list[TableRow]:
    """Every analysis as a row of text."""
    return [
        {
            "Method": _method(one), "Adjusted": _adjusted(one) or "–", "Cap": one.cap or "none",
            "Units": _units(one), "n": words.count(one.control_n + one.treatment_n),
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


def _row(one: Variation, *, narrow: bool) -> ForestRow:
    reading = BY_VERDICT[one.verdict]
    bare = isinstance(one.relative_lift_ci_lower, Undefined) and isinstance(
        one.relative_lift_ci_upper, Undefined
    )
    mark = Mark(
        Undefined("no_data") if bare else one.relative_lift,
        one.relative_lift_ci_lower, one.relative_lift_ci_upper, reading,
    )  # fmt: skip
    name = _short(one) if narrow else _method(one)
    return ForestRow(
        cells=(name, _adjusted(one), one.cap or "none", _units(one)),
        mark=mark,
        lift=words.lift(one.relative_lift),
        note=SAID[one.verdict],
        sentence="judges the difference only" if bare else "",
        strong=one.planned,
    )


def _method(one: Variation) -> str:
    name = METHODS.get(one.method, one.method)
    return f"{name} (planned)" if one.planned else name


def name_of(one: Variation) -> str:
    """Method and choices in one line, the planned analysis named as such."""
    return f"{_short(one)} (planned)" if one.planned else _short(one)


def _short(one: Variation) -> str:
    """Method and choices in one line, for a narrow page."""
    adjusted = {None: "", True: ", adjusted", False: ", raw"}[one.adjusted]
    cap = f", cap {one.cap}" if one.cap else ""
    units = "" if _units(one) == "all" else f", {_units(one)}"
    return METHODS.get(one.method, one.method) + adjusted + cap + units


def _adjusted(one: Variation) -> str:
    return "" if one.adjusted is None else "yes" if one.adjusted else "no"


def _units(one: Variation) -> str:
    days = "not day 1" if one.setting.days == LATER_DAYS else "all"
    if one.setting.crossovers == "first_seen":
        return "first sight" if days == "all" else "not day 1, 1st"
    return days
