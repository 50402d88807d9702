"""The experiment's verdict and what to do about it: rules over results, never a new test."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments_core.analysis import sentences
from experiments_core.analysis.checks import closed_by
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.planned import days_to_go
from experiments_core.analysis.promoting import promotable
from experiments_core.analysis.results import Recommendation, Verdict
from experiments_core.analysis.sentences import Story
from experiments_core.stats.estimate import Undefined

Ending = tuple[str, str | None, str | None]
"""Code of the verdict, the better arm, and the reason of ``cannot_say``."""
Advice = tuple[str, str | None, tuple[str, ...]]
"""Action, the arm it is about, and codes of the reasons."""


def decide(story: Story, units: int) -> tuple[Verdict, Recommendation]:
    """The verdict (the first code that applies) and the suggestion that follows from it.

    Args:
        story: Everything that is known.
        units: Units of all arms, planned or not.
    """
    code, variant, reason = _unread(story, units) or _read(story)
    text, reasons = sentences.verdict(story, code, variant, reason)
    told = Verdict(code, variant, story.design.basis, text, reasons, reason)
    days = days_to_go(story.design, story.progress)
    action, about, why = _held(story, told) or _advice(story, told)
    said = sentences.recommendation(story, action, about, why, days)
    return told, Recommendation(action, about, why, said)


def _unread(story: Story, units: int) -> Ending | None:
    """Why nobody should read the primary metrics now."""
    red = closed_by(story.health)
    if not units and story.design.basis == "stored":
        return "cannot_say", None, "stored_only"
    if not units:
        return "no_data", None, None
    if red is not None:
        return "cannot_say", None, red.check
    if not story.at.final:
        return ("too_early" if _is_too_early(story) else "interim"), None, None
    return None


def _is_too_early(story: Story) -> bool:
    """The minimum runtime lies ahead, or no primary metric has its minima yet."""
    reasons = {contrast.verdict_reason for contrast in _primary(story)}
    return story.too_short is not None or reasons == {"below_minimum"}


def _read(story: Story) -> Ending:
    """What the primary metrics say."""
    said = {
        arm: {contrast.verdict for _, contrast in story.primary(arm)}
        for arm in story.design.treatments
    }
    everything = _primary(story)
    if all(contrast.verdict == "cannot_say" for contrast in everything):
        reasons = (c.verdict_reason for c in everything if c.verdict_reason)
        return "cannot_say", None, next(reasons, "column_missing")
    if any({"better", "worse"} <= verdicts for verdicts in said.values()):
        return "mixed", None, None
    best = _best(story, [arm for arm, verdicts in said.items() if "better" in verdicts])
    if best is not None:
        return "better", best, None
    worse = all("worse" in verdicts for verdicts in said.values())
    return ("worse" if worse else "no_clear_difference"), None, None


def _primary(story: Story) -> list[Contrast]:
    return [pair[1] for arm in story.design.treatments for pair in story.primary(arm)]


def _best(story: Story, arms: Sequence[str]) -> str | None:
    """Of several better arms the one with the largest lift of the first primary metric."""

    def gain(arm: str) -> float:
        first, contrast = story.primary(arm)[0]
        lift = contrast.relative_lift
        size = contrast.difference if isinstance(lift, Undefined) else lift
        if isinstance(size, Undefined):
            return -math.inf
        return -size if first.preferred_direction == "decrease" else size

    return max(arms, key=gain, default=None)


def _held(story: Story, told: Verdict) -> Advice | None:
    """What to do before the result may be acted on."""
    red = tuple(card.check for card in story.health if card.level == "fail")
    if told.code == "no_data":
        return "keep_running", None, ("no_data",)
    if red:
        return "investigate", None, red
    promoted = _promotable(story)
    if promoted is not None:
        return "ship", promoted, ("auto_promote_ready",)
    if not story.at.final:
        return _meanwhile(story)
    if told.code == "cannot_say":
        return "investigate", None, (told.reason or "column_missing",)
    return None


def _advice(story: Story, told: Verdict) -> Advice:
    """What to do with a final result that can be read."""
    if told.code == "mixed":
        return "discuss", None, ("primary_metrics_disagree",)
    if told.code == "better" and told.variant is not None:
        return _after_a_win(story, told.variant)
    if told.code == "worse":
        arms = story.design.treatments
        return "roll_back", (arms[0] if len(arms) == 1 else None), ("primary_worse",)
    harmed = _harmed(story)
    if harmed is not None:
        return "roll_back", harmed[0], (harmed[1],)
    return _after_a_flat(story)


def _meanwhile(story: Story) -> Advice:
    """What to do before the plan is reached."""
    harmed = _harmed(story)
    if harmed is not None:
        return "roll_back", harmed[0], (harmed[1],)
    return "keep_running", None, ("plan_not_reached",)


def _promotable(story: Story) -> str | None:
    """The treatment that meets everything the experiment asked for before auto-promote."""
    asked = story.design.promotion
    if asked is None:
        return None
    return promotable(story.metrics, story.health, asked, story.design.treatments)


def _harmed(story: Story) -> tuple[str, str] | None:
    """The first treatment shown to do harm, and where."""
    for arm in story.design.treatments:
        if any(contrast.verdict == "worse" for _, contrast in story.primary(arm)):
            return arm, "primary_worse"
        if any(contrast.guardrail == "harmed" for _, contrast in story.guardrails(arm)):
            return arm, "guardrail_harmed"
    return None


def _after_a_win(story: Story, variant: str) -> Advice:
    states = {contrast.guardrail for _, contrast in story.guardrails(variant)}
    if "harmed" in states:
        return "discuss", variant, ("primary_better", "guardrail_harmed")
    if states & {"not_shown_safe", "cannot_say"}:
        return "discuss", variant, ("primary_better", "guardrail_not_shown_safe")
    safe = ("guardrails_safe",) if states else ()
    return "ship", variant, ("primary_better", *safe)


def _after_a_flat(story: Story) -> Advice:
    """A flat result is an answer only where the test could see what was asked for."""
    reached = story.progress.relative_minimum_detectable_effect
    asked = story.progress.planned_relative_minimum_detectable_effect
    if asked and isinstance(reached, float):
        if reached <= asked:
            return "stop_flat", None, ("no_difference", "powered")
        return "extend", None, ("no_difference", "underpowered")
    return "stop_flat", None, ("no_difference",)
