"""Sample-ratio mismatch: did the arms get the users that the planned weights promised?

Sources: Fabijan et al. 2019, KDD 2156-2164; Kohavi, Tang & Xu 2020, Trustworthy Online
Controlled Experiments, ch. 3 and 21; Lindon & Malek 2022, NeurIPS (the test for every batch).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import chdtrc

from experiments_core.stats.contrasts import SMALLEST_P
from experiments_core.stats.estimate import Undefined, Value

ALARM = 0.001
"""Below this p-value no metric of the experiment can be trusted."""
LOOK_AGAIN = 0.01
LEAST_EXPECTED = 8
"""Fewer expected users in an arm than this: too early to check."""
ALARM_BAYES_FACTOR = 1000

Phase = tuple[Mapping[str, int], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Observed users against planned weights.

    Attributes:
        p_value: Chance of a split at least this uneven if assignment works. ``no_users``,
            ``below_minimum`` (too early), or ``unexpected_arm``: users where the plan has
            none, a defect and not a matter of chance.
        chi_square: Σ(O - E)²/E over arms and phases.
        degrees_of_freedom: Σ(arms - 1).
        residuals: (O - E)/sqrt(E(1 - share)) per arm, over all phases: which arm is off.
        expected: Expected users per arm, over all phases.
        left_out: Positions of the phases too small to check.
    """

    p_value: Value
    chi_square: Value
    degrees_of_freedom: int
    residuals: dict[str, float]
    expected: dict[str, float]
    left_out: tuple[int, ...] = ()

    @property
    def is_mismatch(self) -> bool:
        """Whether the gate closes: p below :data:`ALARM`, or users in an unplanned arm."""
        if isinstance(self.p_value, Undefined):
            return self.p_value.reason == "unexpected_arm"
        return self.p_value < ALARM


@dataclass(frozen=True, slots=True)
class SequentialSampleRatio:
    """The mixture test, which may be read after every batch.

    Attributes:
        log_bayes_factor: Natural logarithm of the evidence against the planned weights.
        p_value_always_valid: min(1, 1/Bayes factor).
    """

    log_bayes_factor: Value
    p_value_always_valid: Value

    @property
    def is_mismatch(self) -> bool:
        """Whether the Bayes factor has reached :data:`ALARM_BAYES_FACTOR`."""
        evidence = self.log_bayes_factor
        if isinstance(evidence, Undefined):
            return evidence.reason == "unexpected_arm"
        return evidence >= math.log(ALARM_BAYES_FACTOR)


def sample_ratio(strata: Sequence[Phase]) -> SampleRatio:
    """Chi-square of the observed users against the planned weights, phase by phase.

    Each phase is held against its own weights, so a changed split is no mismatch, and errors
    that cancel in the totals are still seen. Phases with fewer than :data:`LEAST_EXPECTED`
    expected users in an arm are left out.

    Args:
        strata: (observed users, planned weights) per phase, by arm. Weights of any size; an
            arm of weight 0 is not planned and costs no degree of freedom.
    """
    checked: list[tuple[dict[str, float], dict[str, int]]] = []
    left_out = []
    unexpected = False
    for position, (observed, weights) in enumerate(strata):
        shares = _shares(weights)
        unexpected |= any(n > 0 and arm not in shares for arm, n in observed.items())
        counts = {arm: observed.get(arm, 0) for arm in shares}
        total = sum(counts.values())
        if len(shares) > 1 and total * min(shares.values()) >= LEAST_EXPECTED:
            checked.append((shares, counts))
        else:
            left_out.append(position)
    chi_square = math.fsum(_chi_square(shares, counts) for shares, counts in checked)
    freedom = sum(len(shares) - 1 for shares, _ in checked)
    residuals, expected = _residuals(checked)
    statistic: Value = chi_square
    p_value: Value
    if unexpected:
        p_value = statistic = Undefined("unexpected_arm")
    elif not checked:
        anybody = any(n > 0 for observed, _ in strata for n in observed.values())
        p_value = statistic = Undefined("below_minimum" if anybody else "no_users")
    else:
        p_value = max(float(chdtrc(freedom, chi_square)), SMALLEST_P)
    return SampleRatio(p_value, statistic, freedom, residuals, expected, tuple(left_out))


