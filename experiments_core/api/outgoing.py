"""What every answer carries: the id of its request, what is left in the bucket, no caching."""

from __future__ import annotations

import secrets

from starlette.responses import Response

from experiments_core.errors import RateLimitedError
from experiments_core.services.rate_limits import Standing


def new_request_id() -> str:
    """The id of a request: in its answer, the log and the audit trail."""
    return f"req_{secrets.token_hex(8)}"


def finish(
    response: Response, request_id: str, standing: Standing | RateLimitedError | None
) -> None:
    """Write the headers that every answer has.

    Args:
        response: To be sent.
        request_id: From :func:`new_request_id`.
        standing: What the caller has left; None where no bucket was asked.
    """
    response.headers["X-Request-Id"] = request_id
    response.headers["Cache-Control"] = "no-store"
    if standing is not None:
        response.headers["RateLimit-Limit"] = str(standing.limit)
        response.headers["RateLimit-Remaining"] = str(standing.remaining)
        response.headers["RateLimit-Reset"] = str(standing.reset)
