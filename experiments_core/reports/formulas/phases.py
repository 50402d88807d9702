"""Beside a comparison: each phase, the plain total, the phases weighted by their size."""

import math
from collections.abc import Sequence
from typing import Any

from scipy.stats import norm, t

from experiments_core.reports.formulas.compared import compared, limited
from experiments_core.reports.formulas.kinds import (
    kind_weights,
    parts_compared,
    parts_of,
    slope_of,
)
from experiments_core.reports.formulas.p_values import heterogeneity_p_value, p_value
from experiments_core.reports.formulas.strata import weights
from experiments_core.reports.formulas.study import (
    BY_PARTS,
    OUTCOMES,
    Numbers,
    merged,
    plain_value,
)


def phase_numbers(strata: Sequence[Any], alpha: float, kind: str, total: Any = None) -> Numbers:
    """Rows of the phases tab, and whether the phases differ.

    ``total`` holds both arms over all phases, where they cannot be added up.
    """
    found: Numbers = {}
    theta = slope_of(strata)[0] if kind in OUTCOMES else None
    shares = kind_weights(kind, strata) if len(strata[0][0]) > 2 else weights(strata)
    for k, (pair, weight) in enumerate(zip(strata, shares, strict=True), start=1):
        numbers = compared([pair], alpha, kind=kind, theta=theta)
        found |= phase_row(f"phase {k}", pair, numbers, kind) | {f"phase {k} / weight": weight}
    if kind == "quantile" and total and total[0][0] and total[1][0]:
        found |= phase_row("plain total", total, compared([total], alpha, kind=kind), kind)
    if kind != "quantile":
        total = merged([c for c, _ in strata]), merged([q for _, q in strata])
        found |= phase_row("plain total", total, compared([total], alpha, kind=kind), kind)
    if kind in BY_PARTS:
        found |= sized(strata, alpha, kind)
        effects = [
            (parts[1] - parts[0], parts[5])
            for pair in strata
            if (parts := parts_of(kind, [pair], theta=theta)) is not None
        ]
    else:
        found |= size_weighted(strata, alpha)
        effects = [one for pair in strata if (one := effect_and_variance(pair)) is not None]
    found["heterogeneity_p_value"] = heterogeneity_p_value(effects)
    return found


def phase_row(label: str, pair: Any, numbers: Numbers, kind: str) -> Numbers:
    """One row: sizes, values, and the comparison without its statistic."""
    found = {"control_n": pair[0][0], "treatment_n": pair[1][0]}
    for side, cell in zip(("control", "treatment"), pair, strict=True):
        if cell[0]:
            found[f"{side}_value"] = plain_value(cell, kind)
    found |= {name: number for name, number in numbers.items() if name != "statistic"}
    return {f"{label} / {name}": number for name, number in found.items()}


def sized(strata: Sequence[Any], alpha: float, kind: str) -> Numbers:
    """Phases weighted by their units, of a ratio, a quantile or an adjusted mean."""
    used = [pair for pair in strata if pair[0][0] and pair[1][0]]
    whole = sum(c[0] + q[0] for c, q in used)
    found: Numbers = parts_compared(parts_of(kind, strata, by_size=True), alpha)
    found.pop("statistic", None)
    for side, name in enumerate(("control", "treatment")):
        found[f"{name}_n"] = sum(pair[side][0] for pair in strata)
        if used:
            found[f"{name}_value"] = sum(
                (pair[0][0] + pair[1][0]) / whole * plain_value(pair[side], kind)
                for pair in used
            )
    return {f"size-weighted / {name}": number for name, number in found.items()}


def effect_and_variance(pair: Any) -> tuple[float, float] | None:
    """Difference of one phase and its unpooled variance."""
    (n_c, a, *_), (n_t, b, *_) = pair
    if len(pair[0]) == 2:
        if not (n_c and n_t):
            return None
        p, q = a / n_c, b / n_t
        return q - p, p * (1 - p) / n_c + q * (1 - q) / n_t
    return (b - a, pair[0][2] / n_c + pair[1][2] / n_t) if min(n_c, n_t) > 1 else None


def size_weighted(strata: Sequence[Any], alpha: float) -> Numbers:
    """Phases weighted by their units: the average over the units as they came."""
    rates = len(strata[0][0]) == 2
    least = 1 if rates else 2
    used = [pair for pair in strata if min(pair[0][0], pair[1][0]) >= least]
    whole = sum(c[0] + q[0] for c, q in used)
    total = merged([c for c, _ in strata]), merged([q for _, q in strata])
    found: Numbers = {"control_n": total[0][0], "treatment_n": total[1][0]}
    means, noises, freedom = [], [], 0.0
    for side in (0, 1):
        parts = [((c[0] + q[0]) / whole, (c, q)[side]) for c, q in used]
        levels = [(w, cell[1] / cell[0] if rates else cell[1], cell) for w, cell in parts]
        means.append(sum(w * m for w, m, _ in levels))
        noise = [w * w * (m * (1 - m) if rates else cell[2]) / cell[0] for w, m, cell in levels]
        noises.append(sum(noise))
        if not rates:
            freedom += sum(
                v * v / (cell[0] - 1) for v, (_, _, cell) in zip(noise, levels, strict=True)
            )
    found |= {"control_value": means[0], "treatment_value": means[1]} if used else {}
    variance = sum(noises)
    if used and variance > 0:
        degrees = math.inf if rates else variance * variance / freedom
        found |= fieller(means, noises, degrees, alpha)
    return {f"size-weighted / {name}": number for name, number in found.items()}


def fieller(
    means: Sequence[float], noises: Sequence[float], freedom: float, alpha: float
) -> Numbers:
    """Difference, lift and test of two noisy means."""
    (control, treatment), (v_control, v_treatment) = means, noises
    crit = norm.isf(alpha / 2) if math.isinf(freedom) else t.isf(alpha / 2, freedom)
    d, error = treatment - control, math.sqrt(v_control + v_treatment)
    found: Numbers = {"difference": d, "p_value": p_value(d / error, freedom, "two-sided")}
    found |= limited("difference", (d - crit * error, d + crit * error))
    a = control**2 - crit**2 * v_control
    if control > 0 and a > 0:
        inside = treatment**2 * v_control + control**2 * v_treatment
        spread = crit * math.sqrt(inside - crit**2 * v_control * v_treatment)
        found["relative_lift"] = d / control
        ends = [(treatment * control + s * spread) / a - 1 for s in (-1, 1)]
        found |= limited("relative_lift", ends)
    return found
