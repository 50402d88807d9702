"""One form for every answer that is an error."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from experiments_core.errors import (
    BusyError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    TooLargeError,
    UnauthorizedError,
    UpshotError,
    VersionStaleError,
)

STATUS: dict[type[UpshotError], int] = {
    InvalidInputError: 422,
    NotFoundError: 404,
    ConflictError: 409,
    ForbiddenError: 403,
    UnauthorizedError: 401,
    VersionStaleError: 412,
    TooLargeError: 413,
    BusyError: 503,
}


def error_body(error: UpshotError) -> dict[str, Any]:
    """Render an error as ``{"error": {code, message, hint, details, …, request_id}}``."""
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "details": [
                {
                    "field": problem.field,
                    "value": _plain(problem.value),
                    "rule": problem.rule,
                    "message": problem.message,
                }
                for problem in error.details
            ],
            "allowed_actions": list(error.allowed_actions),
            "request_id": f"req_{secrets.token_hex(8)}",
        }
    }


def respond(error: UpshotError) -> JSONResponse:
    """Answer with the error and its status."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
    return JSONResponse(error_body(error), status_code=status)


async def not_found(request: Request) -> JSONResponse:
    """Answer a path that does not exist."""
    error = NotFoundError(f"There is nothing at {request.url.path}.")
    return respond(error)


def register_errors(api: FastAPI) -> None:
    """Turn every error of the house into its status and body."""

    @api.exception_handler(UpshotError)
    async def known(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, UpshotError)  # noqa: S101  registered for this class only
        return respond(error)

    @api.exception_handler(RequestValidationError)
    async def malformed(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101  as above
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return respond(InvalidInputError(f"{place}: {first['msg']}."))


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
