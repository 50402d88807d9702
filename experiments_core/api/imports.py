"""Imports: a file is received, its columns are given a meaning, its rows become data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import File, Form, Query, UploadFile
from starlette.responses import Response

from experiments_core.api import answers
from experiments_core.api.answers import listed, one
from experiments_core.api.call import Page, The
from experiments_core.api.door import Door
from experiments_core.api.import_shapes import (
    Commit,
    CommitAnswer,
    DraftAnswer,
    FromInbox,
    ImportAnswer,
    MappingChoices,
    ReportAnswer,
    draft_body,
    import_body,
    report_body,
)
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Many, One
from experiments_core.domain.access import Permission
from experiments_core.services import import_steps, ingestion
from experiments_core.services.import_choices import choices_from_document
from experiments_core.services.ingestion import ImportRecord

door = Door("Imports")

CsvForm = Annotated[Literal["spreadsheet", "plain"], Query()]


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
    return one(draft_body(draft), status=201)


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
    return one(draft_body(draft), status=201)


@door.get("/imports", Rule(permission=Permission.IMPORT, answer=Many[ImportAnswer]))
def list_imports(
    call: The, page: Page, experiment: Annotated[str | None, Query(max_length=200)] = None
) -> Response:
    """Imports of one experiment, or of all, the newest first."""
    found = sorted(import_steps.list_imports(call.ws, call.actor, experiment), key=_age)[::-1]
    return listed(call.request_id, found, page, _age, import_body, down=True)


@door.get("/imports/{import_id}", Rule(permission=Permission.IMPORT, answer=One[ImportAnswer]))
def read_import(call: The, import_id: str) -> Response:
    """One import with its report."""
    return one(import_body(import_steps.read_import(call.ws, call.actor, import_id)))


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
    said = body.said()
    choices = choices_from_document(said)
    return one(report_body(import_steps.tell(call.ws, call.actor, import_id, choices)))


@door.post(
    "/imports/{import_id}/commit",
    Rule(permission=Permission.IMPORT, rate="compute", answer=One[CommitAnswer]),
)
def commit(call: The, import_id: str, body: Commit | None = None) -> Response:
    """Bring the rows into the experiment, all of them or the good ones, or nothing at all."""
    told = body.given() if body is not None else {}
    done = import_steps.commit(call.ws, call.actor, import_id, **told)
    bodies = [import_body(record) for record in done]
    return one({**bodies[0], "imports": bodies})


@door.post(
    "/imports/{import_id}/undo", Rule(permission=Permission.IMPORT, answer=One[ImportAnswer])
)
def undo(call: The, import_id: str) -> Response:
    """Take exactly the rows of one import out again."""
    return one(import_body(ingestion.undo(call.ws, call.actor, import_id)))


def _age(record: ImportRecord) -> tuple[Any, ...]:
    return (record.created_at.timestamp(), record.id)
