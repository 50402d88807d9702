"""A second file of an experiment: recognised, added, replaced, refused."""

from __future__ import annotations

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import ExperimentDraft, VariantDraft
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.domain.source import Role
from experiments_core.errors import ConflictError
from experiments_core.services import experiments, ingestion
from experiments_core.services.workspace import Workspace
from experiments_core.store.lines import line_of
from tests.services.files import FILE, HEADER, ROWS, add, answered, bring, receive, units


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


def test_other_columns_cannot_be_added(ws: Workspace):
    experiment, _ = bring(ws, FILE)
    draft = receive(ws, "user_id,variant,converted\nv1,control,1\nv2,treatment,0\n",
                    experiment_id=experiment.id)  # fmt: skip
    report = ingestion.check(ws, LOCAL, draft.import_id, answered(draft))
    assert "METRIC_MISSING" in [remark.code for remark in report.warnings]
    there = (
        r"the columns converted \(outcome\), revenue \(value\), country \(segment\); this file"
    )
    with pytest.raises(ConflictError, match=there):
        ingestion.commit(ws, LOCAL, draft.import_id)


def test_the_same_columns_in_other_roles_and_other_numbers_say_what_is_unlike(ws: Workspace):
    experiment, _ = bring(ws, FILE)
    draft = receive(ws, f"{HEADER}\nv1,control,1,1,DE\nv2,treatment,0,1,US\n",
                    experiment_id=experiment.id)  # fmt: skip
    mapping = ingestion.give_role(answered(draft), 3, Role.COVARIATE)
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    with pytest.raises(ConflictError, match=r"this file brings .* revenue \(covariate\)"):
        ingestion.commit(ws, LOCAL, draft.import_id)
    text = "variant,visitors,converted\ncontrol,90,9\ntreatment,95,12\n"
    draft = receive(ws, text, experiment_id=experiment.id)
    ingestion.check(ws, LOCAL, draft.import_id, answered(draft))
    with pytest.raises(ConflictError, match="a row per unit; this file brings numbers per"):
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
