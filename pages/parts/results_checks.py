"""What one health check opens below its message: what to do about it, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping

from experiments_core.charts import words
from pages.parts import markup
from pages.parts.markup import Html

ADVICE = {
    "sample_ratio_mismatch": (
        "Look for what counts people in one version only: a redirect or a slow page that "
        "loses them, bots, a filter or a join after the split, versions that went live at "
        "different times. Users per day and the segments below show where it begins. Mend "
        "it, then import again or start a new run."
    ),
    "crossed_units": (
        "Look for ids that change between visits (signing in, another device) and for a "
        "variant that is drawn anew."
    ),
    "left_out_rows": "The page Data has every row that was left out, with its rule, as a file.",
    "minimum_reached": "Wait until it is reached; before that, numbers swing.",
    "suspicious_lift": (
        "Compare a few rows with the source: events sent twice, another definition in one "
        "version, one customer who buys for many."
    ),
    "split_changed": "The tab Phases shows each phase and what the plain total would say.",
    "heterogeneous_phases": "The tab Phases shows the effect of each phase.",
    "phase_unknown": "Import the data again with the time at which each one was first seen.",
}
"""What to do about a check that did not pass, beyond what its message says."""
SHARES = frozenset({"share", "information"})
TOLD = frozenset({"observed", "expected", "residuals", "by_phase", "degrees_of_freedom"})
"""Facts of the sample ratio that :func:`_ratio` puts into sentences."""
SPOKEN = {
    "alpha_spent": "error rate spent so far",
    "chi_square": "chi-square",
    "exact_p_value": "exact p-value",
    "information": "share of the planned units",
    "min_conversions_per_arm": "conversions asked for in each version",
    "min_runtime_days": "days asked for",
    "min_units_per_arm": "units asked for in each version",
    "misleading_total": "plain total misleads",
    "rows_rejected": "rows that broke a rule",
}
METHODS = {
    "fixed": "one test at the end", "always_valid": "valid at any look",
    "group_sequential": "looks share one error rate",
}  # fmt: skip


def advice(check: str, level: str) -> Html:
    """What to do about a check that did not pass."""
    if level == "pass" or check not in ADVICE:
        return markup.join()
    return markup.paragraph(markup.strong("What to do:"), markup.text(ADVICE[check], 600))


def numbers(facts: Mapping[str, object], names: Mapping[str, str]) -> Html:
    """The numbers of a check as people say them.

    Args:
        facts: Of the check.
        names: Variant key -> name.
    """
    lines = [*_ratio(facts, names), *_others(facts)]
    return markup.bullets(lines) if lines else markup.join()


def _ratio(facts: Mapping[str, object], names: Mapping[str, str]) -> list[Html]:
    """Each version: how many came, how many were expected."""
    observed, expected = facts.get("observed"), facts.get("expected")
    if not isinstance(observed, Mapping) or not isinstance(expected, Mapping):
        return []
    lines = []
    for arm, number in observed.items():
        told = f"{markup.strong(words.count(number))} counted"
        if arm in expected:
            told += f", {words.count(expected[arm])} expected"
        lines.append(Html(f"{markup.text(names.get(arm, arm), 60)}: {told}"))
    phases = facts.get("by_phase")
    if isinstance(phases, list) and len(phases) > 1:
        for number, phase in enumerate(phases, start=1):
            p = phase.get("p_value")
            said = markup.strong(words.p(p) if p is not None else "too few units")
            lines.append(Html(f"phase {number}: {said}"))
    return lines


def _others(facts: Mapping[str, object]) -> list[Html]:
    lines = []
    for name, value in facts.items():
        if name in TOLD:
            continue
        if isinstance(value, list | tuple):
            told = ", ".join(_fact(name, one) for one in value)
        else:
            told = _fact(name, value)
        spoken = SPOKEN.get(name, name.replace("_", " "))
        lines.append(Html(f"{markup.text(spoken)}: {markup.strong(told, 400)}"))
    return lines


def _fact(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return METHODS.get(str(value), words.plain(value))
    if name in SHARES:
        return words.percent(value)
    if isinstance(value, int) or value.is_integer():
        return words.count(value)
    return f"{value:.4g}".replace("-", words.MINUS)
