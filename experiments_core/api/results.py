"""Results: the reading now, every look that was taken, files to take along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.responses import Response

from experiments_core.analysis.body import segment_to_dict, to_dict
from experiments_core.api.answers import file, listed, one
from experiments_core.api.call import Call, Page, The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Many, Moment, One, moment
from experiments_core.domain.access import Permission
from experiments_core.errors import InvalidInputError, NotFoundError, Problem
from experiments_core.services import analyses, downloads, exploring, promoting, segmenting
from experiments_core.services.analyses import LookRecord
from experiments_core.services.cutting import Cut
from experiments_core.services.exploring import PRIORS, Choices
from experiments_core.services.viewing import LookView

door = Door("Results")

Name = Annotated[str | None, Query(max_length=200)]
TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "ipynb": "application/x-ipynb+json",
    "html": "text/html",
}
WRITERS: dict[str, Callable[[The, LookView], bytes]] = {
    "csv": lambda _, view: downloads.csv_of(view),
    "json": lambda _, view: downloads.json_of(view),
    "ipynb": lambda call, view: downloads.notebook_of(call.ws, call.actor, view),
    "html": lambda _, view: downloads.html_of(view),
}


class ResultsAnswer(Answer):
    """A reading; numbers that cannot be told are null with their reason beside them."""

    look: int | None
    status: str | None
    final: bool
    verdict: dict[str, Any]
    recommendation: dict[str, Any]
    health: list[dict[str, Any]]
    phases: int
    reference: str
    metrics: list[dict[str, Any]]
    progress: dict[str, Any] | None
    engine_version: str
    data_hash: str | None
    auto_promote: dict[str, Any] | None = None


class LookAnswer(Answer):
    """A reading that somebody saw; it never changes."""

    id: str
    no: int
    taken_at: str
    by: str
    trigger: str
    verdict: str
    data_hash: str
    settings_hash: str
    engine_version: str
    views: int


class FullLookAnswer(LookAnswer):
    """The same with its results."""

    results: ResultsAnswer


@door.get(
    "/experiments/{experiment}/results",
    Rule(
        permission=Permission.RESULTS, rate="compute", answer=One[ResultsAnswer], errors=(409,)
    ),
)
def read_results(
    call: The,
    experiment: str,
    *,
    look: Annotated[int | None, Query(ge=1, le=10**9)] = None,
    reference: Name = None,
    metric: Name = None,
    segment: Name = None,
    method: Annotated[list[str] | None, Query(max_length=10)] = None,
    correction: Name = None,
    confidence_level: Annotated[float | None, Query(gt=0.5, lt=1)] = None,
    alternative: Name = None,
    covariate: Name = None,
    bayes: Annotated[
        Literal["usual", "jeffreys", "lift", "small"] | None,
        Query(description="Adds the Bayesian view under this prior."),
    ] = None,
    as_of: Annotated[
        Moment | None, Query(description="Only units first seen before this moment.")
    ] = None,
    run: Annotated[
        str | None, Query(max_length=10, description="`current`, or the number of a run.")
    ] = None,
    exclude: Annotated[
        list[str] | None,
        Query(max_length=31, description="`first_day`, or days as `2026-05-04` (UTC)."),
    ] = None,
) -> Response:
    """The reading of the data as they are now, or a past look.

    New data make a new look. ``reference``, ``method``, ``correction``, ``alternative``,
    ``confidence_level`` and ``covariate`` (a column, or ``none``) explore: they show the same
    data otherwise and are no verdict.
    ``as_of``, ``run`` and ``exclude`` show some of the units only, of the data as they are now;
    ``exploring`` names each of these in words. ``bayes`` stands beside every comparison and
    leaves the verdict as it is. A plan with ``lock_results`` answers ``locked: true``, health
    and progress until it is reached or the test has ended.
    """
    cut = Cut(as_of, run, tuple(exclude or ()))
    view = _seen(call, experiment, look, cut)
    choices = Choices(
        reference, confidence_level, correction, alternative, tuple(method or ()),
        None if bayes is None else PRIORS[bayes][1], covariate,
    )  # fmt: skip
    explored = exploring.explored(call.ws, call.actor, view, choices)
    body = to_dict(explored.result)
    if metric is not None and not view.result.locked:
        body["metrics"] = [m for m in body["metrics"] if m["key"] == metric]
        if not body["metrics"]:
            raise NotFoundError(f"There is no metric “{metric}”.")
    if segment is not None:
        own = explored if cut or explored.result.exploring else None
        for shown in body["metrics"]:
            found = segmenting.segments(
                call.ws, call.actor, experiment, shown["key"], segment, shown=own
            )
            shown["segments"] = [segment_to_dict(each) for each in found]
    if look is None and not explored.result.exploring:
        body |= _promotion(call, view)
    return one(body)


def _seen(call: Call, experiment: str, look: int | None, cut: Cut) -> LookView:
    """The present look or a past one; some of the units only where that is asked for."""
    if look is not None and cut:
        raise _frozen(look)
    view = (
        analyses.look(call.ws, call.actor, experiment, trigger="api")
        if look is None
        else analyses.past_look(call.ws, call.actor, experiment, look)
    )
    return analyses.cut_look(call.ws, call.actor, view, cut)


def _promotion(call: Call, view: LookView) -> dict[str, Any]:
    """What auto-promote waits for; nothing where the experiment asks for none."""
    waits = promoting.conditions(view.experiment, view.result, call.ws.now())
    if not waits or view.result.locked:
        return {}
    allowed = promoting.may_act(call.ws, view.experiment)
    return {"auto_promote": {"allowed": allowed, "conditions": [asdict(one) for one in waits]}}


def _frozen(look: int) -> InvalidInputError:
    message = f"look {look} was counted as it was; as_of, run and exclude count anew"
    return InvalidInputError(
        f"{message}.",
        hint="Leave look out.",
        details=(Problem("look", look, "UNKNOWN_CHOICE", message),),
    )


@door.get(
    "/experiments/{experiment}/looks",
    Rule(permission=Permission.RESULTS, answer=Many[LookAnswer]),
)
def list_looks(call: The, experiment: str, page: Page) -> Response:
    """Every look, the newest first."""
    found = analyses.looks_of(call.ws, call.actor, experiment)[::-1]
    return listed(call.request_id, found, page, lambda found: (found.no,), look_body, down=True)


@door.post(
    "/experiments/{experiment}/looks",
    Rule(permission=Permission.RESULTS, rate="compute", answer=One[ResultsAnswer], status=201),
)
def take_look(call: The, experiment: str) -> Response:
    """Look now; the same data under the same settings are the same look.

    The answer is its results, with ``id``, ``no`` and what else a look has beside its verdict;
    without data there is no look, and only the results are told.
    """
    view = analyses.look(call.ws, call.actor, experiment, trigger="api", fresh=True)
    body = to_dict(view.result)
    if body["look"] is not None:
        taken = analyses.looks_of(call.ws, call.actor, experiment)[body["look"] - 1]
        body = look_body(taken) | body
    return one(body, status=201)


@door.get("/looks/{look}", Rule(permission=Permission.RESULTS, answer=One[FullLookAnswer]))
def read_look(call: The, look: str) -> Response:
    """One look as it was seen."""
    stored, view = analyses.find_look(call.ws, call.actor, look)
    return one(look_body(stored) | {"results": to_dict(view.result)})


def _export(kind: str) -> None:
    def export(call: The, look: str) -> Response:
        stored, view = analyses.find_look(call.ws, call.actor, look)
        name = f"{view.experiment.slug}-look-{stored.no}.{kind}"
        return file(WRITERS[kind](call, view), name, TYPES[kind])

    export.__name__ = f"export_look_{kind}"
    export.__doc__ = f"One look as a file: {kind}."
    rule = Rule(permission=Permission.RESULTS, rate="compute", files=(TYPES[kind],))
    door.get(f"/looks/{{look}}/export.{kind}", rule)(export)


for _kind in WRITERS:
    _export(_kind)


def look_body(stored: LookRecord) -> dict[str, Any]:
    """Render a look without its results."""
    return {
        "id": stored.id,
        "no": stored.no,
        "taken_at": moment(stored.taken_at),
        "by": stored.actor,
        "trigger": stored.trigger,
        "verdict": stored.verdict,
        "data_hash": stored.data_hash,
        "settings_hash": stored.settings_hash,
        "engine_version": stored.engine_version,
        "views": stored.views,
    }
