"""The trail of every change: filtered, taken along, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor, AuditEvent
from experiments_core.services import auditing
from experiments_core.services.auditing import Asked
from experiments_core.services.workspace import Workspace
from pages.parts import theme

SHOWN = 200
COUNTERS = {"version", "updated_at"}
KINDS = ("experiment", "import", "key", "user", "project", "deployment", "metric")


def draw(ws: Workspace, actor: Actor) -> None:
    """Filters, the newest events, the file, and the chain of hashes."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        person = st.text_input("Who", key="audit-actor", width=180)
        verb = st.text_input("Did what", key="audit-verb", width=160)
        kind = st.selectbox("To what", ("anything", *KINDS), key="audit-kind", width=180)
    asked = Asked(
        person.strip() or None, verb.strip() or None, None if kind == "anything" else kind
    )
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
        st.dataframe(
            [_row(event) for event in shown], hide_index=True, width="stretch",
            column_config={"What changed": st.column_config.TextColumn(width="large")},
        )  # fmt: skip
    else:
        theme.muted("Nothing fits these filters.")


def _row(event: AuditEvent) -> dict[str, object]:
    return {
        "No": event.seq,
        "When (UTC)": f"{words.day(event.ts, year=True)} {event.ts:%H:%M:%S}",
        "Who": event.actor,
        "Did": event.verb,
        "To": event.object,
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
