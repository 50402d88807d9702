"""SQL that is asked again and again is parsed once: that takes as long as a short query."""

from __future__ import annotations

import duckdb

MOST = 1_000
"""Texts kept at a time; then it begins afresh."""

_KNOWN: dict[str, duckdb.Statement] = {}


def parsed(cursor: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    """The one statement of a text, to be executed by any cursor.

    It holds the text's meaning only: names are looked up anew each time that it is executed.
    """
    found = _KNOWN.get(sql)
    if found is None:
        (found,) = cursor.extract_statements(sql)
        if len(_KNOWN) >= MOST:
            _KNOWN.clear()
        _KNOWN[sql] = found
    return found
