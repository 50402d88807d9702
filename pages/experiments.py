"""Experiments: what needs you, the list, the calendar. The first page."""

import streamlit as st

from experiments_core.services import experiments as service
from experiments_core.services import listing, ramping, workspace
from pages.parts import (
    experiments_attention,
    experiments_doors,
    experiments_rows,
    experiments_table,
    experiments_timeline,
    theme,
    who,
)


def draw() -> None:
    """Doors on first use; else cards, table and timeline."""
    ws = workspace.current()
    actions = theme.title_row("Experiments")
    known = service.list_experiments(ws, who.actor())
    if not known:
        experiments_doors.three_doors(ws, who.actor())
        experiments_doors.the_bin(ws, who.actor())
        return
    experiments_doors.title_actions(actions)
    rows = experiments_rows.rows_of(known, listing.summaries(ws, who.actor()))
    stopped = ramping.stopped_ramps(ws, who.actor())
    experiments_attention.draw(rows, ws.now(), {id_: one.note for id_, one in stopped.items()})
    st.space("xsmall")
    experiments_table.draw(rows)
    experiments_doors.sample_line(ws, who.actor(), known)
    st.space("small")
    experiments_timeline.draw(rows, ws.now())
    experiments_doors.the_bin(ws, who.actor())


draw()
