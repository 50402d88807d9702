"""What a request says: its key and preferences, its query, a body within limits."""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.requests import Request
from starlette.types import Scope

from experiments_core.api import bodies
from experiments_core.domain.text import grouped
from experiments_core.errors import (
    InvalidInputError,
    MediaTypeError,
    Problem,
    TooLargeError,
    UnauthorizedError,
)

UPLOAD_OVERHEAD = 1024 * 1024  # what multipart/form-data adds to a file
CHUNK = 1024 * 1024
MOST_FILES = 20
MOST_FIELDS = 20


def key_of(request: Request) -> str:
    """The key that a request was sent with.

    Raises:
        UnauthorizedError: it has none.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    key = request.headers.get("x-api-key", "")
    if not key:
        raise UnauthorizedError(
            "This needs a key.", hint="Send Authorization: Bearer up_live_…"
        )
    return key


def prefers_merge(request: Request) -> bool:
    """Whether ``Prefer`` asks to save although the version is stale."""
    said = request.headers.get("prefer", "")
    return "merge" in {part.strip().lower() for part in said.split(",")}


def sends_json(scope: Scope) -> bool:
    """Whether the Content-Type is that of JSON."""
    return _media_type(Headers(scope=scope)) == "application/json"


def refuse_unknown(request: Request, known: frozenset[str]) -> None:
    """Refuse a query that asks for what its route does not know.

    Raises:
        InvalidInputError: with every parameter that is not in ``known``.
    """
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        listed = ", ".join(sorted(known)) or "none"
        problems = tuple(
            Problem(name, request.query_params[name], "UNKNOWN_FIELD",
                    f"There is no query parameter “{name[:100]}”; there are: {listed}")
            for name in unknown
        )  # fmt: skip
        raise InvalidInputError(f"{problems[0].message}.", details=problems)


async def with_form(request: Request, largest: int) -> Request:
    """The request with its files and fields read.

    Args:
        request: As it came.
        largest: Bytes that its files may have together.

    Raises:
        MediaTypeError: it is no form.
        TooLargeError: it is larger.
    """
    request = _counted(request, largest + UPLOAD_OVERHEAD)
    _expect(request, "multipart/form-data", any_type=False)
    await request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS)
    return request


def form_digest(form: FormData) -> bytes:
    """What makes two forms the same: their fields, and the names and bytes of their files."""
    whole = hashlib.sha256()
    for name, value in form.multi_items():
        parts = [name.encode()]
        if isinstance(value, str):
            parts.append(value.encode())
        else:
            parts += [(value.filename or "").encode(), _file_digest(value)]
        for part in parts:
            whole.update(hashlib.sha256(part).digest())
    return whole.digest()


async def with_json(request: Request, *, any_type: bool) -> tuple[Request, bytes]:
    """The request with its JSON parsed, and the body as it was sent.

    Args:
        request: As it came.
        any_type: Take the body for JSON whatever its Content-Type says.

    Raises:
        MediaTypeError: the body is of another type.
        TooLargeError: it is larger or deeper than any that is taken.
        MalformedError: it is no JSON.
    """
    request = _counted(request, bodies.LARGEST)
    body = await request.body()
    if body:
        _expect(request, "application/json", any_type=any_type)
        request._json = bodies.read_json(body)  # noqa: SLF001  so it is parsed once
    return request, body


def _file_digest(upload: UploadFile) -> bytes:
    digest = hashlib.sha256()
    upload.file.seek(0)
    while chunk := upload.file.read(CHUNK):
        digest.update(chunk)
    upload.file.seek(0)
    return digest.digest()


def _media_type(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _expect(request: Request, wanted: str, *, any_type: bool) -> None:
    given = _media_type(request.headers)
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
