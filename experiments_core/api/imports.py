"""Imports: a file is received, its columns are given a meaning, its rows become data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import File, Form, Query, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from experiments_core.api import answers
from experiments_core.api.answers import listed, one
from experiments_core.api.call import Page, The
from experiments_core.api.door import Door
from experiments_core.api.envelope import error_body
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, Many, One, moment
from experiments_core.domain.access import Permission
from experiments_core.services import import_steps, ingestion
from experiments_core.services.import_choices import choices_from_document
from experiments_core.services.import_jobs import Job, import_job, start_import
from experiments_core.services.import_run import ImportRequest
from experiments_core.services.ingestion import Draft, ImportRecord, ImportReport, Question

door = Door("Imports")


class FromInbox(Body):
    """Files of the inbox that belong together."""

    inbox: Annotated[str, Field(min_length=1, max_length=255)]
    more: Annotated[list[str], Field(max_length=20)] | None = None
    experiment: Annotated[str, Field(max_length=200)] | None = None


CsvForm = Annotated[Literal["spreadsheet", "plain"], Query()]
ColumnRule = Literal["sum", "mean", "max", "min", "first", "last", "count"]


class MappingChoices(Body):
    """Columns by name; what is left out stays as it was proposed."""

    variant: str | None = None
    unit: str | None = None
    time: str | None = None
    outcomes: list[str] | None = None
    values: list[str] | None = None
    segments: list[str] | None = None
    covariates: list[str] | None = None
    conversions: list[str] | None = None
    rates: list[str] | None = None
    visitors: str | None = None
    event: str | None = None
    conversion_events: list[str] | None = None
    exposure_event: str | None = None
    window: str | None = None
    shape: Literal["unit", "events", "totals", "moments", "counts"] | None = None
    zone: str | None = None
    experiment_column: str | None = None
    experiment: str | None = None
    experiments: list[str] | None = None
    control: str | None = None
    merge_variants: dict[str, str] | None = None
    split: dict[str, float] | None = None
    finished: bool | None = None
    blank: Literal["exclude", "zero"] | None = None
    repeats: Literal["refuse", "first", "last", "max", "sum", "mean"] | None = None
    repeats_of: dict[str, ColumnRule] | None = None
    crossovers: Literal["exclude", "first_seen", "refuse"] | None = None
    answers: dict[str, str] | None = None
    accept_defaults: bool | None = None


class Commit(Body):
    """All rows or the good ones; into the experiment named before, or a new one."""

    mode: Literal["all", "good_rows"] = "all"
    existing: Literal["add", "replace"] = "add"
    new_name: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class QuestionAnswer(Answer):
    """Something that has to be said before the rows can be data."""

    code: str
    field: str
    text: str
    default: str
    choices: list[dict[str, str]]


class DraftAnswer(Answer):
    """What a file looks like."""

    id: str
    file_name: str
    bytes: int
    sha256: str
    state: str
    shape: str
    seen: str
    columns: list[dict[str, Any]]
    questions: list[QuestionAnswer]
    already_imported: str | None


class ReportAnswer(Answer):
    """What was read: rows read = used + left out."""

    questions: list[QuestionAnswer]


class ImportAnswer(Answer):
    """One import."""

    id: str
    file_name: str
    state: str
    by: str
    created_at: str
    committed_at: str | None
    undone_at: str | None
    experiment_id: str | None
    rows_read: int | None
    rows_used: int | None
    rows_left_out: int | None
    report: dict[str, Any]


class CommitAnswer(ImportAnswer):
    """The import that was committed, and all of them where a file held several experiments."""

    imports: list[ImportAnswer]


class RunImport(Body):
    """A file of the inbox and what is to be done with it."""

    inbox: str
    experiment: str | None = None
    new_name: str | None = None
    mode: str | None = None
    existing: str | None = None
    more: list[str] | None = None
    mapping: dict[str, Any] | None = None


class JobAnswer(BaseModel):
    """How far an import is."""

    id: str
    state: str
    progress: float
    what: str
    outcome: dict[str, Any] | None
    error: dict[str, Any] | None


@door.post("/imports/run", Rule(permission=Permission.INBOX, answer=One[JobAnswer], status=202))
def run(call: The, body: RunImport) -> Response:
    """Start an import of a file in the inbox."""
    rest = body.given()
    choices = choices_from_document(rest.pop("mapping", None) or {})
    more = tuple(rest.pop("more", None) or ())
    texts = {name: text for name, text in rest.items() if text is not None}
    request = ImportRequest(choices=choices, more=more, **texts)
    return one(_job_body(start_import(call.ws, call.actor, request)), status=202)


@door.get("/imports/run/{job_id}", Rule(permission=Permission.IMPORT, answer=One[JobAnswer]))
def state(call: The, job_id: str) -> Response:
    """Tell how far an import is."""
    return one(_job_body(import_job(call.actor, job_id)))


@door.post(
    "/imports",
    Rule(
        permission=Permission.INBOX, answer=One[DraftAnswer], status=201, together=False,
        json_twin_of_upload=True,
    ),
)  # fmt: skip
def receive_inbox(call: The, body: FromInbox) -> Response:
    """Take in a file that lies in the workspace's inbox, of any size."""
    draft = ingestion.receive_inbox(
        call.ws, call.actor, body.inbox, *(body.more or ()), experiment_id=body.experiment
    )
    return one(_draft_body(draft), status=201)


