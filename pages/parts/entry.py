"""Numbers as people type them: ``8.3 %``, ``8,3``, ``4 200``; two readings are refused."""

from __future__ import annotations

import math
import re

from experiments_core.charts import words
from experiments_core.errors import InvalidInputError, Problem

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
_SPACES = re.compile(r"[\s\u2009\u202f\u00a0'’]")


def number(label: str, text: str) -> float:
    """Read a number; spaces group, a comma is a decimal mark where nothing else fits.

    Raises:
        InvalidInputError: it is no number, or ``4,200`` could be 4.2 or 4 200.
    """
    line = _SPACES.sub("", text).replace(words.MINUS, "-")
    if "," in line and "." not in line:
        if _GROUPED.fullmatch(line):
            raise _ambiguous(label, text, line)
        line = line.replace(",", ".")
    if not _NUMBER.fullmatch(line) or not math.isfinite(float(line)):
        raise _refuse(label, text, "is not a number", "Write it like 8.3 or 4200.")
    return float(line)


def percent(label: str, text: str) -> float:
    """Read a share typed in per cent, with or without the sign, as a fraction."""
    return number(label, text.replace("%", "")) / 100


def whole(label: str, text: str) -> int:
    """Read a count; here a comma can only group."""
    line = _SPACES.sub("", text)
    if _GROUPED.fullmatch(line):
        line = line.replace(",", "")
    value = number(label, line)
    if value != math.floor(value) or value < 1:
        raise _refuse(label, text, "is not a whole number above 0", "Write it like 4200.")
    return int(value)


def optional_whole(label: str, text: str) -> int | None:
    """The same, where nothing typed means not known."""
    return whole(label, text) if text.strip() else None


def basis_points(label: str, text: str) -> int:
    """Read a share in per cent as basis points, exactly.

    Raises:
        InvalidInputError: it has more than two decimals, or lies outside 0 to 100 %.
    """
    share = number(label, text.replace("%", ""))
    exact = round(share * 100)
    if abs(share * 100 - exact) > 1e-9:
        raise _refuse(
            label, text, "is too fine", "Shares have two decimals: 33.34.", rule="TOO_FINE"
        )
    if not 0 <= exact <= 10_000:
        raise _refuse(label, text, "is outside 0 to 100 %", "Shares lie between.", rule="RANGE")
    return exact


def share(basis: int) -> str:
    """Basis points as they stand in a field: ``33.34``, ``50``."""
    return f"{basis / 100:.2f}".rstrip("0").rstrip(".")


def out_of_range(label: str, text: str, hint: str) -> InvalidInputError:
    """The error of a number that can be read and cannot be meant."""
    return _refuse(label, text, "is out of range", hint, rule="RANGE")


def _ambiguous(label: str, text: str, line: str) -> InvalidInputError:
    grouped, decimal = line.replace(",", ""), line.replace(",", ".", 1)
    return _refuse(
        label, text, "can be read two ways", f"Write {grouped} or {decimal}.", rule="TYPE"
    )


def _refuse(
    label: str, text: str, fault: str, hint: str, rule: str = "TYPE"
) -> InvalidInputError:
    shown = words.plain(text, 40)
    if not shown:
        fault, rule = "is empty", "REQUIRED"
    sentence = f"{label} is empty." if not shown else f"{label}: “{shown}” {fault}."
    return InvalidInputError(
        sentence, hint=hint, details=(Problem(label, text, rule, sentence),)
    )
