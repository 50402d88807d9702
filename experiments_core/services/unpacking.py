"""Unpack gzip while the bytes pass by, within limits."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from experiments_core.errors import InvalidInputError, TooLargeError

MOST_UNPACKED = 2 * 1024**3
MOST_RATIO = 100
PIECE = 512 * 1024
"""Bytes that are unpacked at once."""


def gunzip(first: bytes, chunks: Iterator[bytes], packed: Callable[[], int]) -> Iterator[bytes]:
    """Unpack a stream; several members in a row are one file.

    Args:
        first: The first bytes.
        chunks: Those that follow.
        packed: Tells how many bytes have come so far.

    Raises:
        InvalidInputError: the stream is damaged or ends too early.
        TooLargeError: it unpacks to more than is read.
    """
    engine, is_begun = zlib.decompressobj(31), False
    total = 0
    pending: bytes | None = first
    while pending is not None:
        try:
            piece = engine.decompress(pending, PIECE)
        except zlib.error as error:
            raise _damaged_gzip("is damaged and cannot be unpacked") from error
        total, is_begun = total + len(piece), True
        if total > MOST_UNPACKED or total > MOST_RATIO * packed() + PIECE:
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
