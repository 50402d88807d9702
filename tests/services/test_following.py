"""Units brought up to date are those that are made anew, whatever came in whatever order."""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.domain.metric_kinds import Mean, Proportion, Quantile
from experiments_core.services import assigning, deploying, erasing, participants
from experiments_core.services.acting import transition
from experiments_core.services.events import receive_events
from experiments_core.services.experiments import create_experiment
from experiments_core.services.following import follow_log
from experiments_core.services.workspace import Workspace
from experiments_core.store.event_units import log_table
from tests.services.conftest import Clock

UNITS, PARTS = 40, 8
ALSO: dict[str, Any] = {"role": "secondary"}
METRICS = (
    Proportion("paid", window_days=3),
    Mean("spent", key="spent", covariate="spent:sum:before", **ALSO),
    Mean("spent", key="soon", window_days=2, delay_days=-1, **ALSO),
    *(Mean("spent", key=how, aggregation=how, **ALSO) for how in ("count", "min", "max")),
    Quantile("spent", 0.5, key="each", aggregation="rows", **ALSO),
    *(Mean("seen", key=how, aggregation=how, **ALSO) for how in ("mean", "last")),
)
WAYS: dict[str, dict[str, Any]] = {
    "assigned by hash": {},
    "arms come with exposures": {"assignment_mode": "external"},
    "some are held out": {"holdout_bp": 3000},
    "only some may enter": {"targeting": {"countries": ["DE"]}},
}
"""Fields of the draft."""


class _UndoneError(Exception):
    """Takes back what was made to compare."""


def begin(ws: Workspace, **changes: Any) -> Experiment:
    draft = ExperimentDraft("Checkout", metrics=METRICS, **changes)
    made = create_experiment(ws, LOCAL, draft)
    return transition(ws, LOCAL, made.id, "start", version=made.version)


def state(ws: Workspace, test: Experiment) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    """Unit -> its whole row under the names of the columns; what was counted."""
    with ws.db.read() as cursor:
        told = cursor.execute(
            "SELECT dataset_id, columns, counts FROM event_data WHERE experiment_id = ?",
            [test.id],
        ).fetchone()
        assert told is not None
        dataset_id, columns, counts = told
        names = {
            c["column"]: f"{c['metric']} {c['name']} {c['role']}" for c in json.loads(columns)
        }
        found = cursor.execute(f"SELECT * FROM {log_table(dataset_id)}")
        places = [names.get(column[0], column[0]) for column in found.description or ()]
        rows = [dict(zip(places, row, strict=True)) for row in found.fetchall()]
    for row in rows:
        row.update({n: sorted(v) for n, v in row.items() if isinstance(v, list)})
    assert max(Counter(row["unit"] for row in rows).values(), default=0) <= 1
    return {row["unit"]: row for row in rows}, json.loads(counts)


def made_anew(ws: Workspace, test: Experiment) -> Any:
    """The same when every row is made of the whole log; then all is as it was."""
    found: Any = None
    with suppress(_UndoneError), ws.db.write() as cursor:
        cursor.execute("DELETE FROM event_data WHERE experiment_id = ?", [test.id])
        follow_log(ws, test)
        found = state(ws, test)
        raise _UndoneError
    return found


def story(rng: random.Random, ws: Workspace, *, external: bool) -> list[dict[str, Any]]:
    """Events of some units, as they happened; values whose sums are exact in any order."""
    told: list[dict[str, Any]] = []
    begun = ws.now() - timedelta(days=14)

    def tell(unit: str, **more: Any) -> None:
        at = begun + timedelta(minutes=rng.randrange(240 * 60))
        told.append({"event_id": str(len(told)), "unit_id": unit, "at": at.isoformat(), **more})

    for number in range(UNITS):
        unit, own = f"u{number}", rng.choice(("control", "treatment"))
        for _ in range(rng.randrange(4)):
            arm = own if rng.random() < 0.9 else rng.choice(("control", "treatment"))
            more: dict[str, Any] = {"variant": arm} if external or rng.random() < 0.5 else {}
            if rng.random() < 0.7:
                names = rng.sample(("country", "plan's", "device"), rng.randrange(1, 4))
                more["attributes"] = {name: rng.choice(("DE", "FR", None)) for name in names}
            tell(unit, type="exposure", experiment="checkout", **more)
        for _ in range(rng.randrange(3)):
            tell(unit, name="paid", value=rng.choice((None, 0, 1)))
        for _ in range(rng.randrange(5)):
            tell(unit, name="spent", value=rng.randrange(-8, 40) / 4)
        if number % 4 == 0:
            tell(unit, name="seen", value=rng.randrange(9))
    return told


