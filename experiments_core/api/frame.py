"""The frame around every handler: key, right, rate, size, form, one effect, one envelope.

In this order, for each request: who asks (401), may they (403), not too often (429), nothing
unknown in the query (422), a body of the right type and size that is strict JSON (415, 413,
400), the shapes (422); then the handler runs in a thread, calls one service and renders its
answer. Whatever it raises is answered in the envelope, with the id of the request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any

from fastapi import FastAPI, params
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from experiments_core import __version__
from experiments_core.api import envelope, incoming, once, unrouted
from experiments_core.api.call import Call
from experiments_core.api.direct import given_without_query
from experiments_core.api.door import Door, Envelope, Handler, Registered
from experiments_core.api.outgoing import finish, new_request_id
from experiments_core.api.rules import Rule
from experiments_core.domain.access import require
from experiments_core.errors import InternalError, RateLimitedError, UnauthorizedError
from experiments_core.services import rate_limits, recognising, workspace
from experiments_core.services.rate_limits import Standing
from experiments_core.services.recognising import Caller
from experiments_core.services.workspace import Workspace

Answering = Callable[[Request], Coroutine[Any, Any, Response]]

CLIENT_LEFT = 499  # read by nobody; the word of web servers for it

log = logging.getLogger("upshot.api")


def build(title: str, doors: Iterable[Door], *, openapi: str | None = None) -> FastAPI:
    """An application of some doors, whose every answer, also 404 and 405, is JSON.

    All doors of one application write errors alike.

    Args:
        title: Heading of the documentation.
        doors: Its resources.
        openapi: Path of the OpenAPI document; None serves none.
    """
    app = FastAPI(
        title=title,
        version=__version__,
        openapi_url=openapi,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    write: Envelope = envelope.respond
    for door in doors:
        write = door.envelope
        for route in door.routes:
            _add(app, door, route)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101  registered for this class only
        return unrouted.unknown(request, error, write)

    return app


class FramedRoute(APIRoute):
    """A route inside the frame."""

    def get_route_handler(self) -> Answering:
        frame: _Frame = getattr(self.endpoint, "__frame__")  # noqa: B009  set by _add
        inner = frame.directly(super().get_route_handler(), self.dependant, self.endpoint)
        known = frozenset(
            one.alias
            for one in get_flat_params(self.dependant)
            if isinstance(one.field_info, params.Query)
        )
        return partial(frame.answer, inner, known)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        frame: _Frame | None = getattr(self.endpoint, "__frame__", None)
        if (
            frame is not None
            and frame.rule.json_twin_of_upload
            and not incoming.sends_json(scope)
        ):
            return Match.NONE, {}
        return match, child


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is done around one handler."""

    door: Door
    rule: Rule

    def directly(self, inner: Answering, dependant: Dependant, handler: Handler) -> Answering:
        """The same, by a shorter way where the query is empty."""
        given = given_without_query(dependant)
        if given is None:
            return inner

        async def answer(request: Request) -> Response:
            if request.scope["query_string"]:
                return await inner(request)
            act = partial(handler, **await given(request))
            if self.rule.light:
                call: Call = request.state.call
                response = call.ws.db.without_reading(act)
                if response is not None:
                    return response
            return await run_in_threadpool(act)

        return answer

    async def answer(
        self, inner: Answering, known: frozenset[str], request: Request
    ) -> Response:
        request_id = new_request_id()
        call: Call | None = None
        caller: Caller | None = None
        standing: Standing | RateLimitedError | None = None
        try:
            ws = workspace.current()
            caller, call = await self._enter(ws, request, request_id)
            request.state.call = call
            incoming.refuse_unknown(request, known)
            request = await self._with_body(request, call)
            response = await inner(request)
        except ClientDisconnect:
            log.info("the client left before request %s was read", request_id)
            return Response(status_code=CLIENT_LEFT)
        except Exception as error:
            refused = envelope.outward(error, request_id)
            if isinstance(refused, InternalError):
                log.exception("request %s failed", request_id)
            standing = refused if isinstance(refused, RateLimitedError) else None
            response = self.door.envelope(refused, request_id)
        finish(response, request_id, call.standing if call is not None else standing)
        if call and caller and caller.touched and response.background is None:
            response.background = BackgroundTask(recognising.touch, call.ws, caller.key_id)
        return response

    async def _enter(
        self, ws: Workspace, request: Request, request_id: str
    ) -> tuple[Caller | None, Call]:
        address = request.client.host if request.client else ""
        if self.rule.public:
            return None, Call(ws, recognising.NOBODY, request_id)
        try:
            token = incoming.key_of(request)
            caller = (
                recognising.recognise(ws, token)
                if recognising.is_at_hand(ws, token)
                else await run_in_threadpool(recognising.recognise, ws, token)
            )
        except UnauthorizedError:
            rate_limits.take(ws, "management", f"address {address}")
            raise
        via = "cli" if caller.actor.via == "cli" else self.door.via
        actor = replace(caller.actor, request_id=request_id, via=via)
        take = partial(rate_limits.take, ws, self.rule.rate, f"key {caller.key_id}")
        call = Call(
            ws,
            actor,
            request_id,
            if_match=request.headers.get("if-match"),
            merge=incoming.prefers_merge(request),
            taker=lambda amount: take(amount=amount),
        )
        call.standing = take()
        if self.rule.permission is not None:
            require(actor, self.rule.permission)
        return caller, call

    async def _with_body(self, request: Request, call: Call) -> Request:
        if request.method in {"GET", "DELETE"}:
            return request
        key = once.key_of(request)
        if self.rule.upload:
            request = await incoming.with_form(request, call.ws.settings.max_upload_bytes)
            form = await request.form()
            sent = b"" if key is None else await run_in_threadpool(incoming.form_digest, form)
        else:
            request, sent = await incoming.with_json(request, any_type=self.door.any_type)
        if key is not None:
            asked = f"{self.door.via} {request.url.path}?{request.url.query}"
            once.note_key(call, key, asked, sent)
        return request


def _add(app: FastAPI, door: Door, route: Registered) -> None:
    @wraps(route.handler)
    def answering(**given: Any) -> Response:
        call: Call | None = given.get("call")
        if call is None or call.idempotency_key is None:
            return route.handler(**given)
        return once.once(route, call, call.idempotency_key, given)

    answering.__frame__ = _Frame(door, route.rule)  # type: ignore[attr-defined]
    app.router.add_api_route(
        route.path,
        answering,
        methods=[route.method],
        tags=[door.tag],
        route_class_override=FramedRoute,
        operation_id=f"{door.via}_{route.handler.__name__}".replace("/", "_"),
        **route.rule.described(route.method),
    )
