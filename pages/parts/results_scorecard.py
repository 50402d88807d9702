"""The scorecard with its switch, key and table."""

from __future__ import annotations

from typing import Any

import streamlit as st

from experiments_core.charts import findings, tables, words
from experiments_core.charts.scorecard import scorecard
from experiments_core.domain.experiment import Experiment
from experiments_core.services.analyses import LookView
from pages.parts import links, theme

SHOW = {"lift": "Lift", "difference": "Difference"}


def names_of(experiment: Experiment) -> dict[str, str]:
    """Variant key -> name, for every figure."""
    return {variant.key: variant.name or variant.key for variant in experiment.variants}


def draw(view: LookView, experiment: Experiment) -> None:
    """Every metric on one axis; lift or difference, the same verdict."""
    result, names = view.result, names_of(experiment)
    st.space(8)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"
    ):
        theme.section(findings.scorecard_title(result, names))
        show = links.segments("On the axis", SHOW, param="show", scope=experiment.slug)
    palette = theme.tokens()
    options: dict[str, Any] = {"show": show, "names": names, "unit": experiment.unit}
    theme.wide_and_narrow(
        scorecard(result, palette, **options),
        scorecard(result, palette, narrow=True, **options),
        key="scorecard",
        alt=findings.scorecard_alt(result, names),
        image=f"{experiment.slug}-scorecard",
    )
    theme.note(_key(view))
    theme.numbers(tables.scorecard_table(result, names), key="scorecard")


def _key(view: LookView) -> str:
    result = view.result
    contrasts = [arm.contrast for m in result.metrics for arm in m.arms if arm.contrast]
    sequential = any(one.sequential for one in contrasts)
    levels = sorted({words.percent(one.confidence_level, 0) for one in contrasts})
    said = []
    if result.final:
        level = levels[0] if len(levels) == 1 else "corrected"
        said.append(f"Bar: {level} interval of the plan.")
        if sequential:
            said.append("Thin line: always-valid, holds at any look.")
        said.append("Filled point: decided. Hollow: undecided.")
    elif sequential:
        said.append("Bar: always-valid interval; it is wide because you may look again.")
    else:
        said.append("Bar: interval for the end of the plan. Looking early makes it too narrow.")
    if result.phases > 1:
        said.append("Arm values are weighted to the same mix of phases.")
    return " ".join(said)
