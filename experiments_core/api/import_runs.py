"""A file of the inbox becomes data in the background; how far it is can be asked."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from experiments_core.api.answers import one
from experiments_core.api.call import The
from experiments_core.api.door import Door
from experiments_core.api.envelope import error_body
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Body, One
from experiments_core.domain.access import Permission
from experiments_core.services.import_choices import choices_from_document
from experiments_core.services.import_jobs import Job, import_job, start_import
from experiments_core.services.import_run import ImportRequest

door = Door("Imports")


class RunImport(Body):
    """A file of the inbox and what is to be done with it."""

    inbox: str
    experiment: str | None = None
    new_name: str | None = None
    less_is_better: list[str] | None = None
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
    said = body.said()
    choices = choices_from_document(said.pop("mapping", {}))
    more = tuple(said.pop("more", ()))
    fewer = said.pop("less_is_better", None)
    request = ImportRequest(
        choices=choices,
        more=more,
        less_is_better=None if fewer is None else tuple(fewer),
        **said,
    )
    return one(_job_body(start_import(call.ws, call.actor, request)), status=202)


@door.get("/imports/run/{job_id}", Rule(permission=Permission.IMPORT, answer=One[JobAnswer]))
def state(call: The, job_id: str) -> Response:
    """Tell how far an import is."""
    return one(_job_body(import_job(call.actor, job_id)))


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
