from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping as Table
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL, Actor
from experiments_core.domain.access import Role as Rank
from experiments_core.domain.experiment import Experiment, ExperimentDraft, VariantDraft
from experiments_core.domain.metric import MetricKind
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.domain.source import Mapping, Role
from experiments_core.errors import (
    CancelledError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UpshotError,
)
from experiments_core.services import analyses, experiments, ingestion
from experiments_core.services.ingestion import Draft, ImportReport
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from experiments_core.store.lines import line_of

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


def test_the_same_bytes_are_recognised(ws: Workspace):
    experiment, record = bring(ws, FILE)
    again = receive(ws, FILE, "copy.csv")
    assert again.already_imported is not None
    assert again.already_imported.id == record.id
    other = receive(ws, FILE.replace("u0,", "u00,"))
    assert other.already_imported is None
    ingestion.undo(ws, LOCAL, record.id)
    assert receive(ws, FILE, experiment_id=experiment.id).already_imported is None


def test_the_same_rows_under_other_bytes_are_recognised_and_do_not_count_twice(ws: Workspace):
    experiment, _ = bring(ws, FILE)
    lines = FILE.strip().split("\n")
    other = "\r\n".join([lines[0], *lines[:0:-1]])
    draft = receive(ws, other, experiment_id=experiment.id)
    assert draft.already_imported is None
    report = ingestion.check(ws, LOCAL, draft.import_id, answered(draft))
    assert "SAME_ROWS" in [remark.code for remark in report.warnings]
    with pytest.raises(ConflictError, match="in the data already"):
        ingestion.commit(ws, LOCAL, draft.import_id)


def test_a_newer_export_adds_its_new_units_only(ws: Workspace):
    experiment, _ = bring(ws, FILE)
    newer = f"{HEADER}\n{ROWS[: len(ROWS) // 2].rsplit(chr(10), 1)[0]}\nv1,control,1,1,DE\n"
    report = add(ws, experiment, newer)
    known = report.rows_read - 1
    remark = next(one for one in report.warnings if one.code == "UNIT_KNOWN")
    assert remark.message.startswith(f"{known} units are in the data already")
    latest = ingestion.imports_of(ws, LOCAL, experiment.id)[0]
    assert (latest.rows_used, latest.rows_left_out) == (1, known)
    assert latest.report["by_rule"][-1]["rule"] == "UNIT_KNOWN"
    assert len(units(ws)) == 61


def test_or_replaces_what_was_there(ws: Workspace):
    experiment, first = bring(ws, FILE)
    add(
        ws,
        experiment,
        f"{HEADER}\nv1,control,1,1,DE\nv2,treatment,0,1,US\n",
        existing="replace",
    )
    assert units(ws) == [("v1", "control"), ("v2", "treatment")]
    states = {one.id: one.state for one in ingestion.imports_of(ws, LOCAL, experiment.id)}
    assert states[first.id] == "undone"


def test_answers_are_remembered_for_the_next_file_with_the_same_header(ws: Workspace):
    arms = FILE.replace("control", "gate_30").replace("treatment", "gate_40")
    draft = receive(ws, arms)
    mapping = answered(draft, {"CONTROL": "gate_40"})
    mapping = ingestion.give_role(mapping, 3, Role.COVARIATE)
    ingestion.create_from_import(ws, LOCAL, draft.import_id, mapping, name="x")
    ingestion.commit(ws, LOCAL, draft.import_id)
    later = receive(ws, arms.replace("u0,", "z0,"))
    assert [question.code for question in later.questions] == ["FINISHED"]
    assert later.detection.proposal.control == "gate_40"
    assert later.detection.proposal.columns[3].role is Role.COVARIATE
    assert later.detection.notices[-1].code == "SOURCE_REMEMBERED"


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


def rows_with_lines(ws: Workspace) -> list[tuple[str, int]]:
    with ws.db.read() as cursor:
        (table,) = cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'units_')"
        ).fetchone() or ("",)
        line = line_of(cursor, table).format(table)
        return cursor.execute(f"SELECT unit, {line} FROM {table} ORDER BY rowid").fetchall()


def test_rows_of_a_file_made_before_lines_were_kept_can_be_added_to(ws: Workspace):
    experiment, first = bring(ws, FILE)
    with ws.db.write() as cursor:
        table = f"units_{str(first.dataset_id).replace('-', '')}"
        cursor.execute(f"ALTER TABLE {table} DROP COLUMN ahead")
    add(ws, experiment, f"{HEADER}\nv1,control,1,1,DE\nv2,treatment,0,1,US\n")
    assert rows_with_lines(ws)[59:] == [("u59", None), ("v1", 2), ("v2", 3)]


def test_undo_of_totals_takes_their_rows_only(ws: Workspace):
    experiment, first = bring(ws, TOTALS)
    add(ws, experiment, TOTALS.replace("1000", "2000"))
    ingestion.undo(ws, LOCAL, first.id)
    with ws.db.read() as cursor:
        assert cursor.execute("SELECT sum(visitors) FROM totals").fetchone() == (2990,)


def test_other_columns_cannot_be_added(ws: Workspace):
    experiment, _ = bring(ws, FILE)
    draft = receive(ws, "user_id,variant,converted\nv1,control,1\nv2,treatment,0\n",
                    experiment_id=experiment.id)  # fmt: skip
    report = ingestion.check(ws, LOCAL, draft.import_id, answered(draft))
    assert "METRIC_MISSING" in [remark.code for remark in report.warnings]
    with pytest.raises(ConflictError, match="converted, revenue, country; this file brings"):
        ingestion.commit(ws, LOCAL, draft.import_id)


def test_an_experiment_s_variants_decide(ws: Workspace):
    experiment = experiments.create_experiment(ws, LOCAL, ExperimentDraft(
        name="Ours",
        variants=(
            VariantDraft(key="control", name="Nine fields", is_control=True, weight_bp=5000),
            VariantDraft(key="short", name="treatment", is_control=False, weight_bp=5000),
        ),
        metrics=(Proportion("converted"), Mean("revenue", role="secondary")),
    ))  # fmt: skip
    draft = receive(ws, FILE + "z,third,1,1,DE\n", experiment_id=experiment.id)
    assert draft.questions == ()
    report = ingestion.check(ws, LOCAL, draft.import_id, draft.detection.proposal)
    assert report.arms == {"control": 30, "short": 30}
    assert [rule.rule for rule in report.blocking] == ["VARIANT_UNKNOWN"]


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
