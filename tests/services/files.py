"""Small files, and the way of one into a workspace."""

from __future__ import annotations

import io
from collections.abc import Mapping as Table
from typing import Any

from experiments_core.domain.access import LOCAL, Actor
from experiments_core.domain.access import Role as Rank
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.source import Mapping
from experiments_core.services import ingestion
from experiments_core.services.ingestion import Draft, ImportReport
from experiments_core.services.workspace import Workspace

VIEWER = Actor("vera", Rank.VIEWER)
EDITOR = Actor("ed", Rank.EDITOR)

HEADER = "user_id,variant,converted,revenue,country"
ARMS, COUNTRIES = ("control", "treatment"), ("DE", "DE", "DE", "US", "US")
ROWS = "".join(
    f"u{n},{ARMS[n % 2]},{n % 3 == 0:d},{n / 4},{COUNTRIES[n % 5]}\n" for n in range(60)
)
FILE = f"{HEADER}\n{ROWS}"
TOTALS = "variant,visitors,signups\ncontrol,1000,50\ntreatment,990,61\n"


def receive(ws: Workspace, text: str, name: str = "test.csv", **more: Any) -> Draft:
    return ingestion.receive(ws, LOCAL, io.BytesIO(text.encode()), name, **more)


def answered(draft: Draft, answers: Table[str, str] | None = None) -> Mapping:
    """Answer everything: as told, else the default, else the first choice."""
    mapping = draft.detection.proposal
    for question in draft.questions:
        value = (answers or {}).get(question.code) or question.default
        mapping = ingestion.answer(mapping, question, value or question.choices[0].value)
    return mapping


def bring(ws: Workspace, text: str, **more: Any) -> tuple[Experiment, ingestion.ImportRecord]:
    """From a file to an experiment with its data."""
    draft = receive(ws, text)
    mapping = answered(draft)
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    experiment = ingestion.create_from_import(ws, LOCAL, draft.import_id, mapping, name="Test")
    return experiment, ingestion.commit(ws, LOCAL, draft.import_id, **more)


def add(ws: Workspace, experiment: Experiment, text: str, **more: Any) -> ImportReport:
    draft = receive(ws, text, experiment_id=experiment.id)
    report = ingestion.check(ws, LOCAL, draft.import_id, answered(draft))
    ingestion.commit(ws, LOCAL, draft.import_id, **more)
    return report


def units(ws: Workspace) -> list[tuple[str, str]]:
    """Unit and arm of every row among the facts."""
    with ws.db.read() as cursor:
        tables = cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'units_')"
        ).fetchall()
        return [
            row
            for (table,) in tables
            for row in cursor.execute(
                f"SELECT unit, arm FROM {table} ORDER BY rowid"
            ).fetchall()
        ]


def traces(ws: Workspace) -> dict[str, int]:
    """What is in the workspace: rows of tables, files of uploads."""
    with ws.db.read() as cursor:
        names = [row[0] for row in cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'upshot'"
        ).fetchall()]  # fmt: skip
        found = {
            name: (cursor.execute(f"SELECT count(*) FROM {name}").fetchone() or (0,))[0]
            for name in names
            if name not in {"commit_log", "meta"}
        }
    return found | {"files": len(list((ws.db.side / "uploads").iterdir()))}
