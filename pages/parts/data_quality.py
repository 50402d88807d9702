"""The quality report: what there is to know, the rows that show it, and what a choice does."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.source import Role
from experiments_core.services import ingestion, workspace
from experiments_core.services.ingestion import ChoiceResult, ImportReport, Remark
from pages.parts import theme, who
from pages.parts.data_import import Import

CROSSOVERS = {
    "exclude": "Leave them out",
    "first_seen": "Count them where they were first seen",
    "refuse": "Refuse the file",
}
CHOICES = {
    "exclude": "left out",
    "first_seen": "where first seen",
    "keep": "all rows count",
}
SHOWN_LINES = 3


def draw(known: Import, report: ImportReport, *, for_spreadsheet: bool) -> None:
    """Findings, each with its rows; then the choices that are still free."""
    for number, remark in enumerate(report.warnings):
        _finding(number, remark)
    if not report.warnings:
        theme.muted("✓ Nothing else to know about this file.")
    _crossovers(known, report)
    _contradictions(known, report)
    if report.warnings or report.by_rule:
        _download(known, for_spreadsheet=for_spreadsheet)


def take_back(known: Import) -> None:
    """A file that was refused for units in two arms can be read in another way."""
    if known.crossovers == "refuse":
        st.button(
            "Leave units in two arms out instead", on_click=_choose, args=(known, "exclude")
        )


def _finding(number: int, remark: Remark) -> None:
    lines = ""
    if remark.lines:
        shown = ", ".join(words.count(line) for line in remark.lines[:SHOWN_LINES])
        more = len(remark.lines) > SHOWN_LINES or remark.rows > len(remark.lines)
        lines = f" Line{'s' if ',' in shown else ''} {shown}{' …' if more else '.'}"
    text = theme.text(remark.message + lines, 800)
    st.markdown(f":orange[**!**] {text}")
    if len(remark.examples) > 1:
        _examples(number, remark)


def _examples(number: int, remark: Remark) -> None:
    some, whole = words.count(len(remark.examples)), words.count(remark.rows)
    label = f"{some} of {whole} rows" if remark.rows > len(remark.examples) else f"{some} rows"
    with st.expander(label, icon=":material/table_rows:", type="compact"):
        frame = pd.DataFrame([
            {"Line": one.line or None, "Unit": words.plain(one.unit, 80),
             words.plain(remark.column or "Value", 60): words.plain(one.value, 80)}
            for one in remark.examples
        ])  # fmt: skip
        st.dataframe(frame, hide_index=True, height=240, key=f"examples-{number}")


def _crossovers(known: Import, report: ImportReport) -> None:
    if not report.crossed_units:
        return
    units = words.plural(report.crossed_units, "unit")
    theme.lead(f"{units} in two arms", "what should count?")
    has_time = bool(known.mapping.named(Role.TIME))
    options = [one for one in CROSSOVERS if one != "first_seen" or has_time]
    key = f"crossovers-{known.draft.import_id}"
    st.session_state[key] = known.mapping.crossovers
    st.radio(
        "Units in two arms", options, key=key, label_visibility="collapsed",
        format_func=CROSSOVERS.__getitem__, on_change=_chosen, args=(known, key),
    )  # fmt: skip
    _effects(known, report, "crossovers")


def _chosen(known: Import, key: str) -> None:
    _choose(known, st.session_state[key])


def _choose(known: Import, choice: str) -> None:
    known.crossovers = choice


def _contradictions(known: Import, report: ImportReport) -> None:
    named = dict.fromkeys(one.about for one in report.effects if one.about != "crossovers")
    for name in named:
        theme.lead(f"Where “{words.plain(name, 60)}” names another arm")
        _effects(known, report, name)


def _effects(known: Import, report: ImportReport, about: str) -> None:
    """What the first measure would be under each choice."""
    found = ingestion.choice_results(report.effects, known.mapping.control)
    results = [one for one in found if one.about == about]
    if not results:
        return
    others = [one for one in report.questions if one.code != "COLUMNS_CONTRADICT"]
    theme.table(_row(one, counts_only=bool(others)) for one in results)
    if others:
        theme.note("Values are shown once the other questions are answered.")


def _row(one: ChoiceResult, *, counts_only: bool) -> dict[str, str]:
    row = {"If they are": CHOICES[one.choice]}
    for arm in one.arms:
        value = words.rate(arm.value) if one.is_rate else words.amount(arm.value)
        told = words.count(arm.n) if counts_only else f"{value} of {words.count(arm.n)}"
        row[words.plain(arm.arm, 30)] = told
    lifts = [words.lift(arm.lift) for arm in one.arms if arm.lift is not None]
    if not counts_only:
        row["Lift"] = ", ".join(lifts)
    return row


def _download(known: Import, *, for_spreadsheet: bool) -> None:
    st.download_button(
        "Quality report as CSV",
        partial(
            ingestion.quality_csv,
            workspace.current(),
            who.actor(),
            known.draft.import_id,
            for_spreadsheet=for_spreadsheet,
        ),
        file_name="quality.csv",
        mime="text/csv",
        type="tertiary",
        icon=":material/download:",
        on_click="ignore",
    )
