"""Pseudonyms of unit ids as an SQL expression. DuckDB's dialect; text only."""

from __future__ import annotations

from experiments_core.domain.pseudonym import DIGITS, PATTERN, PREFIX

_BLOCK = 64  # bytes of a block of SHA-256


def pseudonym_sql(key: bytes, column: str) -> str:
    """The same as :func:`experiments_core.domain.pseudonym.pseudonym`, for a column.

    Args:
        key: 32 bytes.
        column: Expression of the unit id; NULL and the empty text stay what they are.
    """
    inner, outer = (_literal(bytes(byte ^ pad for byte in key.ljust(_BLOCK, b"\0")))
                    for pad in (0x36, 0x5C))  # fmt: skip
    first = f"unhex(sha256({inner} || encode({column})))"
    return (
        f"CASE WHEN {column} = '' OR regexp_matches({column}, '{PATTERN}') THEN {column} "
        f"ELSE '{PREFIX}' || left(sha256({outer} || {first}), {DIGITS}) END"
    )


def _literal(content: bytes) -> str:
    return "'" + "".join(f"\\x{byte:02X}" for byte in content) + "'::BLOB"
