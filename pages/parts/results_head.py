"""The head of the results: verdict, health strip, progress to plan."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from experiments_core.charts import words
from experiments_core.charts.verdicts import BADGES
from experiments_core.domain.experiment import Experiment
from experiments_core.services.viewing import LookView
from pages.parts import results_checks, theme

LEVELS = {
    "fail": ":red[✕] **{}**",
    "warn": ":orange[!] **{}**",
    "info": ":orange[◆] **{}**",
    "pass": ":gray[✓ {}]",
}
ORDER = {level: place for place, level in enumerate(LEVELS)}


def verdict(view: LookView, experiment: Experiment) -> None:
    """Badges, the verdict in one sentence, at most three reasons, what to do."""
    result = view.result
    marks: list[tuple[str, str, str]] = [BADGES[result.verdict.code]]
    guardrails = _guardrail_badge(view)
    if guardrails and result.verdict.code not in {"no_data", "cannot_say"}:
        marks.append(guardrails)
    kind = "final look" if result.final else "look"
    number = f", no. {result.look}" if result.look else ""
    note = "" if result.verdict.code == "no_data" else f"{kind}{number}"
    if experiment.sample:
        note += " · sample"
    theme.badges(marks, note.removeprefix(" · "))
    st.title(theme.text(result.verdict.text, 300), anchor=False)
    if result.verdict.reasons:
        st.markdown(theme.text(" ".join(result.verdict.reasons[:3]), 1200))
    if result.recommendation.text and result.verdict.code != "no_data":
        st.markdown(f"**We suggest:** {theme.text(result.recommendation.text, 600)}")


def _guardrail_badge(view: LookView) -> tuple[str, str, str] | None:
    if not view.result.final:
        return None
    found = [
        arm.contrast.guardrail
        for metric in view.result.metrics
        for arm in metric.arms
        if arm.contrast and arm.contrast.guardrail
    ]
    harmed, unsafe = found.count("harmed"), found.count("not_shown_safe")
    if harmed:
        return "▼", f"{words.plural(harmed, 'guardrail')} harmed", "worse"
    if unsafe:
        return "!", f"{words.plural(unsafe, 'guardrail')} open", "warning"
    return None


def trust(view: LookView, experiment: Experiment) -> None:
    """Whether the numbers can be trusted, and how far the plan is."""
    health(view, {variant.key: variant.name for variant in experiment.variants})
    progress(view, experiment)


def health(view: LookView, names: Mapping[str, str]) -> None:
    """One popover per check: those that need a person first, passes as grey ticks."""
    checks = sorted(view.result.health, key=lambda check: ORDER.get(check.level, 0))
    if not checks:
        return
    passed = sum(check.level == "pass" for check in checks)
    open_ones = len(checks) - passed
    note = f"{passed} of {len(checks)} checks pass"
    if open_ones:
        note += f"; {open_ones} to know about"
    st.space(8)
    theme.lead("Can you trust it?", note)
    with st.container(horizontal=True, key="checks", gap="xxsmall"):
        for check in checks:
            label = theme.text(check.label, 40)
            short = f"  {theme.text(check.short, 40)}" if check.short else ""
            name = LEVELS[check.level].format(label + (short if check.level == "pass" else ""))
            tail = f" :gray[{short.strip()}]" if short and check.level != "pass" else ""
            with st.popover(name + tail, type="tertiary", key=f"check-{check.check}"):
                st.markdown(f"**{label}**{short}")
                st.markdown(theme.text(check.message or "Nothing to do.", 1500))
                results_checks.advice(check.check, check.level)
                results_checks.numbers(check.facts, names)


def progress(view: LookView, experiment: Experiment) -> None:
    """Units, days, and the smallest lift the data could show, against the plan."""
    told = view.result.progress
    if told is None:
        return
    parts = [
        (f"{experiment.unit.capitalize()}s", told.units, told.planned_units),
        ("Days", told.days, told.planned_days),
    ]
    reached = all(plan is None or (done or 0) >= plan for _, done, plan in parts)
    planned = any(plan is not None for _, _, plan in parts)
    note = ("reached" if reached else "not reached yet") if planned else "there is no plan"
    st.space(8)
    theme.lead("Progress to plan", note)
    with st.grid(3, min_column_width=220, gap="medium"):
        for name, done, plan in parts:
            if done is not None:
                _bar(name, words.count(done), plan and words.count(plan), _share(done, plan))
        reachable = told.relative_minimum_detectable_effect
        asked = told.planned_relative_minimum_detectable_effect
        if isinstance(reachable, float):
            _bar(
                "Smallest visible lift",
                words.percent(reachable),
                asked and words.percent(asked),
                _share(asked, reachable) if asked else None,
                between=" asked ",
            )


def _share(done: float, plan: float | None) -> float | None:
    return None if not plan else done / plan


def _bar(
    name: str,
    done: str,
    plan: str | float | None,
    share: float | None,
    *,
    between: str = " of ",
) -> None:
    with st.container(gap="xxsmall"):
        tail = f":gray[{between}{plan}]" if plan else ""
        st.markdown(f":gray[{theme.text(name)}]\u2003**{done}**{tail}")
        if share is not None:
            st.progress(min(share, 1.0))
            if between == " of ":
                theme.note(f"{words.percent(share, 0)} of the plan")


def no_data(view: LookView, experiment: Experiment) -> None:
    """Why nothing counts, where something came, and the doors of an experiment without data."""
    if view.quality.rows_read:
        came = words.plural(view.quality.rows_read, "row or event", "rows and events")
        theme.muted(
            f"{came} came, but none counts: a {experiment.unit} first seen before the start, "
            f"held out or not let in is not part of the test. “Try a {experiment.unit} id” on "
            "Traffic tells it of one."
        )
    with st.container(horizontal=True):
        if st.button("Upload a file", type="primary", icon=":material/upload:"):
            st.switch_page("pages/data.py", query_params={"exp": experiment.slug})
        if st.button("Look at the traffic", icon=":material/alt_route:"):
            st.switch_page("pages/traffic.py", query_params={"exp": experiment.slug})
    theme.note(f"Engine {view.result.engine_version}")
