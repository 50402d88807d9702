"""Units are made of events: first exposure, window, one number per metric."""

from __future__ import annotations

import random
import statistics
from datetime import timedelta
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import VariantDraft
from experiments_core.domain.metric_kinds import Mean, Proportion, Quantile
from experiments_core.errors import InvalidInputError
from experiments_core.reports.formulas.replay import differences
from experiments_core.reports.notebook_study import printed, study_of
from experiments_core.services import analyses, assigning, deploying, participants, segmenting
from experiments_core.services.traffic import change_traffic
from experiments_core.services.workspace import Workspace
from tests.services.sent import PAID, SPENT, begin, counts, event, exposure, send, units


def test_the_first_exposure_counts_and_only_what_came_after_it(ws: Workspace, clock: Any):
    test = begin(ws, metrics=(Proportion("paid", window_days=2), SPENT))
    start = ws.now()
    clock.wait(days=10)
    day = timedelta(days=1)
    send(
        ws,
        exposure("late", start + 2 * day),
        event("late", "paid", start + day),
        event("in", "paid", start + 2 * day),
        exposure("in", start + day),
        exposure("out", start + day),
        event("out", "paid", start + 3 * day),
        event("out", "spent", start + 4 * day, 7.5),
        event("out", "spent", start, 100),
    )
    found = units(ws, test)
    assert {unit: row[2:] for unit, row in found.items()} == {
        "late": (0.0, 0.0), "in": (1.0, 0.0), "out": (0.0, 7.5),
    }  # fmt: skip
    send(ws, exposure("late", start + day / 2))  # an earlier exposure arrives a week later
    assert units(ws, test)["late"][1:3] == (
        (start + day / 2).replace(tzinfo=None), 1.0,
    )  # fmt: skip


def test_a_delay_moves_the_window_and_may_reach_before_the_exposure(ws: Workspace, clock: Any):
    metrics = (
        Proportion("paid", window_days=1, delay_days=2),
        Mean("spent", key="before", delay_days=-1),
    )
    test = begin(ws, metrics=metrics)
    start, hour = ws.now(), timedelta(hours=1)
    clock.wait(days=10)
    send(ws, exposure("u", start + 24 * hour), event("u", "paid", start + 71 * hour),
         event("u", "spent", start, 3), event("u", "spent", start - hour, 5))  # fmt: skip
    assert units(ws, test)["u"][2:] == (0.0, 3.0)
    send(ws, event("u", "paid", start + 72 * hour))
    assert units(ws, test)["u"][2:] == (1.0, 3.0)


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    (("any", 1.0), ("count", 3.0), ("sum", 6.0), ("mean", 2.0), ("min", 1.0), ("max", 3.0),
     ("last", 2.0)),
)  # fmt: skip
def test_events_become_one_number_per_unit(
    ws: Workspace, clock: Any, aggregation: str, expected: float
):
    test = begin(ws, metrics=(PAID, Mean("x", event="spent", aggregation=aggregation)))
    start = ws.now()
    clock.wait(days=1)
    hours = [start + timedelta(hours=h) for h in range(4)]
    send(ws, event("u", "spent", hours[3], 2), event("u", "spent", hours[1], 1),
         event("u", "spent", hours[2], 3), exposure("u", hours[0]))  # fmt: skip
    assert units(ws, test)["u"][3] == expected


def test_two_metrics_may_read_one_event_in_two_ways(ws: Workspace, clock: Any):
    metrics = (PAID, Proportion("paid", key="paid_soon", window_days=1))
    test = begin(ws, metrics=metrics)
    start = ws.now()
    clock.wait(days=5)
    for i in range(40):
        send(ws, exposure(f"u{i}", start), event(f"u{i}", "paid", start + timedelta(days=2)))
    result = analyses.look(ws, LOCAL, test.id).result
    rates = {m.key: [arm.value for arm in m.arms] for m in result.metrics}
    assert rates == {"paid": [1.0, 1.0], "paid_soon": [0.0, 0.0]}


def test_an_outcome_without_an_assignment_is_counted_and_never_given_to_control(
    ws: Workspace,
):
    test = begin(ws)
    now = ws.now()
    send(ws, exposure("u1", now), event("u1", "paid", now), event("stranger", "paid", now))
    assert set(units(ws, test)) == {"u1"}
    assert counts(ws, test)["outcomes_without_assignment"] == 1