def parts_of(told: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    size = len(told) // PARTS + 1
    return [told[begin : begin + size] for begin in range(0, len(told), size)]


def check(ws: Workspace, test: Experiment) -> dict[str, dict[str, Any]]:
    """Bring the units up to date, and hold them against those made anew."""
    follow_log(ws, test)
    rows, counts = state(ws, test)
    again, counted = made_anew(ws, test)
    assert rows == again
    assert counts == counted
    return rows


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("order", ("in order", "in any order"))
def test_what_is_brought_up_to_date_is_what_is_made_anew(
    ws: Workspace, clock: Clock, way: str, order: str
):
    rng = random.Random(f"{way} {order}")  # noqa: S311
    test = begin(ws, **WAYS[way])
    clock.wait(days=14)
    told = story(rng, ws, external="assignment_mode" in WAYS[way])
    rng.shuffle(told)
    if order == "in order":
        told.sort(key=lambda one: str(one["at"]))
    for part in parts_of(told):
        assert not receive_events(ws, LOCAL, part).rejected
        rows = check(ws, test)
    whys = Counter(row["why"] for row in rows.values())
    assert whys[None] > 5
    assert len(whys) > 1


def test_hands_erasure_and_a_fresh_run_in_between_change_nothing_about_that(
    ws: Workspace, clock: Clock
):
    rng = random.Random(11)  # noqa: S311
    test = begin(ws, holdout_bp=2000)
    clock.wait(days=14)
    told = story(rng, ws, external=False)
    rng.shuffle(told)
    first, second, third, fourth, fifth, *rest = parts_of(told)

    def come(part: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        receive_events(ws, LOCAL, part)
        return check(ws, test)

    come(first)
    participants.set_override(ws, LOCAL, test.id, "u1", "treatment")
    assert come(second)["u1"]["why"] in {"overridden", "not_exposed"}
    deploying.deploy(
        ws, LOCAL, test.id, variant="treatment", version=None, target="participant",
        unit_id="u2",
    )  # fmt: skip
    come(third)
    erasing.erase_unit(ws, LOCAL, "u3")
    come(fourth)
    for name in ("u4", "u5", "newcomer"):
        assigning.assign(ws, LOCAL, test.id, name)
    come(fifth)
    stopped = transition(ws, LOCAL, test.id, "stop", version=None)
    clock.wait(days=1)
    test = transition(ws, LOCAL, test.id, "start", version=stopped.version, reassign="fresh")
    for part in rest:
        come(part)
    clock.wait(days=14)
    again = story(rng, ws, external=False)
    for part in parts_of([one | {"event_id": f"again {one['event_id']}"} for one in again]):
        rows = come(part)
    assert sum(row["why"] is None for row in rows.values()) > 5


def test_an_attribute_counts_from_the_first_exposure_that_told_it(ws: Workspace, clock: Clock):
    test = begin(ws)
    clock.wait(days=4)
    for number, (day, attributes) in enumerate(
        ((3, None), (1, {"country": "DE"}), (2, {"country": "FR"}))
    ):
        at = ws.now() - timedelta(days=day)
        sent = {"event_id": str(number), "type": "exposure", "experiment": "checkout",
                "unit_id": "u", "at": at.isoformat(), "attributes": attributes}  # fmt: skip
        receive_events(ws, LOCAL, [sent])
        row = check(ws, test)["u"]
    assert row[" country segment"] == "FR"


def test_of_many_readers_at_once_one_writes(ws: Workspace):
    test = begin(ws)
    sent = {"type": "exposure", "experiment": "checkout", "unit_id": "u"}
    with ThreadPoolExecutor(8) as readers:
        for number in range(3):
            receive_events(ws, LOCAL, [sent | {"event_id": str(number)}])
            before = ws.db.last_commit
            assert all(readers.map(lambda _: follow_log(ws, test), range(8)))
            assert ws.db.last_commit == before + 1
