"""Unit ids kept as pseudonyms: nobody's id in the file, every number as it was."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.domain.pseudonym import pseudonym, unit_key
from experiments_core.errors import ConflictError, InvalidInputError
from experiments_core.query.pseudonym import pseudonym_sql
from experiments_core.services import (
    acting,
    analyses,
    assigning,
    deploying,
    erasing,
    experiments,
    ingestion,
    participants,
    projects,
    snapshots,
    trying,
)
from experiments_core.services.assignment_audit import audit_assignment
from experiments_core.services.events import Receipt, receive_events
from experiments_core.services.workspace import Workspace, open_workspace
from tests.services.traces import traces

UNITS = tuple(f"person-{n}@example.org" for n in range(60))
ROWS = "".join(f"{unit},{'AB'[n % 2]},{n % 3 == 0:d}\n" for n, unit in enumerate(UNITS))
FILE = f"user_id,variant,converted\n{ROWS}{UNITS[0]},B,1\n{UNITS[1]},,1\n1.2E+15,A,0\n"


def hide(ws: Workspace, *, on: bool = True) -> None:
    """Switch pseudonyms on for the default project."""
    now = projects.get_project(ws, LOCAL, "default")
    projects.edit_project(ws, LOCAL, "default", {"pseudonymise_units": on}, version=now.version)


def begin(ws: Workspace, **more: Any) -> Experiment:
    draft = ExperimentDraft("Checkout", metrics=(Proportion("paid"),), **more)
    made = experiments.create_experiment(ws, LOCAL, draft)
    return acting.transition(ws, LOCAL, made.id, "start", version=made.version)


def bring(ws: Workspace, text: str = FILE) -> ingestion.ImportRecord:
    """A file as the data of a new experiment."""
    draft = ingestion.receive(ws, LOCAL, io.BytesIO(text.encode()), "people.csv")
    mapping = draft.detection.proposal
    for question in draft.questions:
        answer = question.default or question.choices[0].value
        mapping = ingestion.answer(mapping, question, answer)
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    return ingestion.commit_as_new(
        ws, LOCAL, draft.import_id, mapping, name="People", mode="good_rows"
    )


def send(ws: Workspace, units: Sequence[str], **more: Any) -> Receipt:
    """An exposure and a conversion of each."""
    known = {"experiment": "checkout", "at": ws.now().isoformat(), **more}
    kinds: tuple[dict[str, str], ...] = (
        {"type": "exposure"}, {"type": "metric", "name": "paid"},
    )  # fmt: skip
    return receive_events(ws, LOCAL, [
        {"event_id": f"{kind['type']}-{n}", "unit_id": unit, **kind, **known}
        for n, unit in enumerate(units) for kind in kinds
    ])  # fmt: skip


def body(ws: Workspace, experiment: str) -> list[Any]:
    """The numbers of an experiment, without the ids of its data."""
    return [repr(one) for one in analyses.look(ws, LOCAL, experiment).result.metrics]


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    """What comes out where ids are kept as they are."""
    with open_workspace(":memory:") as ws:
        begin(ws)
        arms = [assigning.assign(ws, LOCAL, "checkout", unit).variant for unit in UNITS]
        send(ws, UNITS[:40])
        bring(ws)
        return {"arms": arms, "fed": body(ws, "checkout"), "uploaded": body(ws, "people")}


def test_python_and_the_query_make_the_same_pseudonym(ws: Workspace):
    key = unit_key(ws.db.secret, "default")
    units = [*UNITS[:3], "Zoë", "00042", "日本", pseudonym(key, "x")]
    with ws.db.read() as cursor:
        rows = cursor.execute(
            f"SELECT {pseudonym_sql(key, 'u')} FROM (SELECT unnest(?::VARCHAR[]) AS u)",
            [units],
        ).fetchall()
    assert [name for (name,) in rows] == [pseudonym(key, unit) for unit in units]
    assert pseudonym(key, pseudonym(key, "x")) == pseudonym(key, "x")
    assert pseudonym(unit_key(ws.db.secret, "other"), "x") != pseudonym(key, "x")


def test_nothing_holds_an_id_and_the_numbers_are_the_same(ws: Workspace, plain: dict[str, Any]):
    hide(ws)
    begin(ws)
    arms = [assigning.assign(ws, LOCAL, "checkout", unit).variant for unit in UNITS]
    again = [assigning.assign(ws, LOCAL, "checkout", unit) for unit in UNITS]
    assert arms == plain["arms"]
    assert [one.variant for one in again] == arms
    assert {one.reason for one in again} == {"stored"}
    assert [one.unit_id for one in again] == list(UNITS)
    assert send(ws, UNITS[:40]).accepted == 80
    assert send(ws, UNITS[:40]).duplicates == 80
    assert bring(ws).rows_read == 63
    assert body(ws, "checkout") == plain["fed"]
    assert body(ws, "people") == plain["uploaded"]
    assert [found for unit in (*UNITS[:3], "1.2E+15") for found in traces(ws, unit)] == []


def test_everything_that_names_a_unit_finds_it(ws: Workspace):
    hide(ws)
    test = begin(ws)
    tester, given = UNITS[0], UNITS[1]
    participants.set_override(ws, LOCAL, "checkout", tester, "treatment")
    assert assigning.assign(ws, LOCAL, "checkout", tester).reason == "override"
    assigning.assign(ws, LOCAL, "checkout", given)
    deploying.deploy(
        ws, LOCAL, "checkout", variant="treatment", target="participant", unit_id=given,
        version=test.version,
    )  # fmt: skip
    assert assigning.assign(ws, LOCAL, "checkout", given).variant == "treatment"
    assert trying.try_unit(ws, LOCAL, "checkout", tester).served == "treatment"
    (shown,) = participants.overrides(ws, LOCAL, "checkout")
    assert shown.startswith("p_")
    assert not snapshots.snapshot(ws, LOCAL)[0]["local"]
    served = {unit: assigning.assign(ws, LOCAL, "checkout", unit).variant or ""
              for unit in UNITS[2:40]}  # fmt: skip
    report = audit_assignment(ws, LOCAL, "checkout", served)
    assert (report.known, report.otherwise) == (38, ())
    participants.set_override(ws, LOCAL, "checkout", shown, None)
    assert participants.overrides(ws, LOCAL, "checkout") == {}
    assert [found for unit in (tester, given) for found in traces(ws, unit)] == []


def test_named_participants_are_kept_as_pseudonyms_too(ws: Workspace):
    hide(ws)
    begin(ws, assignment_mode="listed")
    named = participants.add_participants(ws, LOCAL, "checkout", UNITS[:10])
    assert all(one.unit_id.startswith("p_") for one in named)
    assert {assigning.assign(ws, LOCAL, "checkout", u).reason for u in UNITS[:10]} == {"stored"}
    with pytest.raises(InvalidInputError, match=f"{UNITS[3]}.*already"):
        participants.add_participants(ws, LOCAL, "checkout", [UNITS[3]])
    assert traces(ws, UNITS[3]) == []


def test_a_newer_export_finds_the_units_it_knows(ws: Workspace):
    hide(ws)
    first = bring(ws)
    draft = ingestion.receive(
        ws, LOCAL, io.BytesIO(f"{FILE}new@example.org,A,1\n".encode()), "newer.csv",
        experiment_id=first.experiment_id,
    )  # fmt: skip
    mapping = draft.detection.proposal
    for question in draft.questions:
        mapping = ingestion.answer(
            mapping, question, question.default or question.choices[0].value
        )
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    assert report.difference is not None
    assert (report.difference.both, report.difference.gone) == (60, 0)


def test_an_undone_import_cannot_be_redone_because_its_text_is_gone(ws: Workspace):
    hide(ws)
    done = bring(ws)
    ingestion.undo(ws, LOCAL, done.id)
    with pytest.raises(ConflictError, match="no longer there"):
        ingestion.redo(ws, LOCAL, done.id)


@pytest.mark.parametrize("on", (True, False))
def test_the_setting_is_settled_once_units_are_there(ws: Workspace, *, on: bool):
    if not on:
        hide(ws)
    begin(ws)
    hide(ws, on=on)  # no unit yet
    hide(ws, on=not on)
    assigning.assign(ws, LOCAL, "checkout", UNITS[0])
    with pytest.raises(ConflictError, match="has units already") as refused:
        hide(ws, on=on)
    assert refused.value.code == "UNITS_STORED"


def test_an_experiment_with_units_does_not_move_to_a_project_that_keeps_them_otherwise(
    ws: Workspace,
):
    projects.create_project(ws, LOCAL, {"name": "Hidden", "pseudonymise_units": True})
    draft = ExperimentDraft("Listed", assignment_mode="listed")
    made = experiments.create_experiment(ws, LOCAL, draft)
    participants.add_participants(ws, LOCAL, made.id, UNITS[:2])
    with pytest.raises(ConflictError, match="keeps them as pseudonyms"):
        experiments.edit_experiment(
            ws, LOCAL, made.id, {"project": "hidden"}, version=made.version
        )


def test_events_of_every_experiment_need_one_way_in_all_projects(ws: Workspace):
    begin(ws)
    shared = {"event_id": "a", "unit_id": UNITS[0], "name": "paid"}
    projects.create_project(ws, LOCAL, {"name": "Hidden", "pseudonymise_units": True})
    (refused,) = receive_events(ws, LOCAL, [shared]).rejected
    assert (refused.problem.field, refused.problem.rule) == ("experiment", "REQUIRED")
    hide(ws)
    assert receive_events(ws, LOCAL, [shared]).accepted == 1
    assert traces(ws, UNITS[0]) == []
    with pytest.raises(ConflictError, match="name no experiment"):
        projects.create_project(ws, LOCAL, {"name": "Open"})


def test_a_person_is_erased_by_id_or_by_pseudonym(ws: Workspace):
    hide(ws)
    begin(ws)
    for unit in UNITS[:2]:
        assigning.assign(ws, LOCAL, "checkout", unit)
    key = unit_key(ws.db.secret, "default")
    assert erasing.erase_unit(ws, LOCAL, UNITS[0]).rows == {"assignments": 1}
    gone = erasing.erase_unit(ws, LOCAL, pseudonym(key, UNITS[1]))
    assert gone.rows == {"assignments": 1}
