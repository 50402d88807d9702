"""Backups: what was verified when, and one more now."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.errors import UpshotError
from experiments_core.services import backups
from experiments_core.services.workspace import Workspace
from pages.parts import theme


def draw(ws: Workspace, actor: Actor) -> None:
    """The verified copies, and a button that makes one."""
    found = [backups.backup_body(one) for one in backups.list_backups(ws, actor)]
    last = _minute(found[0]["verified_at"]) if found else ""
    theme.section(f"Last verified {last} UTC" if last else "No backup yet")
    theme.muted(
        "A copy is made once a day while Upshot runs and something has changed, opened by "
        "another process and compared row by row before it counts; seven stay. They lie in "
        "the folder backups beside the workspace: copy them to another disk. To go back, stop "
        "Upshot and run upshot restore."
    )
    if st.button("Back up now", type="primary", icon=":material/save:"):
        try:
            with st.spinner("Copying, opening and comparing", show_time=True):
                backups.make_backup(ws, actor)
        except UpshotError as error:
            theme.refused(error)
        else:
            st.rerun()
    if found:
        theme.table([
            {"Copy": one["file"], "Verified (UTC)": _minute(one["verified_at"]),
             "Rows": words.count(one["rows"]), "MB": words.number(one["bytes"] / 1e6, 1)}
            for one in found
        ], right=True)  # fmt: skip


def _minute(moment: str) -> str:
    at = datetime.fromisoformat(moment)
    return f"{words.day(at, year=True)} {at:%H:%M}"
