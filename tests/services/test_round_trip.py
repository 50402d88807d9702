"""Random tables, written in random dialects, come back cell by cell; no row gets lost."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments_core.domain.source import ColumnMapping, Dialect, Mapping, Role, Shape
from experiments_core.services.intake import take_in
from experiments_core.services.uploads import Upload
from experiments_core.store import facts
from experiments_core.store.database import Database
from experiments_core.store.staged import Staged
from experiments_core.tabular.text import WHITE

HEADER = ("user_id", "variant", "converted", "revenue", "country", "note")
ROLES = (Role.UNIT, Role.VARIANT, Role.OUTCOME, Role.VALUE, Role.SEGMENT, Role.IGNORE)

words = st.text(alphabet="ab é€,;|\t\"'0.=-\n", max_size=6)
names = words.map(lambda text: text.strip(WHITE))
rows = st.lists(
    st.tuples(
        names.filter(bool),
        st.sampled_from(("control", "treatment", "third; arm")),
        st.sampled_from((0, 1, None)),
        st.none() | st.integers(-10_000_000, 10_000_000).map(lambda cents: cents / 100),
        names,
        words,
    ),
    min_size=2,
    max_size=25,
    unique_by=lambda row: row[0],
)


@dataclass(frozen=True)
class Style:
    """How a table is written."""

    delimiter: str
    decimal: str
    grouping: str
    line_end: str
    encoding: str
    quoting: int
    blank_lines: bool
    final_line_end: bool
    packed: bool

    @property
    def thousands(self) -> str:
        """The mark between thousands; where it would be the decimal mark, the other one."""
        swap = {".": ",", ",": "."}
        return swap[self.decimal] if self.grouping in swap else self.grouping


styles = st.builds(
    Style,
    delimiter=st.sampled_from(",;\t|"),
    decimal=st.sampled_from(".,"),
    grouping=st.sampled_from(("", "", ",", " ", "'")),
    line_end=st.sampled_from(("\n", "\r\n", "\r")),
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "utf-16")),
    quoting=st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)),
    blank_lines=st.booleans(),
    final_line_end=st.booleans(),
    packed=st.booleans(),
)


@pytest.fixture(scope="module")
def db() -> Iterator[Database]:
    with Database.memory() as database:
        yield database


def write(table: list[tuple[object, ...]], style: Style) -> bytes:
    out = io.StringIO()
    quoting = (
        csv.QUOTE_ALL if style.line_end == "\r" else style.quoting
    )  # else \n would end a row
    writer = csv.writer(
        out, delimiter=style.delimiter, lineterminator=style.line_end, quoting=quoting
    )
    for row in (HEADER, *table):
        cells = list(row)
        if isinstance(cells[3], float):
            marks = str.maketrans({",": style.thousands, ".": style.decimal})
            cells[3] = f"{cells[3]:,.2f}".translate(marks)
        writer.writerow("" if cell is None else str(cell) for cell in cells)
        if style.blank_lines:
            out.write(style.line_end)
    text = out.getvalue()
    if not style.final_line_end:
        text = text.rstrip(style.line_end)
    return text.encode(style.encoding)


def mapping_of(style: Style) -> Mapping:
    columns = tuple(
        ColumnMapping(name, place, role, blank="exclude")
        for place, (name, role) in enumerate(zip(HEADER, ROLES, strict=True))
    )
    return Mapping(
        Shape.UNIT,
        Dialect(delimiter=style.delimiter, decimal=style.decimal, thousands=style.thousands),
        columns,
    )


def read(db: Database, data: bytes, style: Style) -> tuple[Upload, Staged]:
    with tempfile.TemporaryDirectory(dir=db.side / "uploads") as folder:
        came = gzip.compress(data) if style.packed else data
        upload = take_in(io.BytesIO(came), Path(folder) / "x.txt")
        staged = facts.load_csv(
            db, upload.path, mapping_of(style),
            import_id=db.new_id(), structure=upload.structure,
        )  # fmt: skip
    return upload, staged


def kept(db: Database, staged: Staged) -> list[tuple[Any, ...]]:
    stored = facts.preview(db, staged, rows=1_000)
    return [(unit, arm, *values) for unit, arm, _, *values in stored]


def wanted(table: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(*row[:4], row[4] or None) for row in table]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(table=rows, style=styles)
def test_what_was_written_is_what_is_stored(
    db: Database, table: list[tuple[Any, ...]], style: Style
):
    upload, staged = read(db, write(table, style), style)
    assert upload.delimiter == style.delimiter
    assert (staged.rows_read, staged.rows_left_out) == (len(table), 0)
    assert kept(db, staged) == wanted(table)
    assert staged.arms == {
        arm: sum(row[1] == arm for row in table) for arm in {row[1] for row in table}
    }


faults = st.sampled_from((
    ("control", "perhaps", "1", "OUTCOME_WORD"), ("control", "7", "1", "OUTCOME_RANGE"),
    ("control", "1", "ten", "NUMBER"), ("control", "1", "1e999", "NOT_FINITE"),
    ("control", "1", "#N/A", "SPREADSHEET_ERROR"), ("", "1", "1", "VARIANT_BLANK"),
))  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    table=rows,
    style=styles,
    broken=st.lists(st.tuples(faults, st.integers(0, 25)), min_size=1, max_size=5),
)
def test_faulty_rows_are_set_aside_one_by_one_and_all_others_stay(
    db: Database, table: list[tuple[Any, ...]], style: Style, broken: list[Any]
):
    mixed: list[tuple[object, ...]] = list(table)
    for number, ((arm, won, money, _), place) in enumerate(broken):
        mixed.insert(min(place, len(mixed)), (f"fault {number}", arm, won, money, "", ""))
    _, staged = read(db, write(mixed, style), style)
    assert staged.rows_read == len(table) + len(broken)
    assert staged.rows_left_out == len(broken)
    assert kept(db, staged) == wanted(table)
    found = {one.rule: one.rows for one in staged.broken}
    rules = [rule for (*_, rule), _ in broken]
    assert found == {rule: rules.count(rule) for rule in rules}
    with db.read() as cursor:
        rejects = facts.rejects_of(cursor, "", staged.rejects)
    text = write(mixed, style).decode(style.encoding)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line, *_ in rejects:
        assert "fault " in lines[line - 1]
