"""Telling another system of a deployment: where, what, and how it knows that it was us."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from experiments_core.errors import Problem

LONGEST_URL = 500
MOST = 10
"""Webhooks of one organisation."""
MOST_ATTEMPTS = 8
FIRST_WAIT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told of every deployment and its end.

    Attributes:
        secret: Signs what is sent; only told when it is made, never kept.
    """

    id: str
    org_id: str
    url: str
    created_by: str
    created_at: datetime
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing that is told to one address.

    Attributes:
        body: JSON text; it is sent byte for byte the same at each attempt.
        attempts: How often it was tried.
        next_at: When it is tried next; None when it was delivered or given up.
        answer: What came of the last attempt, in words.
    """

    id: str
    webhook_id: str
    event: str
    body: str
    created_at: datetime
    attempts: int = 0
    next_at: datetime | None = None
    delivered_at: datetime | None = None
    answer: str = ""


def url_problems(url: object) -> list[Problem]:
    """What is wrong with an address."""
    if not isinstance(url, str) or not 1 <= len(url) <= LONGEST_URL:
        message = f"url must be text of 1 to {LONGEST_URL} characters"
        return [Problem("url", None, "LENGTH", message)]
    try:
        parts = urlsplit(url)
        port = parts.port  # a port that is no number is found here only
    except ValueError:
        parts, port = urlsplit(""), None
    odd = any(ord(one) <= 32 or ord(one) == 127 for one in url)
    fits = parts.scheme in {"http", "https"} and parts.hostname and port != 0
    if not fits or parts.username or parts.fragment or odd:
        message = f"url is “{url}”; write it like https://deploy.example.com/hooks/upshot"
        return [Problem("url", url, "PATTERN", message)]
    return []


def secret_of(workspace_secret: bytes, webhook_id: str) -> str:
    """The secret of a webhook, made from that of the workspace; it is kept nowhere."""
    text = f"webhook/{webhook_id}".encode()
    return f"whsec_{hmac.new(workspace_secret, text, hashlib.sha256).hexdigest()}"


def signature(secret: str, at: int, body: str) -> str:
    """``t=SECONDS,v1=HEX``: HMAC-SHA256 with the secret over ``SECONDS.BODY``."""
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"


def wait_after(attempts: int) -> timedelta | None:
    """How long to wait after so many failures: 10 s, 20 s, 40 s …; None is to give up."""
    return None if attempts >= MOST_ATTEMPTS else FIRST_WAIT * 2 ** (attempts - 1)
