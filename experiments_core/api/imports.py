"""Imports on behalf of the command line, while this process owns the workspace."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header

from experiments_core.api.envelope import error_body
from experiments_core.domain.access import Actor
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services import workspace
from experiments_core.services.import_choices import choices_from_document
from experiments_core.services.import_jobs import Job, import_job, start_import
from experiments_core.services.import_run import ImportRequest
from experiments_core.services.operator_token import check_token

router = APIRouter(prefix="/imports")

Authorization = Annotated[str, Header()]
TEXTS = ("inbox", "experiment", "new_name", "mode", "existing")


@router.post("/run", status_code=202)
def run(body: Annotated[dict[str, Any], Body()], authorization: Authorization = "") -> Any:
    """Start an import of a file in the inbox: the operator only."""
    actor = _operator(authorization)
    job = start_import(workspace.current(), actor, _request(body))
    return {"data": _job_body(job)}


@router.get("/{job_id}")
def state(job_id: str, authorization: Authorization = "") -> Any:
    """Tell how far an import is."""
    return {"data": _job_body(import_job(_operator(authorization), job_id))}


def _operator(authorization: str) -> Actor:
    ws = workspace.current()
    return check_token(ws.db.secret, authorization.removeprefix("Bearer ").strip(), ws.now())


def _job_body(job: Job) -> dict[str, Any]:
    error = error_body(job.error)["error"] if job.error is not None else None
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


def _request(body: dict[str, Any]) -> ImportRequest:
    unknown = [name for name in body if name not in {*TEXTS, "more", "mapping"}]
    if unknown:
        raise _refuse(unknown[0], body[unknown[0]], "UNKNOWN_FIELD", "is not a field")
    if not body.get("inbox"):
        raise _refuse("inbox", body.get("inbox"), "REQUIRED", "names a file of the inbox")
    texts = {name: body[name] for name in TEXTS if body.get(name) is not None}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise _refuse(name, value, "TYPE", "is text")
    mapping = body.get("mapping") or {}
    if not isinstance(mapping, dict):
        raise _refuse("mapping", mapping, "TYPE", "is an object")
    more = body.get("more") or []
    if not isinstance(more, list) or not all(isinstance(one, str) for one in more):
        raise _refuse("more", more, "TYPE", "is a list of names of files in the inbox")
    return ImportRequest(choices=choices_from_document(mapping), more=tuple(more), **texts)


def _refuse(field: str, value: object, rule: str, message: str) -> InvalidInputError:
    sentence = f"{field} {message}"
    return InvalidInputError(f"{sentence}.", details=(Problem(field, value, rule, sentence),))
