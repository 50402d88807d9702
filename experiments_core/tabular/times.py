"""How one column writes its times, and where two orders of day and month both fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from experiments_core.tabular.text import CACHED, WHITE

ISO = "iso"
EPOCH_SECONDS = "epoch_s"
EPOCH_MILLISECONDS = "epoch_ms"
EXCEL, EXCEL_1904 = "excel", "excel_1904"
"""Days as a spreadsheet counts them: from the end of 1899 or, in old workbooks, from 1904."""
DAYS_BEFORE_1970 = {EXCEL: 25_569, EXCEL_1904: 24_107}
EXCEL_PATTERN = r"[2-7][0-9]{4}(?:[.,][0-9]{1,15})?"
"""A day from 1954 on as a spreadsheet counts it, with the time of day after the mark."""

_DAY, _MINUTE, _SECOND = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d", r"\d\d:\d\d:\d\d"
_FRACTION = r"\d{1,2}:\d\d:\d\d\.\d{1,6}"
_PLAIN = {
    "%Y-%m-%d": _DAY,
    "%Y-%m-%d %H:%M:%S": f"{_DAY} {_SECOND}",
    "%Y-%m-%dT%H:%M:%S": f"{_DAY}T{_SECOND}",
    "%Y-%m-%d %H:%M": f"{_DAY} {_MINUTE}",
    "%Y-%m-%d %H:%M:%S.%f": rf"\d{{4}}-\d\d?-\d\d? {_FRACTION}",
    "%Y-%m-%dT%H:%M:%S.%f": rf"\d{{4}}-\d\d?-\d\d?T{_FRACTION}",
}
_EXACT = {name: re.compile(written, re.ASCII) for name, written in _PLAIN.items()}

ISO_PATTERN = (
    r"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2})"
    r"(?:[T ]+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?))?"
    r"\s*(Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
"""ISO 8601 date or time; groups: date, clock, offset. RE2 and ``re`` both take it."""

_ISO = re.compile(ISO_PATTERN)
_BEGINS_LIKE_A_TIME = re.compile(
    r"[0-9]{1,2}[-/. ]|[0-9]{4}[-/]|[A-Za-z]{3} |[0-9]{10}|[0-9]{8}$|[0-9]{5}([.,]|$)"
)

_NUMBERS = (
    (r"[0-9]{10}(?:\.[0-9]{1,9})?", (EPOCH_SECONDS,)),
    (r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])", ("%Y%m%d",)),
    (r"[0-9]{13}", (EPOCH_MILLISECONDS,)),
    (r"[0-3]?[0-9]\.[01]?[0-9]\.[0-9]{2}", ("%d.%m.%y",)),
    (EXCEL_PATTERN, (EXCEL, EXCEL_1904)),
)

FITS = 0.8
NAMED_FITS = 0.5  # enough when the header says that the column is a time

_CLOCK = r"(?:(,?) ([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?( [AaPp][Mm])?)?"
_ORDERS = (
    (r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", "%d/%m/%Y", "%m/%d/%Y"),
    (r"([0-9]{1,2})-([0-9]{1,2})-([0-9]{4})", "%d-%m-%Y", "%m-%d-%Y"),
    (r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", "%d.%m.%Y", ""),
    (r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{2})", "%d/%m/%y", "%m/%d/%y"),
    (r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})", "%Y/%m/%d", ""),
    (r"([0-9]{1,2}) [A-Za-z]{3} ([0-9]{4})", "%d %b %Y", ""),
    (r"[A-Za-z]{3} ([0-9]{1,2}),? ([0-9]{4})", "%b %d, %Y", ""),
)


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """How a column writes times.

    Attributes:
        format: A strptime format, ``iso``, ``epoch_s``, ``epoch_ms``, ``excel`` or
            ``excel_1904``; empty when the cells are written in several ways.
        rival: A second format that fits every cell just as well (day and month swapped, another
            first day).
        zones: How many cells carry an offset or Z, out of all that were looked at.
        cells: How many were looked at.
    """

    format: str
    rival: str = ""
    zones: int = 0
    cells: int = 0

    @property
    def mixed(self) -> bool:
        """Several ways of writing in one column."""
        return not self.format


def detect(cells: Sequence[str], *, numbers: bool = False) -> TimeFormat | None:
    """Find the one format that fits a column.

    Args:
        cells: Non-blank cells.
        numbers: Whether numbers may be seconds or milliseconds since 1970, or the days of a
            spreadsheet (only where the header says that the column is a time).

    Returns:
        None when the column holds no times.
    """
    texts = [cell.strip(WHITE) for cell in cells]
    fitting = [formats_of(text, numbers=numbers) for text in texts]
    times = [formats for formats in fitting if formats]
    if not texts or len(times) < (NAMED_FITS if numbers else FITS) * len(texts):
        return None
    counts: dict[str, int] = {}
    for formats in times:
        for name in formats:
            counts[name] = counts.get(name, 0) + 1
    best = max(counts.values())
    if best < FITS * len(texts):
        return TimeFormat("", cells=len(texts))
    names = [name for name, count in counts.items() if count == best]
    zones = sum(1 for text in texts if _offset(text))
    rival = names[1] if len(names) > 1 else ""
    return TimeFormat(_exact(names[0], texts), rival, zones, len(texts))


@lru_cache(maxsize=CACHED)
def formats_of(text: str, *, numbers: bool = False) -> tuple[str, ...]:
    """All formats in which one cell can be read."""
    if not _BEGINS_LIKE_A_TIME.match(text):
        return ()
    match = _ISO.fullmatch(text)
    if match:
        return (ISO,) if _real_iso(match) else ()
    for written, formats in _NUMBERS if numbers else ():
        if re.fullmatch(written, text):
            return formats
    for date_pattern, *orders in _ORDERS:
        match = re.fullmatch(date_pattern + _CLOCK, text)
        if match:
            clock = _clock(*match.groups()[-5:])
            comma = "," if date_pattern.startswith("[A-Z") and "," in text[:8] else ""
            names = [order.replace(",", comma) + clock for order in orders if order]
            return tuple(name for name in names if _parses(text, name))
    return ()


def _clock(
    comma: str | None, hours: str | None, _: str | None, seconds: str | None, half: str | None
) -> str:
    """The part of a format that reads the time of day."""
    if hours is None:
        return ""
    written = (
        f"%I:%M{':%S' if seconds else ''} %p" if half else f"%H:%M{':%S' if seconds else ''}"
    )
    return f"{comma or ''} {written}"


def read(text: str, time_format: str) -> float | None:
    """Seconds since 1970 of one cell, read as UTC; None when it is no time in this format."""
    if time_format in {EPOCH_SECONDS, EPOCH_MILLISECONDS, *DAYS_BEFORE_1970}:
        return _of_number(text, time_format)
    match = _ISO.fullmatch(text)
    try:
        if match or time_format in {"", ISO}:
            return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        return datetime.strptime(text, time_format).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _of_number(text: str, time_format: str) -> float | None:
    if time_format in DAYS_BEFORE_1970:
        if not re.fullmatch(EXCEL_PATTERN, text):
            return None
        days = float(text.replace(",", ".")) - DAYS_BEFORE_1970[time_format]
        return round(days * 86_400, 3)
    if not re.fullmatch(r"[0-9]{1,13}(?:\.[0-9]{1,9})?", text):
        return None
    return float(text) / (1000 if time_format == EPOCH_MILLISECONDS else 1)


def exact_iso(text: str) -> str:
    """The strptime format of one naive ISO time (``%Y-%m-%d %H:%M:%S``), else an empty text."""
    match = _ISO.fullmatch(text)
    if not match or not _real_iso(match):
        return ""
    return next((name for name, written in _EXACT.items() if written.fullmatch(text)), "")


def _exact(name: str, texts: Sequence[str]) -> str:
    if name != ISO:
        return name
    exact = {exact_iso(text) for text in texts}
    return exact.pop() or ISO if len(exact) == 1 else ISO


def _offset(text: str) -> bool:
    match = _ISO.fullmatch(text)
    return bool(match and match[3])


def _real_iso(match: re.Match[str]) -> bool:
    clock = (match[2] or "00:00").replace(",", ".")
    hours, minutes, *seconds = clock.split(":")
    year, month, day = (int(part) for part in match[1].split("-"))
    try:
        datetime(year, month, day, int(hours), int(minutes), tzinfo=UTC)
    except ValueError:
        return False
    return not seconds or float(seconds[0]) < 60


def _parses(text: str, name: str) -> bool:
    try:
        datetime.strptime(text, name).replace(tzinfo=UTC)
    except ValueError:
        return False
    return True
