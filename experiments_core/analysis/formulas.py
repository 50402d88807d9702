"""The formula behind each kind of metric, in symbols, with its source."""

from __future__ import annotations

from experiments_core.analysis import comparing
from experiments_core.analysis.groups import Pair, is_quantile, is_rate
from experiments_core.domain.metric import Metric, MetricKind

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

RATIO = """\
R = ΣY / ΣN per arm,  m = R
s² = (s²_Y − 2 R s_YN + R² s²_N) / N̄²  of one unit (Deng, Knoblich & Lu 2018)
"""
ADJUSTED = """\
θ = cov(Y, X) / var(X) over both arms (Deng, Xu, Kohavi & Walker 2013)
m_t = Ȳ_t − θ w_c (X̄_t − X̄_c),  m_c = Ȳ_c + θ w_t (X̄_t − X̄_c),  w = share of units
d = m_t − m_c,  v = Σ (s²_Y − 2 θ s_XY + θ² s²_X) / n over both arms
t = d / √v,  f after Welch from the same variances
difference: d ± t_crit √v
lift: the quadratic of Fieller (1954) with the same t_crit and the covariance of m_t and m_c"""
ADJUSTED_RATIO = """\
R = ΣY / ΣN per arm; Y_L = (Y − R N) / N̄ + R of one unit has the mean R
X of one unit: the covariate, or where it is ΣX / ΣD linearised in the same way
{means}"""
ADJUSTED_PHASES = (
    ADJUSTED.replace("over both arms (", "inside the phases (")
    + """
over phases: Σ w of m_c, m_t; Σ w² of the variances; w as for means"""
)
QUANTILE = """\
r = rows at or below q / rows, SE_r its error over units, as of a ratio
q_lo, q_hi = quantiles of the rows at q − z SE_r and q + z SE_r (Deng, Knoblich & Lu 2018)
SE = (q_hi − q_lo) / (2 z) per arm,  d = q_t − q_c,  z = d / √(SE_c² + SE_t²)
difference: d ± z_crit √(SE_c² + SE_t²)
lift: the quadratic of Fieller (1954) with the same z_crit"""
QUANTILE_PHASES = (
    QUANTILE
    + """
over phases: Σ w q, Σ w² SE² with w = n_c n_t / (n_c + n_t), scaled to the sum 1"""
)
CAPPED = "values above the cap count as the cap; one cap for all arms"


def formula_of(metric: Metric, strata: tuple[Pair, ...]) -> str:
    """The formulas of one comparison."""
    several = len(strata) > 1
    if is_rate(metric):
        return RATE_PHASES if several else RATE
    if is_quantile(metric):
        return QUANTILE_PHASES if several else QUANTILE
    if comparing.is_adjusted(metric, strata):
        means = ADJUSTED_PHASES if several else ADJUSTED
        is_ratio = metric.kind is MetricKind.RATIO
        return ADJUSTED_RATIO.format(means=_of_lines(means)) if is_ratio else means
    mean = MEAN_PHASES if several else MEAN
    return RATIO + mean if metric.kind is MetricKind.RATIO else mean


def _of_lines(formula: str) -> str:
    """The formulas of adjusted means for the linearised values of a ratio."""
    return (
        formula.replace("cov(Y, X)", "cov(Y_L, X)").replace("Ȳ", "R")
        .replace("s²_Y", "s²_L").replace("s_XY", "s_XL")
        .replace("w = share of units", "w = share of units (of ΣD where there is one)")
    )  # fmt: skip
