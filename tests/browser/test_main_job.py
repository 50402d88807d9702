"""The main job, as a person does it: fresh workspace, new experiment, upload, verdict."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from experiments_core.stats.moments import Counts
from experiments_core.stats.proportions import wilson
from experiments_core.stats.stratified import compare_rates
from tests.browser.conftest import watched_page
from tests.servers import Server

pytestmark = pytest.mark.browser

ARMS = {"control": (50_000, 5_000), "treatment": (50_000, 5_400)}
SLOW = 60_000


def write_file(folder: Path) -> Path:
    """100,000 units with known counts: 10.00 % against 10.80 %."""
    rows = [
        (f"u{arm[0]}{i:06d}", arm, int(i < converted))
        for arm, (units, converted) in ARMS.items()
        for i in range(units)
    ]
    random.Random(7).shuffle(rows)  # noqa: S311  a fixed order, no secret
    path = folder / "orders.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("user_id", "variant", "paid_order"))
        writer.writerows(rows)
    return path


def settled(page: Page) -> None:
    """Wait until the script has ended."""
    page.wait_for_timeout(400)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=SLOW)


def step(page: Page, button: str, then: str = "") -> None:
    """Press a button; ``then`` is one that shows that the next step is there."""
    page.get_by_role("button", name=button, exact=True).click()
    settled(page)
    if then:
        arrived = page.get_by_role("button", name=then, exact=True)
        expect(arrived).to_be_visible(timeout=SLOW)
        settled(page)


def typed(page: Page, label: str, text: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(text)
    field.press("Enter")
    settled(page)


def create_experiment(page: Page) -> None:
    """Five steps from the empty list to a running test."""
    page.goto("/")
    expect(page.get_by_text("Nothing here yet.")).to_be_visible(timeout=SLOW)
    page.get_by_role("link", name="Create").click()
    expect(page.get_by_role("heading", name="New experiment")).to_be_visible(timeout=SLOW)
    settled(page)
    typed(page, "Name", "Free shipping banner")
    step(page, "Go to arms", "Go to metrics")
    for place, key in enumerate(ARMS):
        field = page.get_by_label("Key in the data").nth(place)
        field.fill(key)
        field.press("Enter")
        settled(page)
    step(page, "Go to metrics", "Go to plan")
    page.get_by_label("Name", exact=True).first.fill("Paid order")
    page.get_by_label("Name", exact=True).first.press("Enter")
    settled(page)
    step(page, "Go to plan", "Go to checklist")
    typed(page, "Baseline", "10")
    step(page, "Go to checklist", "Start the test")
    step(page, "Start the test")
    expect(page.get_by_text("This experiment is running.")).to_be_visible(timeout=SLOW)


def test_from_a_new_experiment_and_a_csv_to_the_right_verdict(
    browser: Browser, empty_server: Server, tmp_path: Path
) -> None:
    faults: list[str] = []
    page = watched_page(browser, empty_server.url, faults)
    create_experiment(page)

    page.goto("/data?exp=free-shipping-banner")
    settled(page)
    upload = page.get_by_test_id("stFileUploader").locator("input[type=file]")
    upload.set_input_files(write_file(tmp_path))
    button = page.get_by_role("button", name="Import 100")
    expect(button).to_be_enabled(timeout=SLOW)
    settled(page)
    button.click()
    page.wait_for_url("**/results?exp=free-shipping-banner**", timeout=SLOW)
    settled(page)
    step(page, "Stop")
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    settled(page)

    control, treatment = (Counts(n, x) for n, x in ARMS.values())
    truth = compare_rates([(control, treatment)])
    verdict = page.get_by_role("heading", level=1)
    expect(verdict).to_contain_text("is better: +8.0", timeout=SLOW)
    chart = page.locator("[class*=st-key-wide-] .js-plotly-plot").first
    chart.locator(".textpoint").first.wait_for(state="attached", timeout=SLOW)
    settled(page)
    texts = chart.evaluate(
        "g => g.data.flatMap(t => t.mode === 'text' ? Array.from(t.text) : [])"
    )
    drawn = " ".join(texts)
    for shown in ("10.00", "10.80", "50\u202f000", "+0.80", "+8.0"):
        assert shown in drawn, f"{shown} is not in the chart: {drawn}"
    with page.expect_download(timeout=SLOW) as download:
        page.get_by_role("button", name="JSON").click()
    body = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    arm = body["metrics"][0]["arms"][1]
    for name, true in (
        ("difference", truth.difference.value),
        ("difference_ci_lower", truth.difference.ci_lower),
        ("relative_lift_ci_upper", truth.relative_lift.ci_upper),
        ("p_value", truth.test.p_value),
    ):
        assert arm[name] == pytest.approx(true, rel=1e-9)
    points = chart.evaluate(
        "g => g.data.flatMap(t => Array.from(t.x?._inputArray ?? t.x ?? []))"
    )
    decides = arm["sequential"]
    for place in (
        arm["relative_lift"],
        decides["relative_lift_ci_lower"],
        decides["relative_lift_ci_upper"],
    ):
        assert any(abs(float(x) - place) < 1e-9 for x in points if x is not None)
    assert body["metrics"][0]["arms"][0]["ci_lower"] == pytest.approx(wilson(control).ci_lower)
    assert faults == []
