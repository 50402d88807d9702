"""A messy file from the drop to the undo, and names that want to be more than names."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watched_page
from tests.browser.test_main_job import SLOW, settled
from tests.servers import Server

pytestmark = pytest.mark.browser

HOSTILE = (
    '<img src=x onerror="window.ran=1">',
    "![p](http://127.0.0.1:9/p) <a href=//evil.example>y</a>",
)
SEGMENT = ":material/home: <script>window.ran=2</script>"
FORMULA = '=HYPERLINK("http://127.0.0.1:9/","x")'


def messy_file(folder: Path) -> Path:
    """4,000 units with one of each fault; 4,007 rows, 28 + 4 + 1 + 1 + 1 to be left out."""
    rows = [["user_id", "group", "landing_page", "converted", "revenue", "seen"]]
    for n in range(4000):
        arm, page = (("control", "old"), ("treatment", "new"))[n % 2]
        page = {"old": "new", "new": "old"}[page] if n % 143 == 1 else page
        arm = {7: "TREATMENT ", 66: "c\u043entrol"}.get(n, arm)
        converted = int((n // 2) % 9 == 0)
        revenue = "" if n % 1000 == 500 else f"{converted * 12.5}"
        rows.append([f"u{n:05d}", arm, page, str(converted), revenue, "2026-05-04 10:00"])
    rows += [
        ["u00002", "treatment", "new", "0", "0", "2026-05-06 10:00"],
        ["u00005", "control", "old", "0", "0", "2026-05-06 10:00"],
        rows[11],
        ["u90000", "control", "old", "perhaps", "0", "2026-05-06 10:00"],
        ["u90001", "", "old", "0", "0", "2026-05-06 10:00"],
        ["u90002", "control", "old", "0", "1e9", "2026-05-06 10:00"],
        ["Total", "", "", "445", "", ""],
    ]
    path = folder / "messy_export.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    return path


def drop(page: Page, path: Path) -> None:
    upload = page.get_by_test_id("stFileUploader").locator("input[type=file]")
    upload.set_input_files(path)
    expect(page.get_by_text("What each column means")).to_be_visible(timeout=SLOW)
    settled(page)


def reply(page: Page, answer: str) -> None:
    """Click the label of an answer; tables of the page may hold the same text."""
    choice = page.locator("[class*=st-key-question-]").get_by_text(answer, exact=True)
    choice.first.click()
    settled(page)


def taken(page: Page, button: str) -> list[dict[str, str]]:
    settled(page)
    with page.expect_download(timeout=SLOW) as download:
        page.get_by_role("button", name=button).click()
    data = Path(download.value.path()).read_bytes()
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def test_a_messy_file_from_the_drop_to_the_undo(
    browser: Browser, empty_server: Server, tmp_path: Path
) -> None:
    faults: list[str] = []
    page = watched_page(browser, empty_server.url, faults)
    page.goto("/data")
    settled(page)
    drop(page, messy_file(tmp_path))
    main = page.get_by_test_id("stMain")
    expect(page.get_by_role("button", name="Import 3")).to_be_disabled()
    expect(main).to_contain_text("“landing_page” says another variant than “group”")

    reply(page, "Unknown: leave these rows out of this metric")
    reply(page, "Yes, no more data will come")
    expect(main).to_contain_text("11.13")  # what the choice between old and new rows does
    reply(page, "Only those in which both agree")

    expect(main).to_contain_text("look the same but hold letters of different alphabets")
    expect(main).to_contain_text("the mean hangs on it")
    expect(main).to_contain_text("2 units in two arms")
    button = page.get_by_role("button", name="Import 3")
    expect(button).to_be_enabled(timeout=SLOW)
    label = (button.text_content() or "").replace("\u202f", "")
    used, out = (int(word) for word in label.replace(",", "").split() if word.isdecimal())
    assert used + out == 4007

    rejects = taken(page, f"All {out} as CSV")
    assert len({row["line"] for row in rejects}) == out
    rules = {row["rule"] for row in rejects}
    assert rules == {
        "VARIANT_CONTRADICTED", "UNIT_IN_TWO_ARMS", "UNIT_DUPLICATE_ROWS", "OUTCOME_WORD",
        "VARIANT_BLANK", "TOTALS_ROW",
    }  # fmt: skip
    wrong = next(row for row in rejects if row["rule"] == "OUTCOME_WORD")
    assert (wrong["line"], wrong["column"], wrong["value"]) == ("4005", "converted", "perhaps")
    codes = {row["code"] for row in taken(page, "Quality report as CSV")}
    assert codes >= {"OUTCOME_BLANK", "VARIANT_MERGED", "EXTREME_VALUE", "OUTCOME_WORD"}

    button.click()
    page.wait_for_url("**/results?exp=messy-export**", timeout=SLOW)
    settled(page)
    page.goto("/data?exp=messy-export")
    settled(page)
    expect(main).to_contain_text(f"{used:,} rows in use".replace(",", "\u202f"))
    page.get_by_role("button", name="Undo").first.click()
    page.get_by_role("button", name=f"Undo {used:,}".replace(",", "\u202f")).click()
    settled(page)
    expect(main).to_contain_text("Imports: 0 rows in use", timeout=SLOW)
    assert faults == []


def hostile_file(folder: Path) -> Path:
    path = folder / "x<b>y_![p](http..127.0.0.1)=cmd.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["user_id", "variant", "converted", FORMULA, "; DROP TABLE imports --"])
        for n in range(400):
            unit = "=cmd|' /C calc'!A0" if n == 3 else f"u{n}"
            segment = (SEGMENT, "plain")[n % 3 > 0]
            writer.writerow([unit, HOSTILE[n % 2], int(n % 5 == 0), segment, n % 4])
        writer.writerow(["=1+1", HOSTILE[0], "perhaps", SEGMENT, 1])
    return path


def assert_only_text(page: Page, faults: list[str]) -> None:
    settled(page)
    assert page.evaluate("window.ran") is None
    assert page.locator("[data-testid=stMain] img[src='x']").count() == 0
    assert page.locator("a[href*='evil.example']").count() == 0
    assert page.locator("img[src*='127.0.0.1:9']").count() == 0
    assert faults == []


def test_names_from_a_file_stay_text_on_every_page_and_in_every_export(
    browser: Browser, empty_server: Server, tmp_path: Path
) -> None:
    faults: list[str] = []
    page = watched_page(browser, empty_server.url, faults)
    page.goto("/data")
    settled(page)
    drop(page, hostile_file(tmp_path))
    main = page.get_by_test_id("stMain")
    assert_only_text(page, faults)
    expect(main).to_contain_text(HOSTILE[0])
    for row in taken(page, "All 1 as CSV"):
        assert row["row"].startswith("'=1+1")
    page.get_by_text("CSV for programs").click()
    for row in taken(page, "All 1 as CSV"):
        assert row["row"].startswith("=1+1")

    reply(page, HOSTILE[0])
    expect(main).to_contain_text("1 question to answer first", timeout=SLOW)
    reply(page, "Yes, no more data will come")
    field = page.get_by_label("Name of the new experiment")
    field.fill(HOSTILE[0])
    field.press("Enter")
    settled(page)
    button = page.get_by_role("button", name="Import 400")
    expect(button).to_be_enabled(timeout=SLOW)
    button.click()
    page.wait_for_url("**/results?exp=**", timeout=SLOW)
    slug = page.url.partition("exp=")[2].partition("&")[0]
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=SLOW)
    assert_only_text(page, faults)
    tabs = page.get_by_role("radiogroup", name="What to look at").get_by_role("radio").all()
    assert len(tabs) > 3
    for tab in tabs:
        tab.click()
        assert_only_text(page, faults)
    settled(page)
    with page.expect_download(timeout=SLOW) as download:
        page.get_by_role("button", name="Report").click()
    report = tmp_path / "report.html"
    report.write_bytes(Path(download.value.path()).read_bytes())
    alone = watched_page(browser, report.as_uri(), faults)
    alone.goto(report.as_uri())
    expect(alone.locator("body")).to_contain_text(HOSTILE[0])
    assert alone.evaluate("window.ran") is None
    alone.close()
    for place in ("/", f"/traffic?exp={slug}", f"/data?exp={slug}", f"/create?exp={slug}",
                  f"/plan?exp={slug}"):  # fmt: skip
        page.goto(place)
        expect(main).to_be_visible(timeout=SLOW)
        assert_only_text(page, faults)
