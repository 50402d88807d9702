"""Excel workbooks: which sheets there are, and one of them as clean text.

The parser runs in a process of its own under limits on memory and time, after the sizes that
the archive states were checked: whatever a workbook does to it, this process stays.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from experiments_core.errors import InvalidInputError, Problem, TooLargeError

CHILD = Path(__file__).with_name("workbook_child.py")
MOST_UNPACKED = 512 * 1024 * 1024
MOST_RATIO = 100
SMALL = 8 * 1024 * 1024
"""Unpacked size up to which the ratio does not matter: an empty sheet packs very well."""

MAGIC = b"PK\x03\x04"
"""First bytes of a ZIP archive, which a workbook is."""

MOST_SECONDS = 300
MOST_SHEETS = 100

HINT = "Save the sheet as “CSV UTF-8” and upload that."


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook that holds something.

    Attributes:
        place: Number among the workbook's sheets, from 0.
        name: As its tab says.
        head: Its widest row near the top.
    """

    place: int
    name: str
    head: tuple[str, ...]


def is_workbook(head: bytes) -> bool:
    """Whether bytes begin like a workbook."""
    return head.startswith(MAGIC)


def sheets_of(book: Path) -> tuple[Sheet, ...]:
    """The visible sheets that hold something, in the order of their tabs.

    Raises:
        InvalidInputError: this is no workbook, or it cannot be read, or nothing is in it.
        TooLargeError: it unpacks to more than is read.
    """
    _refuse_archive(book)
    told = json.loads(_run("list", str(book)))
    visible = [(place, one) for place, one in enumerate(told) if not one["hidden"]]
    sheets = tuple(
        Sheet(place, one["name"], tuple(one["head"])) for place, one in visible if one["head"]
    )
    if not sheets:
        raise InvalidInputError(
            "No sheet of this workbook holds anything.", code="FILE_EMPTY", hint=HINT
        )
    return sheets[:MOST_SHEETS]


def write_sheet(book: Path, sheet: Sheet, target: Path) -> None:
    """Write one sheet as CSV: UTF-8, commas, one line per row.

    Raises:
        InvalidInputError: the sheet cannot be read.
        TooLargeError: it needs more memory or time than it may have.
    """
    _run("write", str(book), str(sheet.place), str(target))


def _refuse_archive(book: Path) -> None:
    """Judge the archive by its list of contents, before anything is unpacked."""
    try:
        with zipfile.ZipFile(book) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise InvalidInputError(
            "This begins like an Excel workbook, but is damaged or cut off.",
            code="FILE_WORKBOOK",
            hint="Save or download it again.",
        ) from error
    names = {entry.filename for entry in entries}
    if "xl/workbook.xml" not in names:
        what = "an Excel binary workbook (.xlsb)" if "xl/workbook.bin" in names else (
            "an OpenDocument spreadsheet" if "content.xml" in names else "a ZIP archive"
        )  # fmt: skip
        raise InvalidInputError(
            f"This is {what}, not a CSV file or an .xlsx workbook.",
            code="FILE_FOREIGN",
            hint="Unpack it, or save the sheet as “CSV UTF-8”.",
            details=(Problem("file", what, "FILE_FOREIGN", "a table is expected"),),
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise InvalidInputError(
            "The workbook is protected by a password.",
            code="FILE_WORKBOOK",
            hint="Save it without one.",
        )
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(1, book.stat().st_size)
    if unpacked > MOST_UNPACKED or (unpacked > SMALL and unpacked > MOST_RATIO * packed):
        raise TooLargeError(
            f"The workbook unpacks to more than {MOST_UNPACKED // 1024**2} MB or more than "
            f"{MOST_RATIO} times its size.",
            hint=HINT,
        )


def _run(*arguments: str) -> str:
    """Run the parser; what it wrote to its output."""
    try:
        done = subprocess.run(  # noqa: S603  our own script, names of our own
            [sys.executable, "-I", str(CHILD), *arguments],
            capture_output=True,
            timeout=MOST_SECONDS,
            check=False,
            env={"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise _too_much("more than five minutes") from error
    if done.returncode == 0:
        return done.stdout.decode()
    if b"MemoryError" in done.stderr or done.returncode < 0:
        raise _too_much("more memory or time than it may have")
    raise InvalidInputError(
        "The workbook cannot be read: it is damaged, or not what its name says.",
        code="FILE_WORKBOOK",
        hint=HINT,
    )


def _too_much(what: str) -> TooLargeError:
    return TooLargeError(f"Reading the workbook takes {what}.", hint=HINT)
