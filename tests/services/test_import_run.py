from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.errors import (
    CancelledError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UpshotError,
)
from experiments_core.services import import_jobs, import_run, ingestion
from experiments_core.services.experiments import list_experiments
from experiments_core.services.import_choices import Choices
from experiments_core.services.import_jobs import import_job, start_import, stop_imports
from experiments_core.services.import_run import ImportRequest, outcome_body
from experiments_core.services.workspace import Workspace, open_workspace

HEADER = "user_id,group,converted,revenue\n"
ROWS = "".join(
    f"u{i},{'test' if i % 2 else 'control'},{int(i % 5 == 0)},{i % 7}.50\n" for i in range(400)
)
CHOICES = Choices(outcomes=("converted",), values=("revenue",), finished=True)


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path) as workspace:
        workspace.db.inbox.mkdir(exist_ok=True)
        yield workspace


def lay(ws: Workspace, text: str, name: str = "test.csv") -> str:
    (ws.db.inbox / name).write_text(text)
    return name


def request(name: str, **changes: object) -> ImportRequest:
    asked = ImportRequest(inbox=name, choices=CHOICES, new_name="Checkout")
    return replace(asked, **changes)  # type: ignore[arg-type]


def drafts(ws: Workspace) -> int:
    with ws.db.read() as cursor:
        found = cursor.execute("SELECT count(*) FROM imports WHERE state = 'draft'").fetchone()
    return int(found[0]) if found else 0


