"""Events in any order, with looks in between and over several runs, give the same units."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.services import analyses, assigning, courses
from experiments_core.services.acting import transition
from experiments_core.services.cutting import Cut
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from tests.services.conftest import Clock
from tests.services.sent import SPENT, begin, counts, event, exposure, send, units


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
