"""The list: filter, search, table; a click on a row opens its results."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from experiments_core.charts import words
from experiments_core.charts.theme import Tokens
from experiments_core.domain.lifecycle import Status
from pages.parts import experiments_interval as interval
from pages.parts import links, screen, theme
from pages.parts.experiments_rows import GROUPS, SAMPLE, Row, as_csv, fitting

ROW_HEIGHT, HEAD = 38, 35
SHOWN_ROWS = 15.5  # of a longer list, which scrolls: half a row tells that there are more
SHOWN = "show"
SEARCH = "q"
OPENED = "experiments-opened"
LIST = "list"
FIRST_WHEN_NARROW = ("Name", "Verdict", "Primary lift")


def draw(rows: Sequence[Row]) -> None:
    """Filter line and table; says so when nothing fits."""
    chosen = _filter_line(rows)
    if not chosen:
        st.markdown("No experiment fits these filters.")
        st.button("Clear them", on_click=_clear)
        return
    _table(chosen)


def _filter_line(rows: Sequence[Row]) -> list[Row]:
    counts = {group: len(fitting(rows, group, "")) for group in GROUPS}
    shown = [group for group in GROUPS if counts[group] or group == "all"]
    labels = {group: f"{GROUPS[group]}  {counts[group]}" for group in shown}
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        group = links.segments("Status", labels, param=SHOWN, scope=LIST)
        with st.container(horizontal=True, horizontal_alignment="right", width="content"):
            search = st.text_input(
                "Search",
                key=SEARCH,
                bind="query-params",
                live=True,
                icon=":material/search:",
                placeholder="Search name, tag, owner",
                label_visibility="collapsed",
                width=235,
            )
            chosen = fitting(rows, group, search or "")
            st.download_button(
                "List as CSV",
                as_csv(chosen),
                file_name="experiments.csv",
                mime="text/csv",
                icon=":material/download:",
                on_click="ignore",
            )
    return chosen


def _clear() -> None:
    st.session_state[f"{SHOWN}-{LIST}"] = "all"
    st.session_state[SEARCH] = ""
    st.query_params.pop(SHOWN, None)


def _table(rows: Sequence[Row]) -> None:
    fit = "narrow" if screen.is_narrow() else "wide"
    lift = interval.caption(interval.axis_of(rows))
    opened = st.session_state.setdefault(OPENED, 0)
    frame = _frame(rows, lift, theme.tokens())
    rest = [name for name in frame.columns if name not in FIRST_WHEN_NARROW]
    event = st.dataframe(
        frame,
        hide_index=True,
        column_order=(*FIRST_WHEN_NARROW, *rest) if fit == "narrow" else None,
        height=int(ROW_HEIGHT * min(len(rows), SHOWN_ROWS)) + HEAD,
        row_height=ROW_HEIGHT,
        column_config={
            "Name": st.column_config.TextColumn(pinned=fit == "narrow", width=196),
            "Status": st.column_config.TextColumn(width=82),
            "Plan": st.column_config.ProgressColumn(
                format=f"%.0f{words.NARROW}%%",
                min_value=0,
                max_value=100,
                width=98,
                color=theme.tokens().muted,
            ),
            "Verdict": st.column_config.TextColumn(width=96),
            "Primary lift": st.column_config.TextColumn(alignment="right", width=84),
            lift: st.column_config.ImageColumn(width=196),
            "Interval": st.column_config.TextColumn(alignment="right", width=112),
            "Split": st.column_config.TextColumn(width=72),
            "Owner": st.column_config.TextColumn(width=100),
        },
        on_select="rerun",
        selection_mode="single-cell",
        key=f"experiments-table-{fit}-{opened}",
        alt="Experiments with status, progress, verdict, lift and interval, split, owner.",
    )
    cells = event.selection.cells
    if cells:
        st.session_state[OPENED] = opened + 1
        open_one(rows[cells[0][0]])


def open_one(row: Row) -> None:
    """Go to the page where this experiment is read, or written while it is a draft."""
    draft = row.experiment.status is Status.DRAFT and row.summary is None
    page = "pages/create.py" if draft else "pages/results.py"
    st.switch_page(page, query_params={"exp": row.experiment.slug})


def _frame(rows: Sequence[Row], lift: str, tokens: Tokens) -> pd.DataFrame:
    axis = interval.axis_of(rows)
    return pd.DataFrame(
        [
            {
                "Name": row.name + (SAMPLE if row.experiment.sample else ""),
                "Status": str(row.experiment.status),
                "Plan": 100 * row.progress if row.has_plan else None,
                "Verdict": row.verdict,
                "Primary lift": row.lift,
                lift: interval.picture(row, axis, tokens),
                "Interval": row.interval,
                "Split": row.split,
                "Owner": row.experiment.owner,
            }
            for row in rows
        ]
    )
