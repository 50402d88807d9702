"""Namespaces: which tests share nobody, and which part of one this test owns."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor, Permission, may
from experiments_core.domain.experiment import WHOLE_BP, Experiment, NamespaceSlot
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.namespaces import free_ranges
from experiments_core.errors import UpshotError
from experiments_core.services import experiments, projects
from experiments_core.services.project_rules import holders
from experiments_core.services.workspace import Workspace
from pages.parts import entry, maker, theme

NONE = ""


def draw(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """The tests of the namespace with their parts; a draft may choose its own."""
    slot = experiment.namespace
    theme.muted(
        "Tests in one namespace own parts of it, so no "
        f"{theme.text(experiment.unit)} is in two of them. Parts are fixed at the start."
    )
    if slot is not None:
        _holders(ws, actor, slot.key)
    edits = may(actor, Permission.EDIT)
    if edits and experiment.status is Status.DRAFT and experiment.deleted_at is None:
        _choose(ws, actor, experiment)
    elif slot is None:
        theme.note("This test is in no namespace.")
    if not edits:
        return
    with maker.open_maker("namespace", "New namespace") as form:
        key = st.text_input("Key", key=form.key("key"), max_chars=64)
        name = st.text_input("Name", key=form.key("name"), max_chars=200)
        form.button(
            lambda: projects.create_namespace(ws, actor, key=key or "", name=name or "")
        )


def _holders(ws: Workspace, actor: Actor, key: str) -> None:
    found = holders(ws, actor, key)
    free = free_ranges([slot for _, slot in found])
    rows = [(one.name, slot.from_bp, slot.to_bp) for one, slot in found]
    rows += [("free", begin, end) for begin, end in free]
    theme.table([
        {"Namespace": key, "Part": _span(begin, end), "Test": name}
        for name, begin, end in sorted(rows, key=lambda row: row[1])
    ])  # fmt: skip


def _choose(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    known = {one.key: one.name for one in projects.list_namespaces(ws, actor)}
    slot = experiment.namespace
    keys = [NONE, *known]
    present = slot.key if slot and slot.key in known else NONE
    with st.form(f"namespace-{experiment.id}-{experiment.version}", border=False):
        with st.grid(3, min_column_width=140, gap="medium"):
            chosen = st.selectbox(
                "Namespace", keys, index=keys.index(present),
                format_func=lambda key: words.plain(known[key], 60) if key else "none",
            )  # fmt: skip
            begin = st.text_input("From, %", entry.share(slot.from_bp if slot else 0))
            end = st.text_input("To, %", entry.share(slot.to_bp if slot else WHOLE_BP))
        pressed = st.form_submit_button("Save the part")
    if not pressed:
        return

    def save() -> None:
        part = None if chosen == NONE else NamespaceSlot(
            str(chosen),
            entry.basis_points("From, %", begin or ""),
            entry.basis_points("To, %", end or ""),
        )  # fmt: skip
        experiments.edit_experiment(
            ws, actor, experiment.id, {"namespace": part}, version=experiment.version
        )

    _do(save)


def _span(begin: int, end: int) -> str:
    return f"{words.percent(begin / WHOLE_BP, 2)} to {words.percent(end / WHOLE_BP, 2)}"


def _do(act: Callable[[], object]) -> None:
    try:
        act()
    except UpshotError as error:
        theme.refused(error)
    else:
        st.rerun()
