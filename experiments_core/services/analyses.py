"""Read an experiment: the look that is kept, one of the past, part of the units.

A look is a reading that somebody saw. It is stored with its cells and never recomputed: the
same data under the same settings opened again are the same look.
"""

from __future__ import annotations

from dataclasses import replace

from experiments_core.analysis import explain as explaining
from experiments_core.analysis.cells import Cells
from experiments_core.analysis.design import Design
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.groups import Groups
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.errors import NotFoundError
from experiments_core.services import promoting, readings
from experiments_core.services.cutting import Cut
from experiments_core.services.saving import find
from experiments_core.services.taking import (
    cut_reading,
    look_of_today,
    note_view,
    reading_of_now,
    stored_look,
    take,
)
from experiments_core.services.viewing import LookView, open_to_people, opened, shut_view
from experiments_core.services.workspace import Workspace
from experiments_core.store import looks
from experiments_core.store.looks import StoredLook

LookRecord = StoredLook
"""A look as it is kept, for those who list looks."""


def look(
    ws: Workspace,
    actor: Actor,
    experiment_id: str,
    *,
    reference: str | None = None,
    trigger: str = "page",
    fresh: bool = False,
) -> LookView:
    """Read an experiment as its data are now.

    A sequential plan with a planned number of units spends part of its alpha at each look, so
    a running test shows the look of the same day again until ``fresh`` asks for a new one.
    A plan with ``lock_results`` shows health and progress only, until it is reached or the
    test has ended.

    Args:
        ws: The workspace.
        actor: Who looks.
        experiment_id: Id, key or slug.
        reference: Variant to compare with; control when left out.
        trigger: ``page``, ``api`` or ``report``.
        fresh: Take a new look now, even if the plan has had one today.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidInputError: there is no such variant.
    """
    require(actor, Permission.RESULTS)
    return open_to_people(
        judged(ws, actor, experiment_id, reference=reference, trigger=trigger, fresh=fresh)
    )


def judged(
    ws: Workspace,
    actor: Actor,
    experiment_id: str,
    *,
    reference: str | None = None,
    trigger: str = "page",
    fresh: bool = False,
) -> LookView:
    """The same whatever the plan locks, for what stops a ramp by itself; shown to nobody.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidInputError: there is no such variant.
    """
    reading = reading_of_now(ws, actor, experiment_id, reference=reference)
    if reading.data is None:
        design = reading.design
        if reading.experiment.stored_results is not None:
            design = replace(design, basis="stored")
        result = analyze({}, design, data_hash=reading.data_hash)
        return LookView(
            result=result,
            experiment=reading.experiment,
            taken_at=ws.now(),
            sql="",
            moments=(),
            cells={},
            design=design,
            data_as_of=None,
            finished=reading.design.finished,
        )
    stored = stored_look(ws, reading) or (None if fresh else look_of_today(ws, reading))
    if stored is None:
        view = opened(reading.experiment, take(ws, actor, reading, trigger))
        promoting.promote_if_ready(ws, view.experiment, view.result, view.design)
        return replace(view, covariates=reading.covariate_columns)
    known = stored
    view = ws.db.recall(("opened look", known.id), lambda _: opened(reading.experiment, known))
    note_view(ws, actor, stored)
    return replace(
        view,
        experiment=reading.experiment,
        newer_data=stored.data_hash != reading.data_hash,
        covariates=reading.covariate_columns,
    )


def cut_look(ws: Workspace, actor: Actor, view: LookView, cut: Cut) -> LookView:
    """Some of the units of a look, analysed as the data are now; nothing is kept.

    Args:
        ws: The workspace.
        actor: Who asks.
        view: The look.
        cut: Which units; the look itself where it says nothing.

    Raises:
        ConflictError: the data do not tell units apart by their time.
        InvalidInputError: a run or a day is not written as it must be.
        NotFoundError: there is no such run.
    """
    require(actor, Permission.RESULTS)
    if not cut or (view.result.verdict.code == "no_data" and cut.run is None):
        return view
    with ws.db.read() as cursor:
        reading, told = cut_reading(ws, cursor, view.experiment, cut)
        table = readings.fetch(cursor, reading)
    design = replace(reading.design, reference=view.result.reference)
    if cut == Cut(exclude=cut.exclude):
        design = _to_scale(design, view.cells, table.cells)
    result = analyze(table.cells, design, reading.quality, data_hash=reading.data_hash)
    found = LookView(
        result=replace(result, look=view.result.look, exploring=told),
        experiment=view.experiment,
        taken_at=view.taken_at,
        sql=table.sql,
        moments=explaining.moment_rows(Groups.of(table.cells, len(design.phases)), design),
        cells=table.cells,
        design=design,
        data_as_of=design.newest,
        finished=design.finished,
        quality=reading.quality,
        cut=cut,
        covariates=reading.covariate_columns,
    )
    return shut_view(found) if view.result.locked else found


def _to_scale(design: Design, whole: Cells, part: Cells) -> Design:
    """Planned units in proportion: a plan that was reached is reached without some days too."""
    planned = design.plan.planned_units
    units, left = (sum(cell.units for cell in cells.values()) for cells in (whole, part))
    if planned is None or not units:
        return design
    return replace(
        design, plan=replace(design.plan, planned_units=max(1, planned * left // units))
    )


def past_look(ws: Workspace, actor: Actor, experiment_id: str, number: int) -> LookView:
    """One look as it was seen, whatever has happened to data and settings since.

    Raises:
        NotFoundError: there is no such experiment or look.
    """
    require(actor, Permission.RESULTS)
    reading = reading_of_now(ws, actor, experiment_id)
    with ws.db.read() as cursor:
        taken = looks.looks_of(cursor, reading.experiment.id)
    for stored in taken:
        if stored.no == number:
            return open_to_people(opened(reading.experiment, stored))
    raise NotFoundError(
        f"There is no look {number} at “{reading.experiment.name}”.",
        hint=f"There {'is 1 look' if len(taken) == 1 else f'are {len(taken)} looks'}.",
    )


def looks_of(ws: Workspace, actor: Actor, experiment_id: str) -> tuple[StoredLook, ...]:
    """Every look of an experiment as it is kept, the oldest first.

    Raises:
        NotFoundError: there is no such experiment.
    """
    require(actor, Permission.RESULTS)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, experiment_id)
        return looks.looks_of(cursor, experiment.id)


def find_look(ws: Workspace, actor: Actor, look_id: str) -> tuple[StoredLook, LookView]:
    """One look by its id, as it was seen.

    Raises:
        NotFoundError: there is none, or it belongs to another organisation.
    """
    require(actor, Permission.RESULTS)
    with ws.db.read() as cursor:
        stored = looks.look_by_id(cursor, look_id)
        if stored is None:
            raise _no_look(look_id)
        try:
            experiment = find(cursor, actor, stored.experiment_id)
        except NotFoundError:
            raise _no_look(look_id) from None
    return stored, open_to_people(opened(experiment, stored))


def _no_look(look_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no look “{look_id}”.", hint="List the looks of the experiment."
    )
