"""How one column writes its numbers: decimal mark, thousands mark, currency sign."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from experiments_core.tabular.text import CACHED, WHITE

SPACES = " \u00a0\u202f"

CURRENCY = r"(?:R\$|[$€£¥₹]|USD|EUR|GBP|CHF|JPY|PLN|SEK|NOK|DKK|CAD|AUD|INR|BRL|zł|kr)"
"""Signs and codes that may stand before or after an amount."""

CURRENCIES = {
    "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "zł": "PLN", "R$": "BRL",
}  # fmt: skip
"""Signs that are another way to write a code."""

CURRENCY_BEFORE = rf"^([+-]?)\s*{CURRENCY}\s*"
CURRENCY_AFTER = rf"\s*{CURRENCY}$"

_ANY_CURRENCY = re.compile(CURRENCY)
_LIKE_A_NUMBER = re.compile(r"[0-9eE.,'+\- \u00a0\u202f]+")
PERCENT_AFTER = rf"[{SPACES}]*%$"

FITS = 0.8  # share of cells that must read as numbers before a column is called numeric


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How a column writes numbers.

    Attributes:
        decimal: ``.`` or ``,``.
        thousands: ``""``, ``,``, ``.``, ``'`` or a space.
        currency: Whether amounts carry a sign or code.
        percent: Whether cells carry a percent sign.
        doubtful: ``1,234`` and the like may be read in two ways; somebody has to say.
    """

    decimal: str = "."
    thousands: str = ""
    currency: bool = False
    percent: bool = False
    doubtful: bool = False


FORMATS = (
    (".", ""), (",", ""), (".", ","), (",", "."),
    (".", " "), (",", " "), (".", "'"), (",", "'"),
)  # fmt: skip


def pattern(decimal: str, thousands: str) -> str:
    """Write the regular expression of a number without currency, for RE2 and ``re``."""
    dot = re.escape(decimal)
    whole = r"[0-9]+"
    if thousands:
        mark = f"[{SPACES}]" if thousands == " " else re.escape(thousands)
        whole = rf"(?:[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+|[0-9]+)"
    return rf"[+-]?(?:{whole}(?:{dot}[0-9]*)?|{dot}[0-9]+)(?:[eE][+-]?[0-9]+)?"


def without_currency(cell: str) -> str:
    """Take sign or code off an amount: ``-$ 4.50`` → ``-4.50``, ``12 €`` → ``12``."""
    text = cell.strip(WHITE)
    if not _ANY_CURRENCY.search(text):
        return text
    return re.sub(CURRENCY_AFTER, "", re.sub(CURRENCY_BEFORE, r"\1", text))


def without_percent(cell: str) -> str:
    """Take the sign off a percentage: ``12,5 %`` → ``12,5``."""
    return re.sub(PERCENT_AFTER, "", cell.strip(WHITE))


def has_percent(cell: str) -> bool:
    """Whether a cell carries a percent sign."""
    return cell.rstrip(WHITE).endswith("%")


def detect(cells: Sequence[str], *, delimiter: str = ",") -> NumberFormat | None:
    """Find the one way in which a column writes its numbers.

    Args:
        cells: Non-blank cells.
        delimiter: Of the file; where fields are divided by commas, a dot is no thousands mark.

    Returns:
        None when too few cells are numbers in any one format.
    """
    percent = sum(map(has_percent, cells)) >= FITS * len(cells)
    amounts = [without_percent(cell) for cell in cells] if percent else cells
    bare = [without_currency(cell) for cell in amounts]
    counts = Counter(cell for cell in bare if _LIKE_A_NUMBER.fullmatch(cell))
    enough = FITS * len(cells)
    if not cells or counts.total() < enough:
        return None
    fits = {pair: _fitting(counts, *pair) for pair in FORMATS}
    best = max(fits.values())
    if best < enough:
        return None
    rivals = [pair for pair in FORMATS if fits[pair] == best]
    decimal, thousands = rivals[0]
    pairs = zip(bare, amounts, strict=True)
    currency = any(short != amount.strip(WHITE) for short, amount in pairs)
    return NumberFormat(
        decimal,
        thousands,
        currency,
        percent,
        doubtful=_doubtful(bare, set(rivals), delimiter),
    )


@lru_cache(maxsize=CACHED)
def read(cell: str, decimal: str = ".", thousands: str = "") -> float | None:
    """Read one cell; None when it is not a finite number in this format."""
    text = digits(cell, decimal, thousands)
    number = None if text is None else float(text)
    return None if number is None or abs(number) == float("inf") else number


def digits(cell: str, decimal: str = ".", thousands: str = "") -> str | None:
    """One cell with a point and without other marks; None when it is not in this format."""
    text = without_currency(cell)
    if not re.fullmatch(pattern(decimal, thousands), text):
        return None
    for mark in SPACES if thousands == " " else thousands:
        text = text.replace(mark, "")
    return text.replace(decimal, ".")


def _fitting(counts: Counter[str], decimal: str, thousands: str) -> int:
    """How many cells are numbers in this format."""
    whole = re.compile(pattern(decimal, thousands))
    return sum(count for cell, count in counts.items() if whole.fullmatch(cell))


def _doubtful(cells: Sequence[str], rivals: set[tuple[str, str]], delimiter: str) -> bool:
    """Two formats fit and give different numbers: ``1,234`` is 1.234 or 1234."""
    commas = any("," in cell for cell in cells)
    dots = any("." in cell for cell in cells)
    if commas and (",", "") in rivals and (".", ",") in rivals:
        return True
    return dots and delimiter != "," and (".", "") in rivals and (",", ".") in rivals
