"""A door: the routes of one resource or dialect, and how it writes errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from experiments_core.api import envelope
from experiments_core.api.rules import Rule
from experiments_core.errors import UpshotError

Handler = Callable[..., Response]
Envelope = Callable[[UpshotError, str], Response]


@dataclass(frozen=True, slots=True)
class Registered:
    """One route of a door."""

    method: str
    path: str
    handler: Handler
    rule: Rule


class Door:
    """The routes of one resource.

    ::

        door = Door("Annotations")

        @door.post(
            "/experiments/{experiment}/annotations",
            Rule(permission=Permission.COMMENT, answer=One[AnnotationAnswer], status=201),
        )
        def annotate(call: The, experiment: str, body: NewAnnotation) -> Response:
            \"\"\"Leave a note on the time line.\"\"\"
            made = annotations.add(call.ws, call.actor, experiment, **body.given())
            return one(annotation_body(made), status=201)

    Args:
        tag: Heading in the documentation.
        envelope: Writes errors; a dialect has its own form.
        via: What the audit trail calls the door.
        any_type: Take a body for JSON whatever its Content-Type says.
    """

    def __init__(
        self,
        tag: str,
        *,
        envelope: Envelope = envelope.respond,
        via: str = "api",
        any_type: bool = False,
    ) -> None:
        self.tag = tag
        self.envelope = envelope
        self.via = via
        self.any_type = any_type
        self.routes: list[Registered] = []

    def get(self, path: str, rule: Rule) -> Callable[[Handler], Handler]:
        """Register a handler that reads."""
        return self._at("GET", path, rule)

    def post(self, path: str, rule: Rule) -> Callable[[Handler], Handler]:
        """Register a handler that makes or does something."""
        return self._at("POST", path, rule)

    def put(self, path: str, rule: Rule) -> Callable[[Handler], Handler]:
        """Register a handler that sets something as a whole."""
        return self._at("PUT", path, rule)

    def patch(self, path: str, rule: Rule) -> Callable[[Handler], Handler]:
        """Register a handler that changes some fields."""
        return self._at("PATCH", path, rule)

    def delete(self, path: str, rule: Rule) -> Callable[[Handler], Handler]:
        """Register a handler that removes something."""
        return self._at("DELETE", path, rule)

    def _at(self, method: str, path: str, rule: Rule) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.routes.append(Registered(method, path, handler, rule))
            return handler

        return register
