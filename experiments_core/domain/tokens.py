"""The text of an API key: its form, and the keys that everybody can read somewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

PREFIXES = ("up_live_", "kr_live_", "sk_live_", "sk_")
"""Ours first; the others are for clients that look at the beginning of their key."""
ID_LENGTH = 12
SHORTEST = 20
LONGEST = 512

_OURS = re.compile(
    rf"({'|'.join(PREFIXES)})([a-z0-9]{{{ID_LENGTH}}})_([A-Za-z0-9_-]{{43}})", re.ASCII
)
_PRINTED = frozenset({"kr_live_abc123def456", "sk_live_your_secret_key", "sk_..."})


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key of our own form.

    Attributes:
        shown: What may be seen of it: prefix and id.
    """

    prefix: str
    id: str

    @property
    def shown(self) -> str:
        """The part that may be seen."""
        return f"{self.prefix}{self.id}"


def read_key(token: str) -> KeyText | None:
    """Take a key of our own form apart; None for one that somebody else made."""
    found = _OURS.fullmatch(token)
    return KeyText(found[1], found[2]) if found else None


def is_printed(token: str) -> bool:
    """Tell whether a key stands in a public document and so is no secret."""
    return token in _PRINTED or "your_secret_key" in token or token.startswith("<")


def shown_part(token: str) -> str:
    """What may be seen of a key that somebody else made: a prefix that hides all but little.

    >>> shown_part("kr_live_9f8e7d6c5b4a39281706")
    'kr_live_9f8e…'
    """
    head = next((prefix for prefix in PREFIXES if token.startswith(prefix)), "")
    return f"{token[: len(head) + 4]}…"
