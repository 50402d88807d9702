"""Token buckets: so many requests in a minute for each key, or address without one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import monotonic
from weakref import WeakKeyDictionary

from experiments_core.domain.text import grouped
from experiments_core.errors import RateLimitedError
from experiments_core.services.workspace import Workspace

MINUTE = 60.0
MOST_HOLDERS = 100_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What a holder has left.

    Attributes:
        reset: Whole seconds until the bucket is full again.
    """

    limit: int
    remaining: int
    reset: int


class Buckets:
    """Buckets that fill evenly and are forgotten when they are full.

    Args:
        clock: Seconds from any beginning, never backwards.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, kind: str, holder: str, limit: int, amount: int = 1) -> Standing:
        """Take from a bucket, or refuse and take nothing.

        Args:
            kind: Kind of request.
            holder: Whose bucket.
            limit: What it holds, and what flows in within a minute.
            amount: How much to take; more than the bucket holds is let in when it is full.

        Raises:
            RateLimitedError: there is not enough in it.
        """
        now = self._clock()
        with self._lock:
            left, at = self._known.pop((kind, holder), (float(limit), now))
            left = min(limit, left + (now - at) * limit / MINUTE)
            wanted = min(amount, limit)
            allowed = left >= wanted - 1e-9
            if allowed:
                left -= wanted
            self._known[kind, holder] = (left, now)
            while len(self._known) > MOST_HOLDERS:
                self._known.popitem(last=False)
        standing = Standing(limit, int(left + 1e-9), -int(-(limit - left) * MINUTE // limit))
        if not allowed:
            wait = max(1, -int(-(wanted - left) * MINUTE // limit))
            raise RateLimitedError(
                f"More than {grouped(limit)} requests of this kind in a minute.",
                retry_after=wait,
                **asdict(standing),
                hint=f"Wait {wait} s, or have the limit raised in UPSHOT_RATE_LIMITS.",
            )
        return standing

    def __len__(self) -> int:
        return len(self._known)


_OF: WeakKeyDictionary[Workspace, Buckets] = WeakKeyDictionary()


def take(ws: Workspace, kind: str, holder: str, amount: int = 1) -> Standing:
    """Take from a bucket of this process under the limits of its settings.

    Raises:
        RateLimitedError: there is not enough in it.
    """
    return _OF.setdefault(ws, Buckets()).take(
        kind, holder, ws.settings.rate_limits[kind], amount
    )
