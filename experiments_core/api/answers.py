"""Write answers: one object, a page of a list, a file, nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Query
from starlette.responses import Response

from experiments_core.errors import MalformedError

T = TypeVar("T")

MOST = 100


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for.

    Attributes:
        after: Sort value and id of the last item of the page before.
    """

    limit: int
    after: tuple[Any, ...] | None


async def _window(  # a plain function would be given a thread
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most.")] = 20,
    cursor: Annotated[
        str | None, Query(max_length=600, description="`next_cursor` of the page before.")
    ] = None,
) -> Window:
    return Window(limit, None if cursor is None else read_cursor(cursor))


window = _window
"""Dependency: ``page: Annotated[Window, Depends(window)]``."""


def write_cursor(place: Iterable[Any]) -> str:
    """Make the opaque text that stands for a place in a list."""
    text = json.dumps(list(place), separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[Any, ...]:
    """Read it back.

    Raises:
        MalformedError: ``BAD_CURSOR``.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        place = None
    if not isinstance(place, list) or not 1 <= len(place) <= 4:
        raise bad_cursor()
    return tuple(place)


def bad_cursor() -> MalformedError:
    """The refusal of a cursor that this list did not give."""
    return MalformedError(
        "This cursor does not belong to this list.",
        code="BAD_CURSOR",
        hint="Take next_cursor from the page before, with the same filters and sorting.",
    )


def cut(
    items: Sequence[T],
    page: Window,
    place: Callable[[T], tuple[Any, ...]],
    *,
    down: bool = False,
) -> tuple[Sequence[T], str | None]:
    """The items of a page and the cursor to the next one.

    Args:
        items: The whole list in its order, by ``place``.
        page: What is asked for.
        place: The sort value and the id of an item, JSON values of one type each; the order
            of these tuples is the order of the list, so rows that come or go between two pages
            neither repeat nor hide another.
        down: The order is descending.
    """
    rest = items
    if page.after is not None:
        after = page.after
        if items and [type(v) for v in after[::-2]] != [type(v) for v in place(items[0])[::-2]]:
            raise bad_cursor()
        try:
            rest = [i for i in items if (place(i) < after if down else place(i) > after)]
        except TypeError:
            raise bad_cursor() from None
    shown = rest[: page.limit]
    more = len(rest) > len(shown)
    return shown, write_cursor(place(shown[-1])) if more else None


def one(data: Any, *, status: int = 200, version: int | None = None) -> Response:
    """Answer one object; its version becomes the ETag."""
    headers = {} if version is None else {"ETag": f'"v{version}"'}
    return raw({"data": data}, status, headers)


def told(name: str, value: Any) -> dict[str, Any]:
    """One field; null with the reason beside it where there is no number."""
    reason = getattr(value, "reason", None)
    return {name: value} if reason is None else {name: None, f"{name}_reason": reason}


def many(
    request_id: str, data: Sequence[Any], *, total: int, limit: int, next_cursor: str | None
) -> Response:
    """Answer one page of a list."""
    return raw(
        {
            "data": data,
            "pagination": {
                "total": total,
                "limit": limit,
                "has_more": next_cursor is not None,
                "next_cursor": next_cursor,
            },
            "meta": {"request_id": request_id},
        }
    )


def listed(
    request_id: str,
    items: Sequence[T],
    page: Window,
    place: Callable[[T], tuple[Any, ...]],
    render: Callable[[T], Any],
    *,
    down: bool = False,
) -> Response:
    """Answer one page of a list that is here as a whole; see :func:`cut`."""
    shown, following = cut(items, page, place, down=down)
    return many(
        request_id,
        [render(item) for item in shown],
        total=len(items),
        limit=page.limit,
        next_cursor=following,
    )


def nothing() -> Response:
    """Answer 204."""
    return Response(status_code=204)


def file(content: bytes, name: str, media_type: str) -> Response:
    """Answer a file to keep; its name is made of a key or slug."""
    disposition = f'attachment; filename="{name}"'
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": disposition}
    )


def raw(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer JSON as it is; NaN and infinities are refused."""
    body = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(body.encode(), status, headers, media_type="application/json")
