"""Where there is no route, and so no frame: 404 and 405 in the form of the door."""

from __future__ import annotations

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from experiments_core.api import envelope
from experiments_core.api.door import Envelope
from experiments_core.api.outgoing import finish, new_request_id
from experiments_core.errors import MethodError, NotFoundError, UpshotError


def alone(error: UpshotError, write: Envelope) -> Response:
    """Answer an error, in its form, with an id of its own."""
    request_id = new_request_id()
    response = write(error, request_id)
    finish(response, request_id, None)
    return response


def nothing_at(request: Request) -> NotFoundError:
    """A path that does not exist."""
    return NotFoundError(
        f"There is nothing at {envelope.plain(request.url.path)}.",
        hint="The paths are in /api/v1/openapi.json.",
    )


def unknown(request: Request, error: HTTPException, write: Envelope) -> Response:
    """Answer what the router refuses: a path that is not there, or not for this method."""
    if error.status_code != 405:
        return alone(nothing_at(request), write)
    refused = MethodError(
        f"{request.method} is not taken at {request.url.path}.",
        hint="Look at the Allow header.",
    )
    response = alone(refused, write)
    response.headers["Allow"] = ", ".join(_methods(request))
    return response


def _methods(request: Request) -> list[str]:
    """Every method that is taken at this path."""
    routes = [route for route in request.app.router.routes if isinstance(route, APIRoute)]
    here = [one for one in routes if one.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in here for method in route.methods or ()})
