from __future__ import annotations

import random
import statistics
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft, VariantDraft
from experiments_core.domain.metric_kinds import Mean, Proportion, Quantile
from experiments_core.errors import InvalidInputError, TooLargeError
from experiments_core.reports.formulas.replay import differences
from experiments_core.reports.notebook_study import printed, study_of
from experiments_core.services import (
    analyses,
    assigning,
    courses,
    deploying,
    participants,
    segmenting,
)
from experiments_core.services.acting import transition
from experiments_core.services.cutting import Cut
from experiments_core.services.events import MOST_EVENTS, Receipt, receive_events
from experiments_core.services.experiments import create_experiment
from experiments_core.services.traffic import change_traffic
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from experiments_core.store.data_states import data_states
from tests.services.conftest import Clock

PAID = Proportion("paid")
SPENT = Mean("spent", key="spent")


def begin(ws: Workspace, **changes: Any) -> Experiment:
    draft: dict[str, Any] = {"name": "Checkout", "metrics": (PAID, SPENT)} | changes
    made = create_experiment(ws, LOCAL, ExperimentDraft(**draft))
    return transition(ws, LOCAL, made.id, "start", version=made.version)


def exposure(unit: str, at: datetime, number: str = "", **more: Any) -> dict[str, Any]:
    key = f"x-{unit}-{number or at.isoformat()}"[:64]
    return {
        "event_id": key, "type": "exposure", "experiment": "checkout", "unit_id": unit,
        "at": at.isoformat(), **more,
    }  # fmt: skip


def event(
    unit: str,
    name: str,
    at: datetime,
    value: float | None = None,
    number: str = "",
    **more: Any,
) -> dict[str, Any]:
    key = f"{name}-{unit}-{number or at.isoformat()}"[:64]
    known = {"event_id": key, "unit_id": unit, "name": name, "at": at.isoformat(), **more}
    return known if value is None else known | {"value": value}


def send(ws: Workspace, *events: dict[str, Any], atomic: bool = False) -> Receipt:
    return receive_events(ws, LOCAL, events, atomic=atomic)


def units(ws: Workspace, experiment: Experiment) -> dict[str, tuple[Any, ...]]:
    """Unit -> (arm, first exposure, paid, spent) as the analysis sees them."""
    analyses.look(ws, LOCAL, experiment.id)
    with ws.db.read() as cursor:
        data = data_states(cursor, [experiment.id])[experiment.id]
        rows = cursor.execute(
            f"SELECT unit, arm, first_ts, c0, c1 FROM {data.table} ORDER BY unit"
        ).fetchall()
    return {row[0]: row[1:] for row in rows}


def counts(ws: Workspace, experiment: Experiment) -> dict[str, int]:
    analyses.look(ws, LOCAL, experiment.id)
    with ws.db.read() as cursor:
        data = data_states(cursor, [experiment.id])[experiment.id]
    return dict(data.imports[0].report["counts"])


def test_a_retry_counts_once_and_the_same_id_with_other_content_is_refused(ws: Workspace):
    begin(ws)
    now = ws.now()
    bought = event("u1", "paid", now, number="1")
    assert send(ws, exposure("u1", now), bought) == Receipt(2, 0, ())
    assert send(ws, exposure("u1", now), bought, bought) == Receipt(0, 3, ())
    again = send(ws, bought | {"value": 5}, event("u2", "paid", now))
    assert (again.accepted, again.duplicates) == (1, 0)
    assert [(r.index, r.problem.rule) for r in again.rejected] == [(0, "EVENT_ID_REUSED")]


def test_of_two_events_with_one_id_in_one_call_the_first_stands(ws: Workspace):
    now = ws.now()
    one = event("u1", "paid", now, 1, number="1")
    receipt = send(ws, one, one | {"value": 2}, one)
    assert (receipt.accepted, receipt.duplicates) == (1, 1)
    assert [r.index for r in receipt.rejected] == [1]


def test_all_or_none_stores_none_when_one_is_wrong(ws: Workspace):
    now = ws.now()
    send(ws, event("u1", "paid", now, number="1"))
    for bad in (event("", "paid", now), event("u1", "paid", now, 5, number="1")):
        with pytest.raises(InvalidInputError) as refused:
            send(ws, event("u2", "paid", now, number="2"), bad, atomic=True)
        assert refused.value.details[0].field.startswith("events[1].")
    assert send(ws, event("u2", "paid", now, number="2")).accepted == 1


