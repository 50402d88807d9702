"""What stands in front of pages and API: known hosts, headers, paths that nobody takes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from experiments_core.api.door import Envelope
from experiments_core.api.envelope import plain, respond
from experiments_core.api.unrouted import alone, nothing_at
from experiments_core.errors import UnknownHostError

HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"content-security-policy": b"frame-ancestors 'none'",
    b"referrer-policy": b"same-origin",
}
FOR_PROGRAMS = ("/api/", "/compat/")
_HOST = re.compile(r"(\[[^\[\]@/\s]*\]|[^:\[\]@/\s]+)(:\d*)?")

Forms = Sequence[tuple[str, Envelope]]
"""Where each dialect is served, and how it writes errors."""


class KnownHosts:
    """Answer only to names that this server goes by.

    A page of somebody else whose name is made to point here (DNS rebinding) would be let in by
    the browser as ours; the ``Host`` header tells it apart.

    Args:
        app: What is guarded.
        hosts: Names without port; ``*.example.com`` stands for every name below, ``*`` for any.
        forms: How dialects write the refusal.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str], forms: Forms) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.below = tuple(host[1:].lower() for host in hosts if host.startswith("*."))
        self.forms = forms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("host", "")
        if self._knows(asked):
            await self.app(scope, receive, send)
            return
        error = _unknown_host(asked)
        path: str = scope["path"]
        if scope["type"] == "http" and f"{path}/".startswith(FOR_PROGRAMS):
            answer = alone(error, form_of(path, self.forms))
        else:
            answer = PlainTextResponse(str(error), 400)
        await answer(scope, receive, send)

    def _knows(self, asked: str) -> bool:
        if "*" in self.hosts:
            return True
        host = _HOST.fullmatch(asked.lower())
        return host is not None and (host[1] in self.hosts or host[1].endswith(self.below))


class SecurityHeaders:
    """Add the headers that Streamlit does not send."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS.items()]
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class Nothing:
    """Answer any method with 404, in the form of the dialect that the path belongs to."""

    def __init__(self, forms: Forms) -> None:
        self.forms = forms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = alone(nothing_at(Request(scope)), form_of(scope["path"], self.forms))
        await answer(scope, receive, send)


class LineBreaks:
    """Answer API paths with line breaks, which no mount matches and a page would take."""

    def __init__(self, app: ASGIApp, forms: Forms) -> None:
        self.app = app
        self.nothing = Nothing(forms)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "") if scope["type"] == "http" else ""
        if ("\n" in path or "\r" in path) and path.startswith(("/api", "/compat")):
            await self.nothing(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def form_of(path: str, forms: Forms) -> Envelope:
    """How errors are written at a path: as its dialect does, or as the API does."""
    return next((write for base, write in forms if f"{path}/".startswith(f"{base}/")), respond)


def _unknown_host(asked: str) -> UnknownHostError:
    return UnknownHostError(
        f"Upshot does not go by the host name “{plain(asked)}”.",
        hint="On this machine ask for localhost or 127.0.0.1; for another name, the operator "
        "starts Upshot with UPSHOT_HOSTS set to it.",
    )
