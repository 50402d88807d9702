"""The frame around every handler: key, right, rate, size, form, one effect, one envelope.

In this order, for each request: who asks (401), may they (403), not too often (429), nothing
unknown in the query (422), a body of the right type and size that is strict JSON (415, 413,
400), the shapes (422); then the handler runs in a thread, calls one service and renders its
answer. Whatever it raises is answered in the envelope, with the id of the request.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Coroutine, Iterable, MutableMapping
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any

from fastapi import FastAPI, params
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from experiments_core import __version__
from experiments_core.api import answers, bodies, envelope
from experiments_core.api.call import Call
from experiments_core.api.direct import given_without_query
from experiments_core.api.rules import Rule
from experiments_core.domain.access import require
from experiments_core.domain.text import grouped
from experiments_core.errors import (
    BusyError,
    InvalidInputError,
    MalformedError,
    MediaTypeError,
    NotFoundError,
    Problem,
    RateLimitedError,
    TooLargeError,
    UnauthorizedError,
    UpshotError,
    WorkspaceError,
)
from experiments_core.services import idempotency, rate_limits, recognising, workspace
from experiments_core.services.idempotency import StoredAnswer
from experiments_core.services.rate_limits import Standing
from experiments_core.services.recognising import Caller
from experiments_core.services.workspace import Workspace

Handler = Callable[..., Response]
Answering = Callable[[Request], Coroutine[Any, Any, Response]]
Envelope = Callable[[UpshotError, str], Response]

UPLOAD_OVERHEAD = 1024 * 1024  # what multipart/form-data adds to a file
MOST_FILES = 20
CLIENT_LEFT = 499  # read by nobody; the word of web servers for it
KEPT_HEADERS = ("etag", "location")

log = logging.getLogger("upshot.api")


class MethodError(UpshotError):
    """The path is there, the method is not (HTTP 405)."""

    code = "METHOD_NOT_ALLOWED"


envelope.STATUS[MethodError] = 405


@dataclass(frozen=True, slots=True)
class Registered:
    """One route of a door."""

    method: str
    path: str
    handler: Handler
    rule: Rule


class Door:
    """The routes of one resource.

    ::

        door = Door("Annotations")

        @door.post(
            "/experiments/{experiment}/annotations",
            Rule(permission=Permission.COMMENT, answer=One[AnnotationAnswer], status=201),
        )
        def annotate(call: The, experiment: str, body: NewAnnotation) -> Response:
            \"\"\"Leave a note on the time line.\"\"\"
            made = annotations.add(call.ws, call.actor, experiment, **body.given())
            return one(annotation_body(made), status=201)

    Args:
        tag: Heading in the documentation.
        envelope: Writes errors; a dialect has its own form.
        via: What the audit trail calls the door.
        any_type: Take a body for JSON whatever its Content-Type says.
    """

    def __init__(
        self,
        tag: str,
        *,
        envelope: Envelope = envelope.respond,
        via: str = "api",
        any_type: bool = False,
    ) -> None:
        self.tag = tag
        self.envelope = envelope
        self.via = via
        self.any_type = any_type
        self.routes: list[Registered] = []

    def get(self, path: str, rule: Rule) -> Callable[[Handler], Handler]:
        """Register a handler that reads."""
        return self._at("GET", path, rule)

    def post(self, path: str, rule: Rule) -> Callable[[Handler], Handler]:
        """Register a handler that makes or does something."""
        return self._at("POST", path, rule)

    def put(self, path: str, rule: Rule) -> Callable[[Handler], Handler]:
        """Register a handler that sets something as a whole."""
        return self._at("PUT", path, rule)

    def patch(self, path: str, rule: Rule) -> Callable[[Handler], Handler]:
        """Register a handler that changes some fields."""
        return self._at("PATCH", path, rule)

    def delete(self, path: str, rule: Rule) -> Callable[[Handler], Handler]:
        """Register a handler that removes something."""
        return self._at("DELETE", path, rule)

    def _at(self, method: str, path: str, rule: Rule) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.routes.append(Registered(method, path, handler, rule))
            return handler

        return register


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
        for one in door.routes:
            _add(app, door, one)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101  registered for this class only
        return _unknown(request, error, write)

    return app


def alone(error: UpshotError, write: Envelope) -> Response:
    """The answer where there is no route, and so no frame."""
    request_id = _new_id()
    response = write(error, request_id)
    _finish(response, request_id, None)
    return response


def nothing_at(request: Request) -> NotFoundError:
    """A path that does not exist."""
    return NotFoundError(
        f"There is nothing at {envelope.plain(request.url.path)}.",
        hint="The paths are in /api/v1/openapi.json.",
    )


class FramedRoute(APIRoute):
    """A route inside the frame."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
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
        if frame is not None and frame.rule.json_twin_of_upload and not _sends_json(scope):
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
        self,
        inner: Answering,
        known: frozenset[str],
        request: Request,
    ) -> Response:
        request_id = _new_id()
        call: Call | None = None
        caller: Caller | None = None
        try:
            ws = workspace.current()
            caller, call = await self._enter(ws, request, request_id)
            request.state.call = call
            _refuse_unknown(request, known)
            request = await self._with_body(request, ws, call)
            response = await inner(request)
        except UpshotError as error:
            response = self.door.envelope(_outward(error), request_id)
            if isinstance(error, RateLimitedError):
                _tell_standing(response, error)
        except RequestValidationError as error:
            response = self.door.envelope(envelope.refused(error.errors()), request_id)
        except HTTPException as error:
            told = MalformedError(str(error.detail))
            response = self.door.envelope(told, request_id)
        except ClientDisconnect:
            log.info("the client left before request %s was read", request_id)
            return Response(status_code=CLIENT_LEFT)
        except Exception:
            log.exception("request %s failed", request_id)
            told_nothing = UpshotError(
                "Something failed inside Upshot; nothing was changed.",
                code="INTERNAL",
                hint=f"The log of the server says more about {request_id}.",
            )
            response = self.door.envelope(told_nothing, request_id)
        _finish(response, request_id, call)
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
            token = _token(request)
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
            merge=_prefers_merge(request),
            taker=lambda amount: take(amount=amount),
        )
        call.standing = take()
        if self.rule.permission is not None:
            require(actor, self.rule.permission)
        return caller, call

    async def _with_body(self, request: Request, ws: Workspace, call: Call) -> Request:
        if request.method in {"GET", "DELETE"}:
            return request
        if self.rule.upload:
            limit = ws.settings.max_upload_bytes + UPLOAD_OVERHEAD
            request = _counted(request, limit)
            _expect(request, "multipart/form-data", any_type=False)
            await request.form(max_files=MOST_FILES, max_fields=20)
            return request
        request = _counted(request, bodies.LARGEST)
        body = await request.body()
        if body:
            _expect(request, "application/json", any_type=self.door.any_type)
            request._json = bodies.read_json(body)  # noqa: SLF001  so it is parsed once
        key = request.headers.get("idempotency-key")
        if key is not None and request.method == "POST":
            call.idempotency_key = idempotency.check_key(key)
            asked = f"{self.door.via} {request.url.path}?{request.url.query}"
            call.fingerprint = idempotency.fingerprint(call.actor, asked, body)
        return request


