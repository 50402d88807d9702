"""One metric: its meaning, its versions and what differs, where it is used, its editor."""

from __future__ import annotations

from itertools import pairwise

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor, Permission, may
from experiments_core.domain.definition import Definition, difference
from experiments_core.services import library, metric_uses
from experiments_core.services.metric_uses import Use
from experiments_core.services.workspace import Workspace
from pages.parts import metrics_editor, metrics_library, theme


def draw(ws: Workspace, actor: Actor, metric: Definition) -> None:
    """Draw the metric."""
    if st.button("All metrics", type="tertiary", icon=":material/arrow_back:"):
        del st.query_params["metric"]
        st.rerun()
    st.header(theme.text(metric.name), anchor=False)
    theme.muted(f"{metrics_library.summary(metric)} · key {metric.key}")
    if metric.description:
        st.markdown(theme.text(metric.description, 10_000))
    used = metric_uses.uses(ws, actor, metric.key)
    _uses(used, metric)
    _versions(library.metric_versions(ws, actor, metric.key), used)
    if may(actor, Permission.EDIT):
        metrics_editor.edit(ws, actor, metric)
    else:
        theme.muted("Changing a metric needs the editor role.")


def _uses(used: tuple[Use, ...], metric: Definition) -> None:
    theme.lead("Used in", words.plural(len({use.slug for use in used}), "test"))
    if not used:
        theme.note("No test uses it yet. Choose it in step 3 of Create, or by its key.")
        return
    theme.table(
        {
            "Test": use.name,
            "Status": use.status,
            "Role": use.role,
            "Version": f"{use.version}"
            + ("" if use.version == metric.version else f" (now {metric.version})"),
        }
        for use in used
    )


def _versions(found: list[Definition], used: tuple[Use, ...]) -> None:
    """What each version changed, and which results stand on the one before."""
    newest = found[-1]
    theme.lead("Versions", f"{newest.version}, since {words.day(newest.created_at, year=True)}")
    for before, after in reversed(list(pairwise(found))):
        day = words.day(after.created_at, year=True)
        theme.note(f"Version {after.version}, {after.created_by}, {day}")
        theme.table(
            {"What": name.replace("_", " "), "Before": _said(old), "After": _said(new)}
            for name, old, new in difference(before, after)
        )
        tests = len({use.slug for use in used if use.version == before.version})
        if tests:
            verb = "keeps" if tests == 1 else "keep"
            theme.note(
                f"{words.plural(tests, 'test')} {verb} version {before.version}: results and "
                "saved looks stay as they were read."
            )


def _said(value: object) -> str:
    return words.NONE if value is None else str(value)
