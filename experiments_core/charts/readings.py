"""How a comparison is shown: mark, word, tone and style, from the verdict and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from experiments_core.analysis.contrast import Contrast, Sequential
from experiments_core.analysis.results import ExperimentResult, MetricResult
from experiments_core.charts import words
from experiments_core.charts.theme import Tokens, faded
from experiments_core.stats.estimate import Undefined, Value

PALE = 0.55


@dataclass(frozen=True, slots=True)
class Reading:
    """One comparison as it is shown.

    Attributes:
        mark: The symbol, the second signal.
        word: What it means, the first signal.
        tone: Name of a token: ``better``, ``worse``, ``neutral``, ``warning`` or ``bar``.
        style: ``filled`` (decided), ``hollow`` (open), ``crossed`` (not usable),
            ``misleading`` or ``none`` (cannot say).
        note: The line under the word: p or why there is none.
    """

    mark: str
    word: str
    tone: str
    style: str
    note: str = ""

    def colour(self, tokens: Tokens) -> str:
        """Colour of mark, point and wings."""
        name = "muted" if self.style in {"misleading", "crossed"} else self.tone
        return str(getattr(tokens, name))

    def bar(self, tokens: Tokens) -> str:
        """Colour of the interval bar: full when decided, pale when open."""
        tone = str(getattr(tokens, self.tone))
        if self.style == "crossed":
            return tokens.bar
        return tone if self.style == "filled" else faded(tone, PALE, tokens.background)


BY_VERDICT = {
    "better": Reading("▲", "better", "better", "filled"),
    "worse": Reading("▼", "worse", "worse", "filled"),
    "no_clear_difference": Reading("●", "unclear", "neutral", "hollow"),
    "cannot_say": Reading("–", "cannot say", "neutral", "none"),
}
BY_GUARDRAIL = {
    "safe": Reading("✓", "inside limit", "better", "filled"),
    "safe_but_worse": Reading("✓", "safe, but worse", "neutral", "filled"),
    "harmed": Reading("▼", "harmed", "worse", "filled"),
    "not_shown_safe": Reading("!", "not shown safe", "warning", "hollow"),
    "cannot_say": Reading("–", "cannot say", "neutral", "none"),
}
INTERIM = Reading("…", "interim", "neutral", "hollow", "no verdict yet")
NOT_USABLE = Reading("✕", "not usable", "bar", "crossed")
DIFFERS = Reading("●", "differs", "neutral", "filled")
MISLEADING = Reading("✕", "misleading", "neutral", "misleading")


def gate_closed(result: ExperimentResult) -> bool:
    """Whether a red health check forbids to use the numbers."""
    red = any(check.level == "fail" for check in result.health)
    return red and result.verdict.code == "cannot_say"


def read(result: ExperimentResult, metric: MetricResult, contrast: Contrast) -> Reading:
    """How one treatment of one metric is shown in this result."""
    if gate_closed(result):
        return _with_note(NOT_USABLE, _p_note(contrast))
    if not result.final:
        return _interim(contrast)
    if contrast.guardrail is not None:
        against = f"vs limit {words.p(contrast.guardrail_p_value)}"
        has_p = not isinstance(contrast.guardrail_p_value, Undefined | None)
        found = BY_GUARDRAIL[contrast.guardrail]
        return _with_note(found, against if has_p else _why(contrast))
    if metric.preferred_direction == "neutral" and contrast.significant:
        return _with_note(DIFFERS, _p_note(contrast))
    return _with_note(BY_VERDICT[contrast.verdict], _p_note(contrast))


def shown_interval(
    contrast: Contrast, show: str, *, final: bool
) -> tuple[Value, Value, Value]:  # fmt: skip
    """Point and bar ends: the interval that decides, before the end the always-valid one."""
    early = deciding_sequence(contrast) if final else contrast.sequential
    if show == "difference":
        if early is not None:
            return contrast.difference, early.difference_ci_lower, early.difference_ci_upper
        return contrast.difference, contrast.difference_ci_lower, contrast.difference_ci_upper
    if early is not None:
        lower, upper = early.relative_lift_ci_lower, early.relative_lift_ci_upper
        return contrast.relative_lift, lower, upper
    return (
        contrast.relative_lift,
        contrast.relative_lift_ci_lower,
        contrast.relative_lift_ci_upper,
    )


def wings(
    result: ExperimentResult, contrast: Contrast, show: str
) -> tuple[Value, Value] | None:
    """The always-valid interval outside the bar; on a final look only."""
    late = contrast.sequential
    if not result.final or late is None or late.decides:
        return None
    if show == "difference":
        return late.difference_ci_lower, late.difference_ci_upper
    return late.relative_lift_ci_lower, late.relative_lift_ci_upper


def deciding_sequence(contrast: Contrast) -> Sequential | None:
    """The sequential reading, where the verdict rests on it."""
    found = contrast.sequential
    return found if found is not None and found.decides else None


def _interim(contrast: Contrast) -> Reading:
    if contrast.verdict == "cannot_say":
        return _with_note(BY_VERDICT["cannot_say"], _why(contrast))
    if contrast.sequential is None:
        return INTERIM
    early = contrast.sequential
    by_looks = early.method == "group_sequential"
    return _with_note(
        INTERIM, words.p_of_look(early) if by_looks else words.p(early.p_value_always_valid)
    )


def _p_note(contrast: Contrast) -> str:
    if isinstance(contrast.p_value, Undefined):
        return _why(contrast)
    sequence = deciding_sequence(contrast)
    if sequence is not None:
        return words.p_of_look(sequence)
    return words.p(contrast.p_value_adjusted)


def _why(contrast: Contrast) -> str:
    return (
        "no p-value" if isinstance(contrast.p_value, Undefined) else words.p(contrast.p_value)
    )


def _with_note(reading: Reading, note: str) -> Reading:
    return Reading(reading.mark, reading.word, reading.tone, reading.style, note)
