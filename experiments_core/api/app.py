"""The REST API and what the one server process does at start and stop.

Streamlit answers any path it does not know with a page, so everything below ``/api`` and
``/compat`` is mounted here and answers JSON, 404 included.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route

from experiments_core.api import (
    admin,
    assigning,
    assignment_audits,
    backups,
    deployments,
    docs_page,
    events,
    experiments,
    import_runs,
    imports,
    lifecycle,
    metrics,
    notes,
    openapi,
    organisations,
    participants,
    plans,
    projects,
    ramps,
    rechecking,
    results,
    sign_in,
    sql,
    system,
    units,
    webhooks,
)
from experiments_core.api.facades import crewkit, kaireon, krafter, shortkit, stamn
from experiments_core.api.frame import build
from experiments_core.api.guards import KnownHosts, LineBreaks, Nothing, SecurityHeaders
from experiments_core.api.sockets import disable_nagle, listens_beyond
from experiments_core.errors import InvalidInputError, UnrecoverableError, UpshotError
from experiments_core.services import ramping, samples, workspace
from experiments_core.services.backups import backup_if_due
from experiments_core.services.import_jobs import stop_imports
from experiments_core.services.memory import keep_what_is_loaded
from experiments_core.services.webhooks import deliver_due
from experiments_core.services.workspace import Workspace
from experiments_core.settings import LOOPBACK, Settings, read_settings

EXIT_REFUSED, EXIT_UNRECOVERABLE = 2, 3
RAMP_SECONDS, BACKUP_SECONDS, WEBHOOK_SECONDS = 15.0, 600.0, 2.0

log = logging.getLogger("upshot")


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Open the workspace before the first browser connects, close it when the server stops."""
    try:
        settings = read_settings()
        _refuse_open_door(settings)
        await run_in_threadpool(samples.start, settings)
    except UpshotError as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201  the terminal is the only reader
        damaged = isinstance(error, UnrecoverableError)
        # An exception would be printed with its trace, and the code would be another.
        os._exit(EXIT_UNRECOVERABLE if damaged else EXIT_REFUSED)
    disable_nagle()
    keep_what_is_loaded()
    timers = [
        asyncio.create_task(_every(RAMP_SECONDS, "the scheduled ramps", _ramps)),
        asyncio.create_task(_every(BACKUP_SECONDS, "the daily backup", _backup)),
        asyncio.create_task(_every(WEBHOOK_SECONDS, "the webhooks", _webhooks)),
    ]
    print(f"Upshot is at {_url(settings)} (Ctrl-C stops it)", flush=True)  # noqa: T201  as above
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()
            with suppress(asyncio.CancelledError):
                await timer
        await run_in_threadpool(stop_imports)
        await run_in_threadpool(workspace.stop)
        print(f"\nUpshot has stopped. Everything is in {settings.workspace}.", flush=True)  # noqa: T201  said in the terminal


async def _every(seconds: float, what: str, act: Callable[[Workspace], None]) -> None:
    """Do something again and again, as long as the server runs and may write."""
    while not workspace.damage():
        await asyncio.sleep(seconds)
        try:
            await run_in_threadpool(act, workspace.current())
        except Exception:
            log.exception("%s could not be looked at", what)


def _ramps(ws: Workspace) -> None:
    for done in ramping.take_due_steps(ws):
        log.info("%s", done)


def _webhooks(ws: Workspace) -> None:
    deliver_due(ws)


def _backup(ws: Workspace) -> None:
    made = backup_if_due(ws)
    if made is not None:
        log.info("backup %s: %s rows, opened and compared", made.file.name, made.rows)


def _refuse_open_door(settings: Settings) -> None:
    """Without sign-in nobody beyond this machine may reach the pages."""
    beyond = listens_beyond(LOOPBACK)
    if beyond and settings.auth == "local":
        raise InvalidInputError(
            f"The server listens on {beyond}, beyond this machine, and nobody has to sign in.",
            hint="Listen on 127.0.0.1, or set UPSHOT_AUTH=accounts.",
        )


def _url(settings: Settings) -> str:
    host = f"[{settings.address}]" if ":" in settings.address else settings.address
    return f"http://{host}:{settings.port}"


DOORS = (
    system.door,
    experiments.door,
    lifecycle.door,
    results.door,
    rechecking.door,
    plans.door,
    deployments.door,
    notes.door,
    metrics.door,
    imports.door,
    import_runs.door,
    assigning.door,
    participants.door,
    ramps.door,
    assignment_audits.door,
    events.door,
    projects.door,
    organisations.door,
    admin.door,
    sql.door,
    backups.door,
    units.door,
    webhooks.door,
)
"""Every resource of the API; a new one is added here."""


FACADES = (
    ("/compat/crewkit", crewkit.door),
    ("/compat/stamn", stamn.door),
    ("/compat/kaireon", kaireon.door),
    ("/compat/shortkit", shortkit.door),
    ("/compat/krafter/api/v1", krafter.door),
    ("/compat/krafter", krafter.door),
)
"""Dialects and where each is served; the longer path first."""
FORMS = tuple((path, facade.envelope) for path, facade in FACADES)


def routes() -> list[BaseRoute]:
    """Everything the server answers beside the pages."""
    return [
        Mount("/api/v1", build_api()),
        Mount("/api", build("Nothing", ())),
        *(Mount(path, build(facade.tag, (facade,))) for path, facade in FACADES),
        *(Route(path, Nothing(FORMS)) for path, _ in FACADES),
        Mount("/compat", build("Nothing", ())),
        Route("/api", Nothing(FORMS)),
        Route("/compat", Nothing(FORMS)),
        *sign_in.routes(),
    ]


def middleware() -> list[Middleware]:
    """Guards in front of pages and API alike."""
    settings = read_settings()
    hosts = [*LOOPBACK, "[::1]", settings.address, *settings.hosts]
    return [
        Middleware(SecurityHeaders),
        Middleware(KnownHosts, hosts=hosts, forms=FORMS),
        Middleware(LineBreaks, forms=FORMS),
    ]


def build_api() -> FastAPI:
    """The API below ``/api/v1``, with its OpenAPI document and a page that shows it."""
    api = build("Upshot", DOORS, openapi="/openapi.json")
    openapi.describe(api)
    docs_page.serve(api)
    return api
