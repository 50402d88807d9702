"""An import taken back, and brought again from its file."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.errors import CancelledError, ConflictError, ForbiddenError
from experiments_core.services import analyses, ingestion
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from tests.services.files import (
    FILE,
    HEADER,
    TOTALS,
    VIEWER,
    add,
    answered,
    bring,
    receive,
    traces,
    units,
)
from tests.services.test_adding import rows_with_lines


def test_undo_takes_exactly_the_rows_of_one_import(ws: Workspace):
    experiment, first = bring(ws, FILE)
    add(ws, experiment, f"{HEADER}\nv1,control,1,1,DE\nv2,treatment,0,1,US\n")
    ingestion.undo(ws, LOCAL, first.id)
    assert units(ws) == [("v1", "control"), ("v2", "treatment")]
    with pytest.raises(ConflictError, match="only a committed import can be undone"):
        ingestion.undo(ws, LOCAL, first.id)
    last = ingestion.imports_of(ws, LOCAL, experiment.id)[0]
    ingestion.undo(ws, LOCAL, last.id)
    assert units(ws) == []
    again, record = receive(ws, FILE, experiment_id=experiment.id), None
    ingestion.check(ws, LOCAL, again.import_id, answered(again))
    record = ingestion.commit(ws, LOCAL, again.import_id)
    assert record.state == "committed"
    assert len(units(ws)) == 60


def test_an_undone_import_can_be_redone_from_its_stored_file(ws: Workspace):
    experiment, first = bring(ws, FILE + "u9,,1,1,DE\n", mode="good_rows")
    before = rows_with_lines(ws)
    look = analyses.look(ws, LOCAL, experiment.id)
    add(ws, experiment, f"{HEADER}\nv1,control,1,1,DE\nv2,treatment,0,1,US\n")
    ingestion.undo(ws, LOCAL, first.id)
    record = ingestion.redo(ws, LOCAL, first.id)
    assert (record.state, record.rows_used, record.rows_left_out) == ("committed", 60, 1)
    assert record.undone_at is None
    assert sorted(rows_with_lines(ws)) == sorted([*before, ("v1", 2), ("v2", 3)])
    rejects = list(csv.reader(io.StringIO(ingestion.rejects_csv(ws, LOCAL, first.id).decode())))
    assert len(rejects) == 2
    with ws.db.read() as cursor:
        verbs = [one.verb for one in audit.events_of(cursor, "default", "import", first.id)]
    assert verbs == ["commit", "undo", "redo"]
    known = ingestion.imports_of(ws, LOCAL, experiment.id)
    (second,) = (one.id for one in known if one.id != first.id)
    ingestion.undo(ws, LOCAL, second)
    again = analyses.look(ws, LOCAL, experiment.id)
    assert (again.result.look, again.result.data_hash) == (
        look.result.look,
        look.result.data_hash,
    )


def test_units_that_came_meanwhile_stay_as_they_are_when_an_import_is_redone(ws: Workspace):
    experiment, first = bring(ws, FILE)
    add(ws, experiment, f"{HEADER}\nv1,control,1,1,DE\nv2,treatment,0,1,US\n")
    ingestion.undo(ws, LOCAL, first.id)
    add(ws, experiment, f"{HEADER}\nu0,control,1,9,DE\nw1,treatment,0,1,US\n")
    record = ingestion.redo(ws, LOCAL, first.id)
    assert (record.rows_used, record.rows_left_out) == (59, 1)
    assert len(units(ws)) == 63


def test_only_an_undone_import_whose_file_is_kept_can_be_redone(ws: Workspace, clock: Any):
    experiment, first = bring(ws, FILE)
    with pytest.raises(ConflictError, match="only an undone import can be redone"):
        ingestion.redo(ws, LOCAL, first.id)
    clock.wait(days=20)
    undone = ingestion.undo(ws, LOCAL, first.id)
    clock.wait(days=29)
    receive(ws, FILE)
    assert ingestion.can_redo(ws, undone)
    with pytest.raises(ForbiddenError):
        ingestion.redo(ws, VIEWER, first.id)
    clock.wait(days=2)
    receive(ws, FILE)
    assert not ingestion.can_redo(ws, undone)
    with pytest.raises(ConflictError, match="kept for 30 days"):
        ingestion.redo(ws, LOCAL, first.id)
    assert units(ws) == []
    assert ingestion.imports_of(ws, LOCAL, experiment.id)[0].state == "undone"


def test_a_redo_that_fails_changes_nothing(ws: Workspace):
    _, first = bring(ws, FILE)
    undone = ingestion.undo(ws, LOCAL, first.id)
    before = traces(ws)
    with pytest.raises(CancelledError):
        ingestion.redo(ws, LOCAL, first.id, cancelled=lambda: True)
    assert traces(ws) == before
    assert ingestion.can_redo(ws, undone)


def test_undo_of_totals_takes_their_rows_only(ws: Workspace):
    experiment, first = bring(ws, TOTALS)
    add(ws, experiment, TOTALS.replace("1000", "2000"))
    ingestion.undo(ws, LOCAL, first.id)
    with ws.db.read() as cursor:
        assert cursor.execute("SELECT sum(visitors) FROM totals").fetchone() == (2990,)
