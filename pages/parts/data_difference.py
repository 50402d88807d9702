"""The file against the data that the experiment has: what is new, changed, gone, and why."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from experiments_core.charts import words
from experiments_core.services.ingestion import ImportReport, Reconciliation
from pages.parts import data_report, theme

TITLES = {
    "ONLY_IN_A": "Gone",
    "ONLY_IN_B": "New",
    "OTHER_VARIANT": "Other arm",
    "OTHER_OUTCOME": "Other value",
    "DUPLICATES": "Copies",
    "ZONE_SHIFT": "Time zone",
    "OUTSIDE_WINDOW": "Before",
    "LATE": "After",
    "FILTERED": "Left out",
    "ID_FORMAT": "Identifiers",
    "UNEXPLAINED": "Not explained",
}


def draw(report: ImportReport) -> None:
    """Counts per arm, then one line per reason with the first units; nothing without data."""
    found = report.difference
    if found is None:
        return
    theme.section(_title(found))
    theme.table(
        {
            "Arm": words.plain(arm, 40),
            "In the data": words.count(ours),
            "In this file": words.count(theirs),
            "Difference": words.number(theirs - ours, 0, signed=True),
        }
        for arm, (ours, theirs) in found.arms.items()
    )
    if found.reasons:
        theme.table(
            {
                "What": TITLES[one.code],
                "Units": words.count(one.units) if one.units else words.NONE,
                "In words": words.plain(one.message, 300),
            }
            for one in found.reasons
        )
        _cases(found)
        st.download_button(
            "Differences as CSV",
            partial(found.to_csv, for_spreadsheet=data_report.for_spreadsheet()),
            file_name="differences.csv",
            mime="text/csv",
            type="tertiary",
            icon=":material/download:",
            on_click="ignore",
        )


def _title(found: Reconciliation) -> str:
    if found.agree:
        return "This file says the same as the data"
    if found.both is None:
        return "This file and the data, arm by arm"
    changed = sum(
        one.units for one in found.reasons if one.code in {"OTHER_OUTCOME", "OTHER_VARIANT"}
    )
    new, gone = words.plural(found.new, "new unit"), words.count(found.gone)
    return f"{new}, {words.count(changed)} changed, {gone} gone since the last import"


def _cases(found: Reconciliation) -> None:
    rows = [
        {
            "What": TITLES[one.code],
            "Column": words.plain(one.detail, 60),
            "Unit": words.plain(case.unit, 80),
            "Line": case.line if one.side != "a" else None,
            "In the data": words.plain(case.a or "", 80),
            "In this file": words.plain(case.b or "", 80),
        }
        for one in found.reasons
        for case in one.cases
    ]
    if not rows:
        return
    label = f"The first {words.plural(len(rows), 'unit')} that differ"
    with st.expander(label, icon=":material/table_rows:", type="compact"):
        st.dataframe(pd.DataFrame(rows), hide_index=True, height=300, key="differences")
