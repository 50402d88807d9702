"""The last step: where the rows go, what happens to rows that are there, the button."""

from __future__ import annotations

import re

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import UpshotError
from experiments_core.services import experiments, ingestion, workspace
from experiments_core.services.ingestion import ImportReport
from pages.parts import data_draft, theme, who
from pages.parts.data_import import Import

ENDING = re.compile(r"(\.(csv|tsv|txt))?(\.gz)?$", re.IGNORECASE)
EXISTING = {"add": "Add to the rows that are there", "replace": "Replace them"}


def draw(known: Import, report: ImportReport, into: Experiment | None) -> None:
    """Name or target, then “Import 58 906 rows, leave out 131”."""
    name, existing, fewer = "", "add", list[str]()
    several = known.mapping.experiment == "*"
    leave_out = several and st.checkbox("Leave out rows that break a rule, in each of them")
    if into is None or several:
        title = "What the new names begin with" if several else "Name of the new experiment"
        name = st.text_input(title, key=_name_key(known), max_chars=200, width=420)
        fewer = _less_is_better(known, report)
    elif _has_rows(into):
        existing = str(
            st.segmented_control(
                "This experiment has rows already",
                list(EXISTING), default="add", required=True, format_func=EXISTING.__getitem__,
            )
        )  # fmt: skip
    unanswered = len(known.open_questions)
    with st.container(horizontal=True, vertical_alignment="center"):
        ready = not unanswered and report.rows_used > 0
        text = "Import each experiment" if several else label(report)
        pressed = st.button(text, type="primary", disabled=not ready)
        st.button("Cancel", on_click=data_draft.forget)
        if unanswered:
            left = words.plural(unanswered, "question")
            st.markdown(f":orange[**?**] {left} to answer first.", width="content")
    if pressed:
        mode = "good_rows" if report.blocking or leave_out else "all"
        done = data_draft.commit(known, name, mode, existing, fewer)
        if len(done) == 1:
            ws, experiment = workspace.current(), done[0].experiment_id or ""
            slug = experiments.get_experiment(ws, who.actor(), experiment).slug
            st.switch_page("pages/results.py", query_params={"exp": slug})
        if done:
            st.rerun()
    error = st.session_state.get(data_draft.FAILED)
    if isinstance(error, UpshotError):
        theme.refused(error)


def label(report: ImportReport) -> str:
    """The button names what happens with its counts."""
    text = f"Import {words.plural(report.rows_used, 'row')}"
    if report.rows_left_out:
        text += f", leave out {words.count(report.rows_left_out)}"
    return text


def _less_is_better(known: Import, report: ImportReport) -> list[str]:
    """What counts as an improvement; the names propose it."""
    if not report.measures:
        return []
    key = f"data-less-is-better-{known.draft.import_id}-{'|'.join(report.measures)}"
    st.session_state.setdefault(key, list(ingestion.unwanted(report.measures)))
    return st.multiselect(
        "Less is better for", list(report.measures), key=key, width=420,
        placeholder="None: more is better", format_func=lambda one: words.plain(one, 60),
        help="A fall of these counts as an improvement, as with refunds or waiting time.",
    )  # fmt: skip


def _name_key(known: Import) -> str:
    key = f"data-name-{known.draft.import_id}"
    stem = ENDING.sub("", known.draft.file_name).replace("_", " ").strip()
    st.session_state.setdefault(key, words.plain(stem, 200).capitalize() or "Imported test")
    return key


def _has_rows(into: Experiment) -> bool:
    found = ingestion.imports_of(workspace.current(), who.actor(), into.id)
    return any(one.state == "committed" for one in found)
