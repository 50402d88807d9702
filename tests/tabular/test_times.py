from datetime import UTC, datetime

import pytest

from experiments_core.tabular.times import (
    _PLAIN,
    TimeFormat,
    detect,
    exact_iso,
    formats_of,
)


@pytest.mark.parametrize(
    ("cells", "name", "rival"),
    (
        (["2026-05-06 00:00:00", "2026-05-06 11:30:09"], "%Y-%m-%d %H:%M:%S", ""),
        (["2026-05-06", "2026-05-07"], "%Y-%m-%d", ""),
        (["2026-05-06T10:00:00", "2026-05-07T10:00:00"], "%Y-%m-%dT%H:%M:%S", ""),
        (["2017-01-21 22:11:48.556739"] * 2, "%Y-%m-%d %H:%M:%S.%f", ""),
        (["2026-05-06", "2026-05-06 10:00:00"], "iso", ""),
        (["2026-05-06T10:00:00Z", "2026-05-06T10:00:00+02:00"], "iso", ""),
        (["13/05/2026", "01/05/2026"], "%d/%m/%Y", ""),
        (["05/13/2026", "05/01/2026"], "%m/%d/%Y", ""),
        (["01/02/2026", "03/04/2026"], "%d/%m/%Y", "%m/%d/%Y"),
        (["24.12.2026 18:00", "01.01.2027 00:05"], "%d.%m.%Y %H:%M", ""),
        (["9/24/2016", "1/2/2017"], "%m/%d/%Y", ""),
        (["5 Mar 2024", "12 Apr 2024"], "%d %b %Y", ""),
    ),
)
def test_one_format_is_found_for_a_column(cells: list[str], name: str, rival: str):
    found = detect(cells)
    assert found is not None
    assert (found.format, found.rival) == (name, rival)


def test_seconds_since_1970_are_times_only_where_the_header_says_time():
    assert detect(["1709596800", "1709596801"]) is None
    found = detect(["1709596800", "1709596801"], numbers=True)
    assert found is not None
    assert found.format == "epoch_s"
    found = detect(["1709596800000"], numbers=True)
    assert found is not None
    assert found.format == "epoch_ms"


def test_several_formats_in_one_column_are_never_guessed_per_cell():
    cells = ["2024-03-05", "05/03/2024", "5 Mar 2024", "2024-03-05"]
    assert detect(cells) == TimeFormat("", cells=4)


def test_text_that_only_looks_like_dates_is_none():
    assert detect(["Sat, Oct 11", "Sun, Oct 12"]) is None
    assert detect(["control", "treatment"]) is None
    assert detect([]) is None


@pytest.mark.parametrize("text", ("2024-02-30", "2024-13-01", "2024-03-05 25:00", "31/02/2024"))
def test_impossible_days_and_hours_are_no_times(text: str):
    assert formats_of(text) == ()


def test_zones_are_counted():
    found = detect(["2026-05-06T10:00:00Z", "2026-05-06T10:00:00", "2026-05-06 10:00+02"])
    assert found is not None
    assert (found.zones, found.cells) == (2, 3)


def test_only_plain_iso_times_have_an_exact_format():
    assert exact_iso("2026-05-06 10:00") == "%Y-%m-%d %H:%M"
    assert not exact_iso("2026-05-06T10:00:00Z")


@pytest.mark.parametrize("name", _PLAIN)
def test_a_plain_time_has_the_one_format_that_writes_it(name: str):
    written = datetime(2026, 5, 16, 10, 7, 9, 250_000, tzinfo=UTC).strftime(name)
    assert exact_iso(written) == name
    assert not exact_iso(written.replace("05-16", "02-30"))
    assert not exact_iso(f"{written} ")
