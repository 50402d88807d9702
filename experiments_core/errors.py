"""Every error Upshot raises on purpose: a sentence, a hint, a stable code, the fields at fault.

One voice: the message names the thing and the value, the hint says what to do. Doors (pages,
REST, command line, notebook) only translate; none of them invents a code of its own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One field that broke one rule.

    Attributes:
        field: Name of the field, column or line (``"variants[1].weight_bp"``, ``"line 12"``).
        value: The value as it was given.
        rule: Stable code of the rule (``REQUIRED``, ``RANGE``, ``SPLIT_SUM`` …).
        message: The rule in words, with the value.
    """

    field: str
    value: object
    rule: str
    message: str


class UpshotError(Exception):
    """Base of all errors that a person is meant to read.

    Args:
        message: What happened, in one or two sentences.
        code: Stable code for machines; each class has a default.
        hint: What to do about it.
        details: The fields at fault, all of them at once.
        allowed_actions: Verbs that would be accepted now.
    """

    code = "ERROR"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        details: tuple[Problem, ...] = (),
        allowed_actions: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.hint = hint
        self.details = details
        self.allowed_actions = allowed_actions

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidInputError(UpshotError, ValueError):
    """A value breaks a rule; nothing was stored (HTTP 422)."""

    code = "INVALID_INPUT"


class NotFoundError(UpshotError):
    """There is no such object, or it belongs to somebody else (HTTP 404)."""

    code = "NOT_FOUND"


class ConflictError(UpshotError):
    """The object is in a state that does not allow this (HTTP 409)."""

    code = "CONFLICT"


class ForbiddenError(UpshotError):
    """The actor lacks the role or scope (HTTP 403)."""

    code = "ROLE_TOO_LOW"


class UnauthorizedError(UpshotError):
    """No valid key or sign-in (HTTP 401)."""

    code = "UNAUTHORIZED"


class VersionStaleError(UpshotError):
    """Somebody else saved first (HTTP 412).

    Attributes:
        current: The object as it is now.
        fields: Names of the fields that differ from what the caller last read.
    """

    code = "VERSION_STALE"

    def __init__(self, message: str, *, current: object, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint="Your text is kept; compare and save again.")
        self.current = current
        self.fields = fields


class VersionRequiredError(UpshotError):
    """A change has to name the version it was made from (HTTP 428)."""

    code = "VERSION_REQUIRED"


class MalformedError(UpshotError):
    """What was sent cannot be read at all (HTTP 400)."""

    code = "MALFORMED"


class UnknownHostError(UpshotError):
    """The server was asked under a name that it does not go by (HTTP 400)."""

    code = "UNKNOWN_HOST"


class MethodError(UpshotError):
    """The path is there, the method is not (HTTP 405)."""

    code = "METHOD_NOT_ALLOWED"


class MediaTypeError(UpshotError):
    """A body of a type that is not taken here (HTTP 415)."""

    code = "UNSUPPORTED_MEDIA_TYPE"


class GoneError(UpshotError):
    """It was there, and its data have been erased (HTTP 410)."""

    code = "GONE"


class RateLimitedError(UpshotError):
    """Too many requests (HTTP 429).

    Attributes:
        retry_after: Seconds to wait.
        limit: What the bucket holds.
        remaining: What is left in it.
        reset: Seconds until it is full again.
    """

    code = "RATE_LIMITED"

    def __init__(
        self,
        message: str,
        *,
        retry_after: int,
        limit: int,
        remaining: int,
        reset: int,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        self.limit = limit
        self.remaining = remaining
        self.reset = reset


class TooLargeError(UpshotError):
    """A file, body or cell is beyond its limit (HTTP 413)."""

    code = "TOO_LARGE"


class BusyError(UpshotError):
    """The workspace cannot take this now (HTTP 503, or a second start)."""

    code = "BUSY"


class InternalError(UpshotError):
    """Something failed that nobody foresaw; the log tells more (HTTP 500)."""

    code = "INTERNAL"


class CancelledError(UpshotError):
    """The person stopped a long task; nothing was stored."""

    code = "CANCELLED"


class WorkspaceError(UpshotError):
    """The workspace file cannot be opened or is damaged."""

    code = "WORKSPACE"


class UnrecoverableError(WorkspaceError):
    """The workspace file is damaged and nothing could be put in its place."""

    code = "WORKSPACE_DAMAGED"