def test_a_file_becomes_an_experiment(ws: Workspace):
    told: list[tuple[float, str]] = []
    outcome = import_run.run_import(
        ws, LOCAL, request(lay(ws, HEADER + ROWS)), progress=lambda *step: told.append(step)
    )
    assert outcome.state == "committed"
    ((experiment, record),) = outcome.experiments
    assert record.state == "committed"
    assert [m.key for m in experiment.metrics] == ["converted", "revenue"]
    assert outcome.report is not None
    assert outcome.report.arms == {"control": 200, "test": 200}
    shares = [done for done, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_more_rows_join_an_experiment(ws: Workspace):
    import_run.run_import(ws, LOCAL, request(lay(ws, HEADER + ROWS)))
    more = HEADER + ROWS.replace("\nu", "\nv").replace("u0,", "v0,", 1)
    asked = request(lay(ws, more, "more.csv"), new_name=None, experiment="checkout")
    outcome = import_run.run_import(ws, LOCAL, asked)
    assert outcome.state == "committed"
    assert len(ingestion.imports_of(ws, LOCAL, "checkout")) == 2


def test_the_same_file_again_is_nothing_to_do(ws: Workspace):
    name = lay(ws, HEADER + ROWS)
    import_run.run_import(ws, LOCAL, request(name))
    outcome = import_run.run_import(ws, LOCAL, request(name))
    assert outcome.state == "already"
    assert "You imported this file" in outcome.note
    assert len(list_experiments(ws, LOCAL)) == 1
    assert drafts(ws) == 0


def test_open_questions_stop_the_import_and_leave_nothing(ws: Workspace):
    text = (HEADER + ROWS).replace("control", "old").replace("test", "new")
    asked = request(lay(ws, text), choices=replace(CHOICES, finished=None))
    outcome = import_run.run_import(ws, LOCAL, asked)
    assert outcome.state == "questions"
    assert {question.code for question in outcome.questions} == {"CONTROL", "FINISHED"}
    assert list_experiments(ws, LOCAL) == []
    assert drafts(ws) == 0
    answers = {"CONTROL": "old", "FINISHED": "yes"}
    again = replace(asked, choices=replace(asked.choices, answers=answers))
    committed = import_run.run_import(ws, LOCAL, again)
    assert committed.state == "committed"
    assert committed.experiments[0][0].control.key == "old"


def test_likely_answers_are_taken_only_when_asked_for(ws: Workspace):
    text = (HEADER + ROWS).replace("u0,control,1", "u0,control,")
    asked = request(lay(ws, text))
    assert import_run.run_import(ws, LOCAL, asked).state == "questions"
    likely = replace(asked, choices=replace(CHOICES, accept_defaults=True))
    assert import_run.run_import(ws, LOCAL, likely).state == "committed"


def test_rows_at_fault_stop_the_import_unless_they_are_left_out(ws: Workspace):
    asked = request(lay(ws, f"{HEADER}{ROWS}u999,control,perhaps,1.0\n"))
    outcome = import_run.run_import(ws, LOCAL, asked)
    assert outcome.state == "rejected"
    body = outcome_body(outcome)
    assert body["report"]["first_rejects"][0]["line"] == 402
    assert body["report"]["first_rejects"][0]["value"] == "perhaps"
    assert list_experiments(ws, LOCAL) == []
    good = import_run.run_import(ws, LOCAL, replace(asked, mode="good_rows"))
    assert good.state == "committed"
    assert outcome_body(good)["experiment"]["slug"] == "checkout"


def test_some_of_several_experiments_are_all_told(ws: Workspace):
    rows = "".join(
        f"{test},u{n},{('control', 'treatment')[n % 2]},{n % 3 == 0:d},1.0\n"
        for test in ("one", "two", "three") for n in range(20)
    )  # fmt: skip
    asked = request(lay(ws, f"experiment,{HEADER}{rows}"))
    wanted = replace(asked, choices=replace(CHOICES, experiments=("three", "one")))
    body = outcome_body(import_run.run_import(ws, LOCAL, wanted))
    assert body["state"] == "committed"
    assert [one["slug"] for one in body["experiments"]] == ["checkout-one", "checkout-three"]
    assert [one["rows_used"] for one in body["experiments"]] == [20, 20]
    assert body["experiment"] == body["experiments"][0]


def test_a_check_reports_and_stores_nothing(ws: Workspace):
    outcome = import_run.run_import(ws, LOCAL, request(lay(ws, HEADER + ROWS), mode="check"))
    assert outcome.state == "checked"
    assert outcome.report is not None
    assert outcome.report.rows_used == 400
    assert list_experiments(ws, LOCAL) == []
    assert drafts(ws) == 0


def test_an_answer_that_fits_nothing_is_refused(ws: Workspace):
    text = (HEADER + ROWS).replace("control", "old").replace("test", "new")
    asked = request(lay(ws, text), choices=replace(CHOICES, answers={"CONTROL": "blue"}))
    with pytest.raises(InvalidInputError, match="“blue” is no answer to CONTROL"):
        import_run.run_import(ws, LOCAL, asked)
    assert drafts(ws) == 0


def test_a_wrong_column_is_said_before_the_file_is_recognised(ws: Workspace):
    name = lay(ws, HEADER + ROWS)
    import_run.run_import(ws, LOCAL, request(name))
    with pytest.raises(InvalidInputError, match="no column “grp”"):
        import_run.run_import(ws, LOCAL, request(name, choices=replace(CHOICES, variant="grp")))


@pytest.mark.parametrize(
    "changes",
    (
        {"experiment": "checkout"},
        {"new_name": None},
        {"new_name": None, "experiment": "checkout", "less_is_better": ("paid",)},
        {"mode": "some"},
        {"existing": "merge"},
    ),
)
def test_a_request_that_contradicts_itself_is_refused(
    ws: Workspace, changes: dict[str, object]
):
    with pytest.raises(InvalidInputError):
        import_run.run_import(ws, LOCAL, request(lay(ws, HEADER + ROWS), **changes))


def test_a_file_that_is_not_there_is_named(ws: Workspace):
    with pytest.raises(NotFoundError, match="no file “gone"):
        import_run.run_import(ws, LOCAL, request("gone.csv"))


def test_a_viewer_may_not_import(ws: Workspace):
    with pytest.raises(ForbiddenError):
        import_run.run_import(ws, Actor("vera", Role.VIEWER), request(lay(ws, HEADER + ROWS)))


def test_a_job_runs_beside_and_tells_its_end(ws: Workspace):
    job = start_import(ws, LOCAL, request(lay(ws, HEADER + ROWS)))
    assert job.thread is not None
    job.thread.join(30)
    found = import_job(LOCAL, job.id)
    assert found.outcome is not None
    assert found.outcome["state"] == "committed"
    assert found.progress == 1.0
    stop_imports()
    with pytest.raises(NotFoundError):
        import_job(LOCAL, job.id)


def test_a_job_keeps_its_refusal(ws: Workspace):
    job = start_import(ws, LOCAL, request("gone.csv"))
    stop_imports()
    assert isinstance(job.error, NotFoundError)


def test_a_job_that_breaks_says_so_without_a_trace(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(import_jobs, "run_import", broken)
    job = start_import(ws, LOCAL, request("test.csv"))
    stop_imports()
    assert isinstance(job.error, UpshotError)
    assert job.error.code == "INTERNAL"
    assert "an import failed" in caplog.text


def test_stopping_cancels_what_runs(ws: Workspace):
    name = lay(ws, HEADER + ROWS * 200)
    jobs = [start_import(ws, LOCAL, request(name)) for _ in range(3)]
    stop_imports()
    assert all(job.ended_at is not None for job in jobs)
    assert any(isinstance(job.error, CancelledError) for job in jobs)
    assert drafts(ws) == 0
