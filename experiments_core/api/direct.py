"""Requests that say nothing beside their path: answered without a walk through parameters.

FastAPI looks for each declared parameter in each request, which costs more than most answers.
Where the query is empty and no body is read, what a handler is given is known beforehand: the
words of the path, and the default of everything else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from starlette.requests import Request

Given = Callable[[Request], Awaitable[dict[str, Any]]]
_FIXED = (bool, int, float, str, type(None))


def given_without_query(dependant: Dependant) -> Given | None:
    """What a handler is given when the query is empty.

    Args:
        dependant: Of its route.

    Returns:
        None where a parameter must be sent, is checked beyond being text, or comes from a
        header, a cookie or the body: that is FastAPI's work.
    """
    inner = [(one.name, one.call, given_without_query(one)) for one in dependant.dependencies]
    if not _is_plain(dependant) or any(given is None for _, _, given in inner):
        return None
    words = [(one.name, one.field_info.alias or one.name) for one in dependant.path_params]
    defaults = {one.name: one.field_info.default for one in dependant.query_params}
    request_name = dependant.request_param_name

    async def given(request: Request) -> dict[str, Any]:
        found = defaults | {name: request.path_params[word] for name, word in words}
        if request_name:
            found[request_name] = request
        for name, call, its_own in inner:
            assert call is not None and its_own is not None  # noqa: PT018, S101  seen above
            found[name or ""] = await call(**await its_own(request))
        return found

    return given


def _is_plain(dependant: Dependant) -> bool:
    elsewhere = (
        dependant.header_params or dependant.cookie_params or dependant.body_params
        or dependant.websocket_param_name or dependant.http_connection_param_name
        or dependant.response_param_name or dependant.background_tasks_param_name
        or dependant.security_scopes_param_name
    )  # fmt: skip
    return (
        not elsewhere
        and all(_is_text(one) for one in dependant.path_params)
        and all(isinstance(one.field_info.default, _FIXED) for one in dependant.query_params)
        and all(
            one.name is not None and iscoroutinefunction(one.call)
            for one in dependant.dependencies
        )
    )


def _is_text(parameter: ModelField) -> bool:
    info = parameter.field_info
    return info.annotation is str and not info.metadata
