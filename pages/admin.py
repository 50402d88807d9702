"""Admin: people, keys, projects, the trail of every change."""

import streamlit as st

from experiments_core.domain.access import Permission, may
from experiments_core.services import workspace
from pages.parts import (
    admin_audit,
    admin_backups,
    admin_erase,
    admin_keys,
    admin_people,
    admin_projects,
    admin_webhooks,
    theme,
    who,
)


def draw() -> None:
    """Tabs for an admin; for anybody else whom to ask."""
    ws, actor = workspace.current(), who.actor()
    theme.title_row("Admin")
    if not may(actor, Permission.ADMIN):
        theme.empty("This page is for admins", who.whom_to_ask())
        return
    tabs = st.tabs(["People", "Keys", "Projects", "Webhooks", "Backups", "Audit log"])
    for tab, part in zip(
        tabs,
        (admin_people, admin_keys, admin_projects, admin_webhooks, admin_backups, admin_audit),
        strict=True,
    ):
        with tab:
            part.draw(ws, actor)
    with tabs[2]:
        admin_erase.draw(ws, actor)


draw()
