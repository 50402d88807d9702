"""Make the sample experiments: seeded, so the files beside this script can be made again.

    python data/samples/generate.py

Each sample is a CSV, as an analyst would export it, and a TOML file with the experiment's
history. They are loaded through the same door as a user's upload.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
FOLDER = Path(__file__).parent
COUNTRIES = (("DE", 0.38), ("US", 0.27), ("FR", 0.18), ("PL", 0.11), ("", 0.06))
DEVICES = (("mobile", 0.61), ("desktop", 0.33), ("tablet", 0.06))


@dataclass(frozen=True)
class Wave:
    """Users who arrived between two moments under one split, with their true rates."""

    start: datetime
    days: float
    arms: dict[str, int]
    rates: dict[str, float]


def day(text: str) -> datetime:
    """Read an ISO time as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def pick(rng: np.random.Generator, shares: tuple[tuple[str, float], ...], n: int) -> list[str]:
    """Draw ``n`` labels with the given shares."""
    names = [name for name, _ in shares]
    return [names[i] for i in rng.choice(len(names), n, p=[share for _, share in shares])]


def arrivals(rng: np.random.Generator, wave: Wave, n: int) -> list[datetime]:
    """Draw sorted arrival times: more people in the evening than at night."""
    days = rng.integers(0, int(wave.days), n)
    hours = np.clip(rng.normal(15, 5, n), 0, 23.99)
    offsets = np.sort(days * 86_400 + hours * 3_600)
    return [wave.start + timedelta(seconds=int(offset)) for offset in offsets]


def people(rng: np.random.Generator, waves: Iterable[Wave]) -> list[dict[str, object]]:
    """One row per user: id, arm, first seen, converted, country, device."""
    rows: list[dict[str, object]] = []
    for wave in waves:
        labels = [arm for arm, n in wave.arms.items() for _ in range(n)]
        rng.shuffle(labels)
        seen = arrivals(rng, wave, len(labels))
        draws = rng.random(len(labels))
        countries = pick(rng, COUNTRIES, len(labels))
        devices = pick(rng, DEVICES, len(labels))
        for i, arm in enumerate(labels):
            rows.append({
                "user_id": f"u{len(rows) + 100_000}",
                "variant": arm,
                "first_seen": seen[i].strftime("%Y-%m-%d %H:%M:%S"),
                "converted": int(draws[i] < wave.rates[arm]),
                "country": countries[i],
                "device": devices[i],
            })  # fmt: skip
    return rows


def write(name: str, rows: list[dict[str, object]]) -> None:
    """Write one CSV."""
    with (FOLDER / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{name}.csv: {len(rows)} rows")


def shorter_checkout() -> None:
    """The split went from 50/50 to 20/80 when a sale ended and fewer people bought.

    The short form is better in both phases. The plain total says that it is worse, because
    most of its users arrived when hardly anybody bought.
    """
    rng = np.random.default_rng(20260506)
    rows = people(rng, [
        Wave(day("2026-05-06"), 6, {"control": 11_000, "short": 11_000},
             {"control": 0.118, "short": 0.131}),
        Wave(day("2026-05-12"), 8, {"control": 4_400, "short": 17_600},
             {"control": 0.062, "short": 0.070}),
    ])  # fmt: skip
    for row in rows:
        bought = row["converted"]
        row["paid_order"] = row.pop("converted")
        row["revenue"] = f"{rng.lognormal(3.9, 0.55):.2f}" if bought else "0.00"
        late = 0.034 if row["variant"] == "short" else 0.0325
        row["refund"] = int(rng.random() < late)
        slower = 1.004 if row["variant"] == "short" else 1.0
        row["page_load_s"] = f"{rng.lognormal(0.62, 0.35) * slower:.2f}"
    write("shorter_checkout", [
        {key: row[key] for key in ("user_id", "variant", "first_seen", "paid_order", "revenue",
                                   "refund", "page_load_s", "country", "device")}
        for row in rows
    ])  # fmt: skip


def guest_checkout() -> None:
    """A clear winner: buying without an account."""
    rng = np.random.default_rng(20260318)
    rows = people(rng, [
        Wave(day("2026-03-18"), 21, {"account": 9_480, "guest": 9_520},
             {"account": 0.104, "guest": 0.1215}),
    ])  # fmt: skip
    for row in rows:
        row["ordered"] = row.pop("converted")
        row["revenue"] = f"{rng.lognormal(3.6, 0.6):.2f}" if row["ordered"] else "0.00"
    write("guest_checkout", [
        {key: row[key] for key in ("user_id", "variant", "first_seen", "ordered", "revenue",
                                   "device")}
        for row in rows
    ])  # fmt: skip


def image_compression() -> None:
    """No clear difference: three qualities of the same pictures.

    Nine of ten users were there in the month before, so their time on the page is adjusted.
    """
    rng = np.random.default_rng(20260402)
    rate = {"q85": 0.0821, "q75": 0.0818, "q70": 0.0824}
    rows = people(rng, [
        Wave(day("2026-04-02"), 21, {"q85": 8_010, "q75": 7_965, "q70": 8_025}, rate),
    ])  # fmt: skip
    for row in rows:
        row["added_to_cart"] = row.pop("converted")
        row["seconds_on_page"] = f"{rng.gamma(2.1, 24.0):.1f}"
    before = habits(rng, np.array([float(str(row["seconds_on_page"])) for row in rows]))
    known = rng.random(len(rows)) < 0.9
    for row, seconds, came in zip(rows, before, known, strict=True):
        row["seconds_before"] = f"{seconds:.1f}" if came else ""
    write("image_compression", [
        {key: row[key] for key in ("user_id", "variant", "first_seen", "added_to_cart",
                                   "seconds_on_page", "seconds_before", "country")}
        for row in rows
    ])  # fmt: skip


def habits(rng: np.random.Generator, now: Floats) -> Floats:
    """Seconds per page in the month before: who reads slowly now did so then (CUPED)."""
    likeness = 0.7
    score = stats.norm.ppf(stats.gamma.cdf(np.maximum(now, 0.05), 2.1, scale=24.0))
    noise = rng.normal(0, np.sqrt(1 - likeness**2), len(now))
    return stats.gamma.ppf(stats.norm.cdf(likeness * score + noise), 2.4, scale=22.0)


def search_ranking() -> None:
    """A sample-ratio mismatch: the slow arm loses users before they are counted."""
    rng = np.random.default_rng(20260521)
    rows = people(rng, [
        Wave(day("2026-05-21"), 10, {"v3": 10_940, "v4": 10_060}, {"v3": 0.221, "v4": 0.236}),
    ])  # fmt: skip
    for row in rows:
        row["clicked_result"] = row.pop("converted")
    write("search_ranking", [
        {key: row[key] for key in ("user_id", "variant", "first_seen", "clicked_result",
                                   "device")}
        for row in rows
    ])  # fmt: skip


def login_wall() -> None:
    """Totals per variant only: worse, and clearly so."""
    write("login_wall", [
        {"variant": "open", "visitors": 31_204, "signups": 2_318, "bounces": 11_702},
        {"variant": "wall", "visitors": 31_396, "signups": 2_127, "bounces": 12_610},
    ])  # fmt: skip


if __name__ == "__main__":
    shorter_checkout()
    guest_checkout()
    image_compression()
    search_ranking()
    login_wall()
