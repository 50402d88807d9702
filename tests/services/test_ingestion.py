"""A file becomes an experiment: read, asked about, committed or thrown away."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL, Actor
from experiments_core.domain.access import Role as Rank
from experiments_core.domain.metric import MetricKind
from experiments_core.domain.source import Role
from experiments_core.errors import (
    CancelledError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UpshotError,
)
from experiments_core.services import experiments, ingestion
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from tests.services.files import (
    EDITOR,
    FILE,
    ROWS,
    TOTALS,
    VIEWER,
    answered,
    bring,
    receive,
    traces,
    units,
)


def test_a_file_becomes_an_experiment_with_its_data(ws: Workspace):
    draft = receive(ws, FILE, "../../etc/pass\u200bwd.csv")
    assert draft.file_name == "passwd.csv"
    assert draft.detection.seen == "One row per unit, 60 rows, 2 variants."
    assert [question.code for question in draft.questions] == ["FINISHED"]
    report = ingestion.check(ws, LOCAL, draft.import_id, answered(draft))
    assert (report.rows_read, report.rows_used, report.rows_left_out) == (60, 60, 0)
    assert report.arms == {"control": 30, "treatment": 30}
    assert report.preview[0] == ("user_id", "variant", "converted", "revenue", "country")
    assert report.preview[1][0] == ("u0", "control", 1, 0.0, "DE")
    assert units(ws) == []
    experiment = ingestion.create_from_import(
        ws, LOCAL, draft.import_id, answered(draft), name="Checkout"
    )
    record = ingestion.commit(ws, LOCAL, draft.import_id)
    assert (record.state, record.rows_used, record.experiment_id) == (
        "committed", 60, experiment.id,
    )  # fmt: skip
    assert units(ws)[:2] == [("u0", "control"), ("u1", "treatment")]


@pytest.mark.parametrize(
    ("name", "shown"),
    (
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.csv", "boot.csv"),
        ("a[1].csv", "a[1].csv"),
        ("*.csv", "*.csv"),
        ("a\x00b.csv", "ab.csv"),
        (f"{'x' * 300}.csv", "x" * 200),
        ("'; DROP TABLE imports; --.csv", "'; DROP TABLE imports; --.csv"),
        ("=cmd.csv", "=cmd.csv"),
    ),
)
def test_a_file_s_name_is_text_and_never_a_path(ws: Workspace, name: str, shown: str):
    draft = receive(ws, FILE, name)
    assert draft.file_name == shown
    stored = [path.name for path in (ws.db.side / "uploads").iterdir()]
    assert len(stored) == 1
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.txt", stored[0])
    report = ingestion.check(ws, LOCAL, draft.import_id, answered(draft))
    assert report.rows_used == 60


def test_the_experiment_has_the_file_s_variants_and_metrics(ws: Workspace):
    experiment, _ = bring(ws, FILE)
    assert experiment.assignment_mode == "external"
    assert experiment.unit == "user"
    assert [(v.key, v.is_control, v.weight_bp) for v in experiment.variants] == [
        ("control", True, 5000), ("treatment", False, 5000),
    ]  # fmt: skip
    assert [(m.key, m.kind, m.role) for m in experiment.metrics] == [
        ("converted", MetricKind.PROPORTION, "primary"),
        ("revenue", MetricKind.MEAN, "secondary"),
    ]
    assert experiments.get_experiment(ws, LOCAL, experiment.id).data_finished is True


def test_a_refused_name_leaves_neither_experiment_nor_data(ws: Workspace):
    draft = receive(ws, FILE)
    mapping = answered(draft)
    with pytest.raises(InvalidInputError):
        ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name=" ")
    assert experiments.list_experiments(ws, LOCAL) == []
    faulty = receive(ws, FILE + "x,control,perhaps,1,DE\n")
    with pytest.raises(ConflictError, match="perhaps"):
        ingestion.commit_as_new(ws, LOCAL, faulty.import_id, answered(faulty), name="x")
    assert (experiments.list_experiments(ws, LOCAL), units(ws)) == ([], [])
    record = ingestion.commit_as_new(
        ws, LOCAL, faulty.import_id, answered(faulty), name="x", mode="good_rows"
    )
    assert (record.rows_used, len(units(ws))) == (60, 60)


def test_somebody_who_stops_during_the_import_finds_nothing_of_it(ws: Workspace):
    draft = receive(ws, FILE)
    mapping = answered(draft)
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    with pytest.raises(CancelledError):
        ingestion.commit_as_new(
            ws, LOCAL, draft.import_id, mapping, name="x", cancelled=lambda: True
        )
    assert (experiments.list_experiments(ws, LOCAL), units(ws)) == ([], [])
    assert [one.id for one in ingestion.unfinished(ws, LOCAL)] == [draft.import_id]


def test_totals_become_an_experiment_too(ws: Workspace):
    experiment, record = bring(ws, TOTALS)
    assert (record.shape, record.rows_used) == ("totals", 2)
    assert experiment.metrics[0].columns == ("signups", "visitors")
    with ws.db.read() as cursor:
        rows = cursor.execute("SELECT arm, visitors, conversions FROM totals").fetchall()
    assert rows == [("control", 1000, '{"signups": 50}'), ("treatment", 990, '{"signups": 61}')]


def test_nothing_is_committed_while_a_question_is_open(ws: Workspace):
    draft = receive(ws, FILE)
    report = ingestion.check(ws, LOCAL, draft.import_id, draft.detection.proposal)
    assert [question.code for question in report.questions] == ["FINISHED"]
    with pytest.raises(ConflictError, match="FINISHED"):
        ingestion.commit(ws, LOCAL, draft.import_id)
    with pytest.raises(ConflictError, match="FINISHED"):
        ingestion.create_from_import(
            ws, LOCAL, draft.import_id, draft.detection.proposal, name="x"
        )
    assert units(ws) == []
    assert experiments.list_experiments(ws, LOCAL) == []


def test_what_only_all_rows_show_is_asked_after_reading(ws: Workspace):
    text = FILE + "u7,treatment,1,9,DE\n"
    draft = receive(ws, text)
    mapping = answered(draft)
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    assert [question.code for question in report.questions] == ["UNIT_REPEATED"]
    mapping = ingestion.answer(mapping, report.questions[0], "sum")
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    assert report.questions == ()
    assert (report.rows_used, report.units) == (61, 60)
    assert [remark.code for remark in report.warnings] == ["UNIT_REPEATED"]


def test_without_a_variant_nothing_can_be_read_and_the_question_stays(ws: Workspace):
    text = FILE.replace("variant", "page", 1).replace("control", "x").replace("treatment", "y")
    draft = receive(ws, text)
    report = ingestion.check(ws, LOCAL, draft.import_id, draft.detection.proposal)
    assert report.rows_read == 0
    assert "VARIANT_COLUMN" in [question.code for question in report.questions]


def test_faulty_rows_block_until_somebody_leaves_them_out(ws: Workspace):
    text = FILE + "x1,control,perhaps,1,DE\nx2,control,1,ten,US\n"
    with pytest.raises(ConflictError, match="“perhaps” is not a yes or no") as error:
        bring(ws, text)
    assert error.value.code == "ROWS_REJECTED"
    assert units(ws) == []


def test_good_rows_are_imported_and_the_others_can_be_read_as_csv(ws: Workspace):
    text = FILE + "x1,control,perhaps,1,DE\n=cmd,control,1,ten,US\n"
    draft = receive(ws, text)
    mapping = answered(draft)
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    assert (report.rows_read, report.rows_used, report.rows_left_out) == (62, 60, 2)
    assert [(one.line, one.column, one.value) for one in report.first_rejects] == [
        (62, "converted", "perhaps"), (63, "revenue", "ten"),
    ]  # fmt: skip
    before = ingestion.rejects_csv(ws, LOCAL, draft.import_id)
    ingestion.create_from_import(ws, LOCAL, draft.import_id, mapping, name="x")
    record = ingestion.commit(ws, LOCAL, draft.import_id, mode="good_rows")
    assert (record.rows_used, record.rows_left_out) == (60, 2)
    assert ingestion.rejects_csv(ws, LOCAL, draft.import_id) == before
    rows = list(csv.DictReader(io.StringIO(before.decode("utf-8-sig"))))
    assert [(row["line"], row["rule"]) for row in rows] == [
        ("62", "OUTCOME_WORD"), ("63", "NUMBER"),
    ]  # fmt: skip
    assert rows[1]["row"] == "'=cmd,control,1,ten,US"


def test_a_refused_file_leaves_nothing_behind(ws: Workspace):
    before = traces(ws)
    for text in ("", "<html>", "a\n1\n", FILE + 'u1,"a\n', FILE[:50]):
        with pytest.raises(UpshotError):
            receive(ws, text)
    assert traces(ws) == before


def test_a_discarded_draft_leaves_nothing_behind(ws: Workspace):
    before = traces(ws)
    draft = receive(ws, FILE + "x,control,7,7,DE\n")
    ingestion.check(ws, LOCAL, draft.import_id, answered(draft))
    ingestion.discard(ws, LOCAL, draft.import_id)
    assert traces(ws) == before
    with pytest.raises(NotFoundError):
        ingestion.check(ws, LOCAL, draft.import_id, answered(draft))


def test_a_file_with_a_broken_row_is_refused_when_it_is_read(ws: Workspace):
    draft = receive(ws, FILE + "u99,control\n")
    with pytest.raises(InvalidInputError, match="Line 62 has 2 fields; 5 are expected"):
        ingestion.check(ws, LOCAL, draft.import_id, answered(draft))
    assert units(ws) == []


def test_a_mapping_that_contradicts_the_file_is_refused(ws: Workspace):
    draft = receive(ws, FILE)
    mapping = answered(draft)
    renamed = replace(mapping, columns=tuple(
        replace(column, name=column.name.upper()) for column in mapping.columns
    ))  # fmt: skip
    with pytest.raises(InvalidInputError, match="the mapping speaks of “USER_ID”"):
        ingestion.check(ws, LOCAL, draft.import_id, renamed)
    two = replace(mapping, columns=tuple(
        replace(column, role=Role.VARIANT) if column.name == "country" else column
        for column in mapping.columns
    ))  # fmt: skip
    with pytest.raises(InvalidInputError, match="Only one column can be the variant"):
        ingestion.check(ws, LOCAL, draft.import_id, two)
    with pytest.raises(InvalidInputError, match="“Kontrolle” is no value of column “variant”"):
        ingestion.check(ws, LOCAL, draft.import_id, replace(mapping, control="Kontrolle"))
    with pytest.raises(InvalidInputError, match="needs a column with times"):
        ingestion.check(ws, LOCAL, draft.import_id, replace(mapping, crossovers="first_seen"))


def test_the_header_line_can_be_corrected(ws: Workspace):
    draft = receive(ws, ROWS)
    question = next(one for one in draft.questions if one.code == "HEADER")
    told = ingestion.answer(draft.detection.proposal, question, "0")
    again = ingestion.look_again(ws, LOCAL, draft.import_id, dialect=told.dialect)
    assert again.detection.proposal.columns[0].name == "column 1"
    report = ingestion.check(
        ws, LOCAL, draft.import_id, answered(again, {"CONTROL": "control"})
    )
    assert report.rows_read == 60


def test_large_files_come_through_the_inbox_and_stay_there(ws: Workspace):
    ws.db.inbox.mkdir(parents=True, exist_ok=True)
    file = ws.db.inbox / "big.csv"
    file.write_text(FILE, encoding="utf-8")
    (ws.db.inbox / ".hidden.csv").write_text("x", encoding="utf-8")
    (ws.db.inbox / "notes.md").write_text("x", encoding="utf-8")
    assert ingestion.inbox_files(ws, LOCAL) == [ingestion.InboxFile("big.csv", len(FILE))]
    told: list[float] = []
    draft = ingestion.receive_inbox(ws, LOCAL, "big.csv", progress=lambda f, _: told.append(f))
    assert draft.bytes == len(FILE)
    assert told[-1] == 1.0
    assert file.exists()
    for name in ("../big.csv", "/etc/passwd", "*.csv", "notes.md"):
        with pytest.raises(NotFoundError):
            ingestion.receive_inbox(ws, LOCAL, name)


def test_stored_names_are_our_own(ws: Workspace):
    for name in ("../../etc/passwd", "a[1].csv", "*.csv", "x" * 300):
        receive(ws, FILE + f"q{len(name)},control,1,1,DE\n", name)
    for file in (ws.db.side / "uploads").iterdir():
        assert len(file.stem) == 36
        assert file.suffix == ".txt"


def test_who_may_what(ws: Workspace):
    draft = receive(ws, FILE)
    mapping = answered(draft)
    data = io.BytesIO(FILE.encode())
    for act in (
        lambda: ingestion.receive(ws, VIEWER, data, "x.csv"),
        lambda: ingestion.check(ws, VIEWER, draft.import_id, mapping),
        lambda: ingestion.commit(ws, VIEWER, draft.import_id),
        lambda: ingestion.undo(ws, VIEWER, draft.import_id),
        lambda: ingestion.discard(ws, VIEWER, draft.import_id),
        lambda: ingestion.create_from_import(ws, VIEWER, draft.import_id, mapping, name="x"),
        lambda: ingestion.receive_inbox(ws, EDITOR, "x.csv"),
    ):
        with pytest.raises(ForbiddenError):
            act()


def test_another_organisation_sees_no_import(ws: Workspace):
    draft = receive(ws, FILE)
    stranger = Actor("eve", Rank.ADMIN, org_id="other")
    with pytest.raises(NotFoundError):
        ingestion.rejects_csv(ws, stranger, draft.import_id)


def test_import_and_undo_are_in_the_audit_trail(ws: Workspace):
    _, record = bring(ws, FILE)
    ingestion.undo(ws, LOCAL, record.id)
    with ws.db.read() as cursor:
        events = audit.events_of(cursor, "default", "import", record.id)
    assert [(event.verb, event.after and event.after["state"]) for event in events] == [
        ("commit", "committed"), ("undo", "undone"),
    ]  # fmt: skip


def test_a_failed_commit_changes_nothing(ws: Workspace, monkeypatch: pytest.MonkeyPatch):
    draft = receive(ws, FILE)
    mapping = answered(draft)
    ingestion.create_from_import(ws, LOCAL, draft.import_id, mapping, name="x")
    before = traces(ws)

    def fail(*_: object) -> None:
        raise RuntimeError("disk on fire")

    with monkeypatch.context() as patch:
        patch.setattr(audit, "append_event", fail)
        with pytest.raises(RuntimeError):
            ingestion.commit(ws, LOCAL, draft.import_id)
    assert traces(ws) == before
    assert ingestion.commit(ws, LOCAL, draft.import_id).state == "committed"


def test_drafts_that_nobody_finishes_are_thrown_away(ws: Workspace, clock: Any):
    draft = receive(ws, FILE)
    clock.wait(days=3)
    receive(ws, TOTALS)
    with pytest.raises(NotFoundError):
        ingestion.look_again(ws, LOCAL, draft.import_id)
    assert len(list((ws.db.side / "uploads").iterdir())) == 1


def test_reading_again_after_a_restart_is_asked_for(tmp_path: Path):
    from experiments_core.services.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(tmp_path / "w.duckdb") as ws:
        draft = receive(ws, FILE)
        ingestion.create_from_import(ws, LOCAL, draft.import_id, answered(draft), name="x")
    with open_workspace(tmp_path / "w.duckdb") as ws:
        with pytest.raises(ConflictError, match="no longer there"):
            ingestion.commit(ws, LOCAL, draft.import_id)
        ingestion.check(ws, LOCAL, draft.import_id, answered(draft))
        assert ingestion.commit(ws, LOCAL, draft.import_id).rows_used == 60
