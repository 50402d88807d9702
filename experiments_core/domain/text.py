"""What may be typed: normalised, trimmed text without characters that hide or reorder it."""

from __future__ import annotations

import re
import unicodedata

from experiments_core.errors import Problem

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
KEY_LENGTH = 64
DIRECTION_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """Normalise to NFC, use plain line ends and trim."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()


def text_problems(
    field: str,
    value: object,
    *,
    longest: int,
    shortest: int = 0,
    lines: bool = False,
    length_rule: str = "LENGTH",
) -> list[Problem]:
    """Check one text field.

    Args:
        field: Its name, for the message.
        value: What was given.
        longest: Most characters allowed after cleaning.
        shortest: Fewest characters allowed after cleaning.
        lines: Line breaks and tabs are allowed.
        length_rule: Code for a wrong length.
    """
    if not isinstance(value, str):
        return [Problem(field, value, "TYPE", f"{field} must be text")]
    text = clean(value)
    problems = []
    if bad := _forbidden(text, lines=lines):
        message = f"{field} contains the invisible character U+{ord(bad):04X}; remove it"
        problems.append(Problem(field, value, "TEXT_CONTROL_CHARACTER", message))
    if not text and shortest:
        rule = length_rule if length_rule != "LENGTH" else "REQUIRED"
        problems.append(Problem(field, value, rule, f"{field} is missing"))
    elif not shortest <= len(text) <= longest:
        limits = f"{shortest} to {longest}" if shortest else f"at most {longest}"
        message = f"{field} has {len(text)} characters; it may have {limits}"
        problems.append(Problem(field, value, length_rule, message))
    return problems


def grouped(number: float, form: str = "") -> str:
    """Write a number in groups of three with narrow no-break spaces: ``58 906``.

    Args:
        number: The number.
        form: What else the format says, such as ``.2f``.
    """
    return f"{number:,{form}}".replace(",", "\u202f")


def slugify(text: str, fallback: str) -> str:
    """Make a key of a name: “Zoë’s  test 2” → ``zoes-test-2``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:KEY_LENGTH].rstrip("-") or fallback


def unused(wanted: str, taken: frozenset[str]) -> str:
    """Append -2, -3 … until nobody has the key; ``taken`` is in lower case."""
    candidate, number = wanted, 1
    while candidate.lower() in taken:
        number += 1
        suffix = f"-{number}"
        candidate = wanted[: KEY_LENGTH - len(suffix)] + suffix
    return candidate


def _forbidden(text: str, *, lines: bool) -> str | None:
    """The first control, direction-override or half-surrogate character."""
    for character in text:
        if lines and character in "\n\t":
            continue
        if unicodedata.category(character) in {"Cc", "Cs"} or character in DIRECTION_OVERRIDES:
            return character
    return None