@door.post(
    "/imports",
    Rule(
        permission=Permission.IMPORT,
        answer=One[DraftAnswer],
        status=201,
        upload=True,
        json_twin=FromInbox,
        together=False,
        errors=(409,),
    ),
)
def receive(
    call: The,
    file: Annotated[
        list[UploadFile],
        File(
            description="A table (.csv, .tsv, .txt, .gz or .xlsx), or several that belong "
            "together.",
            max_length=20,
        ),
    ],
    experiment: Annotated[str | None, Form(max_length=200)] = None,
) -> Response:
    """Take a file in; nothing of it is data before it is committed.

    With `{"inbox": "name"}` as JSON an admin takes in a file of any size that lies in the
    workspace's inbox.
    """
    sources = [(one.file, one.filename or "upload.csv") for one in file]
    draft = ingestion.receive_files(call.ws, call.actor, sources, experiment_id=experiment)
    return one(_draft_body(draft), status=201)


@door.get("/imports", Rule(permission=Permission.IMPORT, answer=Many[ImportAnswer]))
def list_imports(
    call: The, page: Page, experiment: Annotated[str | None, Query(max_length=200)] = None
) -> Response:
    """Imports of one experiment, or of all, the newest first."""
    found = sorted(import_steps.list_imports(call.ws, call.actor, experiment), key=_age)[::-1]
    return listed(call.request_id, found, page, _age, _import_body, down=True)


@door.get("/imports/{import_id}", Rule(permission=Permission.IMPORT, answer=One[ImportAnswer]))
def read_import(call: The, import_id: str) -> Response:
    """One import with its report."""
    return one(_import_body(import_steps.read_import(call.ws, call.actor, import_id)))


@door.get(
    "/imports/{import_id}/rejects.csv",
    Rule(permission=Permission.IMPORT, files=("text/csv",)),
)
def read_rejects(call: The, import_id: str, form: CsvForm = "spreadsheet") -> Response:
    """Rows left out: line, column, value, rule, message, whole row.

    With `form=plain` there is no byte-order mark, and no `'` before a cell that a
    spreadsheet would run.
    """
    content = ingestion.rejects_csv(
        call.ws, call.actor, import_id, for_spreadsheet=form == "spreadsheet"
    )
    return answers.file(content, "rejects.csv", "text/csv")


@door.get(
    "/imports/{import_id}/quality.csv",
    Rule(permission=Permission.IMPORT, files=("text/csv",)),
)
def read_quality(call: The, import_id: str, form: CsvForm = "spreadsheet") -> Response:
    """The quality report: a line per finding, or per row that shows it (the first 100)."""
    content = ingestion.quality_csv(
        call.ws, call.actor, import_id, for_spreadsheet=form == "spreadsheet"
    )
    return answers.file(content, "quality.csv", "text/csv")


@door.put(
    "/imports/{import_id}/mapping",
    Rule(permission=Permission.IMPORT, rate="compute", answer=One[ReportAnswer], errors=(409,)),
)
def tell(call: The, import_id: str, body: MappingChoices) -> Response:
    """Say what the columns mean; every row is read, nothing is committed."""
    said = {name: value for name, value in body.given().items() if value is not None}
    choices = choices_from_document(said)
    return one(_report_body(import_steps.tell(call.ws, call.actor, import_id, choices)))


@door.post(
    "/imports/{import_id}/commit",
    Rule(permission=Permission.IMPORT, rate="compute", answer=One[CommitAnswer]),
)
def commit(call: The, import_id: str, body: Commit | None = None) -> Response:
    """Bring the rows into the experiment, all of them or the good ones, or nothing at all."""
    told = body.given() if body is not None else {}
    done = import_steps.commit(call.ws, call.actor, import_id, **told)
    bodies = [_import_body(record) for record in done]
    return one({**bodies[0], "imports": bodies})


@door.post(
    "/imports/{import_id}/undo", Rule(permission=Permission.IMPORT, answer=One[ImportAnswer])
)
def undo(call: The, import_id: str) -> Response:
    """Take exactly the rows of one import out again."""
    return one(_import_body(ingestion.undo(call.ws, call.actor, import_id)))


def _draft_body(draft: Draft) -> dict[str, Any]:
    seen = draft.detection
    return {
        "id": draft.import_id,
        "file_name": draft.file_name,
        "bytes": draft.bytes,
        "sha256": draft.sha256,
        "state": "draft",
        "shape": seen.proposal.shape.value,
        "seen": seen.seen,
        "columns": [
            {
                "name": column.name,
                "role": mapped.role.value,
                "kind": str(column.kind),
                "examples": list(column.examples),
                "filled": column.filled,
                "blanks": column.blanks,
                "distinct": column.distinct,
            }
            for column, mapped in zip(seen.columns, seen.proposal.columns, strict=True)
        ],
        "questions": [_question_body(question) for question in draft.questions],
        "already_imported": None
        if draft.already_imported is None
        else draft.already_imported.id,
    }


def _question_body(question: Question) -> dict[str, Any]:
    return {
        "code": question.code,
        "field": question.field,
        "text": question.text,
        "default": question.default,
        "choices": [{"value": one.value, "label": one.label} for one in question.choices],
    }


def _report_body(report: ImportReport) -> dict[str, Any]:
    return {
        **report.to_document(),
        "questions": [_question_body(question) for question in report.questions],
    }


def _import_body(record: ImportRecord) -> dict[str, Any]:
    return asdict(record) | {
        name: moment(getattr(record, name))
        for name in ("created_at", "committed_at", "undone_at")
    }


def _age(record: ImportRecord) -> tuple[Any, ...]:
    return (record.created_at.timestamp(), record.id)


def _job_body(job: Job) -> dict[str, Any]:
    error = error_body(job.error, job.id) if job.error is not None else None
    running = job.outcome is None and error is None
    state_now = "running" if running else "failed" if error else "done"
    return {
        "id": job.id,
        "state": state_now,
        "progress": job.progress,
        "what": job.what,
        "outcome": job.outcome,
        "error": error,
    }
