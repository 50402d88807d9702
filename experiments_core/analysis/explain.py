"""How a number came about: the formula, the numbers put in, what they start from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from experiments_core.analysis import comparing, formulas, metric_words, on_request, words
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.explain_step import Step, number
from experiments_core.analysis.groups import Groups, Pair, is_quantile, is_rate
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.stats import quantiles, ratios
from experiments_core.stats.contrasts import Withheld
from experiments_core.stats.means import SKEW_LIMIT
from experiments_core.stats.moments import Counts, Located, Moments, Summary


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
        steps: The same of every other number that is shown of this comparison.
    """

    metric: str
    variant: str
    formula: str
    numbers: str
    moments: tuple[dict[str, object], ...]
    sql: str = ""
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        further = [f"{step.title}\n{step.formula}\n{step.numbers}" for step in self.steps]
        parts = (self.formula, self.numbers, *further, self.sql)
        return "\n\n".join(part for part in parts if part)


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
    formula = formulas.formula_of(metric, strata)
    cap = groups.cap(metric)
    if cap is not None:
        formula = f"{formulas.CAPPED}\n{formula}"
    control, other = (words.plain(design.named(a), 40) for a in (design.reference, treatment))
    lines = [f"{words.plain(metric.name, 60)}: {other} (t) against {control} (c)"]
    if cap is not None:
        lines.append(f"cap = {cap:.6g}")
    lines += [*inputs(metric, strata), *combined(metric, strata), *_found(contrast)]
    lines += _beside(contrast)
    lines += _levels(design, contrast, treatment)
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
    if isinstance(summary, Located):
        return {
            "n": summary.n, "rows": summary.rows, "quantile": summary.value,
            "lower": summary.lower, "upper": summary.upper,
            "confidence_level": summary.confidence_level,
        }  # fmt: skip
    numbers |= {"mean": summary.mean, "variance": summary.variance}
    if len(summary.means) > 1:
        numbers |= {
            "second_mean": summary.means[1], "second_variance": summary.covariance[1][1],
            "covariance": summary.covariance[0][1],
        }  # fmt: skip
    for i, name in zip(range(2, len(summary.means)), ("third", "fourth"), strict=False):
        numbers |= {
            f"{name}_mean": summary.means[i],
            f"{name}_variance": summary.covariance[i][i],
        }
        numbers |= {f"covariance_{k + 1}{i + 1}": summary.covariance[k][i] for k in range(i)}
    return numbers


def inputs(metric: Metric, strata: tuple[Pair, ...]) -> Iterator[str]:
    """What a comparison starts from: counts or moments, one line per arm and phase."""
    second = "N" if metric.kind is MetricKind.RATIO else "X"
    for k, pair in enumerate(strata, start=1):
        lead = f"phase {k}: " if len(strata) > 1 else ""
        for name, summary in zip("ct", pair, strict=True):
            yield lead + _input(name, summary, second)


def _input(name: str, summary: Summary, second: str) -> str:
    if isinstance(summary, Counts):
        rate = f" = {summary.x / summary.n:.6g}" if summary.n else ""
        return f"p_{name} = {summary.x} / {summary.n}{rate}"
    if isinstance(summary, Located):
        return _located(name, summary)
    if len(summary.means) == 1:
        return (
            f"n_{name} = {summary.n}, m_{name} = {summary.mean:.6g}, "
            f"s²_{name} = {summary.variance:.6g}"
        )
    if len(summary.means) > 2:
        return _ratio_before(name, summary)
    (yy, shared), (_, other) = summary.covariance
    told = (
        f"n_{name} = {summary.n}, Ȳ_{name} = {summary.mean:.6g}, "
        f"{second}̄_{name} = {summary.means[1]:.6g}, s²_Y = {yy:.6g}, "
        f"s²_{second} = {other:.6g}, s_Y{second} = {shared:.6g}"
    )
    line = ratios.linearised(summary) if second == "N" and summary.n else None
    if isinstance(line, Moments):
        told += f"; R_{name} = {line.mean:.6g}, s²_{name} = {line.variance:.6g}"
    return told


def _ratio_before(name: str, summary: Moments) -> str:
    """A ratio with its covariate: the linearised values that are compared."""
    line = ratios.linearised(ratios.with_denominator(summary)) if summary.n else None
    if not isinstance(line, Moments):
        return f"n_{name} = {summary.n}"
    (yy, shared), (_, xx) = line.covariance
    return (
        f"n_{name} = {summary.n}, Ȳ_{name} = {summary.mean:.6g}, N̄_{name} = "
        f"{summary.means[1]:.6g}; R_{name} = {line.mean:.6g}, X̄_{name} = {line.means[1]:.6g}, "
        f"s²_L = {yy:.6g}, s²_X = {xx:.6g}, s_XL = {shared:.6g}"
    )


def _located(name: str, found: Located) -> str:
    told = f"n_{name} = {found.n}, rows = {found.rows}"
    if found.value is None:
        return told
    told += f", q_{name} = {found.value:.6g}"
    if found.share is not None and found.share_error is not None:
        told += f", r_{name} = {found.share:.6g}, SE_r = {found.share_error:.4g}"
    if found.lower is None or found.upper is None:
        return told
    level = f"{100 * found.confidence_level:.6g} %"
    told += f", q_lo = {found.lower:.6g}, q_hi = {found.upper:.6g} at {level}"
    pair = quantiles.quantile_pair(((found, found),))
    if isinstance(pair, Withheld):
        return told
    return told + f", SE_{name} = {math.sqrt(pair.control_variance):.6g}"