def _add(app: FastAPI, door: Door, one: Registered) -> None:
    @wraps(one.handler)
    def answering(**given: Any) -> Response:
        call: Call | None = given.get("call")
        if call is None or call.idempotency_key is None:
            return one.handler(**given)
        return _once(one, call, given)

    answering.__frame__ = _Frame(door, one.rule)  # type: ignore[attr-defined]
    app.router.add_api_route(
        one.path,
        answering,
        methods=[one.method],
        tags=[door.tag],
        route_class_override=FramedRoute,
        operation_id=f"{door.via}_{one.handler.__name__}".replace("/", "_"),
        **one.rule.described(one.method),
    )


def _once(one: Registered, call: Call, given: dict[str, Any]) -> Response:
    """Run a POST under its Idempotency-Key, or repeat its first answer."""
    fresh: list[Response] = []

    def act() -> StoredAnswer:
        response = one.handler(**given)
        fresh.append(response)
        kept = {k: v for k in KEPT_HEADERS if (v := response.headers.get(k)) is not None}
        kept["content-type"] = response.headers.get("content-type", "")
        text = _without(one.rule.secret, bytes(response.body))
        return StoredAnswer(call.fingerprint, response.status_code, kept, text)

    key = call.idempotency_key or ""
    answer, repeated = idempotency.once(
        call.ws, call.actor, key, call.fingerprint, act, together=one.rule.together
    )
    if not repeated:
        return fresh[0]
    headers = {k: v for k, v in answer.headers.items() if v}
    headers["Idempotent-Replayed"] = "true"
    return Response(answer.body.encode(), answer.status, headers)


