"""Admin: people, keys, projects, the trail of every change."""

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
    links,
    theme,
    who,
)

PARTS = {
    "people": ("People", admin_people.draw),
    "keys": ("Keys", admin_keys.draw),
    "projects": ("Projects", admin_projects.draw),
    "webhooks": ("Webhooks", admin_webhooks.draw),
    "backups": ("Backups", admin_backups.draw),
    "audit": ("Audit log", admin_audit.draw),
}


def draw() -> None:
    """Tabs for an admin; for anybody else whom to ask."""
    ws, actor = workspace.current(), who.actor()
    theme.title_row("Admin")
    if not may(actor, Permission.ADMIN):
        theme.empty("This page is for admins", who.whom_to_ask())
        return
    tabs = links.tabs({slug: label for slug, (label, _) in PARTS.items()})
    for slug, (_, part) in PARTS.items():
        with tabs[slug]:
            part(ws, actor)
    with tabs["projects"]:
        admin_erase.draw(ws, actor)


draw()
