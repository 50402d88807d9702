"""Tables put together by the engine are what a few lines of Python make of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments_core.domain.source import Dialect
from experiments_core.errors import InvalidInputError
from experiments_core.store.database import Database
from experiments_core.store.joining import Part, write_combined
from experiments_core.tabular.census import Census
from experiments_core.tabular.combine import Joined, Stacked

Cells = tuple[str, ...]

units = st.sampled_from(("u1", "u2", "u3", "u4", "007", "7", " u1", "é", ""))
words = st.sampled_from(("a", "b,c", 'say "hi"', "two\nlines", "-", ""))
firsts = st.lists(st.tuples(units, words), min_size=1, max_size=8)
seconds = st.lists(st.tuples(words, units, words), min_size=1, max_size=8)
JOIN = Joined(("user", "arm", "x", "y"), "user", 0, 1, 0, 1, (0, 2))


@pytest.fixture(scope="module")
def db() -> Iterator[Database]:
    with Database.memory() as database:
        yield database


def part(db: Database, name: str, header: Cells, rows: list[Cells]) -> Part:
    path = db.side / "uploads" / f"{db.new_id()}.txt"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";", lineterminator="\n").writerows([header, *rows])
    census = Census(ord(";"))
    census.feed(path.read_bytes())
    return Part(name, path, Dialect(delimiter=";"), census.finish(), len(header))


def written(
    db: Database, parts: list[Part], plan: Joined | Stacked, most: int = 1_000
) -> tuple[list[Cells], list[int]]:
    """Rows of the one table below its header, and their lines."""
    target = db.side / "uploads" / f"{db.new_id()}.joint"
    jumps = write_combined(db, parts, plan, target, most=most)
    with target.open(encoding="utf-8", newline="") as file:
        header, *rows = (tuple(row) for row in csv.reader(file))
    assert header == plan.header
    if jumps is None:
        return rows, []
    offsets = dict(zip(*jumps, strict=True))
    lines, ahead = [], 0
    for record in range(len(rows) + 1):
        ahead = offsets.get(record, ahead)
        lines.append(record + ahead)
    return rows, lines[1:]


def line_numbers(rows: list[Cells]) -> list[int]:
    lines = [2]
    for row in rows:
        lines.append(lines[-1] + 1 + sum(cell.count("\n") for cell in row))
    return lines[:-1]


def repeats(keys: list[str]) -> bool:
    filled = [key for key in keys if key]
    return len(set(filled)) < len(filled)


def joined(first: list[Cells], second: list[Cells]) -> list[tuple[Cells, int]]:
    """What a join gives, one row at a time."""
    ours = [(row[0].strip(), row, n) for row, n in zip(first, line_numbers(first), strict=True)]
    theirs = [
        (row[1].strip(), row, n) for row, n in zip(second, line_numbers(second), strict=True)
    ]
    ours = [one for one in ours if "".join(one[1]).strip()]
    theirs = [one for one in theirs if "".join(one[1]).strip()]
    turned = repeats([key for key, *_ in theirs])
    found, met = [], set()
    for key, row, line in theirs if turned else ours:
        held = ours if turned else theirs
        other = next((one for one in held if key and one[0] == key), None)
        met.add(key if other else "")
        one, two = (other and other[1], row) if turned else (row, other and other[1])
        found.append(((*(one or (key, "")), *((two[0], two[2]) if two else ("", ""))), line))
    for key, row, line in ours if turned else theirs:
        if not key or key not in met:
            cells = (*row, "", "") if turned else (key, "", row[0], row[2])
            found.append((cells, line))
    return found


@settings(deadline=None, max_examples=60)
@given(first=firsts, second=seconds)
def test_a_join_keeps_every_row_its_order_and_its_line(
    db: Database, first: list[Cells], second: list[Cells]
):
    parts = [
        part(db, "arms", ("user", "arm"), first),
        part(db, "orders", ("x", "user", "y"), second),
    ]
    if repeats([row[0].strip() for row in first]) and repeats(
        [row[1].strip() for row in second]
    ):
        with pytest.raises(InvalidInputError, match="would multiply rows") as caught:
            written(db, parts, JOIN)
        assert caught.value.code == "JOIN_MULTIPLIES"
        return
    rows, lines = written(db, parts, JOIN)
    assert list(zip(rows, lines, strict=True)) == joined(first, second)


@settings(deadline=None, max_examples=25)
@given(tables=st.lists(firsts, min_size=2, max_size=3))
def test_stacked_tables_keep_every_row_its_order_and_its_line(
    db: Database, tables: list[list[Cells]]
):
    parts = [part(db, f"t{n}", ("user", "arm"), rows) for n, rows in enumerate(tables)]
    plan = Stacked(
        ("arm", "user", "from"), tuple((n, (1, 0, f"it's {n}")) for n in range(len(tables)))
    )
    rows, lines = written(db, parts, plan)
    assert list(zip(rows, lines, strict=True)) == [
        ((arm, user, f"it's {n}"), line)
        for n, table in enumerate(tables)
        for (user, arm), line in zip(table, line_numbers(table), strict=True)
        if (user + arm).strip()
    ]


def test_lines_that_change_too_often_are_not_kept(db: Database):
    parts = [
        part(db, "arms", ("user", "arm"), [("u1", "a\nb"), ("u2", "a\nb"), ("u3", "a")]),
        part(db, "orders", ("x", "user", "y"), [("1", "u1", "2")]),
    ]
    assert written(db, parts, JOIN, most=2)[1] == []
    assert written(db, parts, JOIN, most=3)[1] == [2, 4, 6]


def test_a_row_with_too_few_fields_is_named_by_its_line(db: Database):
    broken = part(db, "orders", ("x", "user", "y"), [("1", "u1", "2"), ("1", "u2")])
    with pytest.raises(InvalidInputError, match="Line 3 of “orders” has 2 fields; 3 are"):
        written(db, [part(db, "arms", ("user", "arm"), [("u1", "a")]), broken], JOIN)
    assert not list(Path(db.side / "uploads").glob("*.joint.*"))
