"""Experiments: find, make, read, change, delete."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from experiments_core.api import envelope
from experiments_core.api.answers import file, listed, nothing, one
from experiments_core.api.call import Call, Page, Sort, The
from experiments_core.api.door import Door
from experiments_core.api.experiment_answers import ExperimentAnswer, experiment_body
from experiments_core.api.experiment_bodies import (
    ExperimentChange,
    Kind,
    NewExperiment,
    changed_fields,
)
from experiments_core.api.metric_shapes import Library
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Many, Moment, One
from experiments_core.domain.access import Permission
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.services import acting, downloads, experiments, library
from experiments_core.services.recording import History, create_with_status
from experiments_core.services.searching import DEFAULT_SORT, Wanted, place, search

door = Door("Experiments")
envelope.shows_current(Experiment, experiment_body)

Filter = Annotated[str | None, Query(max_length=200)]


class ChecklistLine(Answer):
    """One line of the checklist."""

    item: str
    level: str
    message: str
    fix: str


@door.get(
    "/experiments",
    Rule(permission=Permission.READ, answer=Many[ExperimentAnswer], light=True),
)
def list_experiments(
    call: The,
    page: Page,
    *,
    status: Filter = None,
    project: Filter = None,
    environment: Filter = None,
    type: Annotated[Kind | None, Query()] = None,  # noqa: A002  its name in the query
    tag: Filter = None,
    owner: Filter = None,
    resource: Filter = None,
    verdict: Filter = None,
    q: Filter = None,
    updated_since: Annotated[Moment | None, Query()] = None,
    sort: Sort = None,
) -> Response:
    """Find experiments. The archive and the bin are left out unless ``status`` names them."""
    order = sort or DEFAULT_SORT
    wanted = Wanted(
        status, project, environment, type, tag, owner, resource, verdict, q, updated_since
    )
    found = search(call.ws, call.actor, wanted, order)
    return listed(
        call.request_id,
        found,
        page,
        place(order),
        lambda experiment: experiment_body(experiment, call.actor),
        down=order.startswith("-"),
    )


def library_of(call: Call) -> Library:
    """Finds metrics of the library for whoever asks."""
    return partial(library.get_metric, call.ws, call.actor)


@door.post(
    "/experiments",
    Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], status=201),
)
def create_experiment(call: The, body: NewExperiment) -> Response:
    """Make an experiment: a draft, or with ``status: running`` started at once."""
    draft = ExperimentDraft(**changed_fields(body, library_of(call)))
    history = None
    if body.historical:
        history = History(
            body.started_at, body.stopped_at, body.conclusion, body.conclusion_note
        )
    made = create_with_status(call.ws, call.actor, draft, body.status, history=history)
    return shown(call, made, status=201)


@door.get(
    "/experiments/{experiment}",
    Rule(permission=Permission.READ, answer=One[ExperimentAnswer], light=True),
)
def read_experiment(call: The, experiment: str) -> Response:
    """Read an experiment by id, key or slug."""
    return shown(call, experiments.get_experiment(call.ws, call.actor, experiment))


@door.patch(
    "/experiments/{experiment}",
    Rule(
        permission=Permission.EDIT,
        answer=One[ExperimentAnswer],
        version=True,
        merges=True,
        errors=(409,),
    ),
)
def change_experiment(call: The, experiment: str, body: ExperimentChange) -> Response:
    """Change fields; what the start sealed is refused.

    Of the plan, and of an arm that is there, what is left out stays; null takes a planned
    number away.
    """
    known = experiments.get_experiment(call.ws, call.actor, experiment)
    saved = experiments.edit_experiment(
        call.ws,
        call.actor,
        experiment,
        changed_fields(body, library_of(call), known),
        version=call.version(),
        merge=call.merge,
    )
    return shown(call, saved)


@door.delete(
    "/experiments/{experiment}",
    Rule(permission=Permission.EDIT, status=204, version=True, errors=(409,)),
)
def delete_experiment(
    call: The,
    experiment: str,
    *,
    purge: Annotated[
        bool, Query(description="Erase it for good; it must be in the bin.")
    ] = False,
) -> Response:
    """Put an experiment into the bin, or with ``purge`` erase what is in it."""
    verb = "purge" if purge else "delete"
    acting.transition(call.ws, call.actor, experiment, verb, version=call.version())
    return nothing()


@door.get(
    "/experiments/{experiment}/checklist",
    Rule(permission=Permission.READ, answer=One[list[ChecklistLine]]),
)
def read_checklist(call: The, experiment: str) -> Response:
    """What is missing before the start, and what would make the test better."""
    lines = experiments.checklist(call.ws, call.actor, experiment)
    return one([
        {"item": line.item, "level": line.level, "message": line.message, "fix": line.fix}
        for line in lines
    ])  # fmt: skip


@door.get("/export/experiments.csv", Rule(permission=Permission.RESULTS, files=("text/csv",)))
def export_experiments(call: The) -> Response:
    """The list with verdicts, one row per experiment; text cells are safe in a spreadsheet."""
    found = experiments.list_experiments(call.ws, call.actor, include_archived=True)
    return file(
        downloads.experiments_csv(call.ws, call.actor, found), "experiments.csv", "text/csv"
    )


def shown(call: The, experiment: Experiment, *, status: int = 200) -> Response:
    """Answer an experiment with its version as ETag."""
    body: dict[str, Any] = experiment_body(experiment, call.actor)
    return one(body, status=status, version=experiment.version)
