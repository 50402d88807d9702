"""One request to the API, as handlers see it: who asks, where, from which version."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query
from starlette.requests import Request

from experiments_core.api.answers import Window, window
from experiments_core.domain.access import Actor
from experiments_core.errors import MalformedError, VersionRequiredError
from experiments_core.services.rate_limits import Standing
from experiments_core.services.workspace import Workspace

_ETAG = re.compile(r'(?:W/)?"v([1-9][0-9]{0,8})"')


@dataclass(slots=True)
class Call:
    """What a handler is given.

    Attributes:
        if_match: The header as it was sent.
        merge: ``Prefer: merge`` was sent.
        spend: Takes more from the caller's bucket: ``call.spend(n)``.
        idempotency_key: As the client chose it; None without one.
        fingerprint: Of the request, for that key.
        standing: What the caller has left in the bucket.
    """

    ws: Workspace
    actor: Actor
    request_id: str
    if_match: str | None = None
    merge: bool = False
    idempotency_key: str | None = None
    fingerprint: str = ""
    standing: Standing | None = None
    taker: Callable[[int], Standing] | None = None

    def spend(self, amount: int) -> None:
        """Take ``amount`` more from the bucket of this kind of request.

        Raises:
            RateLimitedError: there is not enough in it.
        """
        if amount > 0 and self.taker is not None:
            self.standing = self.taker(amount)

    def version(self) -> int:
        """The version that the client last read.

        Raises:
            VersionRequiredError: it did not say.
            MalformedError: it is no ETag of ours.
        """
        if self.if_match is None:
            raise VersionRequiredError(
                "This change needs the version it was made from.",
                hint="Send the ETag that you last read as If-Match.",
            )
        found = _ETAG.fullmatch(self.if_match.strip())
        if found is None:
            raise MalformedError(
                f"If-Match is “{self.if_match[:40]}”, which is no ETag of this API.",
                code="BAD_HEADER",
                hint='An ETag looks like "v7", with its quotes.',
            )
        return int(found[1])


async def current_call(request: Request) -> Call:
    """The call that the frame has made of this request."""
    call: Call = request.state.call
    return call


The = Annotated[Call, Depends(current_call)]
"""``call: The`` in every handler."""
Page = Annotated[Window, Depends(window)]
"""``page: Page`` in every handler of a list."""
Sort = Annotated[
    str | None, Query(max_length=60, description="A field; - before it: downward.")
]
