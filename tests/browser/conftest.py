"""A real server and a real browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Server:
    """A running Upshot."""

    url: str
    workspace: Path
    process: subprocess.Popen[str]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(workspace: Path, *, sample: bool) -> Server:
    """Start Upshot with the documented command and wait until it answers."""
    port = free_port()
    command = [sys.executable, "-m", "experiments_core", "serve", "--port", str(port)]
    if sample:
        command.append("--sample")
    environment = {**os.environ, "UPSHOT_WORKSPACE": str(workspace)}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    url = f"http://127.0.0.1:{port}"
    wait_until_up(f"{url}/api/v1/health", process)
    return Server(url, workspace, process)


def wait_until_up(url: str, process: subprocess.Popen[str], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the server ended: {process.stdout and process.stdout.read()}")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  loopback
                return
        except OSError:
            time.sleep(0.1)
    process.kill()
    pytest.fail(f"no answer from {url} in {seconds} s")


def stop_server(server: Server) -> int:
    server.process.terminate()
    return server.process.wait(timeout=30)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        message = f"{CHROMIUM} is not installed, so pages cannot be looked at"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def sample_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the sample experiments, shared by tests that only read."""
    server = start_server(tmp_path_factory.mktemp("samples"), sample=True)
    yield server
    stop_server(server)


@pytest.fixture
def empty_server(tmp_path: Path) -> Iterator[Server]:
    """A server on a fresh workspace."""
    server = start_server(tmp_path / "workspace", sample=False)
    yield server
    stop_server(server)


def watched_page(browser: Browser, url: str, faults: list[str], **options: object) -> Page:
    """Open a page that notes script errors and every request to another address."""
    context = browser.new_context(base_url=url, **options)  # type: ignore[arg-type]
    page = context.new_page()
    own = (url, url.replace("http", "ws", 1), "data:", "blob:")
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(own) else faults.append(r.url))
    return page
