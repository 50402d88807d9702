"""How a scorecard was decided: its looks, its corrections, what all arms say together."""

from __future__ import annotations

from experiments_core.analysis.contrast import Sequential
from experiments_core.analysis.results import ExperimentResult
from experiments_core.charts import words
from experiments_core.stats.estimate import Undefined

CORRECTIONS = {
    "holm": "Holm", "bh": "Benjamini-Hochberg", "bonferroni": "Bonferroni",
    "hochberg": "Hochberg", "by": "Benjamini-Yekutieli",
}  # fmt: skip


OMNIBUS = {
    "chi_square": "chi-square", "welch_anova": "Welch’s ANOVA",
    "cochran_q": "chi-square over phases",
}  # fmt: skip


def looks_note(result: ExperimentResult) -> str:
    """Which test decides this look, in a sentence; empty where nothing is compared."""
    found = _deciding_look(result)
    if found is None:
        return "Decided by one test, at the end." if result.final else ""
    if found.method == "always_valid":
        return "Decided by an interval that holds however often you look, so it is wider."
    share = words.percent(found.information or 0.0, 0)
    bound = f"{found.bound:.2f}" if isinstance(found.bound, float) else ""
    needs = f"|z| has to be above {bound}" if bound else "it is too early for any decision"
    return (
        "Decided by looks that share one error rate (group-sequential, Lan-DeMets, "
        f"O’Brien-Fleming type): at {share} of the planned units {needs}."
    )


def _deciding_look(result: ExperimentResult) -> Sequential | None:
    for metric in result.metrics:
        for arm in metric.arms:
            early = arm.contrast.sequential if arm.contrast else None
            if early is not None and early.decides:
                return early
    return None


def family_notes(result: ExperimentResult) -> list[str]:
    """``Holm over 4 comparisons (2 primary metrics × 2 treatments).`` per corrected family."""
    treatments = len(result.treatments)
    told = []
    for family in ("primary", "secondary"):
        found = [
            arm.contrast
            for metric in result.metrics
            for arm in metric.arms
            if arm.contrast is not None and arm.contrast.family == family
        ]
        sized = next((one for one in found if one.family_size > 1), None)
        if sized is None or sized.correction == "none":
            continue
        metrics = sum(metric.role == family for metric in result.metrics)
        what = f"{words.plural(metrics, f'{family} metric')} × "
        what += words.plural(treatments, "treatment")
        told.append(
            f"{CORRECTIONS[sized.correction]} over {sized.family_size} comparisons ({what})."
        )
    return told


def omnibus_notes(result: ExperimentResult) -> list[str]:
    """``Any difference among 3 arms: p = 0.012 (chi-square).`` of the first metric."""
    found = [metric for metric in result.metrics if metric.omnibus is not None]
    if not found or found[0].omnibus is None or isinstance(found[0].omnibus.p_value, Undefined):
        return []
    told = found[0].omnibus
    name = words.plain(found[0].name, 60)
    shown = f"{words.p(told.p_value)} ({OMNIBUS[told.test_method]}; a description)"
    return [f"{name}, any difference among {told.arms} arms: {shown}."]
