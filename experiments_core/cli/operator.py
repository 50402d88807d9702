"""Ask the server that owns a workspace, with a token made from the workspace's secret."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from experiments_core.domain.project import FIRST_ORGANISATION
from experiments_core.errors import BusyError, Problem, UpshotError
from experiments_core.services.operator_token import make_token

POLL_SECONDS = 0.2
ANSWER_SECONDS = 30

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Server:
    """A running Upshot.

    Attributes:
        url: Where it serves.
        secret: The file that proves access to its workspace.
        organisation: Slug or id of the one that is meant.
    """

    url: str
    secret: Path
    organisation: str = FIRST_ORGANISATION.slug

    def everything(self, path: str) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self._send(f"{path}?limit=100{cursor}", None, None)
            found += page["data"]
            if not page["pagination"]["has_more"]:
                return found
            cursor = f"&cursor={page['pagination']['next_cursor']}"

    def run_import(self, body: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """Start an import there and wait for its outcome.

        Raises:
            UpshotError: what the server said.
            BusyError: the server does not answer.
        """
        job = self.ask("/api/v1/imports/run", body)
        while job["state"] == "running":
            progress(job["progress"], job["what"])
            time.sleep(POLL_SECONDS)
            job = self.ask(f"/api/v1/imports/run/{job['id']}")
        if job["error"] is not None:
            raise _error(job["error"])
        outcome: dict[str, Any] = job["outcome"]
        return outcome

    def ask(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        method: str | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        """Send one request as the operator and return its data, waiting so many seconds.

        Raises:
            UpshotError: what the server said.
            BusyError: the server does not answer.
        """
        return self._send(path, body, method, seconds)["data"]

    def _send(
        self,
        path: str,
        body: dict[str, Any] | None,
        method: str | None,
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        token = make_token(self.secret.read_bytes(), datetime.now(UTC), self.organisation)
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(  # noqa: S310  the server's own address
            f"{self.url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
            method=method,
        )
        # A proxy of the environment must not see the token, nor stand between.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=seconds) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise _refusal(refusal) from None
        except OSError as error:
            raise BusyError(
                f"Upshot at {self.url} does not answer ({error}).",
                hint="Open its pages to see whether it is well, or stop it and try again.",
            ) from error


def _refusal(refusal: urllib.error.HTTPError) -> UpshotError:
    try:
        return _error(json.load(refusal)["error"])
    except (ValueError, KeyError, TypeError):
        phrase = HTTPStatus(refusal.code).phrase
        return UpshotError(f"The server answered {refusal.code} ({phrase}).")


def _error(body: dict[str, Any]) -> UpshotError:
    details = tuple(
        Problem(one["field"], one["value"], one["rule"], one["message"])
        for one in body.get("details", ())
    )
    return UpshotError(
        body["message"], code=body["code"], hint=body.get("hint", ""), details=details
    )
