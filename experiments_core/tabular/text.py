"""Words and characters of cells: blanks, yes and no, what is invisible, what is a formula."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from experiments_core.domain.text import grouped
from experiments_core.tabular.lookalikes import plain_letters

BLANK_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "nil", "-", "--", "(blank)"})
"""What counts as empty where a number, a yes/no or a time is expected (lower case, trimmed)."""

TRUE_WORDS = frozenset({"1", "true", "yes", "y", "t", "ja", "wahr", "oui", "vrai", "sí", "si"})
FALSE_WORDS = frozenset({"0", "false", "no", "n", "f", "nein", "falsch", "non", "faux"})

SPREADSHEET_ERRORS = frozenset({
    "#div/0!", "#n/a", "#name?", "#null!", "#num!", "#ref!", "#value!", "#spill!", "#calc!",
    "#nv", "#wert!", "#bezug!", "#zahl!", "#n/d", "#valeur!", "#nom?", "#nombre!", "#¡valor!",
    "#¡div/0!", "#¡ref!", "#¿nombre?",
})  # fmt: skip

TOTAL_WORDS = frozenset({
    "total", "totals", "grand total", "sum", "overall", "all", "gesamt", "summe",
    "gesamtergebnis", "totale", "total general", "somme",
})  # fmt: skip

WHITE = " \t\r\n\x0b\x0c\u00a0\u2007\u202f\u200b\u200c\u200d\u2060\ufeff\u00ad"
"""Blanks and characters without a width: trimmed from both ends of a cell."""

CACHED = 16_384
"""Cells repeat: what one means is remembered for as many different ones."""

LONGEST_VARIANT = 100
LONGEST_UNIT = 256
LONGEST_CELL = 64 * 1024
"""Bytes of a cell."""

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf"})
_RUNS_OFF = "=+-@＝＋－＠"
_LEADING_BLANKS = " \t\u00a0\u2007\u202f\u200b\ufeff"


def is_blank(cell: str) -> bool:
    """Whether a cell of a number, yes/no or time column holds nothing."""
    return cell.strip(WHITE).lower() in BLANK_WORDS


@lru_cache(maxsize=CACHED)
def visible(text: str) -> str:
    """The text as a reader sees it: no invisible characters, plain blanks, trimmed."""
    if text.isascii() and text.isprintable():
        return text.strip()
    shown = (
        " " if unicodedata.category(character) == "Zs" or character in "\t\r\n" else character
        for character in text
        if character in "\t\r\n" or unicodedata.category(character) not in _INVISIBLE_CATEGORIES
    )
    return unicodedata.normalize("NFC", "".join(shown).strip())


@lru_cache(maxsize=CACHED)
def fold(text: str) -> str:
    """What two spellings of one name share.

    No case, no surplus blanks, nothing invisible, no letter that only looks like a Latin one.
    """
    return " ".join(plain_letters(visible(text)).casefold().split())


def arm_fold(text: str) -> str:
    """What two spellings of one variant share: besides, ``1`` and ``1.0`` are one number."""
    key = fold(text)
    head, _, zeros = key.partition(".")
    return head if head.isdecimal() and zeros and not zeros.strip("0") else key


def neutral(cell: str) -> str:
    """Put ``'`` before text that a spreadsheet would run as a formula.

    A cell is dangerous when it, or a line in it, starts with ``= + - @`` after blanks, or
    when it starts with a tab or carriage return. Numbers stay as they are.
    """
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", cell):
        return cell
    if cell[:1] in {"\t", "\r"}:
        return f"'{cell}"
    for line in re.split(r"[\r\n]+", cell):
        start = line.lstrip(_LEADING_BLANKS)
        if start[:1] and start[0] in _RUNS_OFF:
            return f"'{cell}"
    return cell


def shorten(text: str, longest: int = 60) -> str:
    """Cut a cell for a message."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def listed(names: list[str] | tuple[str, ...], most: int = 5) -> str:
    """“a”, “b”, “c” and 4 more."""
    shown = ", ".join(f"“{shorten(name, 40)}”" for name in names[:most])
    rest = len(names) - most
    return f"{shown} and {grouped(rest)} more" if rest > 0 else shown


def lines_text(lines: list[int] | tuple[int, ...], count: int | None = None) -> str:
    """Write ``line 4`` or ``lines 4, 6, 9 … (12 in all)``."""
    count = len(lines) if count is None else count
    if count == 1 and lines:
        return f"line {lines[0]}"
    shown = ", ".join(str(line) for line in lines[:5])
    return f"lines {shown}" if count <= 5 else f"lines {shown} … ({grouped(count)} in all)"
