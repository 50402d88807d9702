"""What this process has worked out for one workspace, for as long as it is open."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar, cast

Found = TypeVar("Found")

MOST = 500
"""Values of one kind kept at a time; those that nobody has asked for longest go first."""


class Known:
    """Values by kind and name. A name says all that a value depends on, the file included."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kinds: defaultdict[str, OrderedDict[Hashable, Any]] = defaultdict(OrderedDict)

    def once(self, kind: str, name: Hashable, make: Callable[[], Found]) -> Found:
        """The value of this name, made now if it is not here; it must never be changed."""
        found = self.get(kind, name)
        if found is None:
            found = make()
            self.keep(kind, name, found)
        return cast("Found", found)

    def get(self, kind: str, name: Hashable) -> Any:
        """The value of this name; None where there is none."""
        with self._lock:
            known = self._kinds[kind]
            if name not in known:
                return None
            known.move_to_end(name)
            return known[name]

    def keep(self, kind: str, name: Hashable, value: Any) -> None:
        """Keep a value, instead of an older one of this name."""
        with self._lock:
            known = self._kinds[kind]
            known[name] = value
            known.move_to_end(name)
            while len(known) > MOST:
                known.popitem(last=False)

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._kinds.clear()
