"""How a number came about: the formula, the numbers put in, what they start from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from experiments_core.analysis import comparing, words
from experiments_core.analysis.design import Design
from experiments_core.analysis.families import family_size
from experiments_core.analysis.groups import Groups, Pair, is_rate
from experiments_core.analysis.results import Contrast
from experiments_core.domain.metric import Metric
from experiments_core.stats import means
from experiments_core.stats.contrasts import Withheld
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.moments import Counts, Moments, Summary

RATE = """\
p_c = x_c / n_c,  p_t = x_t / n_t,  d = p_t − p_c,  lift = p_t / p_c − 1
z = d / √(p (1 − p) (1/n_c + 1/n_t)),  p = (x_c + x_t) / (n_c + n_t)
difference: every δ the same score test keeps (Mee 1984)
lift: every ratio the same score test keeps (Koopman 1984)"""
RATE_PHASES = """\
w = n_c n_t / (n_c + n_t) per phase, scaled to the sum 1 (Mantel & Haenszel 1959)
p_c = Σ w x_c / n_c,  p_t = Σ w x_t / n_t,  d = p_t − p_c,  lift = p_t / p_c − 1
z = d / √(Σ w² p (1 − p) (1/n_c + 1/n_t)),  p = (x_c + x_t) / (n_c + n_t) of the phase
difference: every δ the same score test keeps (Mee 1984)
lift: every ratio the same score test keeps (Koopman 1984)"""
MEAN = """\
d = m_t − m_c,  lift = m_t / m_c − 1,  v = s²_t / n_t + s²_c / n_c
t = d / √v,  f = v² / ((s²_t/n_t)² / (n_t − 1) + (s²_c/n_c)² / (n_c − 1)) (Welch 1947)
difference: d ± t_crit √v
lift: the quadratic of Fieller (1954) with the same t_crit"""
MEAN_PHASES = """\
w = n_c n_t / (n_c + n_t) per phase, scaled to the sum 1
d = Σ w (m_t − m_c),  lift = Σ w m_t / Σ w m_c − 1,  v = Σ w² (s²_t / n_t + s²_c / n_c)
t = d / √v,  f = v² / Σ (w² s²/n)² / (n − 1) over all arms and phases
difference: d ± t_crit √v
lift: the quadratic of Fieller (1954) with the same t_crit"""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One comparison, written out.

    Attributes:
        metric: Its key.
        variant: The treatment.
        formula: The formulas, in symbols.
        numbers: The same with the numbers put in.
        moments: What they start from, one row per arm and phase.
        sql: The query that fetched the moments; empty when there was none.
    """

    metric: str
    variant: str
    formula: str
    numbers: str
    moments: tuple[dict[str, object], ...]
    sql: str = ""

    def __str__(self) -> str:
        return "\n\n".join(part for part in (self.formula, self.numbers, self.sql) if part)


def explain(
    groups: Groups, design: Design, metric: Metric, contrast: Contrast, *, treatment: str
) -> Explanation:
    """Write one comparison out.

    Args:
        groups: The cells it was computed from.
        design: The design it was judged under.
        metric: The metric.
        contrast: What was found.
        treatment: The arm compared with the reference.
    """
    strata = groups.strata(metric, design.reference, treatment)
    several = len(strata) > 1
    if is_rate(metric):
        formula = RATE_PHASES if several else RATE
    else:
        formula = MEAN_PHASES if several else MEAN
    control, other = (words.plain(design.named(a), 40) for a in (design.reference, treatment))
    lines = [f"{words.plain(metric.name, 60)}: {other} (t) against {control} (c)"]
    lines += [*_inputs(strata), *_combined(metric, strata), *_found(contrast)]
    lines += _levels(design, metric, contrast, treatment)
    rows = (row for row in moment_rows(groups, design) if row["metric"] == metric.key)
    return Explanation(metric.key, treatment, formula, "\n".join(lines), tuple(rows))


def moment_rows(groups: Groups, design: Design) -> tuple[dict[str, object], ...]:
    """The cells as rows of a table: metric, arm, phase, n, and counts or moments."""
    rows: list[dict[str, object]] = []
    for metric in design.metrics:
        for arm in design.arms:
            for phase, summary in enumerate(groups.of_arm(metric, arm), start=1):
                rows.append({
                    "metric": metric.key, "variant": arm, "phase": phase, **_plain(summary),
                })  # fmt: skip
    return tuple(rows)


