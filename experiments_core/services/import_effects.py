"""What the first measure would be under each choice about doubtful rows.

Units, values and lifts only: whoever chooses how to clean data by a p-value finds what he was
looking for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from experiments_core.stats.estimate import Value
from experiments_core.stats.means import compare_means
from experiments_core.stats.moments import Counts, Moments
from experiments_core.stats.stratified import compare_rates
from experiments_core.store.staged import Effect


@dataclass(frozen=True, slots=True)
class ArmUnder:
    """One arm under a choice.

    Attributes:
        value: A fraction where the measure is yes or no, else a mean.
        lift: Against control, a fraction; None for control itself.
    """

    arm: str
    n: int
    value: float
    lift: Value | None


@dataclass(frozen=True, slots=True)
class ChoiceResult:
    """The first measure under one choice.

    Attributes:
        about: ``crossovers``, or the name of the column that contradicts the variant.
        choice: ``exclude``, ``first_seen`` or ``keep``.
        measure: Name of the measure.
        is_rate: It is yes or no.
        arms: Control first.
    """

    about: str
    choice: str
    measure: str
    is_rate: bool
    arms: tuple[ArmUnder, ...]


def choice_results(effects: Iterable[Effect], control: str) -> tuple[ChoiceResult, ...]:
    """Say what each choice makes of the first measure.

    Args:
        effects: From reading the rows.
        control: The arm to compare with; the first one where it is not known yet.
    """
    return tuple(
        ChoiceResult(one.about, one.choice, one.column, one.is_rate, tuple(_arms(one, control)))
        for one in effects
    )


def _arms(effect: Effect, control: str) -> Sequence[ArmUnder]:
    names = sorted(effect.arms, key=lambda arm: (arm != control, arm))
    base = names[0] if names else ""
    found = []
    for arm in names:
        n, mean, _ = effect.arms[arm]
        lift = None if arm == base else _lift(effect, base, arm)
        found.append(ArmUnder(arm, n, mean, lift))
    return found


def _lift(effect: Effect, control: str, treatment: str) -> Value:
    pair = (effect.arms[control], effect.arms[treatment])
    if effect.is_rate:
        counts = [Counts(n, round(mean * n)) for n, mean, _ in pair]
        return compare_rates([(counts[0], counts[1])]).relative_lift.value
    moments = [Moments.of_mean(n, mean, variance) for n, mean, variance in pair]
    return compare_means([(moments[0], moments[1])]).relative_lift.value
