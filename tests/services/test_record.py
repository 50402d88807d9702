"""A test that was over before its file came: a record with dates, not a draft to start."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping as Table
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, VariantDraft
from experiments_core.domain.lifecycle import Status, Verb
from experiments_core.domain.metric import MetricRole
from experiments_core.domain.source import Role
from experiments_core.errors import ConflictError
from experiments_core.services import acting, analyses, experiments, ingestion
from experiments_core.services.workspace import Workspace

BEGAN, ENDED = datetime(2026, 4, 6, 9, tzinfo=UTC), datetime(2026, 4, 19, 21, 30, tzinfo=UTC)


def log(*, times: bool = True) -> str:
    """400 units of a test in April."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["user_id", "variant", "paid", "returned", *(["seen"] if times else [])])
    for n in range(400):
        at = BEGAN + (ENDED - BEGAN) * (n / 399)
        row = [f"u{n}", "AB"[n % 2], int(n % 5 < 2), int(n % 7 == 0)]
        writer.writerow([*row, *([f"{at:%Y-%m-%dT%H:%M:%SZ}"] if times else [])])
    return out.getvalue()


def bring(
    ws: Workspace, text: str, told: Table[str, str], *, into: str | None = None
) -> Experiment:
    source = io.BytesIO(text.encode())
    draft = ingestion.receive(ws, LOCAL, source, "april.csv", experiment_id=into)
    mapping = draft.detection.proposal
    roles = {"seen": Role.TIME, "paid": Role.OUTCOME, "returned": Role.OUTCOME}
    columns = tuple(replace(c, role=roles.get(c.name, c.role)) for c in mapping.columns)
    mapping = replace(mapping, columns=columns, control=mapping.control or "A")
    for question in draft.questions:
        value = told.get(question.field) or question.default or question.choices[0].value
        mapping = ingestion.answer(mapping, question, value)
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    if into is None:
        done = ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="April")
    else:
        done = ingestion.commit(ws, LOCAL, draft.import_id)
    return experiments.get_experiment(ws, LOCAL, done.experiment_id or "")


@pytest.fixture
def record(ws: Workspace) -> Experiment:
    return bring(ws, log(), {"finished": "yes"})


def test_a_finished_file_becomes_a_stopped_experiment_with_the_dates_of_its_rows(
    ws: Workspace, record: Experiment
):
    assert (record.status, record.historical) == (Status.STOPPED, True)
    assert (record.first_started_at, record.stopped_at) == (BEGAN, ENDED)
    verbs = [info.verb for info in acting.allowed_verbs(record, LOCAL)]
    assert Verb.COMPLETE in verbs
    assert Verb.PAUSE not in verbs
    view = analyses.look(ws, LOCAL, record.id)
    assert view.result.final
    done = acting.transition(
        ws, LOCAL, record.id, "complete", version=record.version, conclusion="inconclusive"
    )
    assert (done.status, done.stopped_at) == (Status.COMPLETED, ENDED)


def test_without_times_its_dates_stay_unknown(ws: Workspace):
    record = bring(ws, log(times=False), {"finished": "yes"})
    assert record.status is Status.STOPPED
    assert (record.first_started_at, record.started_at, record.stopped_at) == (None, None, None)


def test_a_test_that_goes_on_stays_a_draft(ws: Workspace):
    going = bring(ws, log(), {"finished": "no"})
    assert (going.status, going.data_finished) == (Status.DRAFT, False)
    assert not analyses.look(ws, LOCAL, going.id).result.final


def test_nothing_of_a_record_is_sealed(ws: Workspace, record: Experiment):
    paid, returned = record.metrics
    turned = (
        replace(paid, role=MetricRole.SECONDARY), replace(returned, role=MetricRole.PRIMARY)
    )  # fmt: skip
    arms = tuple(VariantDraft(v.key, v.name, v.is_control, w) for v, w in
                 zip(record.variants, (6000, 4000), strict=True))  # fmt: skip
    changed = experiments.edit_experiment(
        ws, LOCAL, record.id, {"hypothesis": "Fewer returns.", "metrics": turned,
                               "variants": arms}, version=record.version,
    )  # fmt: skip
    assert [one.role for one in changed.metrics] == ["secondary", "primary"]
    assert not any(one.post_hoc for one in changed.metrics)
    share = next(c for c in analyses.look(ws, LOCAL, record.id).result.health
                 if c.check == "sample_ratio_mismatch")  # fmt: skip
    assert share.level == "fail", "200 : 200 does not fit 60 : 40"


def test_a_later_file_moves_the_end_and_undoing_keeps_the_record(
    ws: Workspace, record: Experiment
):
    more = log().splitlines()[0] + "\nx1,A,1,0,2026-04-25T08:00:00Z\nx2,B,0,0,2026-04-26\n"
    later = bring(ws, more, {}, into=record.id)
    assert later.stopped_at == datetime(2026, 4, 26, tzinfo=UTC)
    first = next(
        one for one in ingestion.imports_of(ws, LOCAL, record.id) if one.rows_read == 400
    )
    ingestion.undo(ws, LOCAL, first.id)
    assert experiments.get_experiment(ws, LOCAL, record.id).status is Status.STOPPED
    ingestion.redo(ws, LOCAL, first.id)
    assert analyses.look(ws, LOCAL, record.id).result.final


def test_a_new_run_keeps_the_earlier_one_as_a_phase_and_seals(
    ws: Workspace, record: Experiment
):
    again = acting.transition(ws, LOCAL, record.id, "start", version=record.version)
    spans = [(phase.run_no, phase.started_at, phase.ended_at) for phase in again.phases]
    assert spans == [(1, BEGAN, ENDED), (2, again.started_at, None)]
    assert again.first_started_at == BEGAN
    assert again.is_sealed
    assert again.seal_hash
    with pytest.raises(ConflictError, match="fixed when the test started"):
        experiments.edit_experiment(
            ws, LOCAL, again.id, {"hypothesis": "Another."}, version=again.version
        )
