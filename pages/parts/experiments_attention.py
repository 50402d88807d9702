"""What needs a person: traffic that is off, plans reached, tests that pause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from experiments_core.charts import words
from experiments_core.charts.findings import NUMBERS
from experiments_core.domain.lifecycle import Status
from pages.parts import theme
from pages.parts.experiments_rows import Row

CARDS = 3
NO_RAMPS: Mapping[str, str] = {}
LIVE = {Status.RUNNING, Status.PAUSED, Status.STOPPED}


@dataclass(frozen=True, slots=True)
class Card:
    """One thing to do.

    Attributes:
        badge: Mark, word and kind, as :func:`theme.badge` takes them.
        page: Where it is done.
    """

    row: Row
    badge: tuple[str, str, str]
    text: str
    label: str
    page: str


def cards(
    rows: Sequence[Row], now: datetime, stopped: Mapping[str, str] = NO_RAMPS
) -> list[Card]:
    """Every card, the most urgent first.

    Args:
        rows: The list.
        now: The present moment.
        stopped: Why a ramp stopped by itself, by the experiment's id.
    """
    found = [
        card
        for row in rows
        for card in (_ramp_card(row, stopped), _card(row, now))
        if card is not None
    ]
    urgency = {"worse": 0, "warning": 1, "neutral": 2}
    return sorted(found, key=lambda card: urgency[card.badge[2]])


def draw(rows: Sequence[Row], now: datetime, stopped: Mapping[str, str]) -> None:
    """The head line and at most three cards; nothing when all is well."""
    found = cards(rows, now, stopped)
    if not found:
        return
    more = f"; the {counted(CARDS)} most urgent" if len(found) > CARDS else ""
    theme.lead("Needs you", f"{counted(len(found))} of {counted(len(rows))}{more}")
    with st.grid(CARDS, min_column_width=250, gap="small"):
        for number, card in enumerate(found[:CARDS]):
            with st.container(border=True, height="stretch", key=f"card-{number}"):
                theme.badge(*card.badge)
                st.markdown(f"**{theme.text(card.row.name)}**")
                theme.muted(card.text)
                st.page_link(
                    card.page,
                    label=card.label,
                    icon=":material/arrow_forward:",
                    query_params={"exp": card.row.experiment.slug},
                )


def counted(number: int) -> str:
    """``three``; digits above ten."""
    return NUMBERS[number] if number < len(NUMBERS) else words.count(number)


def _card(row: Row, now: datetime) -> Card | None:
    status, summary = row.experiment.status, row.summary
    if status not in LIVE:
        return None
    if summary is not None and summary.verdict == "cannot_say":
        badge = ("!", "Cannot say", "worse")
        return Card(row, badge, summary.text, "See the check", "pages/results.py")
    if summary is not None and (status is Status.STOPPED or row.progress >= 1):
        badge = ("?", "Undecided" if row.progress < 1 else "Plan reached", "warning")
        return Card(row, badge, summary.text, "Decide", "pages/results.py")
    if status is Status.PAUSED:
        text = f"Paused{_since(row, now)} at {words.percent(row.progress, 0)} of its plan. "
        badge = ("…", "Paused", "neutral")
        return Card(
            row, badge, text + "Nobody new enters.", "Resume or stop", "pages/traffic.py"
        )
    return None


def _ramp_card(row: Row, stopped: Mapping[str, str]) -> Card | None:
    why = stopped.get(row.experiment.id)
    if why is None or row.experiment.status not in {Status.RUNNING, Status.PAUSED}:
        return None
    badge = ("!", "Ramp stopped", "worse")
    return Card(row, badge, why, "See the ramp", "pages/traffic.py")


def _since(row: Row, now: datetime) -> str:
    ended = [phase.ended_at for phase in row.experiment.phases if phase.ended_at]
    if not ended:
        return ""
    days = (now - max(ended)).days
    return f" for {words.plural(days, 'day')}" if days else " since today"
