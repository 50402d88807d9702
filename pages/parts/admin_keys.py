"""Keys of programs: made, shown once, revoked."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import READING, Actor, Role, Scope
from experiments_core.errors import UpshotError
from experiments_core.services import keys
from experiments_core.services.keys import ApiKey
from experiments_core.services.people import ROLES
from experiments_core.services.workspace import Workspace
from pages.parts import once, theme

MADE = "admin-key-made"


def draw(ws: Workspace, actor: Actor) -> None:
    """Every key with its scopes and last use; a new one is shown once."""
    found = keys.list_keys(ws, actor)
    live = [key for key in found if key.revoked_at is None]
    theme.section(f"{words.plural(len(live), 'key')} in use" if live else "No key yet")
    once.draw(MADE, "Copy this key now. It is shown once and kept only as a hash.")
    for key in live:
        _line(ws, actor, key)
    with st.expander("Make a key", icon=":material/key:", expanded=not live):
        _make(ws, actor)
    ended = [key for key in found if key.revoked_at is not None]
    if ended:
        with st.expander(f"Revoked ({len(ended)})"):
            theme.table([
                {
                    "Key": key.shown,
                    "Name": key.name,
                    "Revoked": words.day(key.revoked_at, year=True),
                }
                for key in ended
                if key.revoked_at is not None
            ])  # fmt: skip


def _line(ws: Workspace, actor: Actor, key: ApiKey) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"key-{key.id}"):
        st.markdown(f"**{theme.text(key.name)}**", width="content")
        st.code(key.shown, language=None, width="content")
        theme.muted(_words(key), width="content")
        with st.popover("Revoke", type="tertiary"):
            st.write("Programs that carry it are refused at once. This cannot be taken back.")
            if st.button("Revoke this key", key=f"revoke-{key.id}", type="primary"):
                _revoke(ws, actor, key)


def _revoke(ws: Workspace, actor: Actor, key: ApiKey) -> None:
    try:
        keys.revoke_key(ws, actor, key.id)
    except UpshotError as error:
        theme.refused(error)
        return
    st.rerun()


def _make(ws: Workspace, actor: Actor) -> None:
    with st.form("make-key", border=False):
        name = st.text_input("Name", key="key-name", placeholder="checkout service")
        role = st.selectbox("Role", ROLES, index=1, key="key-role")
        scopes = st.multiselect(
            "Scopes",
            [scope.value for scope in Scope],
            key="key-scopes",
            help="What the key may be used for. None chosen: all that its role can use.",
        )
        if st.form_submit_button("Make the key", type="primary"):
            try:
                made = keys.create_key(ws, actor, name, role=role, scopes=scopes)
            except UpshotError as error:
                theme.refused(error)
                return
            once.keep(MADE, made.secret)
            st.rerun()


def _words(key: ApiKey) -> str:
    used = "never used"
    if key.last_used_at is not None:
        used = (
            f"last used {words.day(key.last_used_at, year=True)} {key.last_used_at:%H:%M} UTC"
        )
    role = key.role.name.lower()
    every = set(key.scopes) >= (READING if key.role is Role.VIEWER else set(Scope))
    scopes = "all its role may do" if every else ", ".join(one.value for one in key.scopes)
    only = f"; only {', '.join(key.projects)}" if key.projects else ""
    ends = f"; ends {words.day(key.expires_at, year=True)}" if key.expires_at else ""
    return f"{role}; {scopes}{only}; {used}{ends}"
