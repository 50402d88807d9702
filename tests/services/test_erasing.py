"""Erase a person: what goes, what stays, and what the numbers are afterwards."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.domain.experiment import ExperimentDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.errors import ForbiddenError, NotFoundError
from experiments_core.services import (
    acting,
    analyses,
    assigning,
    deploying,
    erasing,
    experiments,
    ingestion,
    participants,
)
from experiments_core.services.events import receive_events
from experiments_core.services.workspace import Workspace, open_workspace
from experiments_core.store import audit, imports
from experiments_core.store.lines import WRITTEN, line_of
from tests.services.traces import traces

NAME = "zoe.quill@example.org"
OTHER = Actor("other", Role.ADMIN, "other")
ROWS = "".join(f"unit-{n},{'AB'[n % 2]},{n % 3 == 0:d}\n" for n in range(40))
FILE = f"user_id,variant,converted\n{ROWS}{NAME},B,1\n{NAME.upper()},B,1\n,A,0\n{NAME},,1\n"


def bring(ws: Workspace, actor: Actor = LOCAL, *, commit: bool = True) -> str:
    """A file as the data of a new experiment; the id of the import."""
    draft = ingestion.receive(ws, actor, io.BytesIO(FILE.encode()), "people.csv")
    mapping = draft.detection.proposal
    for question in draft.questions:
        answer = question.default or question.choices[0].value
        mapping = ingestion.answer(mapping, question, answer)
    ingestion.check(ws, actor, draft.import_id, mapping)
    if commit:
        ingestion.commit_as_new(
            ws, actor, draft.import_id, mapping, name="People", mode="good_rows"
        )
    return draft.import_id


def fed(ws: Workspace) -> str:
    """A running test that knows the unit in every way; its id."""
    draft = ExperimentDraft("Checkout", metrics=(Proportion("paid"),))
    made = experiments.create_experiment(ws, LOCAL, draft)
    acting.transition(ws, LOCAL, made.id, "start", version=made.version)
    for unit in (NAME, *(f"unit-{n}" for n in range(20))):
        assigning.assign(ws, LOCAL, made.id, unit)
    at = ws.now().isoformat()
    sent = [
        {"event_id": f"{kind}-{n}", "type": kind, "experiment": "checkout", "unit_id": unit,
         "at": at, **({"name": "paid"} if kind == "metric" else {})}
        for n, unit in enumerate([NAME, *(f"unit-{n}" for n in range(20))])
        for kind in ("exposure", "metric")
    ]  # fmt: skip
    assert receive_events(ws, LOCAL, sent).accepted == 42
    return made.id


def units(ws: Workspace, experiment: str) -> int:
    """Units that the results rest on now."""
    view = analyses.look(ws, LOCAL, experiment, fresh=True)
    return sum(cell.units for cell in view.cells.values())


def test_a_unit_goes_from_everywhere_and_the_results_count_without_it(ws: Workspace):
    fed(ws)
    import_id = bring(ws)
    participants.set_override(ws, LOCAL, "checkout", "tester", "control")
    participants.set_override(ws, LOCAL, "people", NAME, "A")
    before = [units(ws, name) for name in ("checkout", "people")]
    kept = analyses.looks_of(ws, LOCAL, "people")
    assert traces(ws, NAME)

    gone = erasing.erase_unit(ws, LOCAL, f" {NAME} ")

    assert gone.rows == {"assignments": 1, "overrides": 1, "events": 2, "units": 2,
                         "rows_left_out": 1}  # fmt: skip
    assert (gone.texts, gone.drafts) == (1, 0)
    assert traces(ws, NAME) == []
    assert [units(ws, name) for name in ("checkout", "people")] == [n - 1 for n in before]
    assert analyses.looks_of(ws, LOCAL, "people")[: len(kept)] == kept
    with ws.db.read() as cursor:
        record = imports.find_import(cursor, "default", import_id)
    assert record is not None
    assert (record.rows_read, record.rows_used, record.rows_left_out) == (44, 41, 3)
    told = {one["rule"]: one["message"] for one in record.report["by_rule"]}
    assert told["UNIT_ERASED"] == ("1 row left out: units that were erased on request.")


def test_the_rows_that_stay_still_know_their_lines(ws: Workspace):
    bring(ws)
    erasing.erase_unit(ws, LOCAL, NAME)
    with ws.db.read() as cursor:
        (table,) = cursor.execute("SELECT table_name FROM datasets").fetchone()
        assert line_of(cursor, table) == WRITTEN
        lines = cursor.execute(f"SELECT line FROM {table} ORDER BY line").fetchall()
    assert [line for (line,) in lines] == [*range(2, 42), 43]


def test_ids_are_exact_text_and_another_spelling_stays(ws: Workspace):
    bring(ws)
    erasing.erase_unit(ws, LOCAL, NAME)
    with pytest.raises(NotFoundError, match="Nothing is kept"):
        erasing.erase_unit(ws, LOCAL, NAME)
    assert erasing.erase_unit(ws, LOCAL, NAME.upper()).rows == {"units": 1}
    for part in ("zoe.quill", "unit"):
        with pytest.raises(NotFoundError):
            erasing.erase_unit(ws, LOCAL, part)


def test_an_upload_that_is_not_committed_goes_as_a_whole(ws: Workspace):
    bring(ws, commit=False)
    assert erasing.erase_unit(ws, LOCAL, NAME).drafts == 1
    assert traces(ws, NAME) == []


def test_a_version_given_by_hand_and_its_message_go(ws: Workspace):
    experiment = fed(ws)
    now = experiments.get_experiment(ws, LOCAL, experiment)
    deploying.deploy(
        ws, LOCAL, experiment, variant="treatment", target="participant", unit_id=NAME,
        version=now.version,
    )  # fmt: skip
    assert erasing.erase_unit(ws, LOCAL, NAME).rows["deployments"] == 1
    assert traces(ws, NAME) == []


def test_the_audit_names_the_act_and_not_the_person(ws: Workspace):
    bring(ws)
    gone = erasing.erase_unit(ws, LOCAL, NAME)
    with ws.db.read() as cursor:
        (event,) = audit.find_events(cursor, "default", verb="erase")
        assert audit.first_broken_event(cursor, ws.db.secret) is None
    assert (event.object, event.object_id) == ("unit", gone.pseudonym)
    assert event.after == {"units": 1, "rows_left_out": 1, "texts": 1}


def test_only_admins_of_the_organisation_and_keys_for_all_of_it_may(ws: Workspace):
    bring(ws)
    with pytest.raises(ForbiddenError):
        erasing.erase_unit(ws, Actor("ed", Role.EDITOR), NAME)
    with pytest.raises(ForbiddenError, match="some projects only"):
        erasing.erase_unit(ws, Actor("ci", Role.ADMIN, projects=("default",)), NAME)
    with pytest.raises(NotFoundError):
        erasing.erase_unit(ws, OTHER, NAME)
    assert traces(ws, NAME)


def test_the_journal_forgets_too(tmp_path: Path):
    with open_workspace(tmp_path / "w.duckdb") as ws:
        fed(ws)
        bring(ws)
        journal = tmp_path / "w.duckdb.wal"
        assert NAME.encode() in journal.read_bytes()
        erasing.erase_unit(ws, LOCAL, NAME)
        assert not journal.exists() or NAME.encode() not in journal.read_bytes()
