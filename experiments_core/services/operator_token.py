"""Tokens by which the command line proves to a running server that it may read its side folder.

A token is good for one minute, is made from the workspace's ``secret`` file, names an
organisation, and stands for the actor ``operator`` in it.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from urllib.parse import quote, unquote

from experiments_core.domain.access import Actor, Role
from experiments_core.domain.project import FIRST_ORGANISATION
from experiments_core.errors import UnauthorizedError

PREFIX = "up_operator"
SECONDS = 60
OPERATOR = Actor("operator", Role.ADMIN, operator=True)
"""In the first organisation."""


def make_token(
    secret: bytes, now: datetime, organisation: str = FIRST_ORGANISATION.slug
) -> str:
    """Make a token for an organisation that is good for one minute from ``now`` (aware)."""
    expires, named = int(now.timestamp()) + SECONDS, quote(organisation, safe="")
    return f"{PREFIX}.{expires}.{_sign(secret, expires, named)}.{named}"


def check_token(secret: bytes, token: str, now: datetime) -> str:
    """Return the organisation for which it was made, from this secret within the last minute.

    Raises:
        UnauthorizedError: it was not.
    """
    prefix, _, rest = token.partition(".")
    text, _, rest = rest.partition(".")
    signature, _, named = rest.partition(".")
    if prefix == PREFIX and text.isdecimal() and len(text) <= 12:
        expires = int(text)
        fresh = 0 <= expires - now.timestamp() <= SECONDS
        wanted = _sign(secret, expires, named)
        if hmac.compare_digest(signature.encode(), wanted.encode()) and fresh:
            return unquote(named)
    raise UnauthorizedError(
        "This operator token is not valid or older than a minute.",
        hint="Run the command on the machine of the server, with access to its workspace.",
    )


def _sign(secret: bytes, expires: int, named: str) -> str:
    signed = f"{PREFIX}.{expires}.{named}"
    return hmac.new(secret, signed.encode(), hashlib.sha256).hexdigest()
