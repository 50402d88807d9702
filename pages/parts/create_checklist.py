"""Step 5: what is missing before the start, and the start itself."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from experiments_core.domain.arms import make_variants
from experiments_core.domain.checklist import ChecklistItem, checklist
from experiments_core.errors import UpshotError
from experiments_core.services import acting, workspace
from pages.parts import create_form as form
from pages.parts import create_save, theme, who

MARKS = {"ok": ":green[✓]", "warn": ":orange[**!**]", "block": ":red[**✕**]"}
START = "create-start-failed"


def items() -> tuple[ChecklistItem, ...]:
    """The checklist of what is typed now; empty before the first save."""
    known = form.base()
    if known is None:
        return ()
    try:
        typed = create_save.fields()
        typed["variants"] = make_variants(typed["variants"], str, known.variants)
    except UpshotError:
        return checklist(known)
    return checklist(replace(known, **typed))


def box() -> None:
    """The checklist in one box: ticks in a row, what is missing with what to do."""
    known = form.base()
    lines = items()
    if not lines or (known is not None and known.is_record):
        return
    ready = sum(line.level == "ok" for line in lines)
    with st.container(border=True, key="before-start"):
        theme.lead("Before you start", f"{ready} of {len(lines)} ready")
        with st.container(horizontal=True, gap="medium"):
            for line in lines:
                st.markdown(f"{MARKS[line.level]} {theme.text(line.item)}", width="content")


def draw() -> None:
    """Every line with its message and what mends it."""
    known = form.base()
    if known is not None and known.is_record:
        theme.empty("This test is over.", "Its results show what you changed here.")
        return
    theme.section("Ready to start?")
    lines = items()
    if not lines:
        theme.empty("Not saved yet.", "Give the experiment a name in the first step.")
    for line in lines:
        message = theme.text(line.message, 500)
        if line.level == "ok":
            st.markdown(f"{MARKS[line.level]} {message}")
        else:
            fix = f" :gray[{theme.text(line.fix, 500)}]" if line.fix else ""
            st.markdown(f"{MARKS[line.level]} **{message}**{fix}")
    error = st.session_state.pop(START, None)
    if isinstance(error, UpshotError):
        theme.refused(error)


def start_button() -> None:
    """Start, if nothing blocks it; says what starting does. A test that is over has results."""
    known = form.base()
    if known is not None and known.is_record:
        if st.button("Open results", type="primary"):
            st.switch_page("pages/results.py", query_params={"exp": known.slug})
        return
    blocked = any(line.level == "block" for line in items()) or known is None
    st.button(
        "Start the test", type="primary", disabled=blocked, on_click=_start,
        help="Seals hypothesis, metrics and plan, and opens phase 1.",
    )  # fmt: skip


def _start() -> None:
    known = form.base()
    if known is None:
        return
    try:
        started = acting.transition(
            workspace.current(), who.actor(), known.id, "start", version=known.version
        )
    except UpshotError as error:
        st.session_state[START] = error
        return
    form.remember(started)
