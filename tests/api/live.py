"""The front door without the pages, behind a real socket, in a thread of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from experiments_core.api.app import middleware, routes
from tests.servers import free_port


@contextmanager
def served() -> Iterator[str]:
    """Serve the API on a free port of this machine; the workspace must be open."""
    port = free_port()
    app = Starlette(routes=routes(), middleware=middleware())
    config = uvicorn.Config(app, port=port, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/api/v1"
    finally:
        server.should_exit = True
        thread.join(10)
