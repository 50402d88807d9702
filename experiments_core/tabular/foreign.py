"""Other kinds of files under a .csv name, told by how they begin."""

from __future__ import annotations

import re

from experiments_core.errors import InvalidInputError, Problem

_SAVE = "Open it in the program that made it and save it as “CSV UTF-8”."
_SPREADSHEET = "Open it in a spreadsheet and save the sheet as “CSV UTF-8”."

_PARQUET = (
    "An uploaded Parquet file cannot be opened safely. Save it as CSV, or read it from your "
    "own disk with the package: experiments_core.read_data(path)."
)

_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive or a packed Excel workbook", "Upload what is inside it."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", _SPREADSHEET),
    (b"PAR1", "a Parquet file", _PARQUET),
    (b"ARROW1", "an Arrow file", _SAVE),
    (b"%PDF", "a PDF document", _SAVE),
    (b"SQLite format 3\0", "an SQLite database", _SAVE),
    (b"BZh", "a bzip2 archive", "Unpack it first; .gz is read as it is."),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it first; .gz is read as it is."),
    (b"\xfd7zXZ\0", "an xz archive", "Unpack it first; .gz is read as it is."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it first; .gz is read as it is."),
    (b"Rar!", "a RAR archive", "Unpack it first; .gz is read as it is."),
    (b"\x89PNG", "a picture", _SAVE),
    (b"\xff\xd8\xff", "a picture", _SAVE),
    (b"{\\rtf", "a rich text document", _SAVE),
)

_DOWNLOAD = "The link led to a page, not to the file. Download the file itself."


def refuse_foreign(head: bytes) -> None:
    """Refuse what is not a text table.

    Raises:
        InvalidInputError: names the kind of file and what to do.
    """
    if not head:
        raise InvalidInputError(
            "The file is empty (0 bytes).", code="FILE_EMPTY", hint="Export it again."
        )
    for signature, kind, hint in _SIGNATURES:
        if head.startswith(signature):
            raise _refusal(kind, hint)
    if head[8:12] == b"DUCK":
        raise _refusal("a DuckDB database", _SAVE)
    text = head[:4096].decode("utf-8", "ignore").lstrip("\ufeff \t\r\n")
    lower = text.lower()
    if lower.startswith(("<!doctype html", "<html")) or re.match(
        r"<(head|body|table)\b", lower
    ):
        raise _refusal("an HTML page", _DOWNLOAD)
    if lower.startswith("<?xml"):
        raise _refusal("an XML document", _SAVE)
    if text.startswith("version https://git-lfs.github.com/spec/"):
        raise _refusal("a Git LFS pointer instead of the data", "Run “git lfs pull” first.")
    if re.match(r"\[\s*[\[{\]]|\{\s*[\"}]", text):
        raise _refusal("JSON", _SAVE)


def is_gzip(head: bytes) -> bool:
    """Whether the bytes begin like a gzip file."""
    return head.startswith(b"\x1f\x8b")


def _refusal(kind: str, hint: str) -> InvalidInputError:
    return InvalidInputError(
        f"This is {kind}, not a CSV file.",
        code="FILE_FOREIGN",
        hint=hint,
        details=(Problem("file", kind, "FILE_FOREIGN", "a text table is expected"),),
    )
