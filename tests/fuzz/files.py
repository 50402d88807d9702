"""Files with a few bytes changed, and what may come of reading them.

A changed file is refused with a sentence, or read; then rows read = used + left out, as many
as an independent reader counts, and what is staged is what the report says. Nothing else may
happen: no other error, no hang, nothing among the facts.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from experiments_core.domain.access import LOCAL
from experiments_core.domain.source import Mapping
from experiments_core.errors import UpshotError
from experiments_core.services import ingestion
from experiments_core.services.ingestion import Draft, ImportReport, Question
from experiments_core.services.workspace import Workspace, open_workspace
from experiments_core.tabular.text import WHITE

SLOW = 20.0
BATCH = 250
ARMS = ("control", "treatment")
ROUNDS = 8
SPECIAL = (
    b",", b";", b"\t", b'"', b'""', b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf",
    b"\xc3\xa9", b"\xc3", b"#N/A", b"1e999", b"-", b"%", b"\xe2\x80\x8b", b" ",
)  # fmt: skip


def originals() -> dict[str, bytes]:
    """Small sound files of every shape and several dialects."""
    units = [
        f"u{n:03},{ARMS[n % 2]},{n % 3 == 0:d},{n}.5,{('DE', '')[n % 5 == 0]}"
        for n in range(24)
    ]
    plain = "user_id,variant,converted,revenue,country\n" + "\n".join(units) + "\n"
    quoted = '"user id","variant","note","won"\n' + "".join(
        f'"u{n}","{"ab"[n % 2]}","said ""hi"",\nthen left","{n % 2}"\n' for n in range(12)
    )
    european = "Kunde;Gruppe;gekauft;Umsatz\r\n" + "".join(
        f"K{n};{('Control', 'Treatment')[n % 2]};{('ja', 'nein')[n % 2]};1.{n:03},50\r\n"
        for n in range(16)
    )
    log = "user_id,variant,event,at\n" + "".join(
        f"u{n // 2},{'ab'[n // 2 % 2]},{('view', 'buy')[n % 2]},2026-05-01 10:{n:02}:00\n"
        for n in range(24)
    )
    days = "date,variant,visitors,orders\n" + "".join(
        f"2026-05-0{1 + n // 2},{'ab'[n % 2]},{100 + n},{10 + n}\n" for n in range(10)
    )
    snapshots = "metric,days,count_c,count_t,mean_c,mean_t,variance_c,variance_t\n" + "".join(
        f"m{n % 2},{n},{100 + n},{101 + n},0.{n + 1},0.{n + 2},0.2,0.3\n" for n in range(6)
    )
    return {
        "units": plain.encode(),
        "quoted": quoted.encode(),
        "european": european.encode("cp1252"),
        "utf16": plain.encode("utf-16"),
        "carriage returns": plain.replace("\n", "\r").encode(),
        "gzip": gzip.compress(plain.encode(), mtime=0),
        "events": log.encode(),
        "days": days.encode(),
        "moments": snapshots.encode(),
        "preamble": ("Report\n\n" + plain).encode(),
    }


def change(data: bytes, dice: random.Random) -> bytes:
    """Change one to three places."""
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        place = dice.randrange(len(data) + 1)
        length = dice.choice((1, 1, 2, 5, 20))
        kind = dice.randrange(7)
        if kind == 0:
            data = data[:place] + bytes([dice.randrange(256)]) + data[place + 1 :]
        elif kind == 1:
            data = data[:place] + data[place + length :]
        elif kind == 2:
            data = data[:place] + dice.choice(SPECIAL) + data[place:]
        elif kind == 3:
            data = data[:place] + dice.choice(SPECIAL) + data[place + length :]
        elif kind == 4:
            data = data[:place] + data[place : place + length] * 2 + data[place + length :]
        elif kind == 5:
            data = data[:place] or data
        else:
            lines = data.split(b"\n")
            first, second = dice.randrange(len(lines)), dice.randrange(len(lines))
            lines[first], lines[second] = lines[second], lines[first]
            data = b"\n".join(lines)
    return data


@dataclass
class Tally:
    """What came of all files.

    Attributes:
        outcomes: ``refused``, ``read``, ``asked``, and the faults.
        faults: Kind, name and number of each file that went wrong, and why.
        slowest: Seconds of the slowest file.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0


