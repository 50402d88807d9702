"""One import from start to end: for the command line, and for a server asked to do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.source import Mapping
from experiments_core.errors import InvalidInputError, Problem, UpshotError
from experiments_core.services import ingestion
from experiments_core.services.births import KEEPS_DIRECTION
from experiments_core.services.choosing import choose
from experiments_core.services.experiments import get_experiment
from experiments_core.services.import_choices import Choices, refusal
from experiments_core.services.import_reading import lay_out, open_layout, read_rows
from experiments_core.services.ingestion import Draft, ImportRecord, ImportReport, Question
from experiments_core.services.workspace import Workspace
from experiments_core.store.watch import Cancelled, Progress

MODES = ("all", "good_rows", "check")
EXISTING = ("add", "replace")
SHOWN_REJECTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What is to be imported, and how.

    Attributes:
        inbox: Name of a file in the workspace's inbox.
        more: Further files there that belong to it: other arms, outcomes, events.
        choices: What is known about its columns.
        experiment: Key, id or slug of the experiment that it is for.
        new_name: Or the name of the experiment to make from it.
        less_is_better: Measures of it of which a decrease is good; None goes by their names.
        mode: ``all``, ``good_rows`` (leave out rows that break a rule) or ``check`` (report
            only, store nothing).
        existing: ``add`` to the rows the experiment has, or ``replace`` them.
    """

    inbox: str
    choices: Choices
    more: tuple[str, ...] = ()
    experiment: str | None = None
    new_name: str | None = None
    less_is_better: tuple[str, ...] | None = None
    mode: str = "all"
    existing: str = "add"


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What came of it.

    Attributes:
        state: ``committed``; ``checked`` (mode check); ``questions`` (answers are missing),
            ``rejected`` (rows break a rule), ``already`` (the same bytes are in use): then
            nothing was stored.
        file_name: As shown.
        report: What reading every row has shown; None if nothing was read.
        questions: What has to be answered first.
        experiments: Those that have the data now, each with its import; one, unless the file
            held several.
        note: One sentence about it.
    """

    state: str
    file_name: str
    report: ImportReport | None = None
    questions: tuple[Question, ...] = ()
    experiments: tuple[tuple[Experiment, ImportRecord], ...] = ()
    note: str = ""


def run_import(
    ws: Workspace,
    actor: Actor,
    request: ImportRequest,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> ImportOutcome:
    """Take a file of the inbox in, read it, and commit it if nothing is open.

    Raises:
        InvalidInputError: the request, the file or a column name is at fault.
        NotFoundError: there is no such file or experiment.
        ConflictError: the experiment cannot take these rows.
        CancelledError: it was stopped.
    """
    require(actor, Permission.IMPORT)
    _check(request)
    draft = ingestion.receive_inbox(
        ws,
        actor,
        request.inbox,
        *request.more,
        experiment_id=request.experiment,
        progress=_part(progress, 0.0, 0.3),
    )
    try:
        outcome = _carry_on(ws, actor, draft, request, progress, cancelled)
    except BaseException:
        _throw_away(ws, actor, draft)
        raise
    if outcome.state != "committed":
        _throw_away(ws, actor, draft)
    return outcome


def outcome_body(outcome: ImportOutcome) -> dict[str, Any]:
    """The outcome as plain JSON values."""
    made = [
        {
            "id": experiment.id,
            "slug": experiment.slug,
            "name": experiment.name,
            "import_id": record.id,
            "rows_used": record.rows_used,
            "rows_left_out": record.rows_left_out,
        }
        for experiment, record in outcome.experiments
    ]
    return {
        "state": outcome.state,
        "file_name": outcome.file_name,
        "note": outcome.note,
        "report": None if outcome.report is None else _report_body(outcome.report),
        "questions": [
            {"code": one.code, "field": one.field, "text": one.text, "default": one.default,
             "choices": [[choice.value, choice.label] for choice in one.choices]}
            for one in outcome.questions
        ],
        "experiment": made[0] if made else None,
        "experiments": made,
    }  # fmt: skip


def _report_body(report: ImportReport) -> dict[str, Any]:
    first = [
        {"line": one.line, "column": one.column, "value": one.value, "message": one.message}
        for one in report.first_rejects[:SHOWN_REJECTS]
    ]
    return {**report.to_document(), "first_rejects": first}


def _carry_on(  # noqa: PLR0917  private, called once
    ws: Workspace,
    actor: Actor,
    draft: Draft,
    request: ImportRequest,
    progress: Progress | None,
    cancelled: Cancelled | None,
) -> ImportOutcome:
    draft = lay_out(ws, actor, draft, request.choices)
    if open_layout(draft):
        return ImportOutcome("questions", draft.file_name, questions=draft.questions)
    choose(draft.detection, request.choices)  # a wrong name is said before anything else
    twin = draft.already_imported
    if twin is not None and request.mode != "check" and request.existing == "add":
        day = f"{twin.committed_at:%-d %B %Y}" if twin.committed_at else "before"
        note = f"You imported this file on {day} as “{twin.file_name}”. Nothing to do."
        return ImportOutcome("already", draft.file_name, note=note)
    mapping, report = read_rows(
        ws,
        actor,
        draft,
        request.choices,
        progress=_part(progress, 0.3, 0.9),
        cancelled=cancelled,
    )
    if report.questions:
        return ImportOutcome("questions", draft.file_name, report, report.questions)
    if request.mode == "check":
        return ImportOutcome("checked", draft.file_name, report)
    if report.blocking and request.mode == "all":
        return ImportOutcome("rejected", draft.file_name, report)
    stored = _store(ws, actor, draft, mapping, request, _part(progress, 0.9, 1.0), cancelled)
    made = tuple((get_experiment(ws, actor, one.experiment_id or ""), one) for one in stored)
    if progress is not None:
        progress(1.0, "Imported")
    return ImportOutcome("committed", draft.file_name, report, experiments=made)


def _store(  # noqa: PLR0917  private, called once
    ws: Workspace,
    actor: Actor,
    draft: Draft,
    mapping: Mapping,
    request: ImportRequest,
    progress: Progress | None,
    cancelled: Cancelled | None,
) -> list[ImportRecord]:
    told: dict[str, Any] = {
        "mode": request.mode, "progress": progress, "cancelled": cancelled
    }  # fmt: skip
    if mapping.experiment == "*":
        if request.new_name is None:
            raise refusal(
                "new_name",
                None,
                "REQUIRED",
                "several experiments in one file need new ones to become",
                hint="Name what the new ones begin with, or choose one experiment.",
            )
        return ingestion.commit_each(
            ws, actor, draft.import_id, mapping, name=request.new_name,
            less_is_better=request.less_is_better, **told,
        )  # fmt: skip
    import_id, existing = draft.import_id, request.existing
    if request.new_name is None:
        return [ingestion.commit(ws, actor, import_id, existing=existing, **told)]
    return [
        ingestion.commit_as_new(
            ws, actor, import_id, mapping, name=request.new_name,
            less_is_better=request.less_is_better, **told,
        )
    ]  # fmt: skip


def _throw_away(ws: Workspace, actor: Actor, draft: Draft) -> None:
    try:
        ingestion.discard(ws, actor, draft.import_id)
    except UpshotError:
        return  # it was committed, or is gone already


def _part(progress: Progress | None, start: float, end: float) -> Progress | None:
    if progress is None:
        return None

    def told(done: float, what: str) -> None:
        progress(start + (end - start) * done, what)

    return told


def _check(request: ImportRequest) -> None:
    problems = []
    if (request.experiment is None) == (request.new_name is None):
        message = "name either an experiment that exists or a new one"
        problems.append(Problem("experiment", request.experiment, "REQUIRED", message))
    for name, value, allowed in (
        ("mode", request.mode, MODES),
        ("existing", request.existing, EXISTING),
    ):
        if value not in allowed:
            message = f"{name} is one of {', '.join(allowed)}, not “{value}”"
            problems.append(Problem(name, value, "UNKNOWN_CHOICE", message))
    if request.less_is_better is not None and request.new_name is None:
        problems.append(Problem(
            "less_is_better", list(request.less_is_better), "UNKNOWN_FIELD", KEEPS_DIRECTION
        ))  # fmt: skip
    if problems:
        sentence = problems[0].message
        raise InvalidInputError(
            f"{sentence[:1].upper()}{sentence[1:]}.", details=tuple(problems)
        )