def _plain(summary: Summary) -> dict[str, object]:
    numbers: dict[str, object] = {"n": summary.n, "conversions": None}
    if isinstance(summary, Counts):
        return numbers | {"conversions": summary.x, "mean": None, "variance": None}
    return numbers | {"mean": summary.mean, "variance": summary.variance}


def _inputs(strata: tuple[Pair, ...]) -> Iterator[str]:
    for number, pair in enumerate(strata, start=1):
        lead = f"phase {number}: " if len(strata) > 1 else ""
        for name, summary in zip("ct", pair, strict=True):
            if isinstance(summary, Counts):
                rate = f" = {summary.x / summary.n:.6g}" if summary.n else ""
                yield f"{lead}p_{name} = {summary.x} / {summary.n}{rate}"
            else:
                yield (
                    f"{lead}n_{name} = {summary.n}, m_{name} = {summary.mean:.6g}, "
                    f"s²_{name} = {summary.variance:.6g}"
                )


def _combined(metric: Metric, strata: tuple[Pair, ...]) -> Iterator[str]:
    if len(strata) > 1:
        weights = comparing.phase_weights(metric, strata)
        yield "w = " + ", ".join(f"{weight:.4f}" for weight in weights)
    if is_rate(metric):
        pairs = [(c, t) for c, t in strata if isinstance(c, Counts) and isinstance(t, Counts)]
        for control, treatment in pairs:
            n, x = control.n + treatment.n, control.x + treatment.x
            yield f"p = ({control.x} + {treatment.x}) / {n} = {x / max(1, n):.6g}"
        return
    moments = [(c, t) for c, t in strata if isinstance(c, Moments) and isinstance(t, Moments)]
    pair = means.mean_pair(moments)
    if not isinstance(pair, Withheld):
        yield f"v = {pair.difference_variance:.6g}, √v = {pair.standard_error:.6g}"
        yield f"f = {pair.degrees_of_freedom:.6g}"


def _found(contrast: Contrast) -> Iterator[str]:
    name = "z" if contrast.interval_method == "score" else "t"
    level = f"{100 * contrast.confidence_level:.6g} %"
    yield f"d = {_number(contrast.difference)}"
    yield f"{name} = {_number(contrast.statistic)}, p-value = {_number(contrast.p_value)}"
    yield f"difference at {level}: {_ends(contrast, 'difference')}"
    lift = _number(contrast.relative_lift)
    yield f"lift = {lift}, at {level}: {_ends(contrast, 'relative_lift')}"


def _levels(
    design: Design, metric: Metric, contrast: Contrast, treatment: str
) -> Iterator[str]:
    members = family_size(design, metric)
    if members > 1:
        yield (
            f"one of {members} comparisons: corrected p-value "
            f"{_number(contrast.p_value_adjusted)}, to be below {design.plan.alpha:g}"
        )
    early = contrast.sequential
    if early is not None and early.decides and early.method == "group_sequential":
        yield (
            f"look at {early.information or 0:.4g} of the planned units: alpha spent so far "
            f"{early.alpha_spent or 0:.4g}, |z| has to be above {_number(early.bound or 0.0)}, "
            f"level {1 - early.confidence_level:.4g} (Lan & DeMets 1983, O’Brien-Fleming type)"
        )
    elif early is not None and early.decides:
        yield (
            "looks are allowed for: always-valid p-value "
            f"{_number(early.p_value_always_valid or 0.0)}, interval at "
            f"{100 * early.confidence_level:.6g} %, tuned to "
            f"{design.tuned_to(treatment)} units (Waudby-Smith et al. 2024)"
        )
    yield f"test {contrast.test_method}, intervals {contrast.interval_method}"


def _ends(contrast: Contrast, name: str) -> str:
    lower, upper = (getattr(contrast, f"{name}_ci_{side}") for side in ("lower", "upper"))
    return f"{_number(lower)} to {_number(upper)}"


def _number(value: Value) -> str:
    return f"none ({value.reason})" if isinstance(value, Undefined) else f"{value:.6g}"
