"""The head of the results: verdict, health strip, progress to plan."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from experiments_core.charts import words
from experiments_core.charts.verdicts import BADGES
from experiments_core.domain.experiment import Experiment
from experiments_core.services.viewing import LookView
from pages.parts import markup, results_checks, theme
from pages.parts.markup import Html

SIGNS = {"fail": ("worse", "✕"), "warn": ("warning", "!"), "info": ("warning", "◆")}
"""Colour and mark of what needs a person; a pass is a grey tick."""
ORDER = {level: place for place, level in enumerate((*SIGNS, "pass"))}


def verdict(view: LookView, experiment: Experiment) -> Html:
    """Badges, the verdict in one sentence, at most three reasons, what to do."""
    result = view.result
    marks: list[tuple[str, str, str]] = [BADGES[result.verdict.code]]
    guardrails = _guardrail_badge(view)
    if guardrails and result.verdict.code not in {"no_data", "cannot_say"}:
        marks.append(guardrails)
    kind = "final look" if result.final else "look"
    number = f", no. {result.look}" if result.look else ""
    aside = "" if result.verdict.code == "no_data" else f"{kind}{number}"
    if experiment.sample:
        aside += " · sample"
    parts = [markup.badges(marks, aside.removeprefix(" · "))]
    parts.append(markup.title(result.verdict.text))
    if result.verdict.reasons:
        parts.append(markup.paragraph(markup.text(" ".join(result.verdict.reasons[:3]), 1200)))
    if result.recommendation.text and result.verdict.code != "no_data":
        parts.append(suggestion(result.recommendation.text))
    return markup.join(*parts)


def suggestion(text: str) -> Html:
    """What we would do."""
    return markup.paragraph(markup.strong("We suggest:"), markup.text(text, 600))


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


def trust(view: LookView, experiment: Experiment) -> Html:
    """Whether the numbers can be trusted, and how far the plan is."""
    names = {variant.key: variant.name for variant in experiment.variants}
    return markup.join(health(view, names), progress(view, experiment))


def health(view: LookView, names: Mapping[str, str]) -> Html:
    """One button per check: those that need a person first, passes as grey ticks."""
    checks = sorted(view.result.health, key=lambda check: ORDER.get(check.level, 0))
    if not checks:
        return markup.join()
    passed = sum(check.level == "pass" for check in checks)
    open_ones = len(checks) - passed
    aside = f"{passed} of {len(checks)} checks pass"
    if open_ones:
        aside += f"; {open_ones} to know about"
    return markup.join(
        markup.lead("Can you trust it?", aside),
        markup.box(
            "checks",
            *(
                markup.card(
                    f"check-{check.check}",
                    _label(check.level, check.label, check.short),
                    markup.paragraph(
                        markup.strong(check.label, 40), markup.text(check.short, 40)
                    ),
                    markup.paragraph(markup.text(check.message or "Nothing to do.", 1500)),
                    results_checks.advice(check.check, check.level),
                    results_checks.numbers(check.facts, names),
                )
                for check in checks
            ),
        ),
    )


def _label(level: str, label: str, short: str) -> Html:
    """What the strip shows of a check."""
    named, aside = markup.text(label, 40), markup.text(short, 40)
    if level == "pass":
        return markup.colour("muted", Html(f"✓ {named} {aside}".rstrip()))
    kind, mark = SIGNS[level]
    line = Html(f"{markup.colour(kind, Html(mark))} <strong>{named}</strong>")
    return Html(f"{line} {markup.colour('muted', aside)}") if short else line


def progress(view: LookView, experiment: Experiment) -> Html:
    """Units, days, and the smallest lift the data could show, against the plan."""
    told = view.result.progress
    if told is None:
        return markup.join()
    parts = [
        (f"{experiment.unit.capitalize()}s", told.units, told.planned_units),
        ("Days", told.days, told.planned_days),
    ]
    reached = all(plan is None or (done or 0) >= plan for _, done, plan in parts)
    planned = any(plan is not None for _, _, plan in parts)
    aside = ("reached" if reached else "not reached yet") if planned else "there is no plan"
    bars = [
        _bar(name, words.count(done), plan and words.count(plan), _share(done, plan))
        for name, done, plan in parts
        if done is not None
    ]
    reachable = told.relative_minimum_detectable_effect
    asked = told.planned_relative_minimum_detectable_effect
    if isinstance(reachable, float):
        bars.append(
            _bar(
                "Smallest visible lift",
                words.percent(reachable),
                asked and words.percent(asked),
                _share(asked, reachable) if asked else None,
                between=" asked ",
            )
        )
    return markup.join(markup.lead("Progress to plan", aside), markup.box("bars", *bars))


def _share(done: float, plan: float | None) -> float | None:
    return None if not plan else done / plan


def _bar(
    name: str,
    done: str,
    plan: str | float | None,
    share: float | None,
    *,
    between: str = " of ",
) -> Html:
    tail = markup.colour("muted", markup.text(f"{between.strip()} {plan}" if plan else ""))
    parts = [
        markup.paragraph(
            markup.colour("muted", markup.text(name)), Html("\u2003"), markup.strong(done), tail
        )
    ]
    if share is not None:
        parts.append(markup.bar(name, share))
        if between == " of ":
            parts.append(markup.note(f"{words.percent(share, 0)} of the plan"))
    return markup.box("one", *parts)


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
