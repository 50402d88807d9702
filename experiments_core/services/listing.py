"""What a list shows of every experiment: its verdict and its first primary metric."""

from __future__ import annotations

from dataclasses import dataclass

from experiments_core.analysis import locking
from experiments_core.analysis.body import from_dict
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.metric import MetricRole
from experiments_core.services.taking import look_of_today, readings_of_now, take
from experiments_core.services.workspace import Workspace
from experiments_core.stats.estimate import Value
from experiments_core.store import catalog, looks


@dataclass(frozen=True, slots=True)
class ExperimentSummary:
    """What a list shows of one experiment: its verdict and the first primary metric.

    Attributes:
        verdict: Code.
        text: Its sentence.
        variant: The treatment that the numbers are about.
        progress: Share of the planned units, may exceed 1; None without such a plan.
        days_left: By the plan; None when it does not say.
    """

    verdict: str
    text: str
    final: bool
    variant: str | None
    metric: str | None
    relative_lift: Value | None
    relative_lift_ci_lower: Value | None
    relative_lift_ci_upper: Value | None
    progress: float | None
    days_left: int | None


def summaries(ws: Workspace, actor: Actor) -> dict[str, ExperimentSummary]:
    """What a list shows of every experiment with data; readings not yet seen are taken."""
    require(actor, Permission.RESULTS)
    known = ws.db.recall(
        ("experiments", actor.org_id),
        lambda cursor: catalog.all_experiments(cursor, actor.org_id),
    )
    present = [experiment for experiment in known if not experiment.deleted_at]
    ready = [one for one in readings_of_now(ws, present) if one.data is not None]
    with ws.db.read() as cursor:
        stored = looks.find_looks(
            cursor, [(one.experiment.id, one.data_hash, one.settings_hash) for one in ready]
        )
    found = {}
    for one in ready:
        key = one.experiment.id
        seen = stored.get(key) or look_of_today(ws, one) or take(ws, actor, one)
        result = from_dict(seen.results)
        locked = locking.is_locked(one.experiment, result)
        found[key] = _summary(locking.shut(result) if locked else result)
    return found


def _summary(result: ExperimentResult) -> ExperimentSummary:
    metric = next((m for m in result.metrics if m.role == MetricRole.PRIMARY), None)
    arm = result.verdict.variant or next(iter(result.treatments), None)
    contrast = metric.arm(arm).contrast if metric is not None and arm is not None else None
    now = result.progress
    share = now.units / now.planned_units if now and now.planned_units else None
    days = now.planned_days - now.days if now and now.planned_days and now.days else None
    return ExperimentSummary(
        verdict=result.verdict.code,
        text=result.verdict.text,
        final=result.final,
        variant=arm,
        metric=metric.name if metric else None,
        relative_lift=contrast.relative_lift if contrast else None,
        relative_lift_ci_lower=_end(contrast, "lower", early=not result.final),
        relative_lift_ci_upper=_end(contrast, "upper", early=not result.final),
        progress=share,
        days_left=None if days is None or result.final else max(0, days),
    )


def _end(contrast: Contrast | None, side: str, *, early: bool) -> Value | None:
    """A limit of the lift: at an interim look the one that holds at any look."""
    if contrast is None:
        return None
    source = contrast.sequential if early and contrast.sequential else contrast
    end: Value = getattr(source, f"relative_lift_ci_{side}")
    return end
