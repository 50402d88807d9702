"""The trail of every change: filtered, taken along, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor, AuditEvent
from experiments_core.services import auditing, experiments
from experiments_core.services.auditing import Asked
from experiments_core.services.workspace import Workspace
from pages.parts import theme

SHOWN = 200
COUNTERS = {"version", "updated_at"}


def draw(ws: Workspace, actor: Actor) -> None:
    """Filters, the newest events, the file, and the chain of hashes."""
    asked = _asked(ws, actor)
    total = auditing.count_audit(ws, actor, asked)
    shown = auditing.read_audit(ws, actor, asked, limit=SHOWN)
    newest = f", the newest {SHOWN} shown" if total > SHOWN else ""
    theme.section(f"{words.plural(total, 'event')}{newest}")
    with st.container(horizontal=True):
        st.download_button(
            "CSV",
            lambda: auditing.audit_csv(ws, actor, asked),
            file_name="audit.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        if st.button("Check the chain", icon=":material/verified:"):
            bad = auditing.first_bad_event(ws, actor)
            if bad is None:
                st.success("Every event is as it was written.")
            else:
                st.error(f"Event {bad} is the first that was changed after it was written.")
    if shown:
        names = auditing.names_of(ws, actor, shown)
        st.dataframe(
            [_row(event, names.get(event.object_id, "")) for event in shown],
            hide_index=True, width="stretch",
            column_config={"What changed": st.column_config.TextColumn(width="large")},
        )  # fmt: skip
    else:
        theme.muted("Nothing fits these filters.")


def _asked(ws: Workspace, actor: Actor) -> Asked:
    """The filters, each with what the trail has."""
    words_of = auditing.filter_words(ws, actor)
    known = experiments.list_experiments(ws, actor, include_archived=True)
    names = {one.id: words.plain(one.name, 80) for one in known}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        person, verb, kind = (
            st.selectbox(
                label, options, index=None, key=f"audit-{name}", width=180,
                placeholder=placeholder,
            )
            for name, label, options, placeholder in (
                ("actor", "Who", words_of.actors, "anybody"),
                ("verb", "Did what", words_of.verbs, "anything"),
                ("kind", "To what", words_of.objects, "anything"),
            )
        )  # fmt: skip
        experiment = st.selectbox(
            "Which experiment", list(names), index=None, key="audit-experiment", width=280,
            format_func=names.__getitem__, placeholder="any",
        )  # fmt: skip
    return Asked(person, verb, kind, experiment)


def _row(event: AuditEvent, name: str) -> dict[str, object]:
    return {
        "No": event.seq,
        "When (UTC)": f"{words.day(event.ts, year=True)} {event.ts:%H:%M:%S}",
        "Who": event.actor,
        "Did": event.verb,
        "To": event.object,
        "Which": words.plain(name, 80) if name else event.object_id,
        "Note": event.note,
        "What changed": _changes(event.before or {}, event.after or {}),
        "Through": event.via or "pages",
    }


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    """``status: running → stopped``; the file has every field as it was stored."""
    fields = [name for name in {**before, **after} if name not in COUNTERS]
    return "; ".join(
        f"{name.replace('_', ' ')}: {_text(before.get(name))} → {_text(after.get(name))}"
        if name in before
        else f"{name.replace('_', ' ')}: {_text(after.get(name))}"
        for name in fields
    )


def _text(value: object) -> str:
    if value is None or value in ("", [], {}):
        return words.NONE
    plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return words.plain(plain, 60)
