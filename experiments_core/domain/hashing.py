"""Hashes that turn a unit into buckets: our own, and those of services that migrate to us.

``upshot1`` is one digest with three independent draws: SHA-256 of the UTF-8 text
``{seed}:{unit}``; bytes 0-7, 8-15 and 16-23, each read big-endian and taken modulo 10 000, are
the buckets for allocation, holdout and variant. docs/assignment.md prints test vectors.

FNV-1a: Fowler, Noll & Vo, http://www.isthe.com/chongo/tech/comp/fnv/. The GrowthBook methods
follow its SDK specification 0.8.0 (hash versions 1 and 2, bucket ranges, namespaces).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import md5, sha256
from itertools import accumulate
from struct import Struct
from typing import NamedTuple

WHOLE = 10_000
_THREE = Struct(">QQQ8x").unpack
_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193
_MASK = 0xFFFFFFFF


class Draws(NamedTuple):
    """Three independent buckets of one unit, each 0 to 9 999."""

    allocation: int
    holdout: int
    variant: int


def upshot1(seed: str, unit: str) -> Draws:
    """Draw the three buckets of a unit.

    >>> upshot1("checkout-button", "user-1")
    Draws(allocation=4019, holdout=5678, variant=7318)
    """
    first, second, third = _THREE(sha256(f"{seed}:{unit}".encode()).digest())
    return Draws(first % WHOLE, second % WHOLE, third % WHOLE)


def fnv1a_32(units: Iterable[int]) -> int:
    """32-bit FNV-1a of bytes, or of UTF-16 code units as JavaScript clients feed them.

    >>> hex(fnv1a_32(b"foobar"))
    '0xbf9cf968'
    """
    value = _FNV_OFFSET
    for unit in units:
        value = ((value ^ unit) * _FNV_PRIME) & _MASK
    return value


def code_units(text: str) -> Sequence[int]:
    """The UTF-16 code units of a text; characters beyond U+FFFF count as two."""
    if text.isascii():
        return text.encode()
    raw = text.encode("utf-16-le")
    return [low | high << 8 for low, high in zip(raw[::2], raw[1::2], strict=True)]


def read_text(text: str, reading: str) -> Sequence[int]:
    """A text as ``utf-8`` bytes or ``utf-16`` code units."""
    return code_units(text) if reading == "utf-16" else text.encode()


def fnv1a32_hash(key: str, unit: str, *, reading: str = "utf-8") -> int:
    """FNV-1a of ``{key}:{unit}``, the whole 32-bit number.

    >>> hex(fnv1a32_hash("checkout-button", "user-1"))
    '0x79109cf7'
    """
    return fnv1a_32(read_text(f"{key}:{unit}", reading))


def md5_parity(comparison: str, unit: str, *, reading: str = "utf-8") -> int:
    """MD5 of ``{comparison}-{unit}`` as an integer, modulo 2."""
    text = f"{comparison}-{unit}"
    data = text.encode("utf-16-le") if reading == "utf-16" else text.encode()
    return md5(data, usedforsecurity=False).digest()[-1] & 1


def growthbook(seed: str, unit: str, version: int, *, reading: str = "utf-16") -> float | None:
    """GrowthBook's bucket of a unit in [0, 1); None for a hash version it does not have.

    >>> growthbook("checkout-button", "user-1", 1), growthbook("checkout-button", "user-1", 2)
    (0.799, 0.5603)
    """
    if version == 1:
        return fnv1a_32(read_text(unit + seed, reading)) % 1000 / 1000
    if version == 2:
        inner = fnv1a_32(read_text(seed + unit, reading))
        return fnv1a_32(str(inner).encode()) % WHOLE / WHOLE
    return None


def growthbook_namespace(namespace: str, unit: str) -> float:
    """GrowthBook's namespace draw of a unit in [0, 1): version 1 with the seed ``__name``."""
    return fnv1a_32(code_units(f"{unit}__{namespace}")) % 1000 / 1000


def bucket_ranges(
    arms: int, coverage: float, weights: Sequence[float] | None
) -> list[tuple[float, float]]:
    """The half-open range of buckets of each arm, as GrowthBook cuts them.

    Args:
        arms: How many.
        coverage: Share of the units that take part, a fraction; clamped to [0, 1].
        weights: Fractions; equal shares when their number or their sum (0.99 to 1.01) is off.
    """
    covered = min(1.0, max(0.0, coverage))
    shares = list(weights or ())
    if len(shares) != arms or not 0.99 <= sum(shares) <= 1.01:
        shares = [1 / arms] * max(0, arms)
    begins = [0.0, *accumulate(shares)]
    return [
        (begin, begin + covered * share) for begin, share in zip(begins, shares, strict=False)
    ]


def choose_range(bucket: float, ranges: Sequence[tuple[float, float]]) -> int:
    """Index of the first range that holds a bucket, -1 when none does."""
    for index, (begin, end) in enumerate(ranges):
        if begin <= bucket < end:
            return index
    return -1
