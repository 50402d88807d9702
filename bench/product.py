"""A simulated product: users come, are assigned through the API, and report late and twice.

28 days are told within minutes. Users are assigned as they come, the split changes half way,
exposures and payments carry the time they happened at, payments arrive after those of the next
users, every fifth event is sent twice, and from day 20 on a bug shows some users the other
version too. The product counts what it did itself, so what Upshot says can be compared.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from experiments_core.client import Client
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import ExperimentDraft
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.services import keys
from experiments_core.services.acting import transition
from experiments_core.services.experiments import create_experiment
from experiments_core.services.workspace import open_workspace

KEY = "new-checkout"
DAYS = 28
SEED = 20260504
RATE, LIFT = 0.10, 0.30
WINDOW = timedelta(days=7)
BUG_DAY, BUG_EVERY = 20, 25
TWICE_EVERY = 5
TOGETHER = 500
AFTER = {"control": 2_000, "treatment": 8_000}
"""The split after the change."""

Place = tuple[int, str]


@dataclass
class Truth:
    """What the product did, counted by itself.

    Attributes:
        units: (phase, arm) -> users that count.
        paid: (phase, arm) -> those of them that paid within the window.
        crossed: Users that the bug showed both versions.
        events: Events with an id of their own.
    """

    units: Counter[Place] = field(default_factory=Counter)
    paid: Counter[Place] = field(default_factory=Counter)
    crossed: set[str] = field(default_factory=set)
    events: int = 0


def prepare(path: Path, start: datetime) -> str:
    """Make a workspace with a test that runs since ``start``; give an API key."""
    with open_workspace(path) as ws:
        metrics = (
            Proportion("paid", window_days=WINDOW.days),
            Mean("spent", event="paid", key="spent"),
        )
        draft = ExperimentDraft("New checkout", key=KEY, metrics=metrics)
        made = create_experiment(ws, LOCAL, draft, at=start)
        transition(ws, LOCAL, made.id, "start", version=made.version, at=start)
        made_key = keys.create_key(ws, LOCAL, "simulated product", role="admin")
        return made_key.secret or ""


class Product:
    """Lets users come.

    Args:
        client: Towards the server.
        users: How many.
        start: When the test began.
    """

    def __init__(self, client: Client, users: int, start: datetime) -> None:
        self.client, self.users, self.start = client, users, start
        self.truth = Truth()
        self._rng = random.Random(SEED)  # noqa: S311  a simulation

    def run(self, change_split: Callable[[], None]) -> Truth:
        """Tell the whole story; ``change_split`` is called half way."""
        phase, late = 1, list[Callable[[], object]]()
        for begin in range(0, self.users, TOGETHER):
            if phase == 1 and begin >= self.users // 2:
                change_split()
                phase = 2
            numbers = range(begin, min(self.users, begin + TOGETHER))
            arms = self.client.assign_many(KEY, [f"user-{n:06d}" for n in numbers])
            later: list[Callable[[], object]] = []
            for number in numbers:
                arm = arms[f"user-{number:06d}"].variant
                if arm is not None:
                    later += self._visit(number, (phase, arm))
            for send in late:
                send()
            self._rng.shuffle(later)
            late = later
        for send in late:
            send()
        self.client.flush(600)
        return self.truth

    def _visit(self, number: int, place: Place) -> list[Callable[[], object]]:
        """One user: exposures are reported now, payments are given back to be sent late."""
        unit, arm = f"user-{number:06d}", place[1]
        day = number * DAYS / self.users
        at = self.start + timedelta(days=day)
        self._expose(f"x-{unit}", unit, arm, at)
        is_shown_both = day >= BUG_DAY and number % BUG_EVERY == 0
        if is_shown_both:
            other = "control" if arm == "treatment" else "treatment"
            self._expose(f"b-{unit}", unit, other, at + timedelta(hours=2))
            self.truth.crossed.add(unit)
        else:
            self.truth.units[place] += 1
        rate = RATE * (1 + LIFT * (arm == "treatment"))
        if self._rng.random() >= rate:
            return []
        delay = timedelta(days=self._rng.uniform(0, 8))  # some pay after the window
        self.truth.events += 1
        if delay < WINDOW and not is_shown_both:
            self.truth.paid[place] += 1
        value, again = round(self._rng.uniform(5, 50), 2), self._rng.random()
        return [
            lambda: self.client.track(unit, "paid", value, at=at + delay, event_id=f"p-{unit}")
            for _ in range(1 + (again < 1 / TWICE_EVERY))
        ]

    def _expose(self, event_id: str, unit: str, arm: str, at: datetime) -> None:
        self.truth.events += 1
        for _ in range(1 + (self._rng.random() < 1 / TWICE_EVERY)):
            self.client.expose(KEY, unit, variant=arm, at=at, event_id=event_id)
