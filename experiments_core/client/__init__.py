"""A small client for services: ask for arms, report exposures and events.

Standard library and the domain's rules only, so importing it is cheap. Events go out in
batches by a thread of their own and are sent again until the server has acknowledged them;
each has an id, so a retry never counts twice.

::

    with Client("http://127.0.0.1:8501", key) as upshot:
        arm = upshot.assign("checkout", "user-1", {"country": "DE"})
        upshot.expose("checkout", "user-1", variant=arm.variant)
        upshot.track("user-1", "paid", 19.90)
"""

from experiments_core.client.calls import Client
from experiments_core.client.snapshot import Assignment
from experiments_core.client.wire import RefusedError, UnreachableError

__all__ = ["Assignment", "Client", "RefusedError", "UnreachableError"]
