"""What every verb shares: the parser, words on the terminal, tables, progress."""

from __future__ import annotations

import argparse
import io
import math
import shutil
import sys
import textwrap
import time
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, NoReturn, TextIO

USER_ERROR = 1
REFUSED = 2
BAR_WIDTH = 24
NARROWEST = 40
REDRAW_SECONDS = 0.1


class Options(NamedTuple):
    """Options that stand together in the help.

    Attributes:
        add: As ``argparse`` adds an argument.
        repeatable: The same for one that may be said several times.
    """

    add: Callable[..., object]
    repeatable: Callable[..., object]


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are ours: one sentence, exit code 1."""

    def options(self, title: str) -> Options:
        """Begin a group of options."""
        add = self.add_argument_group(title).add_argument
        return Options(add, partial(add, action="append", default=[]))

    def error(self, message: str) -> NoReturn:
        complain(f"{message[:1].upper()}{message[1:]}.", f"{self.prog} --help tells more.")
        raise SystemExit(USER_ERROR)


def say(text: str) -> None:
    """Write lines; a terminal gets them broken between words."""
    sys.stdout.write(f"{_fitted(text, sys.stdout)}\n")
    sys.stdout.flush()


def complain(*sentences: str) -> None:
    """Write an error, one sentence a line."""
    sys.stderr.write(_fitted("\n".join(sentences), sys.stderr) + "\n")
    sys.stderr.flush()


def _fitted(text: str, stream: TextIO) -> str:
    """Break lines that are wider than the terminal; a pipe gets them as they are."""
    if not stream.isatty():
        return text
    columns = max(NARROWEST, shutil.get_terminal_size().columns)
    return "\n".join(fitted(line, columns) for line in text.split("\n"))


def fitted(line: str, columns: int) -> str:
    """Break a line between words, no part wider than ``columns``, further parts indented."""
    if shown_width(line) <= columns:
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    parts = textwrap.wrap(
        line, columns, subsequent_indent=indent, replace_whitespace=False,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return "\n".join(parts)


def speak_utf8() -> None:
    """Let a terminal that knows no UTF-8 show a question mark, not a stack trace."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def fraction(text: str) -> float:
    """A fraction as typed: ``0.083`` or ``8.3%``."""
    bare = text.strip()
    scale = 100.0 if bare.endswith("%") else 1.0
    return finite(bare.removesuffix("%")) / scale


def minute(moment: str) -> str:
    """A time of the API to the minute, in UTC: ``2026-11-28 10:25``."""
    return moment[:16].replace("T", " ")


def finite(text: str) -> float:
    """A finite number as typed."""
    try:
        number = float(text.replace("_", ""))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        message = f"“{text}” is not a number (write 0.083 or 8.3%)"
        raise argparse.ArgumentTypeError(message)
    return number


def named_shares(text: str) -> dict[str, float]:
    """Weights as typed: ``control=50,treatment=50``."""
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, sign, weight = part.rpartition("=")
        if not sign or not name.strip():
            message = f"“{part}” is not VARIANT=WEIGHT, as in control=50,treatment=50"
            raise argparse.ArgumentTypeError(message)
        shares[name.strip()] = fraction(weight)
    return shares


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,)
) -> str:
    """Align cells in columns two spaces apart.

    Args:
        headers: One per column.
        rows: Cells as text.
        left: Columns aligned on the left; the others are numbers and stand on the right.
    """
    lines = [list(headers), *(list(row) for row in rows)]
    widths = [max(shown_width(line[i]) for line in lines) for i in range(len(headers))]
    text = []
    for line in lines:
        cells = [
            cell + " " * (width - shown_width(cell))
            if i in left
            else " " * (width - shown_width(cell)) + cell
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  ".join(cells).rstrip())
    text.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(text)


def shown_width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(
        0
        if unicodedata.combining(sign)
        else 2
        if unicodedata.east_asian_width(sign) in "WF"
        else 1
        for sign in text
    )


class Progress:
    """A bar on the terminal's error channel; silent where that is no terminal."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._last = 0.0
        self._width = 0

    def __call__(self, done: float, what: str = "") -> None:
        """Show how much is done.

        Args:
            done: A fraction.
            what: What is being done now.
        """
        now = time.monotonic()
        if not self._shown or (done < 1 and now - self._last < REDRAW_SECONDS):
            return
        self._last = now
        filled = round(BAR_WIDTH * min(1.0, max(0.0, done)))
        line = f"{'█' * filled}{'░' * (BAR_WIDTH - filled)} {done:4.0%}  {what}"
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = len(line)

    def end(self) -> None:
        """Take the bar away."""
        if self._shown and self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0
