import math
from typing import Any

import pytest

from experiments_core.errors import InvalidInputError
from experiments_core.services.planning import (
    Design,
    PlanResult,
    detectable_effect,
    plan,
    power_for,
    units_in,
)
from experiments_core.stats.estimate import Undefined


def plan_rates(
    baseline: float, minimum_detectable_effect: float, *, relative: bool = False, **told: Any
) -> PlanResult:
    design = Design(kind="rate", baseline=baseline, **told)
    return plan(design.with_effect(minimum_detectable_effect, relative=relative))


def plan_means(
    standard_deviation: float, minimum_detectable_effect: float, *, relative: bool = False
) -> PlanResult:
    design = Design(kind="mean", baseline=None, standard_deviation=standard_deviation)
    return plan(design.with_effect(minimum_detectable_effect, relative=relative))


def test_the_plan_of_the_textbook_case():
    result = plan_rates(
        baseline=0.10, minimum_detectable_effect=0.01, daily_units=4000, allocation=0.5
    )
    assert result.units == (14751, 14751)
    assert (result.total, result.days, result.weeks) == (29502, 15, 3)


def test_a_relative_effect_is_the_same_plan_as_its_difference():
    relative = plan_rates(baseline=0.10, minimum_detectable_effect=0.1, relative=True)
    absolute = plan_rates(baseline=0.10, minimum_detectable_effect=0.01)
    assert relative.units == absolute.units
    assert relative.design.relative_effect == pytest.approx(0.1)


def test_three_arms_share_alpha_and_each_arm_needs_more():
    result = plan_rates(baseline=0.10, minimum_detectable_effect=0.01, weights=(1, 1, 1))
    assert result.units == (17864, 17864, 17864)
    assert any("2 comparisons" in sentence for sentence in result.assumptions)


def test_an_unequal_split_is_planned_for_its_smallest_arm():
    result = plan_rates(
        baseline=0.05, minimum_detectable_effect=0.01, weights=(4, 1), daily_units=2500,
        allocation=0.8,
    )  # fmt: skip
    assert result.units == (19963, 4991)
    assert (result.total, result.days, result.weeks) == (24954, 13, 2)


def test_a_larger_third_arm_gets_its_share():
    result = plan_rates(baseline=0.10, minimum_detectable_effect=0.01, weights=(50, 30, 20))
    control, larger, smaller = result.units
    assert larger == pytest.approx(control * 0.6, abs=1)
    assert smaller == pytest.approx(control * 0.4, abs=1)


def test_a_mean_is_planned_for_the_t_test():
    result = plan_means(standard_deviation=10, minimum_detectable_effect=5)
    assert result.units == (64, 64)
    assert result.days is None
    assert result.mde_by_week == ()


def test_the_curve_passes_through_the_plan():
    result = plan_rates(baseline=0.083, minimum_detectable_effect=0.08, relative=True)
    at_plan = [p for p in result.curve if p.effect == pytest.approx(0.083 * 0.08)]
    assert at_plan[0].power == pytest.approx(0.8, abs=1e-4)
    powers = [point.power for point in result.curve]
    assert powers == sorted(powers)
    assert result.curve[-1].relative_effect == pytest.approx(0.16)


def test_the_curve_ends_where_rates_end():
    result = plan_rates(baseline=0.9, minimum_detectable_effect=0.08)
    assert result.curve[-1].effect <= 0.1


def test_the_smallest_visible_effect_falls_week_by_week_to_the_planned_one():
    result = plan_rates(
        baseline=0.083, minimum_detectable_effect=0.08, relative=True, daily_units=4200
    )
    effects = [week.relative_effect for week in result.mde_by_week]
    assert effects == sorted(effects, reverse=True)
    assert [week.week for week in result.mde_by_week if week.planned] == [2]
    assert effects[1] < 0.08 < effects[0]


def test_a_plan_beyond_the_weeks_shown_is_shown_all_the_same():
    result = plan_rates(baseline=0.05, minimum_detectable_effect=0.005, daily_units=500)
    assert result.weeks == 18
    assert result.mde_by_week[-1].week == 18
    assert result.mde_by_week[-1].planned


def test_the_middle_of_the_sensitivity_table_is_the_plan():
    result = plan_rates(
        baseline=0.083, minimum_detectable_effect=0.08, relative=True, daily_units=4200
    )
    (row,) = [row for row in result.sensitivity.rows if row.planned]
    assert row.cells[2].total == result.total
    assert row.cells[2].days == result.days
    assert result.sensitivity.effects == pytest.approx((0.04, 0.06, 0.08, 0.10, 0.12))
    assert [row.value for row in result.sensitivity.rows] == [0.058, 0.071, 0.083, 0.1, 0.12]


def test_an_absolute_effect_stays_absolute_when_the_baseline_varies():
    table = plan_rates(baseline=0.083, minimum_detectable_effect=0.01).sensitivity
    assert not table.relative
    assert {row.cells[2].effect for row in table.rows} == {0.01}


def test_impossible_neighbours_are_named_not_numbered():
    table = plan_rates(baseline=0.9, minimum_detectable_effect=0.08).sensitivity
    (row,) = [row for row in table.rows if row.planned]
    assert row.cells[-1].total == Undefined("target_outside_range")
    assert all(row.value < 1 for row in table.rows)


def test_the_spread_varies_for_a_mean():
    table = plan_means(standard_deviation=14.1, minimum_detectable_effect=0.5).sensitivity
    assert table.varies == "standard_deviation"
    totals = [row.cells[2].total for row in table.rows]
    assert totals == sorted(totals)


