"""Guesses that are taken before the first look, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain import notes as rules
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.notes import Forecast
from experiments_core.domain.validation import refuse
from experiments_core.errors import ConflictError
from experiments_core.services.noting import check_place, notes_of, record
from experiments_core.services.saving import find
from experiments_core.services.workspace import Workspace
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.store import looks
from experiments_core.store import notes as rows


@dataclass(frozen=True, slots=True)
class Outcome:
    """A forecast beside what the look says.

    Attributes:
        lift: Relative lift of the look, a fraction; None where the metric is not in it.
        lower: Lower end of its interval.
        upper: Upper end.
        inside: Whether the lift lies in the range that was guessed; None without a range or
            without a lift.
    """

    forecast: Forecast
    lift: Value | None
    lower: Value | None
    upper: Value | None
    inside: bool | None


def forecast(
    ws: Workspace,
    actor: Actor,
    reference: str,
    *,
    metric: str,
    guess: float,
    variant: str | None = None,
    lower: float | None = None,
    upper: float | None = None,
) -> Forecast:
    """Write down a guess before anybody has looked.

    Args:
        ws: The workspace.
        actor: Who guesses.
        reference: Id, key or slug of the experiment.
        metric: Key of one of its metrics.
        guess: Relative lift, a fraction (0.05 = 5 %).
        variant: Key of a treatment; the first one when left out.
        lower: Lower end of the likely range, with ``upper``.
        upper: Upper end.

    Raises:
        ConflictError: ``FORECAST_CLOSED``: somebody has looked at the results.
        InvalidInputError: what was said breaks a rule.
    """
    require(actor, Permission.FORECAST)
    with ws.db.write() as cursor:
        experiment = find(cursor, actor, reference)
        check_place(experiment)
        if looks.count_looks(cursor, [experiment.id]).get(experiment.id):
            raise ConflictError(
                "The results have been looked at, so a guess would not be one any more.",
                code="FORECAST_CLOSED",
                hint="Forecasts are taken before the first look.",
            )
        treatments = (one.key for one in experiment.variants if not one.is_control)
        treatment = variant or next(treatments, "")
        numbers: Mapping[str, object] = {"guess": guess, "lower": lower, "upper": upper}
        refuse(rules.forecast_problems(
            experiment, metric=metric, variant=treatment, numbers=numbers
        ))  # fmt: skip
        made = Forecast(
            id=ws.new_id(),
            experiment_id=experiment.id,
            metric=metric,
            variant=treatment,
            guess=float(guess),
            lower=lower,
            upper=upper,
            by=actor.name,
            created_at=ws.now(),
            org_id=actor.org_id,
        )
        rows.insert_note(cursor, made)
        said = {"metric": metric, "variant": treatment, **numbers}
        record(ws, actor, cursor, made, verb="forecast", said=said)
    return made


def forecasts(ws: Workspace, actor: Actor, reference: str) -> tuple[Forecast, ...]:
    """Every forecast of an experiment, the oldest first."""
    return notes_of(ws, actor, Forecast, reference)


def outcomes(
    ws: Workspace, actor: Actor, reference: str, result: ExperimentResult
) -> tuple[Outcome, ...]:
    """Every forecast of an experiment beside what a look says."""
    return tuple(_outcome(one, result) for one in forecasts(ws, actor, reference))


def _outcome(forecast: Forecast, result: ExperimentResult) -> Outcome:
    contrast = None
    for metric in result.metrics:
        for arm in metric.arms:
            if (metric.key, arm.variant) == (forecast.metric, forecast.variant):
                contrast = arm.contrast
    if contrast is None:
        return Outcome(forecast, None, None, None, None)
    early = not result.final
    source = contrast.sequential if early and contrast.sequential else contrast
    lift, inside = contrast.relative_lift, None
    if (
        not isinstance(lift, Undefined)
        and forecast.lower is not None
        and forecast.upper is not None
    ):
        inside = forecast.lower <= lift <= forecast.upper
    return Outcome(
        forecast, lift, source.relative_lift_ci_lower, source.relative_lift_ci_upper, inside
    )