@pytest.mark.parametrize(
    ("wrong", "field", "rule"),
    (
        ({"event_id": None}, "event_id", "REQUIRED"),
        ({"event_id": "x" * 65}, "event_id", "LENGTH"),
        ({"unit_id": 7}, "unit_id", "TYPE"),
        ({"type": "click"}, "type", "UNKNOWN_CHOICE"),
        ({"name": None}, "name", "REQUIRED"),
        ({"value": True}, "value", "TYPE"),
        ({"value": float("nan")}, "value", "NOT_FINITE"),
        ({"value": 10**400}, "value", "NOT_FINITE"),
        ({"at": "yesterday"}, "at", "PATTERN"),
        ({"at": "2026-05-04T09:00:00"}, "at", "PATTERN"),
        ({"at": "2031-01-01T00:00:00Z"}, "at", "RANGE"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at", "PATTERN"),
        ({"experiment": "nowhere"}, "experiment", "NOT_FOUND"),
        ({"variant": "treatment"}, "variant", "UNKNOWN_FIELD"),
        ({"colour": "red"}, "colour", "UNKNOWN_FIELD"),
        ({"attributes": {"a": {"b": 1}}}, "attributes.a", "TYPE"),
        ({"attributes": {"a": "x" * 201}}, "attributes.a", "LENGTH"),
    ),
)
def test_a_wrong_event_is_named_by_place_field_and_rule(
    ws: Workspace, wrong: dict[str, Any], field: str, rule: str
):
    good = event("u1", "paid", ws.now(), number="good")
    bad = {k: v for k, v in (event("u1", "paid", ws.now()) | wrong).items() if v is not None}
    receipt = send(ws, good, bad)
    assert receipt.accepted == 1
    (found,) = receipt.rejected
    assert (found.index, found.problem.field, found.problem.rule) == (1, field, rule)


def test_too_many_events_in_one_call_are_refused(ws: Workspace):
    with pytest.raises(TooLargeError):
        receive_events(ws, LOCAL, [{}] * (MOST_EVENTS + 1))


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


class Story:
    """What happened, told to a plain program that knows nothing of SQL."""

    def __init__(self) -> None:
        self.exposed: dict[str, list[datetime]] = {}
        self.paid: dict[str, list[datetime]] = {}
        self.spent: dict[str, list[tuple[datetime, float]]] = {}

    def tell(self, one: dict[str, Any]) -> None:
        at, unit = datetime.fromisoformat(one["at"]), one["unit_id"]
        if one.get("type") == "exposure":
            self.exposed.setdefault(unit, []).append(at)
        elif one["name"] == "paid":
            self.paid.setdefault(unit, []).append(at)
        else:
            self.spent.setdefault(unit, []).append((at, one["value"]))

    def rows(self) -> dict[str, tuple[float, float]]:
        found = {}
        for unit, times in self.exposed.items():
            first = min(times)
            end = first + timedelta(days=3)
            paid = any(first <= at < end for at in self.paid.get(unit, ()))
            spent = sum(value for at, value in self.spent.get(unit, ()) if at >= first)
            found[unit] = (float(paid), float(spent))
        return found


@pytest.mark.parametrize("seed", (1, 2, 3))
def test_any_order_of_arrival_with_looks_in_between_gives_the_same_units(
    ws: Workspace, clock: Any, seed: int
):
    rng = random.Random(seed)  # noqa: S311
    test = begin(ws, metrics=(Proportion("paid", window_days=3), SPENT))
    start = ws.now()
    clock.wait(days=20)
    told: list[dict[str, Any]] = []
    for i in range(60):
        moments = [start + timedelta(hours=rng.randrange(0, 240)) for _ in range(6)]
        told += [
            exposure(f"u{i}", at, str(n)) for n, at in enumerate(moments[: rng.randrange(3)])
        ]
        told += [
            event(f"u{i}", "paid", at, number=str(n))
            for n, at in enumerate(moments[2 : 2 + rng.randrange(3)])
        ]
        told += [event(f"u{i}", "spent", at, float(rng.randrange(9)), number=str(n))
                 for n, at in enumerate(moments[4:])]  # fmt: skip
    rng.shuffle(told)
    story = Story()
    for begin_at in range(0, len(told), 40):
        part = told[begin_at : begin_at + 40]
        send(ws, *part, *rng.sample(told[:begin_at] or part, min(5, begin_at or 1)))
        for one in part:
            story.tell(one)
        if any(one.get("type") == "exposure" for one in told[: begin_at + 40]):
            found = {unit: row[2:] for unit, row in units(ws, test).items()}
            assert found == story.rows()


def test_units_of_a_run_stay_there_after_units_were_assigned_afresh(
    ws: Workspace, clock: Clock
):
    """Everybody is met twice: in run 1 half of them pay, in run 2 nobody."""
    test = begin(ws)
    people = [f"u{n}" for n in range(400)]
    arms: list[dict[str, str]] = []
    for run in (1, 2):
        arms.append({u: assigning.assign(ws, LOCAL, test.id, u).variant or "" for u in people})
        now = clock.wait(hours=1)
        send(ws, *(exposure(u, now, f"run {run}") for u in people))
        clock.wait(days=1)
        if run == 1:
            send(ws, *(event(u, "paid", clock.wait(seconds=1)) for u in people[:200]))
            stopped = transition(ws, LOCAL, test.id, "stop", version=test.version)
            clock.wait(days=1)
            test = transition(
                ws, LOCAL, test.id, "start", version=stopped.version, reassign="fresh"
            )
            empty = analyses.look(ws, LOCAL, test.id)
            assert empty.result.verdict.code == "no_data"
            assert _paid(analyses.cut_look(ws, LOCAL, empty, Cut(run="1"))) == (400, 200)
    assert arms[0] != arms[1]
    send(ws, event(people[-1], "paid", clock.now - timedelta(days=3), number="late"))
    view = analyses.look(ws, LOCAL, test.id)
    assert _paid(view) == (400, 0)
    assert _paid(analyses.cut_look(ws, LOCAL, view, Cut(run="current"))) == (400, 0)
    first = analyses.cut_look(ws, LOCAL, view, Cut(run="1"))
    assert _paid(first) == (400, 201)
    counted = {arm.variant: arm.n for arm in first.result.metric("paid").arms}
    assert counted == Counter(arms[0].values())
    assert len(courses.daily(ws, LOCAL, first)) == 2
    assert counts(ws, test)["outcomes"] == 0  # those of run 1 are not missing in run 2


def _paid(view: LookView) -> tuple[int, int]:
    """Units and those who paid, of all arms."""
    arms = view.result.metric("paid").arms
    return sum(one.n for one in arms), sum(one.conversions or 0 for one in arms)