def combined(metric: Metric, strata: tuple[Pair, ...]) -> Iterator[str]:
    """What stands between the inputs and the test: weights, pooled rate, variance."""
    if len(strata) > 1:
        weights = comparing.phase_weights(metric, strata)
        yield "w = " + ", ".join(f"{weight:.4f}" for weight in weights)
    if is_rate(metric):
        pairs = [(c, t) for c, t in strata if isinstance(c, Counts) and isinstance(t, Counts)]
        for control, treatment in pairs:
            n, x = control.n + treatment.n, control.x + treatment.x
            yield f"p = ({control.x} + {treatment.x}) / {n} = {x / max(1, n):.6g}"
        return
    if comparing.is_adjusted(metric, strata):
        yield f"θ = {number(comparing.adjustment(strata).theta)}"
    pair = comparing.pair_of(metric, strata)
    if isinstance(pair, Withheld):
        return
    if is_quantile(metric):
        yield f"√(SE_c² + SE_t²) = {pair.standard_error:.6g}"
        return
    if comparing.is_adjusted(metric, strata):
        yield f"m_c = {pair.control:.6g}, m_t = {pair.treatment:.6g}"
    yield f"v = {pair.difference_variance:.6g}, √v = {pair.standard_error:.6g}"
    yield f"f = {pair.degrees_of_freedom:.6g}"
    kappa = abs(pair.skewness or 0.0)
    if kappa > SKEW_LIMIT:
        units = sum(control.n + treatment.n for control, treatment in strata)
        needed = words.count(math.ceil(units * (kappa / SKEW_LIMIT) ** 2))
        yield (
            f"skewness of d: κ = {kappa:.3g}; at this split |κ| < {SKEW_LIMIT} from about "
            f"{needed} units on, now {words.count(units)} (n ≥ 355 γ², Kohavi et al. 2014)"
        )


def _beside(contrast: Contrast) -> Iterator[str]:
    """The raw and the uncapped figures, and what the covariate did."""
    did = contrast.adjustment
    if did is not None:
        saved = number(did.variance_saved)
        yield f"correlation = {number(did.correlation)}, share of the variance saved = {saved}"
        filled = (did.control_filled, did.treatment_filled)
        if any(filled):
            shares = ", ".join(f"{one or 0.0:.4g}" for one in filled)
            yield f"covariate missing, filled by the mean of all arms: share c, t = {shares}"
        yield f"covariate between the arms: p-value = {number(did.balance_p_value)}"
    for name in ("unadjusted", "uncapped"):
        plain = getattr(contrast, name)
        if plain is not None:
            yield (
                f"{name}: d = {number(plain.difference)} "
                f"({number(plain.difference_ci_lower)} to "
                f"{number(plain.difference_ci_upper)}), p-value = {number(plain.p_value)}"
            )


def _found(contrast: Contrast) -> Iterator[str]:
    name = "t" if contrast.test_method in {"welch_t", "stratified_t"} else "z"
    level = f"{100 * contrast.confidence_level:.6g} %"
    yield f"d = {number(contrast.difference)}"
    yield f"{name} = {number(contrast.statistic)}, p-value = {number(contrast.p_value)}"
    yield f"difference at {level}: {_ends(contrast, 'difference')}"
    lift = number(contrast.relative_lift)
    yield f"lift = {lift}, at {level}: {_ends(contrast, 'relative_lift')}"


def _levels(design: Design, contrast: Contrast, treatment: str) -> Iterator[str]:
    members = contrast.family_size
    if members > 1:
        yield (
            f"one of {members} comparisons: corrected p-value "
            f"{number(contrast.p_value_adjusted)}, to be below {design.plan.alpha:g}"
        )
    early = contrast.sequential
    if early is not None and early.decides and early.method == "group_sequential":
        yield (
            f"look at {early.information or 0:.4g} of the planned units: alpha spent so far "
            f"{early.alpha_spent or 0:.4g}, |z| has to be above {number(early.bound or 0.0)}, "
            f"level {1 - early.confidence_level:.4g} (Lan & DeMets 1983, O’Brien-Fleming type)"
        )
    elif early is not None and early.decides:
        yield (
            "looks are allowed for: always-valid p-value "
            f"{number(early.p_value_always_valid or 0.0)}, interval at "
            f"{100 * early.confidence_level:.6g} %, tuned to "
            f"{design.tuned_to(treatment)} units (Waudby-Smith et al. 2024)"
        )
    yield f"test {contrast.test_method}, intervals {contrast.interval_method}"
    for what, name in (
        ("difference", contrast.difference_interval_method),
        ("lift", contrast.relative_lift_interval_method),
        ("test", contrast.test_method),
    ):
        if name in on_request.METHODS:
            by = metric_words.METHODS[name]
            yield f"asked for, instead of the formula above: {what} by {by}"


def _ends(contrast: Contrast, name: str) -> str:
    lower, upper = (getattr(contrast, f"{name}_ci_{side}") for side in ("lower", "upper"))
    return f"{number(lower)} to {number(upper)}"
