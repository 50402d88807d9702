"""Start the real server with the documented command, and stop it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Server:
    """A running Upshot."""

    url: str
    workspace: Path
    process: subprocess.Popen[str]
    log: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(
    workspace: Path,
    *,
    sample: bool,
    environment: Mapping[str, str] | None = None,
    port: int | None = None,
) -> Server:
    """Start Upshot with the documented command and wait until it answers."""
    port = port or free_port()
    command = [sys.executable, "-m", "experiments_core", "serve", "--port", str(port)]
    if sample:
        command.append("--sample")
    settings = {**os.environ, "UPSHOT_WORKSPACE": str(workspace), **(environment or {})}
    settings.pop("COVERAGE_PROCESS_CONFIG", None)  # traced servers are slow, and get killed
    workspace.mkdir(parents=True, exist_ok=True)
    log = workspace / "server.log"
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            command, env=settings, stdout=out, stderr=subprocess.STDOUT, text=True
        )
    url = f"http://127.0.0.1:{port}"
    server = Server(url, workspace, process, log)
    wait_until_up(server)
    return server


def wait_until_up(server: Server, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            pytest.fail(f"the server ended: {server.log.read_text(encoding='utf-8')}")
        try:
            with urllib.request.urlopen(f"{server.url}/api/v1/health", timeout=2):  # noqa: S310  loopback
                return
        except OSError:
            time.sleep(0.1)
    server.process.kill()
    pytest.fail(f"no answer from {server.url} in {seconds} s")


def stop_server(server: Server, how: int = signal.SIGINT) -> int:
    """Stop it as Ctrl-C does; return the exit code."""
    server.process.send_signal(how)
    return server.process.wait(timeout=30)
