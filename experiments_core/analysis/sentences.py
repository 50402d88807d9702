"""What the results say in words: the verdict, its reasons, the suggestion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from experiments_core.analysis import words
from experiments_core.analysis.checks import closed_by
from experiments_core.analysis.clauses import LONGEST_NAME, effect, guardrail, lowered, span
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.results import Check, MetricResult, Progress
from experiments_core.analysis.stage import Stage
from experiments_core.domain.metric import MetricRole
from experiments_core.stats.estimate import Undefined

CLOSE = (0.8, 1.2)
"""p between these multiples of the level is called close to the line."""
MOST_REASONS = 3

EARLY_STOP = (
    "The test stopped before its plan was reached, so the interval is widened as at any look."
)
WIDENED = "The interval is widened because you may look again."
SHRINK = "Expect somewhat less once it is live; winners shrink."


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that the sentences tell of.

    Attributes:
        too_few: Which arm lacks units or conversions, in one sentence.
        too_short: How many days the plan still asks for, in one sentence.
    """

    design: Design
    at: Stage
    metrics: Sequence[MetricResult]
    health: Sequence[Check]
    progress: Progress
    too_few: str | None
    too_short: str | None

    def name(self, arm: str) -> str:
        """What people call an arm."""
        return words.name(self.design.named(arm), LONGEST_NAME)

    def primary(self, arm: str) -> list[tuple[MetricResult, Contrast]]:
        """Primary metrics of one treatment, in order."""
        return self._of_role(arm, MetricRole.PRIMARY)

    def guardrails(self, arm: str) -> list[tuple[MetricResult, Contrast]]:
        """Guardrails of one treatment, in order."""
        return self._of_role(arm, MetricRole.GUARDRAIL)

    def _of_role(self, arm: str, role: MetricRole) -> list[tuple[MetricResult, Contrast]]:
        return [
            (metric, one.contrast)
            for metric in self.metrics
            if metric.role == role
            for one in metric.arms
            if one.variant == arm and one.contrast is not None
        ]


def verdict(
    story: Story, code: str, variant: str | None, reason: str | None
) -> tuple[str, tuple[str, ...]]:
    """One sentence for the head of the page, and at most three below it."""
    red = closed_by(story.health)
    if code == "no_data":
        planned = story.design.plan.planned_units
        needs = (
            f"; the plan needs {words.count(planned)} {story.design.unit}s" if planned else ""
        )
        return f"No data yet. Upload a file or send events{needs}.", ()
    if code == "cannot_say" and red is not None:
        head, _, rest = red.message.partition(". ")
        return f"{head.rstrip('.')}.", ((rest,) if rest else ())
    if code == "cannot_say":
        return f"Cannot say. {words.reason(reason)}", ()
    if code == "too_early":
        return _too_early(story), ("Counts and values are shown; the verdict waits.",)
    if code == "interim":
        return _interim(story), tuple(_so_far(story))[:MOST_REASONS]
    told = {
        "mixed": _mixed, "better": _better, "worse": _worse, "no_clear_difference": _flat,
    }[code]  # fmt: skip
    text, reasons = told(story, variant)
    return text, tuple(reasons)[:MOST_REASONS]


def recommendation(
    story: Story, action: str, variant: str | None, reasons: Sequence[str], days: int | None
) -> str:
    """The suggestion in one sentence."""
    who = story.name(variant) if variant else "the change"
    red = closed_by(story.health)
    safe = " and every guardrail is inside its limit" if "guardrails_safe" in reasons else ""
    harmed = "guardrail_harmed" in reasons
    state = "harmed" if harmed else "not shown to be safe"
    harm = "a guardrail is harmed" if harmed else "it does harm"
    unseen = "the test cannot yet see the effect you asked for."
    longer = f"by {words.plural(days, 'day')}" if days else "the test"
    cause = red.label.lower() if red else lowered(words.reason(reasons[0]).rstrip("."))
    waits = "No data have come yet." if "no_data" in reasons else "the plan is not reached."
    disagree = "the primary metrics disagree."
    if "auto_promote_ready" in reasons:
        return f"Ship {who}: it meets everything you asked for before auto-promote."
    return {
        "ship": f"Ship {who}: it is better{safe}.",
        "roll_back": f"Roll back {who}: {harm}.",
        "discuss": "Discuss: "
        + (f"{who} is better, but a guardrail is {state}." if variant else disagree),
        "extend": f"Extend {longer}, or stop: {unseen}",
        "stop_flat": "Stop: no clear difference.",
        "investigate": f"Find the cause first: {cause}.",
        "keep_running": waits if "no_data" in reasons else f"Keep running: {waits}",
    }[action]


def _too_early(story: Story) -> str:
    if story.too_few is not None:
        return f"Too early for a p-value: {story.too_few}"
    return f"Too early. {story.too_short}"


def _interim(story: Story) -> str:
    now = story.progress
    look = "This is a look, not a result."
    if now.days is not None and now.planned_days:
        return f"Day {now.days} of {now.planned_days}. {look}"
    if now.planned_units:
        so_far, planned = words.count(now.units), words.count(now.planned_units)
        return f"{so_far} of {planned} {story.design.unit}s. {look}"
    return look


def _so_far(story: Story) -> Iterator[str]:
    for arm in story.design.treatments:
        for metric, contrast in story.primary(arm)[:1]:
            if contrast.verdict != "cannot_say":
                who = f"{story.name(arm)}: " if len(story.design.treatments) > 1 else ""
                yield f"So far {who}{effect(metric, contrast, widened=True)}."
    yield WIDENED


