"""What a call may ask for: arms, split, looks, phases, methods, priors."""

from __future__ import annotations

import re

import pandas as pd
import pytest

import experiments_core as ec
from experiments_core.errors import InvalidInputError, NotFoundError
from experiments_core.stats.estimate import Undefined
from tests.workbench.conftest import RATE, analyse, frame


def test_three_arms_are_asked_for_by_name():
    report = analyse(frame(900, ("control", "B", "C")), metrics=RATE)
    assert report["converted", "C"].variant == "C"
    assert [one.variant for one in report] == ["B", "C"]
    with pytest.raises(NotFoundError, match="several treatments: B, C"):
        report["converted"]
    with pytest.raises(NotFoundError, match="no variant “D”"):
        report["converted", "D"]
    with pytest.raises(NotFoundError, match="no metric “clicks”"):
        report["clicks"]


def test_the_split_may_be_a_ratio_and_orders_the_arms():
    rows = frame(900, ("control", "B", "C"))
    report = analyse(rows, split={"C": 1, "control": 1, "B": 1.0})
    assert report.design.arms == ("control", "C", "B")
    assert report.health[0].p_value == 1.0
    off = analyse(rows, split={"C": 1, "control": 9, "B": 1})
    assert off.verdict.code == "cannot_say"


@pytest.mark.parametrize(
    ("split", "sentence"),
    (
        ({"control": 50, "B": 40}, "adds up to 90. It must be exactly 100: 10 is missing"),
        ({"control": 0.6, "B": 0.5}, "adds up to 1.1. It must be exactly 1: 0.1 is too much"),
        ("50/50", "The split is '50/50'; it is a share for each variant"),
    ),
)
def test_a_split_that_does_not_add_up_is_refused(split: object, sentence: str):
    with pytest.raises(InvalidInputError, match=re.escape(sentence)):
        analyse(frame(), split=split)


def test_control_is_the_arm_that_is_called_so():
    assert analyse(frame()).result.reference == "control"
    assert analyse(frame(), control="B").result.reference == "B"
    assert analyse(frame(), control=" Control ").result.reference == "control"


def test_one_sided_uncorrected_and_sequential_are_a_word_each():
    rows = frame()
    upper = analyse(rows, alternative="greater")["converted"].difference_ci_upper
    assert upper == Undefined("unbounded")
    more = [ec.Proportion("converted"), ec.Mean("revenue")]
    plain = analyse(rows, metrics=more, correction="none")["revenue"]
    assert plain.p_value_adjusted == plain.p_value
    running = analyse(rows, sequential="always_valid", planned_units=5000)
    assert running.verdict.code == "interim"
    assert running["converted"].sequential.decides
    assert running.to_dict()["metrics"][0]["arms"][1]["sequential"]["method"] == "always_valid"


def test_a_group_sequential_test_counts_the_looks_before_this_one():
    rows = frame()
    planned = {"sequential": "group_sequential", "planned_units": 4 * len(rows)}
    first = analyse(rows, **planned)["converted"].sequential
    later = analyse(rows, looks=[len(rows) // 2], **planned)["converted"].sequential
    assert (first.method, first.information) == ("group_sequential", 0.25)
    assert first.bound < later.bound
    assert "needs to know how many" in refused({"sequential": "group_sequential"})
    assert "do not" not in refused(planned | {"looks": [500, 400]})
    assert "looks" in refused({"sequential": "always_valid", "looks": [500]})


def refused(told: dict[str, object]) -> str:
    with pytest.raises(InvalidInputError) as caught:
        analyse(frame(), **told)
    return f"{caught.value} {caught.value.hint}"


def test_phases_are_combined_and_may_have_a_split_each():
    report = analyse(frame(), phases="phase")
    assert report.result.phases == 2
    assert report["converted"].test_method == "stratified_score"
    split = {"1": {"control": 50, "B": 50}, "2": {"control": 1, "B": 1}}
    assert analyse(frame(), phases="phase", split=split).health[0].p_value == 1.0
    with pytest.raises(InvalidInputError, match="nothing about phase “2”"):
        analyse(frame(), phases="phase", split={"1": {"control": 50, "B": 50}})


def test_segments_are_compared_inside_the_phases():
    """The vector of a changed split: the totals say −15 %, each phase says +5 %."""
    counts = {("control", 1): (500, 5000), ("B", 1): (525, 5000),
              ("control", 2): (100, 2000), ("B", 2): (420, 8000)}  # fmt: skip
    rows = pd.DataFrame([
        {"group": arm, "phase": f"week {phase}", "converted": int(i < hits), "country": country}
        for (arm, phase), (hits, units) in counts.items()
        for country in ("DE", "FR")
        for i in range(units)
    ])  # fmt: skip
    metrics = [ec.Proportion("converted")]
    found = analyse(rows, metrics=metrics, phases="phase", segments=["country"])
    for segment in found.result.metrics[0].segments:
        alone = analyse(rows[rows.country == segment.value], metrics=metrics, phases="phase")
        (contrast,) = (arm.contrast for arm in segment.arms if arm.contrast is not None)
        assert contrast.difference == pytest.approx(0.00402, abs=1e-5)
        assert contrast.difference == pytest.approx(alone["converted"].difference, rel=1e-12)
        assert contrast.p_value == pytest.approx(0.348, abs=5e-4)


def test_the_bayesian_view_is_asked_for_with_its_prior():
    told = analyse(frame(), bayes=True)
    assert told["converted"].bayes.prior == "Beta(1, 1) for each rate"
    other = analyse(frame(), bayes={"lift_deviation": 0.1})["revenue"].bayes
    assert other.prior.endswith("standard deviation 0.1")
    assert analyse(frame())["converted"].bayes is None
    assert "lift_deviation" in refused({"bayes": {"mean": 1}})


def test_a_method_is_asked_for_by_name():
    one = analyse(frame(), method=["newcombe", "fisher"])["converted"]
    assert (one.difference_interval_method, one.test_method) == ("newcombe", "fisher")
    assert "newcombe" in refused({"method": "wald"})
