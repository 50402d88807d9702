"""Imports that the server runs on request: one after another, each in a thread of its own.

The caller asks how far a job is; a finished job is remembered for an hour.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.errors import InternalError, NotFoundError, UpshotError
from experiments_core.services.import_run import ImportRequest, outcome_body, run_import
from experiments_core.services.workspace import Workspace

REMEMBERED = timedelta(hours=1)
STOP_SECONDS = 30.0

log = logging.getLogger("upshot")


@dataclass
class Job:
    """One import on its way.

    Attributes:
        progress: A fraction.
        what: What is being done now.
        outcome: Its end as plain JSON values, None while it runs.
        error: Why it ended without one.
    """

    id: str
    org_id: str
    progress: float = 0.0
    what: str = "Waiting"
    outcome: dict[str, Any] | None = None
    error: UpshotError | None = None
    ended_at: datetime | None = None
    thread: threading.Thread | None = field(default=None, repr=False)


class _Jobs:
    """The jobs of this process."""

    known: dict[str, Job] = {}  # noqa: RUF012  one process, one list
    turn = threading.Lock()
    stopping = threading.Event()


def start_import(ws: Workspace, actor: Actor, request: ImportRequest) -> Job:
    """Begin an import and return at once."""
    require(actor, Permission.IMPORT)
    _forget_old(ws.now())
    job = Job(ws.new_id(), actor.org_id)
    job.thread = threading.Thread(
        target=_run, args=(ws, actor, request, job), name=f"import-{job.id}"
    )
    _Jobs.known[job.id] = job
    job.thread.start()
    return job


def import_job(actor: Actor, job_id: str) -> Job:
    """Find a job.

    Raises:
        NotFoundError: there is none of this id, or it was forgotten.
    """
    require(actor, Permission.IMPORT)
    job = _Jobs.known.get(job_id)
    if job is None or job.org_id != actor.org_id:
        raise NotFoundError("There is no such import.", hint="Start it again.")
    return job


def stop_imports() -> None:
    """Cancel what runs and wait for it; the workspace may be closed afterwards."""
    _Jobs.stopping.set()
    try:
        for job in list(_Jobs.known.values()):
            if job.thread is not None:
                job.thread.join(STOP_SECONDS)
        _Jobs.known.clear()
    finally:
        _Jobs.stopping.clear()


def _run(ws: Workspace, actor: Actor, request: ImportRequest, job: Job) -> None:
    def told(done: float, what: str) -> None:
        job.progress, job.what = done, what

    try:
        with _Jobs.turn:
            outcome = run_import(
                ws, actor, request, progress=told, cancelled=_Jobs.stopping.is_set
            )
        job.outcome = outcome_body(outcome)
    except UpshotError as error:
        job.error = error
    except Exception:
        log.exception("an import failed")
        job.error = InternalError("The import failed inside Upshot; nothing was stored.")
    finally:
        job.ended_at = ws.now()


def _forget_old(now: datetime) -> None:
    for job in list(_Jobs.known.values()):
        if job.ended_at is not None and now - job.ended_at > REMEMBERED:
            del _Jobs.known[job.id]
