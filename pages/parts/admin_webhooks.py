"""Webhooks: who is told of deployments, and whether they answered."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.webhook import Delivery
from experiments_core.errors import UpshotError
from experiments_core.services import webhooks
from experiments_core.services.workspace import Workspace
from pages.parts import once, theme

MADE = "admin-webhook-made"


def draw(ws: Workspace, actor: Actor) -> None:
    """Every address with its last answer; a new one's secret is shown once."""
    found = webhooks.list_webhooks(ws, actor)
    theme.section(words.plural(len(found), "webhook") if found else "No webhook yet")
    theme.muted(
        "Upshot pushes no code: it tells these addresses of every deployment and revert, "
        "signed, and tries again for twenty minutes where nobody answers."
    )
    once.draw(MADE, "Copy this secret now. It is shown once; it checks Upshot-Signature.")
    for hook, last in found:
        with st.container(horizontal=True, vertical_alignment="center", key=f"hook-{hook.id}"):
            st.code(hook.url, language=None, width="content")
            theme.muted(_words(last), width="content")
            with st.popover("Remove", type="tertiary"):
                st.write("Nothing more is told to this address.")
                if st.button("Remove it", key=f"hook-{hook.id}-remove", type="primary"):
                    webhooks.remove_webhook(ws, actor, hook.id)
                    st.rerun()
    with st.form("make-webhook", border=False, clear_on_submit=True):
        url = st.text_input(
            "Address", key="webhook-url", placeholder="https://deploy.example.com/hooks/upshot"
        )
        pressed = st.form_submit_button("Tell this address")
    if pressed:
        try:
            once.keep(MADE, webhooks.create_webhook(ws, actor, url or "").secret)
        except UpshotError as error:
            theme.refused(error)
        else:
            st.rerun()


def _words(last: Delivery | None) -> str:
    if last is None:
        return "nothing told yet"
    when = f"{words.day(last.created_at, year=True)} {last.created_at:%H:%M} UTC"
    if last.delivered_at is not None:
        return f"{last.event} of {when}: {last.answer}"
    tried = words.plural(last.attempts, "attempt")
    ends = "given up" if last.next_at is None else "tried again"
    return f"{last.event} of {when}: {last.answer or 'waits'}; {tried}, {ends}"
