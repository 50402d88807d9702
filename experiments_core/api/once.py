"""A POST under an Idempotency-Key: it acts once, and repeated it gets its first answer."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from experiments_core.api import answers, bodies
from experiments_core.api.call import Call
from experiments_core.api.door import Registered
from experiments_core.services import idempotency
from experiments_core.services.idempotency import StoredAnswer

KEPT_HEADERS = ("etag", "location")


def key_of(request: Request) -> str | None:
    """The key of a POST; None without one.

    Raises:
        InvalidInputError: it is empty, too long or not printable.
    """
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    return None if key is None else idempotency.check_key(key)


def note_key(call: Call, key: str, asked: str, sent: bytes) -> None:
    """Write the key of a request, and what was sent under it, into its call.

    Args:
        call: Of the request.
        key: From :func:`key_of`.
        asked: Door, path and query.
        sent: The body, or what stands for it.
    """
    call.idempotency_key = key
    call.fingerprint = idempotency.fingerprint(call.actor, asked, sent)


def once(route: Registered, call: Call, key: str, given: dict[str, Any]) -> Response:
    """Run a handler under its key, or repeat what it first answered.

    Args:
        route: Whose handler it is.
        call: With the fingerprint of the request.
        key: As the client chose it.
        given: What the handler is given.
    """
    fresh: list[Response] = []

    def act() -> StoredAnswer:
        response = route.handler(**given)
        fresh.append(response)
        kept = {k: v for k in KEPT_HEADERS if (v := response.headers.get(k)) is not None}
        kept["content-type"] = response.headers.get("content-type", "")
        text = _without(route.rule.secret, bytes(response.body))
        return StoredAnswer(call.fingerprint, response.status_code, kept, text)

    answer, repeated = idempotency.once(
        call.ws, call.actor, key, call.fingerprint, act, together=route.rule.together
    )
    if not repeated:
        return fresh[0]
    headers = {k: v for k, v in answer.headers.items() if v}
    headers["Idempotent-Replayed"] = "true"
    return Response(answer.body.encode(), answer.status, headers)


def _without(names: tuple[str, ...], body: bytes) -> str:
    """The body as it is stored: secret fields of its data are null."""
    if not names:
        return body.decode()
    content = bodies.read_json(body)
    for name in names:
        content["data"][name] = None
    return bytes(answers.raw(content).body).decode()
