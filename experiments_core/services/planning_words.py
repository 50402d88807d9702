"""A plan in words: formula, assumptions, advice, and why other calculators disagree."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from experiments_core.analysis import words
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services.planning_design import Design
from experiments_core.stats import size_conventions as conventions
from experiments_core.stats.estimate import Undefined

LONG_PLAN_DAYS = 56
SHORT_PLAN_DAYS = 7
OTHER_ALPHA = 0.05
OTHER_POWER = 0.8


@dataclass(frozen=True, slots=True)
class OtherSize:
    """What another formula, or another reading of the same inputs, says.

    Attributes:
        name: The formula or the reading.
        who: Where one meets it.
        units: Control units it asks for.
        ratio: The same relative to this plan's control units.
        why: One sentence.
        ours: The line this plan uses.
    """

    name: str
    who: str
    units: int
    ratio: float
    why: str
    ours: bool = False


def impossible(design: Design, undefined: Undefined) -> InvalidInputError:
    """Say why no number of units can show the effect."""
    field = "minimum_detectable_effect"
    sentence = words.reason(undefined)
    hints = {
        "effect_zero": "Give the smallest effect that would change what you do.",
        "target_outside_range": "Give a smaller effect, or check baseline and unit.",
        "not_reachable": "Give a larger effect, or plan for the other direction.",
    }
    return InvalidInputError(
        f"There is no plan for this effect. {sentence}",
        hint=hints.get(undefined.reason, ""),
        details=(Problem(field, design.effect, undefined.reason.upper(), sentence),),
    )


def formula(design: Design) -> str:
    """The formula in symbols."""
    if design.kind == "rate":
        return (
            "n_control = [ z_α·√((1 + 1/r)·p̄(1 − p̄)) + z_β·√(p_c(1 − p_c) + p_t(1 − p_t)/r) ]²"
            " / (p_t − p_c)²,  p̄ = (p_c + r·p_t)/(1 + r)"
        )
    return (
        "n_control = (z_α + z_β)²·(1 + 1/r)·s² / d² as a start, then raised until Welch’s t "
        "(noncentral t distribution) reaches the power"
    )


def formula_with_numbers(design: Design) -> str:
    """The formula with the numbers put in."""
    z_alpha, z_power = _quantiles(design)
    ratio = design.allocation_ratio
    if design.kind != "rate" or design.baseline is None or design.target is None:
        spread = design.standard_deviation or 0.0
        size = (z_alpha + z_power) ** 2 * (1 + 1 / ratio) * (spread / design.effect) ** 2
        return (
            f"({z_alpha:.4f} + {z_power:.4f})²·(1 + 1/{ratio:g})·{spread:g}²"
            f" / {_signed(design.effect)}² = {words.number(size, 1)} as a start"
        )
    control, treatment = design.baseline, design.target
    mean = (control + ratio * treatment) / (1 + ratio)
    size = conventions.pooled(_convention(design))
    return (
        f"[ {z_alpha:.4f}·√((1 + 1/{ratio:g})·{mean:.6g}·{1 - mean:.6g}) + "
        f"{z_power:.4f}·√({control * (1 - control):.6g} + {treatment * (1 - treatment):.6g}"
        f"/{ratio:g}) ]² / {_signed(design.effect)}² = {words.number(size, 1)}"
    )


def assumptions(design: Design) -> tuple[str, ...]:
    """What the number rests on, as sentences."""
    found = [_test_sentence(design)]
    if design.comparisons > 1:
        treatments = words.plural(len(design.weights) - 1, "treatment")
        metrics = words.plural(design.primary_metrics, "primary metric")
        found.append(
            f"{treatments} and {metrics} make {design.comparisons} comparisons; each is "
            f"planned at alpha {design.alpha:g} / {design.comparisons} = "
            f"{design.alpha_local:.4g}, the least that Holm’s correction gives it."
        )
    if design.kind == "rate":
        found.append(
            f"Control’s rate is {words.rate(design.baseline or 0.0)} and treatment’s is "
            f"{words.rate(design.target or 0.0)}."
        )
    else:
        what = (
            "One unit’s linearised value, (Y − R·N) over the mean of N,"
            if design.kind == "ratio"
            else "One unit"
        )
        found.append(
            f"{what} varies by a standard deviation of {design.standard_deviation:g}, "
            "the same in every arm."
        )
    found.append("Units are independent, and each is counted once, in one arm.")
    if design.daily_entering is not None:
        found.append(
            f"{words.count(design.daily_entering)} new units enter a day; people who come "
            "back do not add. Run it for whole weeks, so that every weekday counts alike."
        )
    found.append("One look, at the end: nothing is decided before. Every arm is rounded up.")
    return tuple(found)


def notes(design: Design, days: int | None) -> tuple[str, ...]:
    """Advice about this plan."""
    found = []
    if days is not None and days > LONG_PLAN_DAYS:
        found.append(
            f"At your traffic this takes {words.count(math.ceil(days / 7))} weeks. Consider a "
            "larger effect, fewer arms, or a metric closer to the change."
        )
    if days is not None and days < SHORT_PLAN_DAYS:
        found.append("Run it for one full week all the same: weekdays differ.")
    shares = [weight / sum(design.weights) for weight in design.weights]
    if max(shares) / min(shares) > 4:
        found.append(
            "The split is very unequal: the smallest arm sets the precision. "
            "Equal arms would need fewer units in total."
        )
    return tuple(found)


SizeFormula = Callable[[conventions.Design], float]

_RATE_FORMULAS: tuple[tuple[str, str, SizeFormula, str, bool], ...] = (
    (
        "Unpooled variance", "Chow, Shao & Wang", conventions.unpooled,
        "It uses the planned rates in both places; the test pools them.", False,
    ),
    (
        "Arcsine", "statsmodels, R pwr", conventions.arcsine,
        "It plans for another test, on transformed rates.", False,
    ),
    (
        "Null variance at the baseline", "Evan Miller", conventions.baseline_variance,
        "Under “no difference” it puts both arms at the baseline.", True,
    ),
    (
        "Linear lift", "GrowthBook", conventions.linear_lift,
        "It tests the lift by the delta method; an increase needs more units there.", True,
    ),
    (
        "Continuity-corrected", "Fleiss, older textbooks", conventions.continuity_corrected,
        "It plans for the test with Yates’ correction, which is too cautious.", False,
    ),
)  # fmt: skip

_MEAN_FORMULAS: tuple[tuple[str, str, SizeFormula, str, bool], ...] = (
    (
        "Normal instead of t", "most web calculators", conventions.unpooled,
        "It takes the spread as known.", False,
    ),
)  # fmt: skip


def other_sizes(design: Design, units: Sequence[int]) -> tuple[OtherSize, ...]:
    """What other formulas and common misreadings of the same inputs say."""
    ours = units[0]
    name = "Pooled null variance" if design.kind == "rate" else "Noncentral t"
    who = (
        "Upshot, R power.prop.test, Stata"
        if design.kind == "rate"
        else "Upshot, R power.t.test"
    )
    table = [OtherSize(name, who, ours, 1.0, "The size of the test that will be run.", True)]
    convention = _convention(design)
    formulas = _RATE_FORMULAS if design.kind == "rate" else _MEAN_FORMULAS
    for name, who, size, why, nearest in formulas:
        exact = size(convention)
        asked = round(exact) if nearest else math.ceil(exact - 1e-6)
        table.append(OtherSize(name, who, asked, asked / ours, why))
    if (design.alpha, design.power) == (OTHER_ALPHA, OTHER_POWER):
        asked = math.ceil(conventions.rule_of_16(convention) - 1e-6)
        table.append(OtherSize(
            "Rule of 16", "16 variances / effect²", asked, asked / ours,
            "A rule of thumb: equal arms, two-sided 0.05, power 0.8, rounded.",
        ))  # fmt: skip
    return (*table, *_misreadings(design, units))


def _misreadings(design: Design, units: Sequence[int]) -> list[OtherSize]:
    """The same formula with an input or output read in another way."""
    ours = units[0]
    found = [OtherSize(
        "All arms together", "a total read as per arm", sum(units), sum(units) / ours,
        "Some calculators print the total, others one arm.",
    )]  # fmt: skip
    other = "greater" if design.effect > 0 else "less"
    changed = "two-sided" if design.alternative != "two-sided" else other
    sided = _size(design, alternative=changed, comparisons=design.comparisons)
    found.append(OtherSize(
        "Two-sided" if changed == "two-sided" else "One-sided", "another number of sides",
        sided, sided / ours, "A one-sided test puts the whole alpha on one side.",
    ))  # fmt: skip
    if design.comparisons > 1:
        alone = _size(design, alternative=design.alternative, comparisons=1)
        found.append(OtherSize(
            "Without correction", "two-arm calculators", alone, alone / ours,
            "It spends the whole alpha on each comparison.",
        ))  # fmt: skip
    return found


def _size(design: Design, *, alternative: str, comparisons: int) -> int:
    quantiles = conventions.quantiles(design.alpha / comparisons, design.power, alternative)
    size = conventions.pooled if design.kind == "rate" else conventions.unpooled
    return math.ceil(size(_convention(design, quantiles)) - 1e-6)


def _convention(
    design: Design, quantiles: tuple[float, float] | None = None
) -> conventions.Design:
    z_alpha, z_power = quantiles or _quantiles(design)
    control = design.baseline or 0.0
    return conventions.Design(
        control=control,
        treatment=control + design.effect,
        z_alpha=z_alpha,
        z_power=z_power,
        ratio=design.allocation_ratio,
        standard_deviation=design.standard_deviation,
    )


def _quantiles(design: Design) -> tuple[float, float]:
    return conventions.quantiles(design.alpha_local, design.power, design.alternative)


def _test_sentence(design: Design) -> str:
    test = {
        "rate": "The pooled z-test of two rates",
        "ratio": "Welch’s t-test of two ratios of sums, by the delta method over units",
    }.get(design.kind, "Welch’s t-test of two means")
    sides = (
        "two-sided"
        if design.alternative == "two-sided"
        else f"one-sided ({design.alternative})"
    )
    return (
        f"{test}, {sides} at {design.alpha:g}, power {words.percent(design.power, 0)}: "
        "the same test judges the result."
    )


def _signed(effect: float) -> str:
    return f"({words.MINUS}{abs(effect):.6g})" if effect < 0 else f"{effect:.6g}"
