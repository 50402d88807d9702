"""A/A on the user's own data: shuffle the arms, count false alarms, plant lifts."""

from __future__ import annotations

from collections.abc import Callable

from experiments_core.analysis.calibration import Calibration, calibrate, enough
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.errors import CancelledError, ConflictError
from experiments_core.services import analyses, inspecting
from experiments_core.services.workspace import Workspace
from experiments_core.store.unit_values import unit_values
from experiments_core.store.watch import Cancelled

__all__ = ["LEAST_SHUFFLES", "SEED", "SHUFFLES", "Calibration", "calibration", "steps"]

SHUFFLES, LEAST_SHUFFLES = 1_000, 100
SEED = 20_260_101


def calibration(
    ws: Workspace,
    actor: Actor,
    experiment_id: str,
    metric_key: str,
    variant: str,
    *,
    shuffles: int = SHUFFLES,
    seed: int = SEED,
    progress: Callable[[float], None] | None = None,
    cancelled: Cancelled | None = None,
) -> Calibration:
    """Shuffle the arms of one comparison; nothing of it is a look.

    Args:
        ws: The workspace.
        actor: Who asks.
        experiment_id: Id, key or slug.
        metric_key: The metric.
        variant: The treatment whose units are mixed with control's.
        shuffles: 100 to 1,000.
        seed: Gives the same shuffles again.
        progress: Told a fraction from 0 to 1.
        cancelled: Asked after each shuffle; True stops.

    Raises:
        NotFoundError: there is no such experiment, metric or treatment.
        ConflictError: the data are totals, or an arm has too few units.
        CancelledError: somebody stopped it.
    """
    require(actor, Permission.READ)
    number = min(max(shuffles, LEAST_SHUFFLES), SHUFFLES)
    view = analyses.look(ws, actor, experiment_id)
    inspecting.contrast_of(view.result, metric_key, variant)
    reading, metric = inspecting.reading_of(ws, actor, experiment_id, metric_key)
    query = reading.query
    bound = (
        next((one for one in query.needs if one.need.key == metric.key), None)
        if query
        else None
    )
    if query is None or bound is None:
        raise ConflictError(
            "Shuffling arms needs one row per unit; these data have none of this metric.",
            code="NO_UNIT_ROWS",
            hint="Import one row per unit.",
        )
    with ws.db.read() as cursor:
        arms = view.design.reference, variant
        phases = enough(unit_values(cursor, query, bound, arms))
    if not phases:
        raise ConflictError(
            "There are too few units to shuffle: each arm needs ten.", code="TOO_FEW_UNITS"
        )
    return calibrate(
        metric, phases, variant=variant, alpha=view.design.plan.alpha,
        number=number, seed=seed,
        said=steps(number, progress, cancelled),
    )  # fmt: skip


def steps(
    shuffles: int,
    progress: Callable[[float], None] | None,
    cancelled: Cancelled | None,
) -> Callable[[int], None]:
    """Tell how far it is every twentieth, and stop when somebody wants that."""

    def said(done: int) -> None:
        if cancelled is not None and cancelled():
            raise CancelledError("The shuffling was stopped.")
        if progress is not None and done % max(1, shuffles // 20) == 0:
            progress(min(1.0, done / shuffles))

    return said