def _better(story: Story, variant: str | None) -> tuple[str, Iterator[str]]:
    arm = variant or story.design.treatments[0]
    metric, contrast = _first(story, arm, "better")
    shown = effect(metric, contrast, widened=_is_widened(story))
    line = _close(story, contrast)
    if line is None:
        return f"{story.name(arm)} is better: {shown}.", _caveats(story, arm, contrast)
    text = f"{story.name(arm)} is better, but only just ({line})."
    return text, _with(f"Measured: {shown}.", _caveats(story, arm, contrast))


def _worse(story: Story, _: str | None) -> tuple[str, Iterator[str]]:
    arms = story.design.treatments
    metric, contrast = _first(story, arms[0], "worse")
    shown = effect(metric, contrast, widened=_is_widened(story))
    line = _close(story, contrast)
    if len(arms) > 1:
        text = f"Every variant is worse; {story.name(arms[0])}: {shown}."
        return text, _caveats(story, arms[0], contrast, won=False)
    if line is None:
        text = f"{story.name(arms[0])} is worse: {shown}."
        return text, _caveats(story, arms[0], contrast, won=False)
    text = f"{story.name(arms[0])} is worse, but only just ({line})."
    return text, _with(f"Measured: {shown}.", _caveats(story, arms[0], contrast, won=False))


def _flat(story: Story, _: str | None) -> tuple[str, Iterator[str]]:
    arms = story.design.treatments
    fits = []
    for arm in arms[:MOST_REASONS]:
        pairs = [(m, c) for m, c in story.primary(arm) if c.verdict != "cannot_say"]
        for metric, contrast in pairs[:1]:
            seen = span(metric, contrast, widened=_is_widened(story))
            if seen != words.NONE:
                fits.append((arm, contrast, seen))
    if len(arms) == 1 and fits:
        arm, contrast, seen = fits[0]
        line = _close(story, contrast)
        fit = f"The data fit anything {seen}."
        if line is not None:
            text = f"No clear difference, though close ({words.p(contrast.p_value)})."
            return text, _with(fit, _flat_reasons(story, arm, contrast))
        return f"No clear difference. {fit}", _flat_reasons(story, arm, contrast)
    text = "No clear difference for any variant." if len(arms) > 1 else "No clear difference."
    worse = [story.name(arm) for arm in arms if _is_worse(story, arm)]
    if worse:
        verb = "is" if len(worse) == 1 else "are"
        text = f"No variant is better; {', '.join(worse)} {verb} worse."
    told = (f"{story.name(arm)}: anything {seen}." for arm, _, seen in fits)
    return text, told


def _mixed(story: Story, _: str | None) -> tuple[str, Iterator[str]]:
    judged = (story.primary(arm) for arm in story.design.treatments)
    found = next(
        pairs
        for pairs in judged
        if {"better", "worse"} <= {contrast.verdict for _, contrast in pairs}
    )
    said = ", ".join(
        f"{words.name(metric.name, LONGEST_NAME)} {contrast.verdict}"
        for metric, contrast in found
        if contrast.verdict in {"better", "worse"}
    )
    widened = _is_widened(story)
    shown = (f"{effect(metric, contrast, widened=widened)}." for metric, contrast in found)
    return f"{said}: the primary metrics disagree.", shown


def _caveats(story: Story, arm: str, contrast: Contrast, *, won: bool = True) -> Iterator[str]:
    if isinstance(contrast.relative_lift, Undefined):
        yield words.reason(contrast.relative_lift)
    for metric, rail in story.guardrails(arm):
        sentence = guardrail(metric, rail)
        if sentence is not None:
            yield sentence
    if _is_widened(story) and not story.at.reached:
        yield EARLY_STOP
    yield from (card.message for card in story.health if card.check == "split_changed")
    if won:
        yield SHRINK


def _flat_reasons(story: Story, arm: str, contrast: Contrast) -> Iterator[str]:
    reached = story.progress.relative_minimum_detectable_effect
    asked = story.progress.planned_relative_minimum_detectable_effect
    if asked and reached is not None and not isinstance(reached, Undefined):
        says = "is an answer" if reached <= asked else "says little"
        yield (
            f"This test could see ±{words.percent(reached)}; you asked for "
            f"±{words.percent(asked)}. A flat result {says} here."
        )
    yield from _caveats(story, arm, contrast, won=False)


def _is_worse(story: Story, arm: str) -> bool:
    return any(contrast.verdict == "worse" for _, contrast in story.primary(arm))


def _first(story: Story, arm: str, said: str) -> tuple[MetricResult, Contrast]:
    return next(pair for pair in story.primary(arm) if pair[1].verdict == said)


def _is_widened(story: Story) -> bool:
    return story.at.deciding != "fixed"


def _close(story: Story, contrast: Contrast) -> str | None:
    """``p = 0.049; the line is 0.05`` when the test was decided narrowly."""
    if _is_widened(story) or isinstance(contrast.p_value, Undefined):
        return None
    sides = 1 if story.design.plan.alternative == "two-sided" else 2
    line = (1 - contrast.confidence_level) / sides
    if CLOSE[0] * line <= contrast.p_value <= CLOSE[1] * line:
        return f"{words.p(contrast.p_value)}; the line is {line:.3g}"
    return None


def _with(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
