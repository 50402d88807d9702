"""What a person waits for: a rerun of Results and of an empty page, in a real browser.

Each page is served by a real server: Results, an empty page of a plain Streamlit, and the same
empty page in a server like ours, which has the API and spares Streamlit a full collection of
garbage after each run. A turn acts on one page after the other: the key that runs the whole
script again, and a choice in a widget (on Results the axis and a tab, which run their part of
the page only). Counted is the time from the key or the click to the last change of the page,
before it stands still for ``STILL`` milliseconds; the clock is the browser's own.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
UP_SECONDS = 60
STILL = 400
SETTLE_SECONDS = 3

WATCH = """() => {
  window.turn = {start: 0, last: 0};
  const begin = () => { window.turn = {start: performance.now(), last: 0}; };
  for (const act of ['keydown', 'pointerdown']) document.addEventListener(act, begin, true);
  new MutationObserver(() => { window.turn.last = performance.now(); }).observe(
    document.querySelector('[data-testid="stApp"]'),
    {attributes: true, childList: true, characterData: true, subtree: true});
}"""
STOOD_STILL = (
    f"() => window.turn.last && performance.now() - window.turn.last > {STILL}"
    " && document.querySelector('[data-test-script-state=\"notRunning\"]') !== null"
)
TOOK = "() => window.turn.last - window.turn.start"


def measure(folder: Path, turns: int) -> dict[str, float]:
    """Medians in seconds by page and act: ``results_rerun``, ``plain_rerun`` and so on."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only this task loads it

    upshot = [sys.executable, "-m", "experiments_core", "serve", "--sample"]
    streamlit = [sys.executable, "-m", "streamlit", "run"]
    headless = ["--server.headless", "true", "--server.port"]
    with (
        served([*upshot, "--port"], folder / "samples") as ours,
        served([*streamlit, "bench/blank/page.py", *headless], folder / "plain") as plain,
        served([*streamlit, "bench/blank/app.py", *headless], folder / "like") as like,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        pages = {
            "results": opened(browser, f"{ours}/results?exp=shorter-checkout"),
            "plain": opened(browser, plain),
            "like": opened(browser, like),
        }
        seen: dict[str, list[float]] = {}
        for turn in range(turns):
            for name, page in pages.items():
                for act, doing in acts(name, turn).items():
                    seen.setdefault(f"{name}_{act}", []).append(one_turn(page, doing))
        browser.close()
    return {name: statistics.median(times) / 1000 for name, times in seen.items()}


def acts(name: str, turn: int) -> dict[str, Callable[[Any], None]]:
    """What is done to a page in one turn."""

    def key(page: Any) -> None:
        page.keyboard.press("r")

    def axis(page: Any) -> None:
        wanted = ("Difference", "Lift")[turn % 2]
        buttons = page.get_by_test_id("stButtonGroup").first
        buttons.get_by_text(wanted, exact=True).click()

    def tab(page: Any) -> None:
        tabs = page.get_by_role("radiogroup", name="What to look at").get_by_role("radio")
        tabs.nth((turn + 1) % 2).click()

    return {"rerun": key, "widget": axis} | ({"tab": tab} if name == "results" else {})


def one_turn(page: Any, act: Callable[[Any], None]) -> float:
    """Milliseconds from the act to the last change."""
    act(page)
    page.wait_for_function(STOOD_STILL, polling=50)
    return float(page.evaluate(TOOK))


def opened(browser: Any, url: str) -> Any:
    """A page that has been drawn whole and warmed up by a few turns."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    page.get_by_text("Difference", exact=True).first.wait_for()
    time.sleep(SETTLE_SECONDS)
    page.evaluate(WATCH)
    for _ in range(2):
        one_turn(page, lambda drawn: drawn.keyboard.press("r"))
    return page


@contextmanager
def served(command: list[str], workspace: Path) -> Iterator[str]:
    """A server on a free port of this machine, stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    workspace.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "UPSHOT_WORKSPACE": str(workspace), "UPSHOT_PORT": str(port)}
    process = subprocess.Popen(  # noqa: S603  our own commands
        [*command, str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):  # noqa: S310
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"no server at {url}")
