"""Tokens by which the command line proves to a running server that it may read its side folder.

A token is good for one minute, is made from the workspace's ``secret`` file, and stands for the
actor ``operator``.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from experiments_core.domain.access import Actor, Role
from experiments_core.errors import UnauthorizedError

PREFIX = "up_operator"
SECONDS = 60
OPERATOR = Actor("operator", Role.ADMIN)


def make_token(secret: bytes, now: datetime) -> str:
    """Make a token that is good for one minute from ``now`` (aware)."""
    expires = int(now.timestamp()) + SECONDS
    return f"{PREFIX}.{expires}.{_sign(secret, expires)}"


def check_token(secret: bytes, token: str, now: datetime) -> Actor:
    """Return the operator if the token was made from this secret within the last minute.

    Raises:
        UnauthorizedError: it was not.
    """
    prefix, _, rest = token.partition(".")
    text, _, signature = rest.partition(".")
    if prefix == PREFIX and text.isdecimal() and len(text) <= 12:
        expires = int(text)
        fresh = 0 <= expires - now.timestamp() <= SECONDS
        if hmac.compare_digest(signature.encode(), _sign(secret, expires).encode()) and fresh:
            return OPERATOR
    raise UnauthorizedError(
        "This operator token is not valid or older than a minute.",
        hint="Run the command on the machine of the server, with access to its workspace.",
    )


def _sign(secret: bytes, expires: int) -> str:
    return hmac.new(secret, f"{PREFIX}.{expires}".encode(), hashlib.sha256).hexdigest()
