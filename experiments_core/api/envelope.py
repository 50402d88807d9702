"""One form for every answer that is an error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from experiments_core.api import answers, shapes
from experiments_core.domain.validation import refusal
from experiments_core.errors import (
    BusyError,
    ConflictError,
    ForbiddenError,
    GoneError,
    InternalError,
    InvalidInputError,
    MalformedError,
    MediaTypeError,
    MethodError,
    NotFoundError,
    Problem,
    RateLimitedError,
    TooLargeError,
    UnauthorizedError,
    UnknownHostError,
    UpshotError,
    VersionRequiredError,
    VersionStaleError,
    WorkspaceError,
)

STATUS: dict[type[UpshotError], int] = {
    MalformedError: 400,
    UnknownHostError: 400,
    UnauthorizedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    MethodError: 405,
    ConflictError: 409,
    GoneError: 410,
    VersionStaleError: 412,
    TooLargeError: 413,
    MediaTypeError: 415,
    InvalidInputError: 422,
    VersionRequiredError: 428,
    RateLimitedError: 429,
    InternalError: 500,
    BusyError: 503,
}
RETRY_SECONDS = 2
LONGEST_VALUE = 200
MOST_DETAILS = 100

_RULES = {
    "missing": "REQUIRED",
    "extra_forbidden": "UNKNOWN_FIELD",
    "literal_error": "UNKNOWN_CHOICE",
    "enum": "UNKNOWN_CHOICE",
    "greater_than": "RANGE",
    "greater_than_equal": "RANGE",
    "less_than": "RANGE",
    "less_than_equal": "RANGE",
    "string_too_long": "LENGTH",
    "string_too_short": "LENGTH",
    "string_pattern_mismatch": "PATTERN",
    "value_error": "PATTERN",
    "too_long": "TOO_MANY",
    "too_short": "REQUIRED",
    "finite_number": "NOT_FINITE",
}

_SAID = {
    "extra_forbidden": "there is no such field here",
    "missing": "this field is missing",
}
"""Our own sentences for what pydantic says in its words."""
_CURRENT: dict[type, Callable[[Any], Any]] = {}


def shows_current(kind: type, render: Callable[[Any], Any]) -> None:
    """Tell how an object is written into the answer to a stale version."""
    _CURRENT[kind] = render


def status_of(error: UpshotError) -> int:
    """The HTTP status of an error."""
    return next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)


def error_body(error: UpshotError, request_id: str) -> dict[str, Any]:
    """Render an error as ``{code, message, hint, details, allowed_actions, request_id}``."""
    body: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "details": [
            {
                "field": problem.field,
                "value": plain(problem.value),
                "rule": problem.rule,
                "message": problem.message,
            }
            for problem in error.details
        ],
        "allowed_actions": list(error.allowed_actions),
        "request_id": request_id,
    }
    if isinstance(error, VersionStaleError):
        render = _CURRENT.get(type(error.current))
        body["current"] = render(error.current) if render else None
        body["fields"] = list(error.fields)
    return body


def respond(error: UpshotError, request_id: str) -> Response:
    """Answer with the error and its status."""
    answer = answers.raw({"error": error_body(error, request_id)}, status_of(error))
    if isinstance(error, RateLimitedError):
        answer.headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, BusyError):
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
    elif isinstance(error, UnauthorizedError):
        answer.headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(error, VersionStaleError) and hasattr(error.current, "version"):
        answer.headers["ETag"] = f'"v{error.current.version}"'
    return answer


def outward(error: Exception, request_id: str) -> UpshotError:
    """What a client is told of anything that was raised while it was answered.

    Args:
        error: As it was raised.
        request_id: By which the log knows more.
    """
    if type(error) is WorkspaceError:
        return BusyError(error.message, code=error.code)
    if isinstance(error, UpshotError):
        return error
    if isinstance(error, RequestValidationError):
        return _refused(error.errors())
    if isinstance(error, HTTPException):
        return MalformedError(str(error.detail))
    return InternalError(
        "Something failed inside Upshot; nothing was changed.",
        hint=f"The log of the server says more about {request_id}.",
    )


def _refused(faults: Sequence[Any]) -> UpshotError:
    """Turn what the shapes found into one error that names every field."""
    return refusal([one for fault in faults[:MOST_DETAILS] for one in _problems(fault)])


def plain(value: object) -> object:
    """A value as it may stand in an error: short, and JSON."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _problems(fault: Any) -> tuple[Problem, ...]:
    """What a shape found, or the rules of the field that its value breaks."""
    if fault["type"] == shapes.BROKEN:
        found: tuple[Problem, ...] = fault["ctx"]["problems"]
        return found
    return (_problem(fault),)


def _problem(fault: Any) -> Problem:
    place = [str(part) for part in fault["loc"]]
    if place[:1] in (["body"], ["query"], ["path"], ["header"]) and len(place) > 1:
        place = place[1:]
    field = ".".join(place)
    kind = fault["type"]
    rule = _RULES.get(kind, "TYPE")
    said = _said(fault).removeprefix("Value error, ")
    given = None if kind == "missing" else fault.get("input")
    return Problem(field, given, rule, f"{field}: {said[:1].lower()}{said[1:]}.")


def _said(fault: Any) -> str:
    kind, bounds = fault["type"], fault.get("ctx", {})
    if kind == "too_short":
        return f"it needs at least {bounds['min_length']}, not {bounds['actual_length']}"
    if kind == "too_long":
        found = bounds["actual_length"] or "more"
        return f"it takes at most {bounds['max_length']}, not {found}"
    return _SAID.get(kind) or str(fault["msg"])