# Users per arm as R's power.prop.test, pwr and the other formulas give them.
def test_other_calculators_are_explained_with_their_own_numbers():
    result = plan_rates(baseline=0.10, minimum_detectable_effect=0.01)
    sizes = {row.name: row.units for row in result.other_calculators}
    assert sizes == {
        "Pooled null variance": 14751,
        "Unpooled variance": 14749,
        "Arcsine": 14745,
        "Null variance at the baseline": 14313,
        "Linear lift": 15611,
        "Continuity-corrected": 14951,
        "Rule of 16": 14400,
        "All arms together": 29502,
        "One-sided": 11620,
    }
    assert [row.name for row in result.other_calculators if row.ours] == [
        "Pooled null variance"
    ]


def test_the_rule_of_16_is_left_out_where_it_was_not_made_for():
    result = plan_rates(baseline=0.10, minimum_detectable_effect=0.01, power=0.9)
    assert all(row.name != "Rule of 16" for row in result.other_calculators)


def test_the_formula_prints_the_numbers_it_uses():
    result = plan_rates(baseline=0.10, minimum_detectable_effect=0.01)
    assert "0.105" in result.formula_with_numbers
    assert result.formula_with_numbers.endswith("14\u202f750.8")
    falling = plan_rates(baseline=0.10, minimum_detectable_effect=-0.01)
    assert "(\u22120.01)²" in falling.formula_with_numbers


def test_long_and_short_plans_get_advice():
    long = plan_rates(baseline=0.05, minimum_detectable_effect=0.005, daily_units=300)
    assert "takes 30 weeks" in long.notes[0]
    short = plan_rates(baseline=0.5, minimum_detectable_effect=0.1, daily_units=10_000)
    assert "full week" in short.notes[0]
    lopsided = plan_rates(
        baseline=0.05, minimum_detectable_effect=0.01, weights=(9, 1), daily_units=4000
    )
    assert "unequal" in lopsided.notes[0]


def test_what_so_many_units_can_show_differs_up_and_down():
    found = detectable_effect(Design(kind="rate", baseline=0.10), 20_000)
    assert found.units == (10_000, 10_000)
    assert found.increase == pytest.approx(0.012201025074386071, rel=1e-9)
    assert found.decrease == pytest.approx(-0.011573434983578962, rel=1e-9)
    assert found.relative_increase == pytest.approx(0.12201025074386074, rel=1e-9)


def test_a_mean_without_a_baseline_has_no_relative_effect():
    found = detectable_effect(Design(kind="mean", baseline=None, standard_deviation=14.1), 4000)
    assert found.increase == -found.decrease
    assert found.relative_increase == Undefined("nonpositive_control")


def test_power_of_a_given_number_of_units():
    design = Design(kind="rate", baseline=0.10, effect=0.01)
    assert power_for(design, 20_000) == pytest.approx(0.6355979977033881, rel=1e-9)


def test_units_come_by_the_day():
    design = Design(kind="rate", baseline=0.1, daily_units=4000, allocation=0.5)
    assert units_in(design, 14) == 28_000
    assert units_in(Design(kind="rate", baseline=0.1), 14) == 0


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    (
        ({"baseline": 8.3}, "baseline", "RANGE"),
        ({"baseline": math.nan}, "baseline", "RANGE"),
        ({"alpha": 5}, "alpha", "RANGE"),
        ({"power": 80}, "power", "RANGE"),
        ({"alternative": "larger"}, "alternative", "UNKNOWN_CHOICE"),
        ({"weights": (1,)}, "weights", "RANGE"),
        ({"weights": (1, 0)}, "weights", "RANGE"),
        ({"primary_metrics": 0}, "primary_metrics", "RANGE"),
        ({"daily_units": 0}, "daily_units", "RANGE"),
        ({"allocation": 50}, "allocation", "RANGE"),
        ({"alternative": "less"}, "minimum_detectable_effect", "RANGE"),
        ({"minimum_detectable_effect": math.inf}, "minimum_detectable_effect", "RANGE"),
        ({"minimum_detectable_effect": 0}, "minimum_detectable_effect", "EFFECT_ZERO"),
        (
            {"minimum_detectable_effect": 0.95},
            "minimum_detectable_effect",
            "TARGET_OUTSIDE_RANGE",
        ),
    ),
)
def test_what_cannot_be_planned_is_refused_by_name(
    changes: dict[str, object], field: str, rule: str
):
    asked = {"baseline": 0.10, "minimum_detectable_effect": 0.01, **changes}
    with pytest.raises(InvalidInputError) as refusal:
        plan_rates(**asked)
    assert [(p.field, p.rule) for p in refusal.value.details] == [(field, rule)]
    assert str(refusal.value)


@pytest.mark.parametrize("spread", (0, -1, math.nan))
def test_a_mean_needs_a_spread(spread: float):
    with pytest.raises(InvalidInputError, match="standard deviation"):
        plan_means(standard_deviation=spread, minimum_detectable_effect=1)


def test_a_relative_effect_of_a_mean_needs_its_baseline():
    with pytest.raises(InvalidInputError, match="baseline it is relative to"):
        plan_means(standard_deviation=1, minimum_detectable_effect=0.1, relative=True)


def test_all_fields_at_fault_are_named_at_once():
    with pytest.raises(InvalidInputError) as refusal:
        plan(Design(kind="mean", baseline=math.inf, alpha=0, power=1, effect=1))
    fields = [problem.field for problem in refusal.value.details]
    assert fields == ["baseline", "standard_deviation", "alpha", "power"]
