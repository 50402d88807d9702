"""Turn a stream of bytes into clean text: UTF-8, line feeds, no byte-order mark, no NUL."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

from experiments_core.errors import InvalidInputError, Problem

UTF8, UTF16, WINDOWS = "utf-8", "utf-16", "windows-1252"

_HIGH = re.compile(rb"[\x80-\xff]")
_UNLIKELY = re.compile(rb"[0-9_][\xc0-\xff]|[\xc0-\xff][0-9_]")
"""A letter with an accent does not stand beside a digit; a damaged byte may."""


class BadByteError(Exception):
    """A byte that is no text.

    Attributes:
        before: What came before it in the same piece, for line and column.
        value: The byte.
    """

    def __init__(self, before: bytes, value: int) -> None:
        super().__init__(f"byte 0x{value:02X}")
        self.before = before
        self.value = value


@dataclass(slots=True)
class Transcoder:
    """Feed it raw bytes in pieces; it gives back clean ones.

    Attributes:
        encoding: What the file is written in, as far as is known.
        changed: The clean bytes differ from the raw ones.
        sample: First line that was read as Windows-1252, for the notice.
    """

    encoding: str = UTF8
    changed: bool = False
    sample: str = ""
    _started: bool = False
    _multibyte: bool = False
    _carriage: bool = False
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=codecs.getincrementaldecoder("utf-8")
    )

    def feed(self, chunk: bytes, *, final: bool = False) -> bytes:
        """Take the next piece, at least four bytes for the first one.

        Raises:
            BadByteError: the piece holds a byte that is no text, or NUL.
            InvalidInputError: the file is UTF-32, or UTF-16 without a mark.
        """
        if not self._started:
            chunk = self._start(chunk)
        if self.encoding == UTF16:
            chunk = self._utf16(chunk, final=final)
        elif self.encoding == WINDOWS or not self._is_utf8(chunk, final=final):
            chunk = self._windows(chunk)
        if (place := chunk.find(b"\0")) >= 0:
            raise BadByteError(chunk[:place], 0)
        return self._line_feeds(chunk, final=final)

    def _start(self, chunk: bytes) -> bytes:
        self._started = True
        if chunk.startswith(codecs.BOM_UTF8):
            self.changed, chunk = True, chunk[len(codecs.BOM_UTF8) :]
        elif chunk.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            raise _other_encoding("UTF-32", "")
        elif chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self.encoding, self.changed = UTF16, True
            self._decoder = codecs.getincrementaldecoder("utf-16")()
        elif len(chunk) >= 4 and (
            chunk[1:8:2].strip(b"\0") == b"" or chunk[:8:2].strip(b"\0") == b""
        ):
            raise _other_encoding(
                "UTF-16", " without a byte-order mark: every second byte is NUL"
            )
        return chunk

    def _utf16(self, chunk: bytes, *, final: bool) -> bytes:
        """Read as UTF-16; half a character is damage."""
        held = self._decoder.getstate()[0]
        try:
            return self._decoder.decode(chunk, final=final).encode()
        except UnicodeError as error:
            place = getattr(error, "start", 0)
            whole = held + chunk
            known = whole[:place].decode("utf-16", "ignore").encode("utf-8", "ignore")
            raise BadByteError(known, whole[place] if place < len(whole) else 0) from error

    def _is_utf8(self, chunk: bytes, *, final: bool) -> bool:
        if chunk.isascii() and not self._decoder.getstate()[0]:
            return True
        held = self._decoder.getstate()[0]
        try:
            self._decoder.decode(chunk, final=final)
        except UnicodeDecodeError as error:
            before = (held + chunk)[: error.start]
            if self._multibyte or held or not before.isascii():
                raise BadByteError(before, (held + chunk)[error.start]) from error
            return False
        self._multibyte = True
        return True

    def _windows(self, chunk: bytes) -> bytes:
        """Read as Windows-1252; bytes that it leaves undefined are damage."""
        odd = _UNLIKELY.search(chunk)
        if odd:
            place = next(p for p in range(odd.start(), odd.end()) if chunk[p] >= 0xC0)
            raise BadByteError(chunk[:place], chunk[place])
        try:
            text = chunk.decode("cp1252")
        except UnicodeDecodeError as error:
            raise BadByteError(chunk[: error.start], chunk[error.start]) from error
        if not self.sample and (first := _HIGH.search(chunk)):
            begin, end = (
                chunk.rfind(b"\n", 0, first.start()) + 1,
                chunk.find(b"\n", first.end()),
            )
            self.sample = chunk[begin : end if end > 0 else None].decode("cp1252").strip()
        self.encoding, self.changed = WINDOWS, True
        return text.encode()

    def _line_feeds(self, chunk: bytes, *, final: bool) -> bytes:
        if self._carriage:
            chunk, self._carriage = b"\r" + chunk, False
        if b"\r" not in chunk:
            return chunk
        self.changed = True
        if chunk.endswith(b"\r") and not final:
            chunk, self._carriage = chunk[:-1], True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _other_encoding(name: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"The file is {name}{why}.",
        code="FILE_ENCODING",
        hint="Save it as “CSV UTF-8” and upload it again.",
        details=(Problem("encoding", name, "FILE_ENCODING", "UTF-8 is expected"),),
    )


def nul_error(where: str, before: str) -> InvalidInputError:
    """Refuse a file with NUL bytes.

    Args:
        where: Line and column of the first one.
        before: Text before it on its line.
    """
    after = f" (after “{before}”)" if before else ""
    return InvalidInputError(
        f"The file holds NUL bytes, the first on {where}{after}; text never does.",
        code="FILE_NUL",
        hint="It may be UTF-16 or damaged. Save it as “CSV UTF-8” and upload it again.",
        details=(Problem(where, "NUL", "FILE_NUL", "no NUL bytes"),),
    )


def bad_byte_error(byte: int, where: str, before: str, encoding: str) -> InvalidInputError:
    """Refuse a file with a byte that its encoding does not know.

    Args:
        byte: Its value.
        where: Line and column.
        before: Text before it on its line.
        encoding: What the file is written in.
    """
    written = "UTF-16" if encoding == UTF16 else "UTF-8"
    value = f"0x{byte:02X}"
    return InvalidInputError(
        f"The byte {value} on {where} is not valid {written} (after “{before}”).",
        code="FILE_INVALID_BYTE",
        hint="Save the file as “CSV UTF-8”, or correct the line.",
        details=(Problem(where, value, "FILE_INVALID_BYTE", f"invalid {written} byte"),),
    )
