"""Files as they come: texts and workbooks, one or several. Of a refused one nothing is left."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from experiments_core.domain.source import Dialect
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services import intake, preparing, workbooks
from experiments_core.services.prepared import Part, Prepared
from experiments_core.services.text_rows import columns_of
from experiments_core.services.uploads import CHUNK, Upload
from experiments_core.store.database import Database
from experiments_core.tabular import reshape

MOST_FILES = 20

Source = tuple[BinaryIO | Path, str]


@dataclass(frozen=True, slots=True)
class _Stored:
    """One of the files, kept as it came."""

    part: Part
    bytes: int
    sha256: str


def take(
    db: Database,
    sources: Sequence[Source],
    target: Path,
    *,
    most_bytes: int | None = None,
    most_rows: int | None = None,
    tell: intake.Tell | None = None,
) -> Prepared:
    """Take files in; nothing is left of them when one is refused.

    Args:
        db: The workspace, which puts several files together.
        sources: Bytes or files of this machine, each with its name.
        target: Where the text goes; parts lie beside it.
        most_bytes: Largest file.
        most_rows: Largest number of rows in a file.
        tell: Told now and then how many bytes have come.

    Raises:
        InvalidInputError: a file is no table, or the files do not fit together.
        TooLargeError: beyond a limit.
    """
    limits: dict[str, Any] = {"most_bytes": most_bytes, "most_rows": most_rows, "tell": tell}
    try:
        with ExitStack() as stack:
            opened = [
                (stack.enter_context(s.open("rb")) if isinstance(s, Path) else s, name)
                for s, name in sources
            ]
            return _take(db, opened, target, limits)
    except BaseException:
        preparing.forget(target)
        raise


def _take(
    db: Database,
    opened: Sequence[tuple[BinaryIO, str]],
    target: Path,
    limits: dict[str, Any],
) -> Prepared:
    if len(opened) > MOST_FILES:
        raise InvalidInputError(
            f"These are {len(opened)} files; at most {MOST_FILES} are put together.",
            code="TOO_MANY_FILES",
            details=(Problem("files", len(opened), "TOO_MANY", f"at most {MOST_FILES}"),),
        )
    several = len(opened) > 1
    stored: list[_Stored] = []
    for number, (source, name) in enumerate(opened):
        head = source.read(len(workbooks.MAGIC))
        whole = _Rejoined(head, source)
        place = target.with_name(f"{target.stem}.{number}.part")
        with _naming(name, several=several):
            if workbooks.is_workbook(head):
                stored.append(_workbook(whole, place, name, limits["most_bytes"]))
            elif several:
                upload = intake.take_in(whole, place, **limits)
                stored.append(_Stored(Part(place.name, name), upload.bytes, upload.sha256))
            else:
                return _as_it_came(db, target, name, intake.take_in(whole, target, **limits))
    made = preparing.make(db, target, tuple(one.part for one in stored), Dialect())
    return replace(made, upload=replace(
        made.upload,
        bytes=sum(one.bytes for one in stored),
        sha256=_joint([one.sha256 for one in stored]),
    ))  # fmt: skip


def _as_it_came(db: Database, target: Path, name: str, upload: Upload) -> Prepared:
    """A text as it is; a table of moments side by side becomes rows at once."""
    columns = columns_of(upload)
    if reshape.is_wide_moments(columns):
        return preparing.prepare(db, target, (), Dialect(), replace(upload, path=Path(name)))
    ask = reshape.question(columns)
    return Prepared(upload, asks=(ask,) if ask is not None else ())


def _workbook(source: _Rejoined, place: Path, name: str, most_bytes: int | None) -> _Stored:
    """Keep a workbook as it comes and look at its sheets."""
    size, digest = 0, hashlib.sha256()
    with place.open("wb") as out:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            intake.refuse_size(size, most_bytes)
            digest.update(chunk)
            out.write(chunk)
    return _Stored(Part(place.name, name, workbooks.sheets_of(place)), size, digest.hexdigest())


def _joint(hashes: Sequence[str]) -> str:
    """One hash for all files, whatever their order; that of a single one as it is."""
    if len(hashes) == 1:
        return hashes[0]
    return hashlib.sha256(" ".join(sorted(hashes)).encode()).hexdigest()


class _Rejoined:
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes."""
        if not self._head:
            return self._rest.read(size)
        head, self._head = self._head, b""
        return head + self._rest.read(max(0, size - len(head)))


@contextmanager
def _naming(name: str, *, several: bool) -> Iterator[None]:
    """Say which of several files an error is about."""
    try:
        yield
    except InvalidInputError as error:
        if several:
            error.message = f"“{name}”: {error.message}"
            error.args = (error.message,)
        raise
