"""Take in a file: count, hash, unpack and clean its bytes while they pass by once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Protocol

from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, TooLargeError
from experiments_core.services.unpacking import gunzip
from experiments_core.services.uploads import CHUNK, HEAD, Upload
from experiments_core.tabular.census import Census
from experiments_core.tabular.encoding import (
    BadByteError,
    Transcoder,
    bad_byte_error,
    nul_error,
)
from experiments_core.tabular.foreign import is_gzip, refuse_foreign
from experiments_core.tabular.sniff import Sniff, sniff
from experiments_core.tabular.structure import refuse_unreadable
from experiments_core.tabular.text import shorten

MOST_ROWS = 20_000_000
INBOX_HINT = "Put it into the workspace's inbox folder, or read it with the package."
Tell = Callable[[int], None]


class ByteSource(Protocol):
    """Whatever gives bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Read at most so many bytes."""


def take_in(
    source: ByteSource,
    target: Path,
    *,
    most_bytes: int | None = None,
    most_rows: int | None = None,
    tell: Tell | None = None,
) -> Upload:
    """Write clean text to ``target``; nothing is left there when the file is refused.

    Args:
        source: The bytes as they come.
        target: Where the text goes.
        most_bytes: Largest file.
        most_rows: Largest number of records.
        tell: Told now and then how many bytes have come.

    Raises:
        InvalidInputError: this is no readable table; the message names kind, line and column.
        TooLargeError: beyond a limit, which is stated.
    """
    intake = _Intake(most_bytes, most_rows, tell)
    try:
        with target.open("wb") as out:
            intake.run(source, out)
        return intake.finish(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def look_at(path: Path, folder: Path) -> Upload:
    """Read a file in place when its text is clean, else through a clean copy in ``folder``.

    Raises:
        InvalidInputError: this is no readable table.
    """
    intake = _Intake(None, None, None)
    with path.open("rb") as source:
        intake.run(source, None)
    if not intake.changed:
        return intake.finish(path)
    with path.open("rb") as source:
        return take_in(source, folder / f"{path.stem[:40]}.txt")


def refuse_size(size: int, most: int | None) -> None:
    """Refuse a file as soon as more bytes have come than it may have.

    Raises:
        TooLargeError: beyond the limit, which is stated.
    """
    if most is not None and size > most:
        raise TooLargeError(
            f"The file is larger than {grouped(most // 1024**2)} MB.", hint=INBOX_HINT
        )


class _Intake:
    """State of one file on its way in."""

    def __init__(
        self, most_bytes: int | None, most_rows: int | None, tell: Tell | None
    ) -> None:
        self.changed = False
        self._most_bytes, self._most_rows, self._tell = most_bytes, most_rows, tell
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._transcoder = Transcoder()
        self._head = bytearray()
        self._found: Sniff | None = None
        self._census: Census | None = None
        self._total = 0

    def run(self, source: ByteSource, out: BinaryIO | None) -> None:
        """Let all bytes pass; they are hashed beside, on another core."""
        with ThreadPoolExecutor(1) as hasher:
            self._run(self._unpacked(self._raw(source, hasher)), out)

    def _run(self, chunks: Iterator[bytes], out: BinaryIO | None) -> None:
        last = next(chunks, b"")
        for chunk in chunks:
            self._pass(last, out, final=False)
            if out is None and self.changed:
                return
            last = chunk
        self._pass(last, out, final=True)
        if self._census is None:
            self._begin_census(complete=True)
        self._refuse_rows()

    def finish(self, path: Path) -> Upload:
        """Close the census and say what came."""
        assert self._census is not None  # noqa: S101  run() has made it
        assert self._found is not None  # noqa: S101  run() has made it
        structure = self._census.finish()
        refuse_unreadable(structure)
        return Upload(
            path=path,
            bytes=self._bytes,
            sha256=self._hash.hexdigest(),
            encoding=self._transcoder.encoding,
            sample=self._transcoder.sample,
            structure=structure,
            head=bytes(self._head[:HEAD]).decode("utf-8", "ignore"),
            complete=self._total <= HEAD,
            delimiter=self._found.delimiter,
            header_line=self._found.header_line,
        )

    def _raw(self, source: ByteSource, hasher: ThreadPoolExecutor) -> Iterator[bytes]:
        hashed: Future[None] = hasher.submit(self._hash.update, b"")
        while chunk := source.read(CHUNK):
            self._bytes += len(chunk)
            refuse_size(self._bytes, self._most_bytes)
            hashed.result()
            hashed = hasher.submit(self._hash.update, chunk)
            if self._tell is not None:
                self._tell(self._bytes)
            yield chunk

    def _unpacked(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        first = next(chunks, b"")
        if is_gzip(first):
            self.changed = True
            chunks = gunzip(first, chunks, lambda: self._bytes)
            first = next(chunks, b"")
            if is_gzip(first):
                raise InvalidInputError(
                    "The file is packed twice.", code="FILE_FOREIGN", hint="Unpack it once."
                )
        refuse_foreign(first)
        yield first
        yield from chunks

    def _pass(self, raw: bytes, out: BinaryIO | None, *, final: bool) -> None:
        try:
            clean = self._transcoder.feed(raw, final=final)
        except BadByteError as error:
            raise self._bad_byte(error) from error
        self.changed = self.changed or self._transcoder.changed
        self._total += len(clean)
        if out is not None:
            out.write(clean)
        if self._census is not None:
            self._census.feed(clean)
            self._refuse_rows()
            return
        self._head += clean
        if len(self._head) >= HEAD:
            self._begin_census(complete=final)

    def _begin_census(self, *, complete: bool) -> None:
        text = bytes(self._head[:HEAD]).decode("utf-8", "ignore")
        whole = complete and len(self._head) <= HEAD
        self._found = found = sniff(text, complete=whole)
        self._census = Census(ord(found.delimiter), skip_lines=max(0, found.header_line - 1))
        self._census.feed(bytes(self._head))

    def _refuse_rows(self) -> None:
        assert self._census is not None  # noqa: S101  run() has made it
        if self._most_rows is not None and self._census.lines > self._most_rows:
            raise TooLargeError(
                f"The file has more than {grouped(self._most_rows)} rows.",
                hint=INBOX_HINT,
            )

    def _bad_byte(self, error: BadByteError) -> InvalidInputError:
        before = bytes(self._head) if self._census is None else self._census.rest
        lines = 0 if self._census is None else self._census.lines
        before += error.before
        line = lines + before.count(b"\n") + 1
        column = self._column_of(before)
        where = f"line {line}" + (f", column “{column}”" if column else "")
        text = before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")
        if not error.value:
            return nul_error(where, shorten(text, 30))
        return bad_byte_error(error.value, where, shorten(text, 30), self._transcoder.encoding)

    def _column_of(self, before: bytes) -> str:
        found = self._found
        if found is None:
            try:
                found = sniff(before.decode("utf-8", "ignore"), complete=False)
            except InvalidInputError:
                return ""
        place = before[before.rfind(b"\n") + 1 :].count(found.delimiter.encode())
        return found.names[place] if place < len(found.names) else ""
