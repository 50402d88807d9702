"""Make the pictures of the README anew: ``make pictures``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, wait_until_drawn
from tests.servers import start_server, stop_server

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
WINDOW, PICTURE = 1440, 1100
PICTURES = {
    "results": ("/results?exp=shorter-checkout", 1830),
    "experiments": ("/", 1230),
    "plan": ("/plan", 785),
}
"""Name -> page, and how much of it is shown, in pixels of the window."""


def main() -> None:
    """Start a server with the samples and take every picture."""
    server = start_server(Path(tempfile.mkdtemp()), sample=True)
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
            page = browser.new_page(
                base_url=server.url, device_scale_factor=PICTURE / WINDOW, color_scheme="light"
            )
            for name, (path, height) in PICTURES.items():
                page.set_viewport_size({"width": WINDOW, "height": height})
                page.goto(path)
                wait_until_drawn(page)
                page.screenshot(path=FOLDER / f"{name}.png")
            browser.close()
    finally:
        stop_server(server)


if __name__ == "__main__":
    main()
