"""The arms of a file: which spelling means which, and which cells name none."""

from __future__ import annotations

import duckdb

from experiments_core.domain.source import Role
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.store.staging_job import Job
from experiments_core.tabular.spellings import best_spelling
from experiments_core.tabular.text import (
    BLANK_WORDS,
    LONGEST_VARIANT,
    arm_fold,
    fold,
    listed,
    shorten,
    visible,
)

MOST_ARMS = 100
RARE = 0.05  # a word such as NULL is a blank in the variant column below this share of rows


def arm_map(counts: dict[str, int], job: Job) -> dict[str, str | None]:
    """Find the arm of every spelling in the file; None where the cell is blank.

    Raises:
        InvalidInputError: more values than a variant column can have, or too long ones.
    """
    _refuse_many(counts, job)
    rows = sum(counts.values())
    filled = {text: count for text, count in counts.items() if visible(text)}
    real = {text: n for text, n in filled.items() if fold(text) not in BLANK_WORDS}
    blanks = {
        text
        for text, count in filled.items()
        if text not in real and count < RARE * rows and len({fold(t) for t in real}) > 1
    }
    found: dict[str, str | None] = dict.fromkeys(counts, None)
    groups: dict[str, dict[str, int]] = {}
    for text, count in filled.items():
        if text not in blanks:
            group = groups.setdefault(arm_fold(text), {})
            group[visible(text)] = group.get(visible(text), 0) + count
    chosen = {arm_fold(text): arm for text, arm in job.mapping.merge_variants.items()}
    known = job.known_arms or {}
    for text in filled:
        if text not in blanks:
            key = arm_fold(text)
            wanted = chosen.get(key) or best_spelling(groups[key])
            found[text] = known.get(key) or known.get(fold(wanted)) or wanted
    return found


def put_arms_right(cursor: duckdb.DuckDBPyConnection, job: Job) -> dict[str, str] | None:
    """Change other spellings of an arm in place.

    Returns:
        Spelling -> arm of those that were changed; None when an arm is blank or unknown.
    """
    counts = count_arms(cursor, f"SELECT arm, count(*) FROM {job.table} GROUP BY arm")
    arms = arm_map(counts, job)
    changed: dict[str, str] = {}
    for text, arm in arms.items():
        if arm is None or not _is_known(arm, job):
            return None
        if text != arm:
            changed[text] = arm
    for text, arm in changed.items():
        cursor.execute(f"UPDATE {job.table} SET arm = ? WHERE arm = ?", [arm, text])
    return changed


def count_arms(cursor: duckdb.DuckDBPyConnection, sql: str) -> dict[str, int]:
    """Rows by the text of the variant cell; the blank cell is an empty text."""
    rows = cursor.execute(f"SELECT coalesce(#1, ''), #2 FROM ({sql}) LIMIT 10001").fetchall()
    return {text: int(count) for text, count in rows}


def _is_known(arm: str, job: Job) -> bool:
    return job.known_arms is None or arm in job.known_arms.values()


def _refuse_many(counts: dict[str, int], job: Job) -> None:
    name = job.mapping.named(Role.VARIANT)[0].name
    different = {fold(text) for text in counts if visible(text)}
    if len(different) > MOST_ARMS:
        raise InvalidInputError(
            f"Column “{name}” has {_many(len(counts))} different values, such as "
            f"{listed(list(counts), 3)}; a test has at most {MOST_ARMS} variants.",
            code="TOO_MANY_VARIANTS",
            hint="Choose another column as the variant.",
            details=(Problem(name, len(different), "TOO_MANY", f"at most {MOST_ARMS}"),),
        )
    long = next((text for text in counts if len(text) > LONGEST_VARIANT), None)
    if long is not None:
        raise InvalidInputError(
            f"Column “{name}” holds the variant name “{shorten(long)}” of {len(long)} "
            f"characters; at most {LONGEST_VARIANT} are allowed.",
            code="VARIANT_TOO_LONG",
            hint="Choose another column, or shorten the names.",
            details=(Problem(name, long, "LENGTH", f"at most {LONGEST_VARIANT} characters"),),
        )


def _many(number: int) -> str:
    return f"more than {grouped(10_000)}" if number > 10_000 else grouped(number)
