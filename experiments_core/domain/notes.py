"""What people write down about a test: decisions, forecasts, annotations, and their rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from experiments_core.domain.experiment import Experiment
from experiments_core.domain.text import clean, text_problems
from experiments_core.errors import Problem

ACTIONS = ("ship", "roll_back", "extend", "stop_flat", "invalidate")
KINDS = ("note", "incident", "release", "comment", "deviation")
NOTE_LENGTH = 5_000
ANNOTATION_LENGTH = 2_000
SHORTEST_REASON = 3
WILDEST_GUESS = 10.0

_FOLLOWS: dict[str, frozenset[str]] = {
    "ship": frozenset({"ship"}),
    "roll_back": frozenset({"roll_back"}),
    "stop_flat": frozenset({"stop_flat"}),
    "extend": frozenset({"extend", "stop_flat"}),
    "keep_running": frozenset({"extend"}),
    "investigate": frozenset({"invalidate", "extend"}),
    "discuss": frozenset(ACTIONS),
}
"""Recommended action -> decisions that follow it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on one look.

    Attributes:
        look: Number of the look it rests on; None without data.
        action: One of :data:`ACTIONS`.
        variant: Key of the variant that it is about; None when it is about none.
        recommended: The action that was recommended then.
        departs: Whether it departs from that.
    """

    id: str
    experiment_id: str
    look: int | None
    action: str
    variant: str | None
    note: str
    recommended: str | None
    departs: bool
    by: str
    created_at: datetime
    org_id: str = "default"


@dataclass(frozen=True, slots=True)
class Forecast:
    """A guess, written down before the first look.

    Attributes:
        guess: Relative lift of the treatment, a fraction.
        lower: Lower end of the range that the person thinks likely; None without one.
        upper: Upper end.
    """

    id: str
    experiment_id: str
    metric: str
    variant: str
    guess: float
    lower: float | None
    upper: float | None
    by: str
    created_at: datetime
    org_id: str = "default"


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something that happened at a moment or over a range of time.

    Attributes:
        starts: The moment.
        ends: The end of a range; None for a moment.
        kind: One of :data:`KINDS`; a ``deviation`` tells what was done otherwise than sealed.
    """

    id: str
    experiment_id: str
    starts: datetime
    ends: datetime | None
    text: str
    kind: str
    by: str
    created_at: datetime
    org_id: str = "default"


def departs(
    action: str, variant: str | None, recommended: str, recommended_variant: str | None
) -> bool:
    """Whether a decision departs from the recommendation."""
    if action not in _FOLLOWS.get(recommended, frozenset()):
        return True
    other = recommended_variant is not None and variant not in {None, recommended_variant}
    return action == "ship" and other


def decision_problems(
    experiment: Experiment, *, action: object, variant: object, note: object, departing: bool
) -> list[Problem]:
    """Check what was said with a decision, all of it at once."""
    problems = []
    if action not in ACTIONS:
        message = f"action is “{action}”; choose one of {', '.join(ACTIONS)}"
        problems.append(Problem("action", action, "UNKNOWN_CHOICE", message))
    problems += _variant_problems(experiment, variant, required=action == "ship")
    problems += text_problems("note", note, longest=NOTE_LENGTH, lines=True)
    if departing and isinstance(note, str) and len(clean(note)) < SHORTEST_REASON:
        message = "this departs from the recommendation; say why in the note"
        problems.append(Problem("note", note, "REQUIRED", message))
    return problems


def forecast_problems(
    experiment: Experiment, *, metric: object, variant: object, numbers: Mapping[str, object]
) -> list[Problem]:
    """Check a forecast.

    Args:
        experiment: The experiment.
        metric: Key of one of its metrics.
        variant: Key of a treatment.
        numbers: ``guess``, ``lower`` and ``upper``, fractions; the last two may be None
            together.
    """
    keys = [one.key for one in experiment.metrics]
    problems = []
    if metric not in keys:
        message = f"there is no metric “{metric}”; there are {', '.join(keys) or 'none'}"
        problems.append(Problem("metric", metric, "UNKNOWN_CHOICE", message))
    if not variant:
        message = "a guess is about a treatment, and there is none yet; add one"
        problems.append(Problem("variant", None, "REQUIRED", message))
    elif variant == experiment.control.key:
        message = "a guess is about a treatment, not about the control itself"
        problems.append(Problem("variant", variant, "UNKNOWN_CHOICE", message))
    else:
        problems += _variant_problems(experiment, variant, required=True)
    found = [_number_problems(name, value) for name, value in numbers.items()]
    problems += [problem for one in found for problem in one]
    return problems or _range_problems(numbers)


def annotation_problems(
    *, text: object, kind: object, starts: object, ends: object
) -> list[Problem]:
    """Check an annotation."""
    problems = text_problems("text", text, shortest=1, longest=ANNOTATION_LENGTH, lines=True)
    if kind not in KINDS:
        message = f"kind is “{kind}”; choose one of {', '.join(KINDS)}"
        problems.append(Problem("kind", kind, "UNKNOWN_CHOICE", message))
    for name, value in (("starts", starts), ("ends", ends)):
        if value is None and name == "ends":
            continue
        if not isinstance(value, datetime) or value.tzinfo is None:
            message = f"{name} must be a time with its zone"
            problems.append(Problem(name, value, "TYPE", message))
    return problems or _order_problems(starts, ends)


def _order_problems(starts: object, ends: object) -> list[Problem]:
    if not isinstance(starts, datetime) or not isinstance(ends, datetime) or ends >= starts:
        return []
    return [Problem("ends", str(ends), "RANGE", "the end lies before the start")]


def _variant_problems(
    experiment: Experiment, variant: object, *, required: bool
) -> list[Problem]:
    keys = [one.key for one in experiment.variants]
    if variant is None and not required:
        return []
    if variant in keys:
        return []
    rule = "REQUIRED" if variant is None else "UNKNOWN_CHOICE"
    message = f"name one of the variants: {', '.join(keys)}"
    return [Problem("variant", variant, rule, message)]


def _number_problems(name: str, value: object) -> list[Problem]:
    if value is None:
        if name != "guess":
            return []
        return [Problem(name, value, "REQUIRED", "say how much you expect, as a fraction")]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return [Problem(name, value, "TYPE", f"{name} must be a number")]
    if not isfinite(value):
        return [Problem(name, value, "NOT_FINITE", f"{name} must be a finite number")]
    if not -1 <= value <= WILDEST_GUESS:
        message = f"{name} is {value:g}; a lift is a fraction from -1 to 10 (0.05 is 5 %)"
        return [Problem(name, value, "RANGE", message)]
    return []


def _range_problems(numbers: Mapping[str, object]) -> list[Problem]:
    lower, guess, upper = (numbers.get(name) for name in ("lower", "guess", "upper"))
    if (lower is None) != (upper is None):
        missing = "lower" if lower is None else "upper"
        message = "give both ends of the range, or none"
        return [Problem(missing, None, "REQUIRED", message)]
    ends = [one for one in (lower, guess, upper) if isinstance(one, int | float)]
    if ends != sorted(ends):
        message = "the guess must lie between lower and upper"
        return [Problem("guess", guess, "RANGE", message)]
    return []
