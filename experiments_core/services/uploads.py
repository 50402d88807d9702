"""Take in a file: count, hash, unpack and clean its bytes while they pass by once."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from experiments_core.domain.source import Dialect
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem, TooLargeError
from experiments_core.tabular.census import Census, Structure
from experiments_core.tabular.encoding import UTF16, BadByteError, Transcoder, nul_error
from experiments_core.tabular.foreign import is_gzip, refuse_foreign
from experiments_core.tabular.sniff import Sniff, sniff
from experiments_core.tabular.text import shorten

CHUNK = 512 * 1024
HEAD = 64 * 1024
"""Bytes on which delimiter, header and columns are judged."""

MIDDLES, MIDDLE = 8, 8 * 1024
MOST_ROWS = 20_000_000
MOST_UNPACKED = 2 * 1024**3
MOST_RATIO = 100

INBOX_HINT = "Put it into the workspace's inbox folder, or read it with the package."

Tell = Callable[[int], None]


class ByteSource(Protocol):
    """Whatever gives bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Read at most so many bytes."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was taken in.

    Attributes:
        path: Clean text: UTF-8, line feeds, no byte-order mark; the original itself when it
            was clean already and was to be read in place.
        bytes: Size as it came.
        sha256: Of the bytes as they came.
        encoding: What they were written in.
        sample: A line that was read as Windows-1252.
        structure: Records, lines and quotes.
        head: Its beginning.
        complete: ``head`` is all of it.
        delimiter: As found, or told.
        header_line: As found, or told.
    """

    path: Path
    bytes: int
    sha256: str
    encoding: str
    sample: str
    structure: Structure
    head: str
    complete: bool
    delimiter: str
    header_line: int

    @property
    def middle(self) -> tuple[str, ...]:
        """Whole lines from several places further down."""
        many_lines = self.structure.lines > self.structure.records + self.structure.blank_count
        if self.complete or many_lines:
            return ()
        size = self.path.stat().st_size
        pieces = []
        with self.path.open("rb") as file:
            for number in range(1, MIDDLES + 1):
                file.seek(size * number // (MIDDLES + 1))
                lines = file.read(MIDDLE).split(b"\n")[1:-1]
                pieces.append(b"\n".join(lines).decode())
        return tuple(pieces)


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


def stored(
    path: Path,
    *,
    bytes_: int,
    sha256: str,
    encoding: str,
    sample: str,
    structure: Structure,
    dialect: tuple[str, int],
) -> Upload:
    """A text that was taken in before, as it was then."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        complete = not file.read(1)
    return Upload(
        path, bytes_, sha256, encoding, sample, structure, head.decode("utf-8", "ignore"),
        complete, *dialect,
    )  # fmt: skip


def read_structure(path: Path, dialect: Dialect) -> Structure:
    """Count a clean text file under another dialect than the one that was found.

    Raises:
        InvalidInputError: a quote is left open, or a line is too long.
    """
    census = Census(ord(dialect.delimiter), skip_lines=max(0, dialect.header_line - 1))
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            census.feed(chunk)
    structure = census.finish()
    _refuse_quotes(structure)
    return structure


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
        _refuse_quotes(structure)
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
            if self._most_bytes is not None and self._bytes > self._most_bytes:
                raise TooLargeError(
                    f"The file is larger than {grouped(self._most_bytes // 1024**2)} MB.",
                    hint=INBOX_HINT,
                )
            hashed.result()
            hashed = hasher.submit(self._hash.update, chunk)
            if self._tell is not None:
                self._tell(self._bytes)
            yield chunk

    def _unpacked(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        first = next(chunks, b"")
        if is_gzip(first):
            self.changed = True
            unpacked = _gunzip(first, chunks, lambda: self._bytes)
            first = next(unpacked, b"")
            if is_gzip(first):
                raise InvalidInputError(
                    "The file is packed twice.", code="FILE_FOREIGN", hint="Unpack it once."
                )
            chunks = unpacked
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
        byte = f"0x{error.value:02X}"
        written = "UTF-16" if self._transcoder.encoding == UTF16 else "UTF-8"
        return InvalidInputError(
            f"The byte {byte} on {where} is not valid {written} (after “{shorten(text, 30)}”).",
            code="FILE_INVALID_BYTE",
            hint="Save the file as “CSV UTF-8”, or correct the line.",
            details=(Problem(where, byte, "FILE_INVALID_BYTE", f"invalid {written} byte"),),
        )

    def _column_of(self, before: bytes) -> str:
        found = self._found
        if found is None:
            try:
                found = sniff(before.decode("utf-8", "ignore"), complete=False)
            except InvalidInputError:
                return ""
        place = before[before.rfind(b"\n") + 1 :].count(found.delimiter.encode())
        return found.names[place] if place < len(found.names) else ""


def _gunzip(
    first: bytes, chunks: Iterator[bytes], packed: Callable[[], int]
) -> Iterator[bytes]:
    """Unpack a stream, counting; several members in a row are one file."""
    engine, is_begun = zlib.decompressobj(31), False
    total = 0
    pending: bytes | None = first
    while pending is not None:
        try:
            piece = engine.decompress(pending, CHUNK)
        except zlib.error as error:
            raise _damaged_gzip("is damaged and cannot be unpacked") from error
        total, is_begun = total + len(piece), True
        if total > MOST_UNPACKED or total > MOST_RATIO * packed() + CHUNK:
            raise TooLargeError(
                f"The .gz file unpacks to more than {MOST_UNPACKED // 1024**3} GB or more than "
                f"{MOST_RATIO} times its size.",
                hint="Unpack it and upload the text.",
            )
        if piece:
            yield piece
        if engine.eof:
            pending = engine.unused_data.lstrip(b"\0") or next(chunks, None)
            engine, is_begun = zlib.decompressobj(31), False
        else:
            pending = engine.unconsumed_tail or next(chunks, None)
    if is_begun:
        raise _damaged_gzip("ends too early")


def _damaged_gzip(what: str) -> InvalidInputError:
    return InvalidInputError(
        f"The .gz file {what}.", code="FILE_GZIP", hint="Pack or download it again."
    )


def _refuse_quotes(structure: Structure) -> None:
    if structure.long_line:
        _refuse_line(structure.long_line, "is too long to be read")
    if structure.stray_quote_line:
        _refuse_line(structure.stray_quote_line, "has text after a closing quote")
    if structure.open_quote_line:
        _refuse_line(structure.open_quote_line, "opens a quote that is never closed")


def _refuse_line(line: int, what: str) -> None:
    raise InvalidInputError(
        f"Line {line} {what}.",
        code="FILE_QUOTE" if "quote" in what else "FILE_LONG_LINE",
        hint="Correct the line or export the file again; a quote inside a quoted field is "
        "written twice.",
        details=(Problem(f"line {line}", None, "FILE_QUOTE", what),),
    )
