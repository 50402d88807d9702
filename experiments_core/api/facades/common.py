"""What the dialects share: their error form, finding, metrics of their own, times."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from experiments_core.api import answers, envelope
from experiments_core.api.call import Call
from experiments_core.domain.definition import metric_of
from experiments_core.domain.documents import metric_from_document, metric_to_document
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Verb
from experiments_core.domain.metric import Metric
from experiments_core.domain.validation import refusal as refused
from experiments_core.errors import InvalidInputError, NotFoundError, Problem, UpshotError
from experiments_core.services import acting, experiments, library, measuring, projects

CONVERSION: dict[str, Any] = {
    "key": "conversion", "name": "Conversion", "kind": "proportion", "column": "conversion",
}  # fmt: skip
MEASURES = ("kind", "column", "event", "aggregation", "missing", "q")


def respond(error: UpshotError, request_id: str) -> Response:
    """Answer ``{error: {code, message, details, request_id}}`` with its status."""
    full = envelope.error_body(error, request_id)
    body = {name: full[name] for name in ("code", "message", "details", "request_id")}
    answer = envelope.respond(error, request_id)
    return answers.raw({"error": body}, answer.status_code, kept_headers(answer))


@dataclass(frozen=True, slots=True)
class Dialect:
    """Which experiments a dialect knows, and by which ids.

    Attributes:
        system: Name of the service in ``external_ids``.
        knows: Whether an experiment can be told in this dialect, whoever made it.
    """

    system: str
    knows: Callable[[Experiment], bool]

    def found(self, call: Call, reference: str) -> Experiment:
        """An experiment by the id that the client knows: ours, or the one of its old system.

        A client may send If-Match, though none is asked for.

        Raises:
            NotFoundError: there is none, it is in the bin, or another dialect's.
            VersionStaleError: the client read another version.
        """
        by_old_id = experiments.find_external(call.ws, call.actor, self.system, reference)
        one = by_old_id or experiments.get_experiment(call.ws, call.actor, reference)
        if one.deleted_at is not None or not self._is_ours(one):
            raise NotFoundError(f"There is no experiment “{reference}”.")
        if call.if_match is not None:
            experiments.expect_version(call.ws, call.actor, one, call.version())
        return one

    def all(self, call: Call) -> list[Experiment]:
        """Every experiment that the dialect knows, the newest first."""
        known = experiments.list_experiments(call.ws, call.actor, include_archived=True)
        ours = [one for one in known if self._is_ours(one)]
        return sorted(ours, key=lambda one: (one.created_at, one.id), reverse=True)

    def id_of(self, experiment: Experiment) -> str:
        """The id that the client knows."""
        return experiment.external_ids.get(self.system, experiment.id)

    def delete(self, call: Call, reference: str) -> Response:
        """Put one into the bin and answer 204; a running or paused one is refused."""
        one = self.found(call, reference)
        acting.transition(call.ws, call.actor, one.id, Verb.DELETE, version=one.version)
        return answers.nothing()

    def _is_ours(self, one: Experiment) -> bool:
        return self.system in one.external_ids or self.knows(one)


def metrics_of(
    call: Call, *wanted: dict[str, Any], any_kind: bool = False
) -> tuple[Metric, ...]:
    """Metrics of a dialect, defined in the library on first use; the first one is primary.

    Args:
        call: The request.
        wanted: Their definitions.
        any_kind: Take what the library calls so, whatever it is. If not, a metric that
            measures something else is left where it is, and the test has one of its own.
    """
    made = []
    for number, values in enumerate(wanted):
        role = "secondary" if number else "primary"
        try:
            definition = library.get_metric(call.ws, call.actor, values["key"])
        except NotFoundError:
            definition = library.define_metric(call.ws, call.actor, values)
        own = metric_from_document({**values, "role": role})
        found = metric_of(definition, role)
        if any_kind or _measured(found) == _measured(own):
            made.append(found)
        else:
            made.append(own)
    return tuple(made)


def _measured(metric: Metric) -> dict[str, Any]:
    """What makes the number of a unit; direction, unit, window and cap may be the library's."""
    document = metric_to_document(metric)
    return {name: document.get(name) for name in MEASURES}


def numbers_of(call: Call, experiment: Experiment) -> measuring.Measured:
    """The numbers that a dialect prints inside its objects, whoever may read the object."""
    reader = replace(call.actor, scopes=None)
    return measuring.measured(call.ws, reader, experiment.id)


def numbers_of_all(call: Call, found: Sequence[Experiment]) -> dict[str, measuring.Measured]:
    """The same of several, by id."""
    reader = replace(call.actor, scopes=None)
    return measuring.measured_all(call.ws, reader, found)


def locators(call: Call) -> dict[str, str]:
    """Id of a resource -> its locator."""
    return {one.id: one.locator for one in projects.list_resources(call.ws, call.actor)}


def number(value: object) -> float | None:
    """A number, or None where there is a reason instead."""
    return float(value) if isinstance(value, float | int) else None


def seconds(moment: datetime | None) -> str | None:
    """``2025-03-12T12:00:00Z``."""
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def refusal(field: str, value: object, rule: str, message: str) -> InvalidInputError:
    """The refusal of one field."""
    return refused([Problem(field, value, rule, message)])


def kept_headers(answer: Response) -> dict[str, str]:
    """The headers of an error that stay whatever the form of its body."""
    return {k: v for k, v in answer.headers.items() if k in {"retry-after", "www-authenticate"}}


def basis_points(field: str, given: list[float], whole: float) -> list[int]:
    """Shares that make ``whole`` in basis points, rounded by largest remainder.

    Raises:
        InvalidInputError: ``RANGE`` or ``SPLIT_SUM``: they are not within 1e-9 of the whole.
    """
    for one in given:
        if not 0 <= one <= whole:
            message = f"a share is {one:g}; it must be from 0 to {whole:g}"
            raise refusal(field, one, "RANGE", message)
    total = math.fsum(given)
    if abs(total - whole) > 1e-9 * whole:
        message = f"the shares add up to {total:g}; they must make exactly {whole:g}"
        raise refusal(field, total, "SPLIT_SUM", message)
    exact = [one / whole * 10_000 for one in given]
    floors = [math.floor(one + 1e-6) for one in exact]
    rests = [one - floor for one, floor in zip(exact, floors, strict=True)]
    first = sorted(range(len(given)), key=lambda i: (-rests[i], i))
    missing = 10_000 - sum(floors)
    return [floor + (i in first[:missing]) for i, floor in enumerate(floors)]
