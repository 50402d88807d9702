"""Who is looking at the page."""

from urllib.parse import quote, urlencode, urlsplit

import streamlit as st

from experiments_core.domain.access import Actor, Permission, may
from experiments_core.services import accounts, people, workspace
from pages.parts import theme


def actor() -> Actor:
    """The person at the machine, or whoever signed in; asked anew each time.

    Nobody: the page ends here with the way to sign in.
    """
    ws = workspace.current()
    found = accounts.page_actor(ws, "" if ws.settings.auth == "local" else cookie())
    if found is None:
        st.title("Sign in", anchor=False)
        st.write("This workspace asks people to sign in.")
        theme.door("Sign in", f"/sign-in?next={quote(_here(), safe='')}")
        st.stop()
    return found


def can(permission: Permission) -> bool:
    """Whether the reader has a right: what would be refused is not offered."""
    return may(actor(), permission)


def whom_to_ask() -> str:
    """Name the admins, for somebody who lacks a right."""
    names = ", ".join(people.admins(workspace.current(), actor()))
    return f"Ask an admin: {names or 'whoever runs this server'}."


def greet() -> None:
    """Let nobody in who has to sign in first; say who is in, and what is not safe here."""
    found = actor()
    settings = workspace.current().settings
    if settings.test_keys:
        st.warning(
            "UPSHOT_TEST_KEYS is set: keys that are printed in public documents are let in. "
            "For tests only."
        )
    if settings.auth == "accounts":
        with st.sidebar:
            st.text(f"{found.name}, {found.role.name.lower()}")
            theme.door("Sign out", "/sign-out", quiet=True)


def _here() -> str:
    """The page that is asked for, with its query: where a sign-in leads back to."""
    path = urlsplit(st.context.url or "/").path or "/"
    said = urlencode(st.query_params.to_dict())
    return f"{path}?{said}" if said else path


def cookie() -> str:
    """What the browser holds of a sign-in; empty for none."""
    return st.context.cookies.get(accounts.COOKIE, "")
