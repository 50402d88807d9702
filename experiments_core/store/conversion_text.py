"""The text of a cell in SQL: trimmed, blank, cast, and worked out once."""

from __future__ import annotations

from collections.abc import Iterable

from experiments_core.query.literals import quoted
from experiments_core.tabular.text import BLANK_WORDS, WHITE


def trimmed(field: str) -> str:
    """The text of a cell without blanks and invisible characters around it.

    Trimming a set of characters costs as much as reading the file, so texts that plainly need
    it not are told apart first: as many bytes as characters is ASCII.
    """
    ascii_only = f"strlen({field}) = length({field})"
    breaks = f"contains({field}, '\t') OR contains({field}, '\n')"
    return (
        f"CASE WHEN {ascii_only} AND NOT (contains({field}, ' ') OR {breaks}) THEN {field} "
        f"WHEN {ascii_only} AND NOT ({breaks}) THEN trim({field}) "
        f"ELSE trim({field}, {quoted(WHITE)}) END"
    )


def cell_text(place: int) -> str:
    """The trimmed text of a cell of ``raw`` by its position; NULL where there is none."""
    return f"nullif({trimmed(f'f{place}')}, '')"


def is_blank(field: str) -> str:
    """Whether a cell of a number, yes/no or time column is blank."""
    return f"({field} IS NULL OR lower({trimmed(field)}) IN ({listed(BLANK_WORDS)}))"


def is_like(text: str, pattern_: str) -> str:
    """Whether the whole of a text is like a regular expression."""
    return f"regexp_full_match({text}, {quoted(pattern_)})"


def once(name: str, value: str, expression: str) -> str:
    """Write an expression that uses a value several times, with the value worked out once.

    Written out at every place it costs more to plan than a short file costs to read.
    """
    return f"list_transform([{value}], lambda {name}: {expression})[1]"


def text_of(field: str, sql_type: str) -> str:
    """A field as text."""
    return field if sql_type == "VARCHAR" else f"CAST({field} AS VARCHAR)"


def listed(words: Iterable[str]) -> str:
    """Words as a list of literals, in order."""
    return ", ".join(quoted(word) for word in sorted(words))
