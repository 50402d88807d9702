"""Measure, and print ratios against a named peer in the same run.

    make bench            1M and 10M units
    make bench UNITS=1000000

Every figure is the median of several runs; each pair is measured in turns, in processes of
their own where memory is compared. The report goes to docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import events, reads
from bench.data import make_file

HOW = """\
How it is measured: the *bare moments query* is one `GROUP BY` over the same table on the same
cursor, in turns with our analysis (definitions read, one query, engine, all checks). Each turn
begins with a commit, so nothing is kept in memory that a reader after an import would not have;
*read again* is the next reader, for whom the definitions are still there. The *bare queries* of
a scorecard are what its mathematics needs, for the whole and for the segments: counts, means,
variances, covariances, skewness of plain means, values beyond a cap, missing covariates, a
quantile with the share of rows below it and its limits (`bench/scorecard.py`). *Bare read_csv*
makes a table of the same file in a fresh database, nothing checked. The rerun of Results is
what a person waits for: real servers and Chromium, one with the samples, one of plain Streamlit
with an empty page, and one like ours with the same page; in turns the key `r`, which runs the
whole script again, or a click, until the last change of the page (`bench/browser.py`). Events
go over HTTP into a server of its own and are on disk before the answer; the refresh is of users
who come anew, with their payments, or of more payments of users who are known; assignment is
compared with GrowthBook's Python SDK in the same process (`bench/events.py`). Reads over the
API go through one connection, in turns with a bare Starlette route of the same server that
answers 2 kB (`bench/reads.py`)."""
REPORT = Path("docs/benchmarks.md")
LIBRARIES = ("duckdb", "streamlit", "numpy", "pandas", "statsmodels", "tea-tasting")


def main() -> None:
    """Run everything and write the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("units", nargs="*", type=int, default=[1_000_000, 10_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="upshot-bench-") as name:
        folder = Path(name)
        for units in options.units:
            rows += measure(folder, units, options.repeats)
        rows += rerun_rows(folder, options.repeats)
    print("assignment and events", flush=True)
    rows += events.rows()
    rows += reads.rows()
    write_report(rows)


def measure(folder: Path, units: int, repeats: int) -> list[tuple[str, ...]]:
    """Import, analysis and peers on one file."""
    print(f"{units:,} units: making the file", flush=True)
    csv = make_file(folder, units)
    turns = max(1, repeats if units <= 1_000_000 else repeats - 2)
    seen: dict[str, list[dict[str, float]]] = {}
    for turn in range(turns):
        for task in ("bare_load", "import", "tea_file", "pandas"):
            print(f"  {task}, turn {turn + 1} of {turns}", flush=True)
            seen.setdefault(task, []).append(child(task, csv, folder))
    seen["analysis"] = [child("analysis", csv, folder)]
    print("  scorecard", flush=True)
    seen["scorecard"] = [child("scorecard", csv, folder, str(units))]
    return rows_for(units, seen)


def rows_for(units: int, seen: dict[str, list[dict[str, float]]]) -> list[tuple[str, ...]]:
    """The table's rows: what, ours, peer's, ratio, goal."""

    def middle(task: str, key: str) -> float:
        return statistics.median(run[key] for run in seen[task])

    ours, bare = middle("analysis", "ours"), middle("analysis", "bare")
    loaded, plain = middle("import", "seconds"), middle("bare_load", "seconds")
    named = f"{units:,} units"
    return [
        row(f"{named}: four metrics, all checks / bare moments query", ours, bare,
            "≤ 1.10"),
        row(f"{named}: the same read again / bare moments query",
            middle("analysis", "again"), bare, ""),
        row(f"{named}: scorecard, 20 metrics x 5 segments / bare queries",
            middle("scorecard", "ours"), middle("scorecard", "bare"), "≤ 1.2"),
        row(f"{named}: import with every row accounted for / bare read_csv", loaded, plain,
            "≤ 1.3"),
        row(f"{named}: from loaded rows / tea-tasting from a loaded table", ours,
            middle("tea_file", "analyse"), "< 1"),
        row(f"{named}: import and results / tea-tasting, same file", loaded + ours,
            middle("tea_file", "seconds"), ""),
        row(f"{named}: from loaded rows / pandas + statsmodels", ours,
            middle("pandas", "analyse"), "≤ 0.05"),
        (f"{named}: peak memory of the import", f"{middle('import', 'memory'):,.0f} MiB",
         f"{middle('bare_load', 'memory'):,.0f} MiB (bare read_csv)", "", "≤ 1,536 MiB"),
    ]  # fmt: skip


def row(what: str, ours: float, peer: float, goal: str) -> tuple[str, ...]:
    """One comparison."""
    return what, f"{ours:.3f} s", f"{peer:.3f} s", f"{ours / peer:.2f}", goal


def rerun_rows(folder: Path, repeats: int) -> list[tuple[str, ...]]:
    """Results against an empty page: what a person waits for, and the script alone."""
    turns = str(max(10, repeats * 4))
    print("rerun of Results, in a browser and alone", flush=True)
    felt = child("browser", folder / "none", folder, turns)
    alone = child("rerun", folder / "none", folder, turns)
    choice = felt["plain_widget"]
    return [
        row("Results, whole page again / an empty page of plain Streamlit, in a browser",
            felt["results_rerun"], felt["plain_rerun"], "≤ 1.5"),
        row("Results, whole page again / an empty page of a server like ours",
            felt["results_rerun"], felt["like_rerun"], ""),
        row("Results, another axis / a choice on the plain empty page",
            felt["results_widget"], choice, ""),
        row("Results, another tab / a choice on the plain empty page",
            felt["results_tab"], choice, ""),
        row("Results / empty page, script alone without server and browser",
            alone["results"], alone["empty"], ""),
    ]  # fmt: skip


def child(task: str, csv: Path, folder: Path, *more: str) -> dict[str, float]:
    """Run one task in a process of its own and read its figures."""
    command = [sys.executable, "-m", "bench.tasks", task, str(csv), str(folder), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        sys.exit(f"{task} failed:\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def write_report(rows: list[tuple[str, ...]]) -> None:
    """Print the table and write it to the report."""
    head = ("what / peer", "Upshot", "peer", "ratio", "goal")
    lines = [head, ("---",) * 5, *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    REPORT.write_text(
        "# Benchmarks\n\n"
        f"`make bench`, {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, "
        f"2 threads, {libraries}.\n\n"
        "Ratios below 1 mean that Upshot is faster. Medians; pairs measured in turns on the "
        "same machine in the same run, so compare the ratios and not the seconds.\n\n"
        f"{HOW}\n\n"
        f"{table}\n",
        encoding="utf-8",
    )
    print(f"\n{table}\n\nwritten to {REPORT}")


if __name__ == "__main__":
    main()
