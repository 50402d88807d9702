"""Builders for the nouns of an experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from experiments_core.domain.acts import Act, perform
from experiments_core.domain.experiment import Experiment, Variant
from experiments_core.domain.lifecycle import BIN, Status, Verb
from experiments_core.domain.metric_kinds import Proportion

MONDAY = datetime(2026, 5, 4, 9, tzinfo=UTC)
WAYS: dict[str, tuple[Verb, ...]] = {
    Status.DRAFT: (),
    Status.RUNNING: (Verb.START,),
    Status.PAUSED: (Verb.START, Verb.PAUSE),
    Status.STOPPED: (Verb.START, Verb.STOP),
    Status.COMPLETED: (Verb.START, Verb.COMPLETE),
    Status.ARCHIVED: (Verb.START, Verb.STOP, Verb.ARCHIVE),
    BIN: (Verb.DELETE,),
}

Build = Callable[..., Experiment]


@pytest.fixture
def monday() -> datetime:
    """The moment at which every experiment of these tests was made and changed."""
    return MONDAY


@pytest.fixture
def build() -> Build:
    """Make an experiment in a given place of the transition table."""

    def make(place: str = Status.DRAFT, **changes: Any) -> Experiment:
        draft = Experiment(
            id="e1",
            key="checkout",
            slug="checkout",
            name="Checkout",
            version=1,
            status=Status.DRAFT,
            variants=(
                Variant("control", "Control", is_control=True, weight_bp=5000, id="v1"),
                Variant("treatment", "Treatment", is_control=False, weight_bp=5000, id="v2"),
            ),
            created_at=MONDAY,
            updated_at=MONDAY,
            created_by="mira",
            metrics=(Proportion("paid"),),
            hash_seed="checkout",
        )
        experiment = replace(draft, **changes)
        for verb in WAYS[place]:
            experiment = perform(experiment, Act(verb, MONDAY, "mira", conclusion="won"))
        return experiment

    return make