def exact_sample_ratio_p_value(
    observed: Mapping[str, int], weights: Mapping[str, float]
) -> Value:
    """Exact two-sided binomial p-value of a split between two arms, for small numbers.

    Raises:
        ValueError: the plan does not have exactly two arms.
    """
    shares = _shares(weights)
    if len(shares) != 2:
        raise ValueError(f"the exact test compares two arms, the plan has {len(shares)}")
    if any(n > 0 and arm not in shares for arm, n in observed.items()):
        return Undefined("unexpected_arm")
    arm, share = next(iter(shares.items()))
    total = sum(observed.get(arm, 0) for arm in shares)
    if total == 0:
        return Undefined("no_users")
    from scipy.stats import binomtest  # noqa: PLC0415 - slow to import, rarely asked for

    return float(binomtest(observed.get(arm, 0), total, share).pvalue)


def sequential_sample_ratio(
    observed: Mapping[str, int], weights: Mapping[str, float], concentration: float = 1000.0
) -> SequentialSampleRatio:
    """Multinomial mixture test: false alarms stay rare however often it is read.

    log BF = lnΓ(c) - lnΓ(c + n) + Σ[lnΓ(c w + n_i) - lnΓ(c w)] - Σ n_i ln w. The terms that
    grow with n nearly cancel, so lnΓ is taken apart by Stirling's formula and its leading part
    summed as n times the divergence of the shares: right to nine digits at 1e9 users.

    Args:
        observed: Users per arm so far.
        weights: Planned weights of any size.
        concentration: Of the Dirichlet prior around the planned shares.
    """
    shares = _shares(weights)
    if any(n > 0 and arm not in shares for arm, n in observed.items()):
        missing = Undefined("unexpected_arm")
        return SequentialSampleRatio(missing, missing)
    n = sum(observed.values())
    if n == 0:
        return SequentialSampleRatio(Undefined("no_users"), Undefined("no_users"))
    whole = concentration + n
    terms = [
        _beyond_stirling(concentration) - _beyond_stirling(whole),
        (1 - len(shares)) / 2 * math.log(whole / concentration),
    ]
    for arm, share in shares.items():
        prior, count = concentration * share, observed.get(arm, 0)
        surplus = (count - n * share) / (whole * share)
        bent = (1 + surplus) * math.log1p(surplus) - surplus
        terms += [
            whole * share * bent, -math.log1p(surplus) / 2,
            _beyond_stirling(prior + count) - _beyond_stirling(prior),
        ]  # fmt: skip
    evidence = math.fsum(terms)
    return SequentialSampleRatio(evidence, max(math.exp(min(0.0, -evidence)), SMALLEST_P))


def _beyond_stirling(x: float) -> float:
    """What lnΓ(x) has beyond (x - 1/2) ln x - x + ln(2π)/2."""
    if x < 10:
        return math.lgamma(x) - (x - 0.5) * math.log(x) + x - math.log(2 * math.pi) / 2
    y = 1 / (x * x)
    return (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188)))) / x


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Planned shares of the arms that are planned at all."""
    total = math.fsum(weights.values())
    return {arm: weight / total for arm, weight in weights.items() if weight > 0}


def _chi_square(shares: Mapping[str, float], counts: Mapping[str, int]) -> float:
    total = sum(counts.values())
    return math.fsum((counts[arm] - total * s) ** 2 / (total * s) for arm, s in shares.items())


def _residuals(
    checked: Sequence[tuple[dict[str, float], dict[str, int]]],
) -> tuple[dict[str, float], dict[str, float]]:
    excess: dict[str, float] = {}
    expected: dict[str, float] = {}
    variance: dict[str, float] = {}
    for shares, counts in checked:
        total = sum(counts.values())
        for arm, share in shares.items():
            excess[arm] = excess.get(arm, 0.0) + counts[arm] - total * share
            expected[arm] = expected.get(arm, 0.0) + total * share
            variance[arm] = variance.get(arm, 0.0) + total * share * (1 - share)
    return {arm: e / math.sqrt(variance[arm]) for arm, e in excess.items()}, expected