def _without(names: tuple[str, ...], body: bytes) -> str:
    if not names:
        return body.decode()
    content = bodies.read_json(body)
    for name in names:
        content["data"][name] = None
    return bytes(answers.raw(content).body).decode()


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    key = request.headers.get("x-api-key", "")
    if not key:
        raise UnauthorizedError(
            "This needs a key.", hint="Send Authorization: Bearer up_live_…"
        )
    return key


def _prefers_merge(request: Request) -> bool:
    said = request.headers.get("prefer", "")
    return "merge" in {part.strip().lower() for part in said.split(",")}


def _refuse_unknown(request: Request, known: frozenset[str]) -> None:
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        listed = ", ".join(sorted(known)) or "none"
        problems = tuple(
            Problem(name, request.query_params[name], "UNKNOWN_FIELD",
                    f"There is no query parameter “{name[:100]}”; there are: {listed}")
            for name in unknown
        )  # fmt: skip
        raise InvalidInputError(f"{problems[0].message}.", details=problems)


def _sends_json(scope: Scope) -> bool:
    given = Headers(scope=scope).get("content-type", "")
    return given.partition(";")[0].strip().lower() == "application/json"


def _expect(request: Request, wanted: str, *, any_type: bool) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given == wanted:
        return
    if not any_type:
        shown = f"is “{given[:60]}”" if given else "is missing"
        raise MediaTypeError(
            f"The Content-Type {shown}; this takes {wanted}.", hint=f"Send it as {wanted}."
        )
    rest = [(k, v) for k, v in request.scope["headers"] if k.lower() != b"content-type"]
    request.scope["headers"] = [*rest, (b"content-type", wanted.encode())]
    request.__dict__.pop("_headers", None)


def _counted(request: Request, limit: int) -> Request:
    """The request whose body is cut off with an error behind ``limit`` bytes."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > limit:
        raise _too_large(limit)
    seen = 0

    async def receive() -> MutableMapping[str, Any]:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise _too_large(limit)
        return message

    return Request(request.scope, receive)


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"The body is larger than {grouped(limit // 1024)} KB.")


def _outward(error: UpshotError) -> UpshotError:
    """A workspace that cannot be used now is a server that is busy."""
    return BusyError(error.message, code=error.code) if type(error) is WorkspaceError else error


def _finish(response: Response, request_id: str, call: Call | None) -> None:
    response.headers["X-Request-Id"] = request_id
    response.headers["Cache-Control"] = "no-store"
    if call is not None and call.standing is not None:
        _tell_standing(response, call.standing)


def _tell_standing(response: Response, standing: Standing | RateLimitedError) -> None:
    response.headers["RateLimit-Limit"] = str(standing.limit)
    response.headers["RateLimit-Remaining"] = str(standing.remaining)
    response.headers["RateLimit-Reset"] = str(standing.reset)


def _unknown(request: Request, error: HTTPException, write: Envelope) -> Response:
    told: UpshotError = nothing_at(request)
    if error.status_code == 405:
        told = MethodError(
            f"{request.method} is not taken at {request.url.path}.",
            hint="Look at the Allow header.",
        )
    response = alone(told, write)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    if error.status_code == 405:
        response.headers["Allow"] = ", ".join(_methods(request))
    return response


def _methods(request: Request) -> list[str]:
    """Every method that is taken at this path."""
    routes = [route for route in request.app.router.routes if isinstance(route, APIRoute)]
    here = [one for one in routes if one.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in here for method in route.methods or ()})


def _new_id() -> str:
    return f"req_{secrets.token_hex(8)}"
