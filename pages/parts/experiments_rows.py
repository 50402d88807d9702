"""Experiments as rows: words for status, verdict, lift and split, before anything is drawn."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments_core.charts import words
from experiments_core.charts.verdicts import in_line
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.services.listing import ExperimentSummary

GROUPS = {
    "all": "All",
    "running": "Running",
    "paused": "Paused",
    "decide": "To decide",
    "completed": "Completed",
    "draft": "Draft",
}
BY_STATUS = {
    Status.DRAFT: "draft",
    Status.RUNNING: "running",
    Status.PAUSED: "paused",
    Status.STOPPED: "decide",
    Status.COMPLETED: "completed",
}
SAMPLE = " (sample)"
RISKY = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Row:
    """One experiment of the list with what its last reading says.

    Attributes:
        summary: None before there are data.
    """

    experiment: Experiment
    summary: ExperimentSummary | None

    @property
    def name(self) -> str:
        """One line of plain text."""
        return words.plain(self.experiment.name, 80)

    @property
    def group(self) -> str:
        """Which filter shows it."""
        return BY_STATUS.get(self.experiment.status, "archived")

    @property
    def verdict(self) -> str:
        """Mark and word; empty for a draft without data."""
        code = self.summary.verdict if self.summary else "no_data"
        if code == "no_data" and self.experiment.status is Status.DRAFT:
            return ""
        return "● unclear" if code == "no_clear_difference" else in_line(code)

    @property
    def effect(self) -> tuple[float, Any, Any] | None:
        """Lift and its interval, if they may be read."""
        if self.summary is None or self.summary.verdict == "cannot_say":
            return None
        lift = self.summary.relative_lift
        low, high = self.summary.relative_lift_ci_lower, self.summary.relative_lift_ci_upper
        if not isinstance(lift, float) or low is None or high is None:
            return None
        return lift, low, high

    @property
    def lift(self) -> str:
        """``+7.5 %``; empty when it may not be read."""
        return words.lift(self.effect[0]) if self.effect else ""

    @property
    def interval(self) -> str:
        """``1.3 to 14.3 %``."""
        if self.effect is None:
            return ""
        text = words.lift_interval(*self.effect[1:], column=True)
        return "" if text == words.NONE else text

    @property
    def progress(self) -> float:
        """Share of the plan, 0 to 1."""
        found = self.summary.progress if self.summary else None
        return round(min(found or 0.0, 1.0), 2)

    @property
    def has_plan(self) -> bool:
        """Whether there is something to be reached; else no share of it is shown."""
        plan = self.experiment.plan
        return plan.planned_units is not None or plan.planned_end is not None

    @property
    def split(self) -> str:
        """``50 / 50``; ``3 equal`` where shares would not fit."""
        weights = list(self.experiment.weights_bp.values())
        if len(weights) > 2 and max(weights) - min(weights) <= 1:
            return f"{len(weights)} equal"
        return " / ".join(f"{weight / 100:.4g}" for weight in weights)

    @property
    def searched(self) -> str:
        """What the search looks into."""
        one = self.experiment
        return " ".join((one.name, one.key, one.owner, *one.tags)).casefold()


def rows_of(
    experiments: Iterable[Experiment], summaries: Mapping[str, ExperimentSummary]
) -> list[Row]:
    """Rows in reading order: what runs or waits first, the newest start first."""
    order = list(BY_STATUS.values())
    places = {name: place for place, name in enumerate(("decide", "running", "paused"))}

    def place(row: Row) -> tuple[int, float, str]:
        started = row.experiment.started_at or row.experiment.created_at
        rank = places.get(row.group, len(order) + (row.group == "draft"))
        return rank, -started.timestamp(), row.name

    return sorted((Row(one, summaries.get(one.id)) for one in experiments), key=place)


def fitting(rows: Sequence[Row], group: str, search: str) -> list[Row]:
    """Rows of a group in which every searched word stands."""
    wanted = search.casefold().split()
    return [
        row
        for row in rows
        if group in {"all", row.group} and all(word in row.searched for word in wanted)
    ]


def as_csv(rows: Sequence[Row]) -> bytes:
    """The list for a spreadsheet, with a byte-order mark; cells it would run are defused."""
    sheet = io.StringIO()
    write = csv.writer(sheet, lineterminator="\n")
    write.writerow((
        "key", "name", "status", "verdict", "relative_lift", "ci_lower", "ci_upper",
        "progress", "split", "owner", "started", "stopped", "sample",
    ))  # fmt: skip
    for row in rows:
        one = row.experiment
        write.writerow((
            _cell(one.key), _cell(one.name), one.status,
            row.summary.verdict if row.summary else "",
            *[end if isinstance(end, float) else "" for end in row.effect or ("", "", "")],
            round(row.progress, 4), _cell(row.split), _cell(one.owner),
            one.started_at.isoformat() if one.started_at else "",
            one.stopped_at.isoformat() if one.stopped_at else "",
            "yes" if one.sample else "no",
        ))  # fmt: skip
    return b"\xef\xbb\xbf" + sheet.getvalue().encode()


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(RISKY) else text