def test_a_unit_seen_in_two_arms_is_left_out_and_counted(ws: Workspace):
    test = begin(ws)
    now = ws.now()
    arms = ("control", "treatment")
    send(ws, exposure("both", now, "1", variant=arms[0]),
         exposure("both", now, "2", variant=arms[1]), exposure("one", now))  # fmt: skip
    assert set(units(ws, test)) == {"one"}
    assert counts(ws, test)["crossed"] == 1


def test_what_a_client_says_it_served_never_changes_an_assignment(ws: Workspace):
    test = begin(ws)
    now = ws.now()
    given = assigning.assign(ws, LOCAL, test.id, "u1").variant
    other = "control" if given == "treatment" else "treatment"
    send(ws, exposure("u1", now, variant=other))
    assert units(ws, test)["u1"][0] == given
    assert counts(ws, test)["served_otherwise"] == 1
    health = {card.check: card for card in analyses.look(ws, LOCAL, test.id).result.health}
    assert health["served_vs_assigned"].level == "fail"


def test_a_held_out_unit_is_measured_apart_from_the_arms(ws: Workspace):
    test = begin(ws, holdout_bp=5000)
    now = ws.now()
    people = [f"p{i}" for i in range(60)]
    reasons = {p: assigning.assign(ws, LOCAL, test.id, p).reason for p in people}
    held = [p for p in people if reasons[p] == "holdout"]
    told, tricked, given, twice = held[:4]
    send(
        ws,
        *(exposure(p, now) for p in people if p not in {told, tricked, twice}),
        exposure(told, now, variant="control"),
        exposure(tricked, now, variant="treatment"),
        exposure(twice, now, "1", variant="control"),
        exposure(twice, now, "2", variant="treatment"),
        *(event(p, "paid", now) for p in held[:10]),
    )
    deploying.deploy(
        ws, LOCAL, test.id, variant="treatment", version=None, target="participant",
        unit_id=given,
    )  # fmt: skip
    found = units(ws, test)
    assert {p for p in found if found[p][0] == "holdout"} == set(held) - {given, twice}
    known = counts(ws, test)
    assert (known["contaminated"], known["crossed"], known["served_otherwise"]) == (1, 1, 1)
    view = analyses.look(ws, LOCAL, test.id)
    block = view.result.holdout
    assert block is not None
    paid = next(one for one in block.metrics if one.key == "paid")
    assert (paid.holdout_n, paid.exposed_n) == (len(held) - 2, 60 - len(held))
    assert paid.holdout_value == pytest.approx(8 / (len(held) - 2))
    assert view.result.progress is not None
    assert view.result.progress.units == 60 - len(held)
    health = {card.check: card.level for card in view.result.health}
    assert health["sample_ratio_mismatch"] != "fail"
    assert not differences(
        dict(printed(view.result)), study_of(view.result, view.cells, view.design)
    )


def test_a_quantile_may_be_that_of_every_event(ws: Workspace):
    cost = Quantile("session", 0.5, key="cost", aggregation="rows")
    test, now = begin(ws, metrics=(cost,)), ws.now()
    draw = random.Random(5)  # noqa: S311
    people = [f"p{i}" for i in range(80)]
    arms = {p: assigning.assign(ws, LOCAL, test.id, p).variant for p in people}
    costs = {
        p: [round(draw.random(), 3) for _ in range(1 + i % 5)] for i, p in enumerate(people)
    }
    send(ws, *(exposure(p, now) for p in people))

    def shown() -> dict[str, float]:
        view = analyses.look(ws, LOCAL, test.id)
        return {arm.variant: arm.value for arm in view.result.metric("cost").arms}

    for part in (people[:50], people[50:]):  # the second one follows what is there
        send(ws, *(
            event(p, "session", now, value, str(k))
            for p in part for k, value in enumerate(costs[p])
        ))  # fmt: skip
        found = shown()
    for arm, value in found.items():
        rows = [one for p in people if arms[p] == arm for one in costs[p]]
        assert value == pytest.approx(statistics.median(rows))
    with pytest.raises(InvalidInputError, match="only a quantile"):
        begin(ws, name="Other", metrics=(Mean("session", aggregation="rows"),))


