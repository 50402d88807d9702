"""What changed between two versions, and who changed it, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from experiments_core.domain.access import AuditEvent
from experiments_core.domain.documents import to_document
from experiments_core.domain.experiment import Experiment

_UNTOLD = frozenset({"version", "updated_at", "at"})
_WORDS = {"weights_bp": "split", "allocation_bp": "allocation", "holdout_bp": "holdout"}


def changes_between(
    before: Experiment | None, after: Experiment
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ, as they were and as they are. Phases have rows of their own."""
    new = _flat(after)
    if before is None:
        return {}, new
    old = _flat(before)
    names = [name for name in new if new[name] != old[name]]
    return {name: old[name] for name in names}, {name: new[name] for name in names}


def who_was_faster(
    events: Sequence[AuditEvent], version: int, now: datetime
) -> tuple[str, tuple[str, ...]]:
    """Name who changed what since a version (“Mira changed the description 2 minutes ago”).

    Args:
        events: Every change of the object, the oldest first.
        version: The version that somebody last read.
        now: The present moment.

    Returns:
        The sentence, and the names of the fields that differ.
    """
    later = [event for event in events if (event.after or {}).get("version", 0) > version]
    if not later:
        return f"There is no version {version} of this experiment.", ()
    fields = {name: None for event in later for name in event.after or {}}
    told = tuple(name for name in fields if name not in _UNTOLD)
    last = later[-1]
    return f"{last.actor} changed {_list(told)} {_ago(now, last.ts)}.", told


def _flat(experiment: Experiment) -> dict[str, Any]:
    document = to_document(experiment)
    del document["phases"]
    for variant in document["variants"]:
        del variant["weight_bp"]
    return document | {"weights_bp": experiment.weights_bp}


def _list(fields: Sequence[str]) -> str:
    words = [_WORDS.get(name, name.replace("_", " ")) for name in fields]
    if "status" in words:
        return "the status"
    if len(words) > 3:
        return f"the {words[0]} and {len(words) - 1} more fields"
    return f"the {' and the '.join(words)}" if words else "this experiment"


def _ago(now: datetime, then: datetime) -> str:
    minutes = int((now - then).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} minute{'s' if minutes > 1 else ''} ago"
    hours = minutes // 60
    if hours < 24:
        return f"{hours} hour{'s' if hours > 1 else ''} ago"
    return f"on {then:%Y-%m-%d}"
