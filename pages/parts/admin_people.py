"""People and roles: add, change, invite, switch off."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.errors import UpshotError
from experiments_core.services import people
from experiments_core.services.people import LINK_HOURS, ROLES, User
from experiments_core.services.workspace import Workspace
from pages.parts import once, theme

LINK = "admin-link"


def draw(ws: Workspace, actor: Actor) -> None:
    """Everybody with a role, and a form for the next one."""
    found = people.list_users(ws, actor)
    counted = words.plural(len(found), "person", "people")
    theme.section(counted if found else "Nobody has an account yet")
    if ws.settings.auth == "local":
        theme.muted(
            "Local mode: the pages open without signing in, on this machine only. People sign "
            "in once Upshot runs with UPSHOT_AUTH=accounts."
        )
    once.draw(LINK, f"Good once, for {LINK_HOURS} hours. Send it yourself; it is shown once.")
    for user in found:
        _line(ws, actor, user)
    with st.expander("Add a person", icon=":material/person_add:", expanded=not found):
        _add(ws, actor)


def _line(ws: Workspace, actor: Actor, user: User) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"user-{user.id}"):
        st.markdown(f"**{theme.text(user.name)}**", width="content")
        theme.muted(f"{user.email}, {_state(user)}", width="content")
        role = st.selectbox(
            f"Role of {user.name}",
            ROLES,
            index=ROLES.index(user.role.name.lower()),
            key=f"role-{user.id}-{user.version}",
            label_visibility="collapsed",
            width=130,
            disabled=not user.active,
        )
        if role != user.role.name.lower():
            _change(ws, actor, user, {"role": role})
        if user.active:
            if st.button("Invite", key=f"link-{user.id}", type="tertiary"):
                _invite(ws, actor, user)
            if st.button("Switch off", key=f"off-{user.id}", type="tertiary"):
                _change(ws, actor, user, {"active": False})
        elif st.button("Switch on", key=f"on-{user.id}", type="tertiary"):
            _change(ws, actor, user, {"active": True})


def _add(ws: Workspace, actor: Actor) -> None:
    with st.form("add-person", border=False, clear_on_submit=False):
        email = st.text_input("E-mail", key="person-email")
        name = st.text_input("Name", key="person-name")
        role = st.selectbox("Role", ROLES, key="person-role")
        if st.form_submit_button("Add", type="primary"):
            try:
                made = people.add_user(ws, actor, email, name=name, role=role)
            except UpshotError as error:
                theme.refused(error)
                return
            _invite(ws, actor, made)


def _change(ws: Workspace, actor: Actor, user: User, changes: dict[str, object]) -> None:
    try:
        people.change_user(ws, actor, user.id, changes, version=user.version)
    except UpshotError as error:
        theme.refused(error)
        return
    st.rerun()


def _invite(ws: Workspace, actor: Actor, user: User) -> None:
    try:
        token = people.make_link(ws, actor, user.id)
    except UpshotError as error:
        theme.refused(error)
        return
    host = st.context.url or ""
    base = "/".join(host.split("/")[:3]) or f"http://{ws.settings.address}:{ws.settings.port}"
    once.keep(LINK, f"{base}/sign-in?link={token}")
    st.rerun()


def _state(user: User) -> str:
    if not user.active:
        return "switched off"
    return "active" if user.signed_up else "not signed in yet"
