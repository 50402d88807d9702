"""Events as clients send them: checked one by one, each with a name for its content.

An exposure tells that a unit met its arm; a metric event tells what the unit did. The id is the
client's and unique in its organisation for ever: the same id with the same content is a
duplicate and costs nothing, with other content it is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

from experiments_core.domain.unit_ids import unit_problem
from experiments_core.errors import Problem

EXPOSURE, METRIC = "exposure", "metric"
FIELDS = (
    "event_id", "type", "experiment", "unit_id", "name", "variant", "at", "value", "attributes",
)  # fmt: skip
LONGEST_ID = 64
LONGEST_NAME = 100
MOST_ATTRIBUTES = 50
LONGEST_ATTRIBUTE = 200
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)
"""How far a client's clock may be ahead."""
_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


class Event(NamedTuple):
    """One checked event; thousands come in one call, and are turned into columns at once.

    Attributes:
        experiment: As the client named it (id, key or slug); None for every test.
        ts: When it happened, aware, in UTC; the moment of receipt where nothing was said.
        content: 64 bits over what was sent; ``at`` counts only if it was given.
    """

    event_id: str
    type: str
    experiment: str | None
    unit: str
    name: str
    variant: str | None
    ts: datetime
    value: float | None
    attributes: dict[str, Any] | None
    content: int


def read_event(sent: object, now: datetime) -> Event | Problem:
    """Check one event; the first rule that it breaks is what is told.

    Args:
        sent: A JSON object.
        now: The moment of receipt, aware.
    """
    if not isinstance(sent, Mapping):
        return Problem("event", sent, "TYPE", "an event is an object")
    kind = sent.get("type", METRIC)
    problem = _shape_problem(sent, kind) or _content_problem(sent, kind)
    if problem is not None:
        return problem
    ts = _moment(sent.get("at"), now)
    if isinstance(ts, Problem):
        return ts
    value = sent.get("value")
    return Event(
        event_id=sent["event_id"],
        type=kind,
        experiment=sent.get("experiment"),
        unit=sent["unit_id"].strip(),
        name=sent.get("name") or "",
        variant=sent.get("variant"),
        ts=ts,
        value=None if value is None else float(value),
        attributes=sent.get("attributes") or None,
        content=content_of(sent),
    )


def content_of(sent: Mapping[str, Any]) -> int:
    """64 bits over everything that was sent but the id."""
    rest = dict(sent)
    rest.pop("event_id", None)
    return digest(_CANONICAL.encode(rest))


def digest(text: str) -> int:
    """64 bits over a text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _shape_problem(sent: Mapping[str, Any], kind: object) -> Problem | None:
    for name in sent:
        if name not in FIELDS:
            message = f"{name} is not a field of an event: {', '.join(FIELDS)}"
            return Problem(str(name), sent[name], "UNKNOWN_FIELD", message)
    if kind not in {EXPOSURE, METRIC}:
        message = f"type is “{kind}”; choose {EXPOSURE} or {METRIC}"
        return Problem("type", kind, "UNKNOWN_CHOICE", message)
    problem = _text("event_id", sent.get("event_id"), LONGEST_ID)
    return problem or unit_problem(sent.get("unit_id"))


def _content_problem(sent: Mapping[str, Any], kind: object) -> Problem | None:
    needed = {"experiment"} if kind == EXPOSURE else {"name"}
    for name, longest in (("experiment", 100), ("name", LONGEST_NAME), ("variant", 100)):
        value = sent.get(name)
        if value is not None or name in needed:
            problem = _text(name, value, longest)
            if problem is not None:
                return problem
    if kind == METRIC and sent.get("variant") is not None:
        message = "variant belongs to an exposure: a metric event never changes an assignment"
        return Problem("variant", sent["variant"], "UNKNOWN_FIELD", message)
    return _value(sent.get("value")) or _attributes(sent.get("attributes"))


def _text(name: str, value: object, longest: int) -> Problem | None:
    if value is None:
        return Problem(name, None, "REQUIRED", f"{name} is missing")
    if not isinstance(value, str):
        return Problem(name, value, "TYPE", f"{name} must be text")
    if not 1 <= len(value) <= longest:
        message = f"{name} has {len(value)} characters; it may have 1 to {longest}"
        return Problem(name, value[:40], "LENGTH", message)
    if not value.isprintable() and any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in value):
        message = f"{name} contains a control character; remove it"
        return Problem(name, value, "TEXT_CONTROL_CHARACTER", message)
    return None


def _value(value: object) -> Problem | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Problem("value", value, "TYPE", "value must be a number")
    try:
        is_finite = math.isfinite(float(value))
    except OverflowError:
        is_finite = False
    if is_finite:
        return None
    return Problem("value", str(value)[:40], "NOT_FINITE", "value must be a finite number")


def _attributes(found: object) -> Problem | None:
    if found is None:
        return None
    if not isinstance(found, Mapping):
        return Problem("attributes", found, "TYPE", "attributes must be an object")
    if len(found) > MOST_ATTRIBUTES:
        message = f"{len(found)} attributes; at most {MOST_ATTRIBUTES} are allowed"
        return Problem("attributes", len(found), "TOO_MANY", message)
    for name, value in found.items():
        problem = _attribute(f"attributes.{name}", name, value)
        if problem is not None:
            return problem
    return None


def _attribute(path: str, name: str, value: object) -> Problem | None:
    if not 1 <= len(name) <= LONGEST_NAME:
        return Problem(path[:60], name[:40], "LENGTH", "an attribute has a name of 1 to 100")
    listed = value if isinstance(value, list) else [value]
    for one in listed:
        if one is None or isinstance(one, bool | int):
            continue
        if isinstance(one, float):
            if not math.isfinite(one):
                return Problem(path, str(one), "NOT_FINITE", f"{path} must be finite")
        elif not isinstance(one, str):
            return Problem(path, value, "TYPE", f"{path} must be text, a number, yes or no")
        elif len(one) > LONGEST_ATTRIBUTE:
            message = f"{path} has {len(one)} characters; at most {LONGEST_ATTRIBUTE}"
            return Problem(path, one[:40], "LENGTH", message)
    return None


def _moment(at: object, now: datetime) -> datetime | Problem:
    if at is None:
        return now
    rule = "at must be a time with its zone, such as 2026-05-04T09:30:00Z"
    if not isinstance(at, str):
        return Problem("at", at, "TYPE", rule)
    try:
        moment = datetime.fromisoformat(at)
        utc = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return Problem("at", at[:40], "PATTERN", rule)
    if moment.tzinfo is None:
        return Problem("at", at, "PATTERN", rule)
    if not EARLIEST <= utc <= now + AHEAD:
        message = f"at is {at}; it must lie between 2000 and a day from now"
        return Problem("at", at, "RANGE", message)
    return utc
