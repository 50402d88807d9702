"""The winner's curse: how much a significant estimate exaggerates, and what history says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtr

from experiments_core.stats.contrasts import tail_probability
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.normal import critical_value
from experiments_core.stats.roots import root

LEAST_PAST_EFFECTS = 6


@dataclass(frozen=True, slots=True)
class Shrunk:
    """An estimate pulled towards 0 by the spread of one's own past effects.

    Attributes:
        prior_variance: τ², the spread of true past effects.
        shrinkage_factor: τ²/(τ² + se²), by which the estimate is multiplied.
        estimate: Posterior mean.
        standard_error: Posterior standard deviation.
    """

    prior_variance: Value
    shrinkage_factor: Value
    estimate: Value
    standard_error: Value


def shrink(
    estimate: float,
    standard_error: float,
    past_effects: Sequence[float],
    past_standard_errors: Sequence[float],
) -> Shrunk:
    """Normal prior with mean 0 and τ² = max(0, mean(d² - se²)) of the metric's past effects.

    Args:
        estimate: Of this test, in the unit of the past effects.
        standard_error: Of the estimate.
        past_effects: One per past test of the same metric, wins and losses.
        past_standard_errors: Theirs, in the same order.

    Returns:
        ``past_too_short`` under six past effects; ``no_signal_in_history`` if they vary no
        more than their noise.

    Source: Efron & Morris 1975, JASA 70:311-319.
    """
    if len(past_effects) < LEAST_PAST_EFFECTS:
        missing = Undefined("past_too_short")
        return Shrunk(missing, missing, missing, missing)
    pairs = zip(past_effects, past_standard_errors, strict=True)
    prior = max(0.0, math.fsum(d * d - se * se for d, se in pairs) / len(past_effects))
    if prior == 0:
        missing = Undefined("no_signal_in_history")
        return Shrunk(prior, missing, missing, missing)
    factor = prior / (prior + standard_error * standard_error)
    return Shrunk(prior, factor, estimate * factor, standard_error * math.sqrt(factor))


def programme_shrinkage(estimates: Sequence[float], standard_error: float) -> Value:
    """Factor for the sum of a programme of tests: positive-part James-Stein, 0 to 1.

    k = 1 - clip((m - 2) se²/Σx², 0, 1).

    Args:
        estimates: One effect per test of the programme.
        standard_error: Common to all of them.

    Returns:
        What to multiply the estimates by; ``past_too_short`` under five tests.

    Source: James & Stein 1961, Proc. 4th Berkeley Symposium 1:361-379.
    """
    if len(estimates) < 5:
        return Undefined("past_too_short")
    squares = math.fsum(x * x for x in estimates)
    noise = (len(estimates) - 2) * standard_error**2
    return 1 - noise / squares if squares > noise else 0.0


def exaggeration(power: float, alpha: float = 0.05) -> float:
    """How many times too large significant estimates are on average, at a given power.

    Mean of |z| given |z| > z_crit, over the true z: 1.12 at power 0.8, 1.41 at 0.5, 2.26 at
    0.2.

    Args:
        power: Of the two-sided test for the true effect, between alpha and 1.
        alpha: Of the test.

    Source: Gelman & Carlin 2014, Perspectives on Psychological Science 9:641-651.
    """
    critical = critical_value(tail_probability(alpha, "two-sided"))
    effect = true_effect(power, alpha)
    tails = sum(
        sign * effect * float(ndtr(sign * effect - critical))
        + _density(critical - sign * effect)
        for sign in (1, -1)
    )
    return tails / power / effect


def true_effect(power: float, alpha: float = 0.05) -> float:
    """The effect, in standard errors, that the two-sided z test finds with this power.

    Args:
        power: Between alpha and 1.
        alpha: Of the test.
    """
    critical = critical_value(tail_probability(alpha, "two-sided"))
    if not alpha < power < 1:
        raise ValueError(f"power lies between alpha = {alpha} and 1, got {power}")

    def excess(effect: float) -> float:
        return float(ndtr(effect - critical) + ndtr(-effect - critical)) - power

    return root(excess, 0.0, critical + 40.0, 1e-12)


def _density(z: float) -> float:
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
