"""The way to the server: one connection per thread, and tries until there is an answer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from experiments_core.errors import InvalidInputError, UpshotError

UNANSWERED = 0  # stands for a status where nobody answered
RETRY = frozenset({UNANSWERED, 408, 429, 500, 502, 503, 504})
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0  # seconds between two tries


class RefusedError(UpshotError):
    """The server answered, and the answer is no."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        error = body.get("error") or {}
        super().__init__(
            str(error.get("message") or f"The server answered {status}."),
            code=str(error.get("code") or status),
            hint=str(error.get("hint") or ""),
        )
        self.status = status


class UnreachableError(UpshotError):
    """The server did not answer in time."""

    code = "UNREACHABLE"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        status: Of HTTP, or ``UNANSWERED``.
        body: The JSON.
        after: Seconds after which to come back.
        etag: Version of what was asked for; empty where it has none.
    """

    status: int
    body: dict[str, Any]
    after: float = 0.0
    etag: str = ""


class Wire:
    """Requests to one server; may be used by many threads.

    Args:
        url: Address of the server, without a path.
        key: An API key.
        timeout: Seconds that one request may take.

    Raises:
        InvalidInputError: the address is none.
    """

    def __init__(self, url: str, key: str, timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidInputError(
                f"The address is “{url}”; it looks like http://127.0.0.1:8501."
            )
        self._make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port, self._timeout = parts.hostname, parts.port, timeout
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._own = threading.local()
        self._connections: set[HTTPConnection] = set()
        self._lock = threading.Lock()

    def ask(
        self,
        method: str,
        path: str,
        sent: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        patience: float,
    ) -> Reply:
        """Ask until there is an answer.

        Args:
            method: Of HTTP.
            path: Below ``/api/v1``.
            sent: The JSON body, or None.
            headers: Besides key and type.
            patience: Seconds after which no further try is made.

        Raises:
            RefusedError: the server says no.
            UnreachableError: no answer within the patience.
        """
        end, pauses = time.monotonic() + patience, waits()
        while True:
            reply = self.request(method, path, sent, headers)
            if 200 <= reply.status < 300:
                return reply
            if reply.status not in RETRY:
                raise RefusedError(reply.status, reply.body)
            pause = max(next(pauses), reply.after)
            if time.monotonic() + pause > end:
                told = (reply.body.get("error") or {}).get("message")
                told = told or f"status {reply.status}"
                raise UnreachableError(f"No answer from {self._host}: {told}")
            time.sleep(pause)

    def request(
        self,
        method: str,
        path: str,
        sent: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request; a server that does not answer is a reply as well."""
        content = None if sent is None else encoded(sent)
        connection = self._connection()
        try:
            connection.request(
                method, f"/api/v1{path}", content, self._headers | dict(headers or {})
            )
            answer = connection.getresponse()
            text = answer.read()
            body = json.loads(text) if text else {}
        except (OSError, HTTPException, ValueError) as error:
            self._drop(connection)
            return Reply(UNANSWERED, {"error": {"message": str(error)}})
        after = answer.getheader("Retry-After") or ""
        seconds = float(after) if after.isdecimal() else 0.0
        return Reply(answer.status, body, seconds, answer.getheader("ETag") or "")

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def _connection(self) -> HTTPConnection:
        """The connection of this thread."""
        found = getattr(self._own, "connection", None)
        if found is None:
            found = self._make(self._host, self._port, timeout=self._timeout)
            self._own.connection = found
            with self._lock:
                self._connections.add(found)
        return found

    def _drop(self, connection: HTTPConnection) -> None:
        connection.close()
        self._own.connection = None
        with self._lock:
            self._connections.discard(connection)


def encoded(sent: Any) -> bytes:
    """What is sent, as JSON.

    Raises:
        InvalidInputError: it holds something that JSON does not know, such as NaN or a date.
    """
    try:
        return json.dumps(sent, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"This cannot be sent as JSON: {error}.",
            hint="Give text, true or false, and finite numbers.",
        ) from error


def waits() -> Iterator[float]:
    """Seconds to wait between tries, twice as long each time."""
    wait = FIRST_WAIT
    while True:
        yield wait
        wait = min(LONGEST_WAIT, wait * 2)