def test_a_variant_that_is_called_holdout_is_not_mixed_with_those_held_out(ws: Workspace):
    arms = (VariantDraft("control"), VariantDraft("holdout"))
    test = begin(ws, holdout_bp=5000, variants=arms)
    people = [f"p{i}" for i in range(40)]
    send(ws, *(exposure(p, ws.now()) for p in people))
    drawn = {p: assigning.assign(ws, LOCAL, test.id, p).variant for p in people}
    assert set(units(ws, test)) == {p for p in people if drawn[p] is not None}
    assert counts(ws, test)["holdout"] == sum(arm is None for arm in drawn.values())


def test_a_late_exposure_is_assigned_by_the_split_of_its_own_time(ws: Workspace, clock: Any):
    test = begin(ws)
    early = ws.now() + timedelta(hours=1)
    clock.wait(days=2)
    change_traffic(
        ws, LOCAL, test.id, version=test.version, reason="Drain control.",
        weights_bp={"control": 0, "treatment": 10_000},
    )  # fmt: skip
    clock.wait(days=1)
    people = [f"p{i}" for i in range(60)]
    send(ws, *(exposure(p, early) for p in people), exposure("new", ws.now()))
    found = units(ws, test)
    assert {found[p][0] for p in people} == {"control", "treatment"}
    assert found["new"][0] == "treatment"


def test_an_exposure_outside_the_test_assigns_nobody(ws: Workspace):
    test = begin(ws, targeting={"countries": ["DE"]})
    before = ws.now() - timedelta(hours=1)
    now = ws.now()
    send(
        ws,
        exposure("fr", now, attributes={"country": "FR"}),
        exposure("de", now, attributes={"country": "DE"}),
        exposure("early", before),
    )
    assert set(units(ws, test)) == {"de"}
    assert counts(ws, test)["not_in_test"] == 2


def test_attributes_of_the_first_exposure_become_segments(ws: Workspace):
    test = begin(ws)
    now = ws.now()
    send(ws, exposure("a", now, attributes={"country": "DE"}))
    analyses.look(ws, LOCAL, test.id)
    assert segmenting.segment_columns(ws, LOCAL, test.id) == ("country",)
    send(ws, exposure("b", now, attributes={"country": "FR", "plan's": "x"}))
    analyses.look(ws, LOCAL, test.id)
    assert segmenting.segment_columns(ws, LOCAL, test.id) == ("country", "plan's")


def test_an_override_is_served_and_left_out_of_the_analysis(ws: Workspace):
    test = begin(ws)
    now = ws.now()
    send(ws, exposure("qa", now), exposure("u1", now))
    assert set(units(ws, test)) == {"qa", "u1"}
    participants.set_override(ws, LOCAL, test.id, "qa", "treatment")
    assert set(units(ws, test)) == {"u1"}
    participants.set_override(ws, LOCAL, test.id, "qa", None)
    assert set(units(ws, test)) == {"qa", "u1"}


def test_arms_that_come_with_exposures_are_taken_as_they_are(ws: Workspace):
    test = begin(ws, assignment_mode="external")
    now = ws.now()
    receipt = send(ws, exposure("a", now, variant="treatment"), exposure("b", now))
    assert [one.problem.rule for one in receipt.rejected] == ["REQUIRED"]
    assert units(ws, test)["a"][0] == "treatment"


def test_without_exposures_the_assignment_stands_for_them(ws: Workspace, clock: Any):
    test = begin(ws)
    assigning.assign(ws, LOCAL, test.id, "u1")
    clock.wait(hours=1)
    send(ws, event("u1", "paid", ws.now()))
    assert units(ws, test)["u1"][2] == 1.0


def test_new_events_are_a_new_look_and_events_of_others_are_not(ws: Workspace):
    test = begin(ws)
    now = ws.now()
    send(ws, exposure("u1", now))
    first = analyses.look(ws, LOCAL, test.id).result
    send(ws, event("elsewhere", "other", now))
    assert analyses.look(ws, LOCAL, test.id).result.look == first.look
    send(ws, event("u1", "paid", now))
    second = analyses.look(ws, LOCAL, test.id).result
    assert second.look == (first.look or 0) + 1
    assert second.data_hash != first.data_hash


def test_a_name_with_a_quote_stays_a_name(ws: Workspace):
    name = "it's'); DROP TABLE events; --"
    test = begin(ws, metrics=(Proportion(name, key="odd"), SPENT))
    now = ws.now()
    send(ws, exposure("u1", now), event("u1", name, now, number="1"))
    assert units(ws, test)["u1"][2] == 1.0