def run(ws: Workspace, count: int, seed: int) -> Tally:
    """Read so many changed files, the originals in turn."""
    tally = Tally()
    known = facts(ws)
    for number, (name, data) in enumerate(changed(count, seed)):
        begun = time.monotonic()
        try:
            outcome = attempt(ws, data)
        except UpshotError:
            outcome = "refused"
        except AssertionError as error:
            outcome = "row lost"
            tally.faults.append(f"{outcome}: {name} {seed}/{number}: {error}")
        except Exception as error:  # noqa: BLE001  any other error is the fault looked for
            outcome = "crash"
            tally.faults.append(f"{outcome}: {name} {seed}/{number}: {repr(error)[:200]}")
        seconds = time.monotonic() - begun
        tally.slowest = max(tally.slowest, seconds)
        if seconds > SLOW:
            tally.faults.append(f"hang: {name} {seed}/{number}: {seconds:.0f} s")
        tally.outcomes[outcome] += 1
    if facts(ws) != known:
        tally.faults.append(f"half-import: {known} became {facts(ws)}")
    return tally


def read_a_batch(seed: int) -> None:
    """Read one batch in a workspace of its own, and claim what may come of it."""
    with open_workspace(":memory:") as ws:
        tally = run(ws, BATCH, seed)
    assert not tally.faults, tally.faults
    assert sum(tally.outcomes.values()) == BATCH
    assert min(tally.outcomes["read"], tally.outcomes["refused"]) > BATCH / 10, tally


def changed(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """The files of a seed, always the same ones."""
    sound = list(originals().items())
    for number in range(count):
        name, data = sound[number % len(sound)]
        yield name, change(data, random.Random(f"{seed}/{number}"))  # noqa: S311  no secret


def attempt(ws: Workspace, data: bytes) -> str:
    """Read one file as far as its questions can be answered."""
    draft = ingestion.receive(ws, LOCAL, io.BytesIO(data), "changed.csv")
    try:
        draft, mapping = _laid_out(ws, draft)
        mapping = _answered(mapping, draft.questions)
        report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
        for _ in range(ROUNDS):
            answered = _answered(mapping, report.questions)
            if answered == mapping:
                break
            mapping = answered
            report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
        if not report.rows_read:
            return "asked"
        assert report.rows_read == report.rows_used + report.rows_left_out
        expected = counted(ws, draft, mapping)
        assert report.rows_read == expected, f"{report.rows_read} rows, not {expected}"
        _agree(ws, draft, mapping, report)
    finally:
        ingestion.discard(ws, LOCAL, draft.import_id)
    return "read"


def _laid_out(ws: Workspace, draft: Draft) -> tuple[Draft, Mapping]:
    for _ in range(ROUNDS):
        asked = [q for q in draft.questions if q.field.startswith("dialect.") and q.choices]
        if not asked:
            break
        value = asked[0].default or asked[0].choices[0].value
        dialect = ingestion.answer_layout(draft.detection.dialect, asked[0], value)
        draft = ingestion.look_again(ws, LOCAL, draft.import_id, dialect=dialect)
    return draft, draft.detection.proposal


def _answered(mapping: Mapping, questions: Sequence[Question]) -> Mapping:
    for question in questions:
        if question.choices and not question.field.startswith("dialect."):
            value = question.default or question.choices[0].value
            mapping = ingestion.answer(mapping, question, value)
    return mapping


def counted(ws: Workspace, draft: Draft, mapping: Mapping) -> int:
    """Records below the header that are not blank, by Python's reader on the stored text."""
    text = (ws.db.side / "uploads" / f"{draft.import_id}.txt").read_text(encoding="utf-8")
    reader = csv.reader(
        io.StringIO(text), delimiter=mapping.dialect.delimiter, skipinitialspace=True
    )
    records = 0
    begin = 0
    for cells in reader:
        is_data = begin + 1 > mapping.dialect.header_line
        begin = reader.line_num
        records += is_data and any(cell.strip(WHITE) for cell in cells)
    return records


def _agree(ws: Workspace, draft: Draft, mapping: Mapping, report: ImportReport) -> None:
    """What is staged is what the report says."""
    table = f"staging_{draft.import_id.replace('-', '')}"
    with ws.db.read() as cursor:
        (staged,) = cursor.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
    if mapping.kept_as.value == "unit":
        assert staged == report.units
        assert sum(report.arms.values()) == report.units


def facts(ws: Workspace) -> dict[str, int]:
    """Rows of every table that may hold facts, files among the uploads."""
    with ws.db.read() as cursor:
        tables = [row[0] for row in cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'upshot' AND NOT "
            "starts_with(table_name, 'staging_') AND table_name NOT IN ('commit_log', 'meta')"
        ).fetchall()]  # fmt: skip
        found = {
            name: (cursor.execute(f"SELECT count(*) FROM {name}").fetchone() or (0,))[0]
            for name in tables
        }
    return {**found, "files": len(list((ws.db.side / "uploads").iterdir()))}


def sound(ws: Workspace) -> dict[str, str]:
    """What comes of the originals themselves: a check of the check."""
    return {name: attempt(ws, data) for name, data in originals().items()}
