from itertools import product

import pytest

from experiments_core.domain.source import Role
from experiments_core.query.literals import quoted
from experiments_core.store import (
    conversion,
    conversion_times,
)
from experiments_core.store.database import Database
from experiments_core.tabular.times import ISO, ISO_PATTERN

from .conftest import value

DAYS = (
    "2026-05-01",
    "2024-02-29",
    "2026-02-29",
    "0001-01-01",
    "0000-01-01",
    "9999-12-31",
    "2026-5-1",
)


CLOCKS = (
    "00:00:00", "23:59:59", "24:00:00", "12:60:00", "12:00:60", "7:00:00", "00:00:00.1",
    "01:30:00.123456", "02:30:00.9999999", "10:30",
)  # fmt: skip


OFFSETS = (
    "", "Z", "z", " UTC", " Z", "+00:00", "-00:00", "+02:00", "-09:30", "+14:59", "+15:00",
    "-23:59", "+99:99", "+0200", "+02", "+2:00",
)  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "stored"),
    (
        ("2024-03-05", "2024-03-05 00:00:00"),
        ("2024-03-05T10:00", "2024-03-05 10:00:00"),
        ("2024-03-10T01:30:00-05:00", "2024-03-10 06:30:00"),
        ("2024-03-10 07:30:00.25+0530", "2024-03-10 02:00:00.25"),
        ("2024-03-10T06:30:00Z", "2024-03-10 06:30:00"),
        ("", None),
    ),
)  # fmt: skip
def test_iso_times_become_utc(db: Database, cell: str, stored: str | None):
    text = f"CAST({conversion_times.time('f', 'VARCHAR', 'iso')} AS VARCHAR)"
    assert value(db, text, cell) == stored


@pytest.mark.parametrize(
    ("cell", "time_format"),
    (
        ("2024-02-30", "iso"), ("infinity", "iso"), ("epoch", "iso"), ("24:00", "iso"),
        ("2024-03-10T02:30:00 America/New_York", "iso"), ("31/02/2024", "%d/%m/%Y"),
        ("2024-03-05", "%d/%m/%Y"), ("soon", "epoch_s"),
    ),
)  # fmt: skip
def test_what_is_no_time_is_wrong_and_no_day_rolls_over(
    db: Database, cell: str, time_format: str
):
    read = conversion_times.time("f", "VARCHAR", time_format)
    assert value(db, conversion.is_wrong(Role.TIME, read), cell) is True


@pytest.mark.parametrize("zone", ("", "Europe/Berlin"))
def test_usual_times_are_read_as_if_they_were_taken_apart(db: Database, zone: str):
    """Both ways of reading agree on every mixture of parts, possible or not."""
    cells = [
        f"{day}{gap}{clock}{offset}"
        for day, gap, clock, offset in product(DAYS, ("T", " ", "  "), CLOCKS, OFFSETS)
    ]
    said = f"regexp_extract(f, {quoted(f'^{ISO_PATTERN}$')}, 3) <> ''"
    in_utc = conversion_times.iso("f")
    apart = f"CASE WHEN {said} THEN {in_utc} ELSE {conversion_times.local(in_utc, zone)} END"
    at_once = conversion_times.time("f", "VARCHAR", ISO, zone)
    with db.read() as cursor:
        read, other, told = cursor.execute(
            "SELECT count(*) FILTER (isfinite(a)), "
            "count(*) FILTER (coalesce(a, 'infinity') IS DISTINCT FROM b), "
            f"count(*) FILTER (({conversion_times.has_offset('f')}) IS DISTINCT FROM ({said})) "
            f"FROM (SELECT f, {apart} AS a, {at_once} AS b FROM (SELECT unnest(?) AS f))",
            [cells],
        ).fetchone()
    assert read > 1_000
    assert (other, told) == (0, 0)
