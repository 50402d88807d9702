"""Names that stand for unit ids: keyed hashes, so that nobody finds the id without the key.

A pseudonym is ``p_`` and 32 hex digits, the first half of HMAC-SHA256 (RFC 2104) of the id's
UTF-8 bytes under a key of the organisation's own. What is a pseudonym already stays as it is:
the id of a downloaded row finds its unit again.
"""

from __future__ import annotations

import hashlib
import hmac
import re

PREFIX = "p_"
DIGITS = 32
PATTERN = rf"^{PREFIX}[0-9a-f]{{{DIGITS}}}$"
_FORM = re.compile(PATTERN)


def unit_key(secret: bytes, org_id: str) -> bytes:
    """The key under which an organisation's unit ids are hashed.

    Args:
        secret: The workspace's.
        org_id: Of the organisation; the same id has another pseudonym in another one.
    """
    return hmac.new(secret, f"unit ids of {org_id}".encode(), hashlib.sha256).digest()


def pseudonym(key: bytes, unit: str) -> str:
    """The name that stands for a unit id."""
    if _FORM.fullmatch(unit):
        return unit
    return PREFIX + hmac.new(key, unit.encode(), hashlib.sha256).hexdigest()[:DIGITS]


def keyed(key: bytes, number: int) -> int:
    """64 bits that stand for 64 bits: a hash of personal data that cannot be guessed."""
    found = hmac.new(key, number.to_bytes(8, "big"), hashlib.sha256).digest()
    return int.from_bytes(found[:8], "big")
