"""The scorecard with its switch, key and table."""

from __future__ import annotations

from functools import partial

import streamlit as st

from experiments_core.charts import beside, findings, notes, tables, words
from experiments_core.charts.scorecard import scorecard
from experiments_core.charts.scorecard_parts import Sparklines
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.services import courses
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from pages.parts import links, markup, results_behind, results_daily, results_expect, theme
from pages.parts.markup import Html

FLAGS = {
    "small_counts": "few conversions, or few rows beyond a quantile, so p and interval are "
    "approximate.",
    "skewed": "a few very large values; the mean needs more units than usual to settle.",
    "heterogeneous_phases": "the phases differ by more than chance.",
    "suspicious_lift": "larger than changes usually are; check how the data were made.",
    "many_missing": "one arm lacks a value more often than the other.",
    "covariate_imbalance": "the arms differed before the test began.",
    "crossed_units": "many units were in both arms.",
}
SHOW = {"lift": "Lift", "difference": "Difference"}


def names_of(experiment: Experiment) -> dict[str, str]:
    """Variant key -> name, for every figure."""
    return {variant.key: variant.name or variant.key for variant in experiment.variants}


@st.fragment
def draw(
    ws: Workspace, actor: Actor, view: LookView, experiment: Experiment, planned: LookView
) -> None:
    """Every metric on one axis; lift or difference, the same verdict.

    Args:
        ws: The workspace.
        actor: Who looks.
        view: The numbers as somebody explores them.
        experiment: Whose.
        planned: The look as it was planned: what is to be expected comes from it.
    """
    result, names = view.result, names_of(experiment)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"
    ):
        markup.draw(markup.section(findings.scorecard_title(result, names)))
        show = links.segments("On the axis", SHOW, param="show", scope=experiment.slug)

    expected = results_expect.lines(ws, actor, planned, experiment)

    def figure() -> None:
        cells = results_daily.cells(ws, actor, view, results_daily.key_of(view))
        _figure(view, experiment, show, courses.lifts(view, cells), expected)

    theme.once(figure, result, experiment, show, expected)
    if st.button("How was a number computed?", icon=":material/function:", type="tertiary"):
        st.dialog("How this number came about", width="large")(_behind)(
            ws, actor, view, experiment, planned
        )


def _behind(
    ws: Workspace, actor: Actor, view: LookView, experiment: Experiment, planned: LookView
) -> None:
    """Formula, query and rows of one number; the same as the tab of raw numbers."""
    result, names = view.result, names_of(experiment)
    metrics = {one.key: words.plain(one.name, 60) for one in result.metrics}
    arms = {key: words.plain(names.get(key, key), 60) for key in result.treatments}
    with st.container(horizontal=True):
        metric = st.selectbox(
            "Metric", list(metrics), format_func=metrics.__getitem__, key="behind-metric"
        )
        variant = st.selectbox(
            "Version", list(arms), format_func=arms.__getitem__, key="behind-variant"
        )
    results_behind.behind(ws, actor, view, (metric, variant))
    results_expect.behind(ws, actor, planned, (metric, variant))


def _figure(
    view: LookView, experiment: Experiment, show: str, lines: Sparklines, expected: Html
) -> None:
    """Draw the figure, its key and its numbers; last what is to be expected once it is live."""
    result, names = view.result, names_of(experiment)
    theme.fitting(
        partial(
            scorecard,
            result,
            theme.tokens(),
            sparklines=lines,
            show=show,
            names=names,
            unit=experiment.unit,
        ),
        key="scorecard",
        alt=findings.scorecard_alt(result, names),
        image=f"{experiment.slug}-scorecard",
    )
    warnings = [f"! {warning}" for warning in _warnings(view, names)]
    versions = beside.table(result, names)
    markup.draw(
        *(markup.note(one) for one in (_key(view), *warnings, *beside.notes(result, names))),
        markup.numbers(tables.scorecard_table(result, names)),
        *([markup.lead("With and without covariate and cap")] if versions else []),
        *(
            [markup.table(versions, right=True, texts=("Variant", "Analysis"))]
            if versions
            else []
        ),
        expected,
    )


def _key(view: LookView) -> str:
    result = view.result
    contrasts = [arm.contrast for m in result.metrics for arm in m.arms if arm.contrast]
    levels = sorted({one.confidence_level for one in contrasts})
    one_level = len(levels) == 1
    shown = " to ".join(words.level(level) for level in (levels[:1] + levels[1:][-1:]))
    sequences = [one.sequential for one in contrasts if one.sequential]
    said = []
    if not result.final and not sequences:
        said.append("Bar: interval for the end of the plan. Looking early makes it too narrow.")
    elif not result.final or any(one.decides for one in sequences):
        by_looks = any(one.method == "group_sequential" for one in sequences)
        kind = (
            "interval of this look (group-sequential)" if by_looks else "always-valid interval"
        )
        said.append(f"Bar: {kind}; it is wide because you may look again.")
    else:
        whose = "as you explore it" if result.exploring else "of the plan"
        said.append(
            f"Bar: {shown} interval {whose}."
            if one_level
            else f"Bar: interval {whose}, at its corrected level ({shown})."
        )
        if sequences:
            said.append("Thin line: always-valid, holds at any look.")
    said += notes.family_notes(result)
    said += notes.omnibus_notes(result)
    if result.final:
        said.append("Filled point: decided. Hollow: undecided.")
    if result.phases > 1:
        said.append("Arm values are weighted to the same mix of phases.")
    return " ".join(said)


def _warnings(view: LookView, names: dict[str, str]) -> list[str]:
    """What the flags of a comparison mean, one line for each flag."""
    found: dict[str, list[str]] = {}
    for metric in view.result.metrics:
        for arm in metric.arms:
            for flag in arm.contrast.flags if arm.contrast else ():
                who = f" ({names.get(arm.variant, arm.variant)})"
                several = len(view.result.treatments) > 1
                found.setdefault(flag, []).append(metric.name + (who if several else ""))
    return [
        f"{', '.join(words.plain(name, 60) for name in metrics)}: {FLAGS.get(flag, flag)}"
        for flag, metrics in found.items()
    ]
