"""A list asks the file as often for many experiments as for a few."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from experiments_core.api.app import FACADES, build_api
from experiments_core.api.frame import build
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import ExperimentDraft, VariantDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.services import keys, listing, projects
from experiments_core.services.acting import transition
from experiments_core.services.events import receive_events
from experiments_core.services.experiments import create_experiment
from experiments_core.services.workspace import Workspace
from experiments_core.store.cursors import Cursors
from tests.api.conftest import Client

FEW, MANY = 3, 12
SYSTEMS = ("krafter", "crewkit", "stamn", "kaireon", "shortkit")
LISTS = {
    "": "/experiments",
    "/compat/krafter": "/flags/checkout/experiments",
    "/compat/crewkit": "/org/experiments",
    "/compat/stamn": "/v1/experiments",
    "/compat/kaireon": "/api/v1/experiments",
    "/compat/shortkit": "/v1/experiments",
}


class Counted:
    """A cursor that counts what is executed."""

    asked = 0

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def execute(self, *given: Any) -> Any:
        Counted.asked += 1
        return self._cursor.execute(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __hash__(self) -> int:
        return hash(self._cursor)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counted) and self._cursor == other._cursor


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Cursors.lend

    @contextmanager
    def counting(self: Cursors) -> Iterator[Any]:
        with plain(self) as cursor:
            yield Counted(cursor)

    monkeypatch.setattr(Cursors, "lend", counting)


def add(ws: Workspace, begin: int, end: int) -> None:
    """Running tests on one flag, each with units of its own."""
    flag = projects.resource_at(ws, LOCAL, kind="flag", locator="checkout")
    for n in range(begin, end):
        draft = ExperimentDraft(
            f"Test {n}",
            metrics=(Proportion("conversion"),),
            variants=(VariantDraft("control", is_control=True), VariantDraft("variant")),
            resource=flag.id,
            owner="key:ci",
            external_ids={name: f"{name}-{n}" for name in SYSTEMS},
        )
        made = create_experiment(ws, LOCAL, draft)
        transition(ws, LOCAL, made.id, "start", version=made.version)
        at = (ws.now() + timedelta(seconds=1)).isoformat()
        events: list[dict[str, Any]] = []
        for unit in range(4):
            about = {"unit_id": f"u{n}-{unit}", "experiment": made.id, "at": at}
            events += [
                {"event_id": f"x{n}-{unit}", "type": "exposure", **about},
                {"event_id": f"c{n}-{unit}", "name": "conversion", **about},
            ]
        assert not receive_events(ws, LOCAL, events).rejected


def something_is_saved(ws: Workspace) -> None:
    """Nothing that was read before is kept."""
    with ws.db.write():
        pass


def asked_by(ws: Workspace, act: Any) -> int:
    """How often the file was asked by a reader who comes after a commit."""
    act()
    something_is_saved(ws)
    Counted.asked = 0
    act()
    return Counted.asked


@pytest.mark.usefixtures("counted")
def test_the_number_of_queries_of_a_list_does_not_grow_with_the_list(ws: Workspace):
    token = keys.create_key(ws, LOCAL, "ci", role="admin").secret or ""
    doors = dict(FACADES)
    apps = {base: build_api() if not base else build("One", (doors[base],)) for base in LISTS}

    def read(base: str, count: int) -> int:
        client = Client(apps[base], token)

        def act() -> None:
            path = LISTS[base].replace("/org/", f"/{LOCAL.org_id}/")
            answer = client.get(path)
            assert answer.status_code == 200, (base, answer.text)
            assert len(answer.json()["data"]) == count, (base, answer.text)

        return asked_by(ws, act)

    def all_lists(count: int) -> dict[str, int]:
        found = {base or "api": read(base, count) for base in LISTS}
        return found | {"page": asked_by(ws, lambda: listing.summaries(ws, LOCAL))}

    add(ws, 0, FEW)
    few = all_lists(FEW)
    add(ws, FEW, MANY)
    many = all_lists(MANY)
    assert all(many[name] <= few[name] for name in few), (few, many)


@pytest.mark.usefixtures("counted")
def test_numbers_in_a_list_are_those_of_now(ws: Workspace):
    client = Client(
        build("One", (dict(FACADES)["/compat/krafter"],)),
        keys.create_key(ws, LOCAL, "ci", role="admin").secret or "",
    )
    add(ws, 0, 2)

    def converted() -> list[int]:
        data = client.get(LISTS["/compat/krafter"]).json()["data"]
        return [sum(one["conversions"].values()) for one in data]

    assert converted() == [4, 4]
    made = [one["id"] for one in client.get(LISTS["/compat/krafter"]).json()["data"]]
    for place, counts in ((1, [4, 5]), (0, [5, 5])):
        about = {"unit_id": f"new-{place}", "experiment": made[place]}
        receive_events(ws, LOCAL, [
            {"event_id": f"x-{place}", "type": "exposure", **about},
            {"event_id": f"c-{place}", "name": "conversion", **about},
        ])  # fmt: skip
        assert converted() == counts
    exposed = [
        {"event_id": f"y-{key}", "type": "exposure", "unit_id": "both", "experiment": key}
        for key in made
    ]
    receive_events(ws, LOCAL, exposed)
    assert converted() == [5, 5]
    receive_events(ws, LOCAL, [{"event_id": "of-all", "name": "conversion", "unit_id": "both"}])
    assert converted() == [6, 6]


@pytest.mark.usefixtures("counted")
def test_an_event_of_one_experiment_costs_the_list_only_that_one(ws: Workspace):
    client = Client(
        build("One", (dict(FACADES)["/compat/krafter"],)),
        keys.create_key(ws, LOCAL, "ci", role="admin").secret or "",
    )

    def asked_after_an_event(number: int) -> int:
        client.get(LISTS["/compat/krafter"])
        about = {"type": "exposure", "unit_id": f"new-{number}", "experiment": "test-0"}
        receive_events(ws, LOCAL, [{"event_id": f"one-{number}", **about}])
        Counted.asked = 0
        assert client.get(LISTS["/compat/krafter"]).status_code == 200
        return Counted.asked

    add(ws, 0, FEW)
    few = asked_after_an_event(1)
    add(ws, FEW, MANY)
    assert asked_after_an_event(2) <= few
