"""A POST that is repeated under one Idempotency-Key has one effect and one answer."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from experiments_core.domain.access import Actor
from experiments_core.errors import ConflictError, InvalidInputError, Problem
from experiments_core.services.workspace import Workspace
from experiments_core.store import answers
from experiments_core.store.answers import StoredAnswer

__all__ = ["KEPT", "LONGEST", "StoredAnswer", "check_key", "fingerprint", "once"]

KEPT = timedelta(hours=48)
LONGEST = 128

_running: set[tuple[str, str]] = set()
_lock = threading.Lock()


def check_key(key: str) -> str:
    """Refuse a key that is empty, longer than 128 characters or not printable.

    Raises:
        InvalidInputError: it is.
    """
    if 1 <= len(key) <= LONGEST and key.isprintable():
        return key
    message = f"An Idempotency-Key has 1 to {LONGEST} printable characters"
    raise InvalidInputError(
        f"{message}.", details=(Problem("Idempotency-Key", key[:200], "LENGTH", message),)
    )


def fingerprint(actor: Actor, request: str, body: bytes) -> str:
    """What makes two requests the same: who asks, for what, with which bytes."""
    parts = (actor.name.encode(), request.encode(), body)
    return hashlib.sha256(b"\0".join(hashlib.sha256(p).digest() for p in parts)).hexdigest()


def once(
    ws: Workspace,
    actor: Actor,
    key: str,
    digest: str,
    act: Callable[[], StoredAnswer],
    *,
    together: bool = True,
) -> tuple[StoredAnswer, bool]:
    """Do something once, or give the first answer again.

    Args:
        ws: The workspace.
        actor: Who asks; keys of other organisations are other keys.
        key: As the client chose it.
        digest: From :func:`fingerprint`.
        act: Does it in this thread. What it raises is not kept, so the request may be sent
            again.
        together: Effect and answer stand or fall together, in one transaction. Without it
            the answer is kept afterwards, for acts that are idempotent by themselves and write
            in another thread.

    Returns:
        The answer, and whether it is an old one.

    Raises:
        ConflictError: ``IDEMPOTENCY_IN_FLIGHT``: the same key is being answered now.
        InvalidInputError: ``IDEMPOTENCY_KEY_REUSED``: it was used for another request.
    """
    with _alone(actor, key):
        if together:
            with ws.db.write():
                return _once(ws, actor, key, digest, act)
        return _once(ws, actor, key, digest, act)


def _once(
    ws: Workspace, actor: Actor, key: str, digest: str, act: Callable[[], StoredAnswer]
) -> tuple[StoredAnswer, bool]:
    since = ws.now() - KEPT
    with ws.db.read() as cursor:
        known = answers.find_answer(cursor, actor.org_id, key, since)
    if known is not None and known.digest == digest:
        return known, True
    if known is not None:
        raise InvalidInputError(
            "This Idempotency-Key was used for another request.",
            code="IDEMPOTENCY_KEY_REUSED",
            hint="Use a new key for each request, and the same one only to repeat it.",
        )
    given = act()
    with ws.db.write() as cursor:
        answers.forget_answers(cursor, since)
        answers.keep_answer(cursor, actor.org_id, key, given, ws.now())
    return given, False


@contextmanager
def _alone(actor: Actor, key: str) -> Iterator[None]:
    mark = (actor.org_id, key)
    with _lock:
        if mark in _running:
            raise ConflictError(
                "A request with this Idempotency-Key is being answered now.",
                code="IDEMPOTENCY_IN_FLIGHT",
                hint="Wait a moment and send it again.",
            )
        _running.add(mark)
    try:
        yield
    finally:
        with _lock:
            _running.discard(mark)
