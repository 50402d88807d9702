"""The calibration is itself right: bands, moments, seeds, the page and its pictures."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from scipy import stats

from experiments_core.stats.estimate import Comparison, Estimate, Interval
from experiments_core.stats.estimate import TestResult as Test
from experiments_core.stats.moments import Counts
from tests.calibration import columns, pictures, report, runner, studies, worlds
from tests.calibration.bands import Figure, around, at_least, at_most
from tests.calibration.comparisons import Compared
from tests.calibration.study import Outcome
from tests.calibration.traffic import power_of_two_arms


@pytest.mark.parametrize(
    ("nominal", "runs", "low", "high"),
    ((0.05, 1000, 29, 74), (0.05, 10_000, 430, 573), (0.025, 1000, 10, 43),
     (0.025, 10_000, 200, 303), (0.95, 1000, 926, 971), (0.95, 10_000, 9427, 9570),
     (0.001, 20_000, 7, 36)),
)  # fmt: skip
def test_a_true_share_leaves_its_band_in_one_of_a_thousand(
    nominal: float, runs: int, low: int, high: int
):
    band = around(nominal, runs)
    assert (band.low * runs, band.high * runs) == (pytest.approx(low), pytest.approx(high))
    inside = stats.binom.cdf(high, runs, nominal) - stats.binom.cdf(low - 1, runs, nominal)
    assert inside >= 0.999
    assert at_most(nominal, runs).high == band.high
    assert at_least(nominal, runs).low == band.low


def test_a_failing_method_is_expected_to_leave_its_band():
    band = around(0.05, 1000)
    assert Figure("a", 0.05, band).is_expected
    assert not Figure("a", 0.09, band).is_expected
    assert Figure("a", 0.09, band, must_hold=False).is_expected
    assert not Figure("a", 0.05, band, must_hold=False).is_expected
    assert Figure("a", 0.09, band, must_hold=None).is_expected


def test_moments_of_many_experiments_are_those_of_each():
    rng = np.random.default_rng(4)
    first, second = rng.gamma(2, size=(3, 50)), rng.normal(size=(3, 50))
    for run, found in enumerate(columns.moments((first, second))):
        assert found.means == pytest.approx((first[run].mean(), second[run].mean()))
        assert np.allclose(found.covariance, np.cov(first[run], second[run]))
        assert found.skewness == pytest.approx(stats.skew(first[run], bias=False))


def _biased(sample: list[list[tuple[Counts, Counts]]]) -> Iterator[Comparison]:
    """Errs always, to one side."""
    up = Interval(0.01, 0.02, 0.95, "biased")
    return (Comparison(Estimate(0.015, up), Estimate(0.015, up), Test(3.0, 0.003, "biased"))
            for _ in sample)  # fmt: skip


def test_every_error_of_a_biased_method_is_counted_on_its_side():
    world = worlds.rates("coin", (10, 10, 0.5, 0.5))
    study = Compared(world, "biased", _biased, continuous=False)
    outcome = study.simulate(np.random.default_rng(1), 20)
    figures = {figure.label: figure for figure in study.figures(outcome)}
    assert figures["false win"].share == figures["false alarm"].share == 1
    assert figures["false loss"].share == figures["lift held"].share == 0
    assert not figures["false win"].is_expected


def test_the_true_effect_over_phases_is_the_weighted_one():
    world = worlds.rates("two", (1000, 1000, 0.1, 0.11), (400, 1600, 0.05, 0.055))
    weights = np.array([500, 320]) / 820
    assert world.difference == pytest.approx(weights @ [0.01, 0.005])
    assert world.lift == pytest.approx(0.1)


def test_the_mean_of_capped_spend_is_what_draws_say():
    world = worlds.capped_spend("spend", (1000, 1000), 0.1, cap=10.0)
    ((control,), (treatment,)) = world.draw(np.random.default_rng(2), 1000)[0]
    means = [np.minimum(arm, 10).mean() for arm in (control, treatment)]
    assert world.difference == pytest.approx(means[1] - means[0], abs=0.01)
    assert world.lift == pytest.approx(means[1] / means[0] - 1, abs=0.01)


def test_power_of_the_split_check_counts_every_split():
    users, share = 1000, 0.6
    alarms = [
        a for a in range(users + 1)
        if stats.chisquare([a, users - a]).pvalue < 0.001
    ]  # fmt: skip
    assert power_of_two_arms(users, share) == pytest.approx(
        stats.binom.pmf(alarms, users, share).sum()
    )


def test_names_are_unique_and_a_seed_repeats_its_figures():
    names = [study.name for study in studies.ALL]
    assert len(set(names)) == len(names)
    name = studies.SOUND_NULL[0].name
    assert runner.block(name, 1, 0) == runner.block(name, 1, 0)
    assert runner.block(name, 1, 0) != runner.block(name, 1, 1) != runner.block(name, 2, 1)


def test_the_page_names_what_is_outside_and_draws_its_pictures(tmp_path: Path):
    outcomes: dict[str, Outcome] = {
        study.name: runner.block(study.name, 3, 0)
        for study in studies.ALL
        if study not in studies.PEEKED_REAL
    }
    outcomes |= {study.name: Outcome(100) for study in studies.PEEKED_REAL}
    wrong = outcomes[studies.SOUND_NULL[0].name]
    wrong.counts["false win"] = 50
    now = report.Circumstances("2026-01-02", "upshot 1", "run", 3, 100, 200, 1.0, 2.0)
    page = report.page(outcomes, now)
    assert "Not where it must be: rate 10 %, 2,000 + 2,000, lift 0: score" in page
    assert "**50.00 %**" in page
    for name in pictures.draw(outcomes, tmp_path):
        assert f"pictures/{name}" in page
        assert ET.parse(tmp_path / name).getroot().tag.endswith("svg")  # noqa: S314 - our own file


LONG = (
    "from tests.calibration import runner, studies\nif __name__ == '__main__':\n"
    "    runner.run(studies.PEEKED[:1], lambda _: 5_000, 1, workers=2)\n"
)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(one) for one in listed.read_text(encoding="utf-8").split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads processes from /proc")
def test_workers_end_with_their_parent(tmp_path: Path):
    script = tmp_path / "long.py"
    script.write_text(LONG, encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, str(script)], env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    deadline = time.monotonic() + 60
    while len(workers := _children(parent.pid)) < 3 and time.monotonic() < deadline:
        time.sleep(0.2)  # two workers and the tracker of their resources
    time.sleep(2)  # they have to be past their start
    parent.kill()
    parent.wait()
    while any(Path(f"/proc/{one}").exists() for one in workers):
        assert time.monotonic() < deadline, "workers go on without their parent"
        time.sleep(0.2)
