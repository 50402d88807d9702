"""Does an answer hold: under every defensible analysis, and where nothing differs."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from experiments_core.analysis.calibration import Calibration, Held
from experiments_core.analysis.robustness import Robustness, Variation
from experiments_core.api.answers import one, told
from experiments_core.api.call import The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, One
from experiments_core.domain.access import Permission
from experiments_core.services import calibration as calibrating
from experiments_core.services.robustness import robustness

door = Door("Results")

Name = Annotated[str, Field(min_length=1, max_length=100)]


class Comparison(Body):
    """Which comparison: one metric of one treatment with the reference."""

    metric: Name
    variant: Name


class Shuffles(Comparison):
    """The same, how often its arms are shuffled, and a seed that gives them again."""

    shuffles: Annotated[int, Field(ge=calibrating.LEAST_SHUFFLES, le=calibrating.SHUFFLES)] = (
        calibrating.SHUFFLES
    )
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = calibrating.SEED


class VariationAnswer(Answer):
    """One analysis, whether it is the planned one, and whether its answer is the same."""

    method: str
    adjusted: bool | None
    cap: str | None
    days: str
    crossovers: str
    planned: bool
    holds: bool
    verdict: str
    control_n: int
    treatment_n: int
    difference: float | None
    difference_ci_lower: float | None
    difference_ci_upper: float | None
    relative_lift: float | None
    relative_lift_ci_lower: float | None
    relative_lift_ci_upper: float | None
    p_value: float | None


class RobustnessAnswer(Answer):
    """In how many of the analyses the planned answer holds; sorted by their estimate."""

    metric: str
    variant: str
    confidence_level: float
    holds: int
    analyses: int
    variations: list[VariationAnswer]
    notes: list[str]


class PowerAnswer(Answer):
    """A planted lift, a fraction, and the share of shuffles in which it was found."""

    lift: float
    found: float


class HeldAnswer(Answer):
    """What one method said where nothing differed; bands hold 99.9 % of sound methods."""

    method: str
    adjusted: bool | None
    cap: str | None
    planned: bool
    holds: bool
    false_alarms: int
    greater: int
    less: int
    band: list[int]
    side_band: list[int]
    histogram: list[int]
    power: list[PowerAnswer]


class CalibrationAnswer(Answer):
    """What shuffling said; ``sound`` is the first method that holds, null if none does."""

    metric: str
    variant: str
    units: int
    shuffles: int
    seed: int
    alpha: float
    sound: str | None
    methods: list[HeldAnswer]


@door.post(
    "/experiments/{experiment}/robustness",
    Rule(
        permission=Permission.RESULTS, rate="compute", answer=One[RobustnessAnswer],
        together=False,
    ),
)  # fmt: skip
def try_other_analyses(call: The, experiment: str, body: Comparison) -> Response:
    """Every defensible analysis of one comparison, on data with one row per unit."""
    found = robustness(call.ws, call.actor, experiment, body.metric, body.variant)
    return one(robustness_body(found))


@door.post(
    "/experiments/{experiment}/calibrate",
    Rule(
        permission=Permission.RESULTS, rate="compute", answer=One[CalibrationAnswer],
        together=False,
    ),
)  # fmt: skip
def shuffle_arms(call: The, experiment: str, body: Shuffles) -> Response:
    """False alarms of each method with the arms of one comparison shuffled, and its power."""
    found = calibrating.calibration(
        call.ws, call.actor, experiment, body.metric, body.variant,
        shuffles=body.shuffles, seed=body.seed,
    )  # fmt: skip
    return one(calibration_body(found))


def robustness_body(found: Robustness) -> dict[str, Any]:
    """Render a robustness sheet."""
    return {
        "metric": found.metric,
        "variant": found.variant,
        "confidence_level": found.confidence_level,
        "holds": found.holds,
        "analyses": len(found.variations),
        "variations": [_variation(each) for each in found.variations],
        "notes": list(found.notes),
    }


def calibration_body(found: Calibration) -> dict[str, Any]:
    """Render what shuffling said."""
    return {
        "metric": found.metric,
        "variant": found.variant,
        "units": found.units,
        "shuffles": found.shuffles,
        "seed": found.seed,
        "alpha": found.alpha,
        "sound": None if found.sound is None else found.sound.method,
        "methods": [_held(each) for each in found.methods],
    }


def _variation(found: Variation) -> dict[str, Any]:
    body: dict[str, Any] = {"days": found.setting.days, "crossovers": found.setting.crossovers}
    for field in fields(found):
        if field.name not in {"setting", "strata"}:
            body |= told(field.name, getattr(found, field.name))
    return body


def _held(found: Held) -> dict[str, Any]:
    body = {field.name: getattr(found, field.name) for field in fields(found)}
    return body | {
        "holds": found.holds,
        "false_alarms": found.greater + found.less,
        "band": list(found.band),
        "side_band": list(found.side_band),
        "histogram": list(found.histogram),
        "power": [{"lift": lift, "found": share} for lift, share in found.power],
    }
