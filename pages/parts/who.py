"""Who is looking at the page."""

import streamlit as st

from experiments_core.domain.access import Actor
from experiments_core.services import accounts, workspace


def actor() -> Actor:
    """The person at the machine, or whoever signed in; asked anew each time.

    Nobody: the page ends here with the way to sign in.
    """
    ws = workspace.current()
    found = accounts.page_actor(ws, "" if ws.settings.auth == "local" else cookie())
    if found is None:
        st.title("Sign in", anchor=False)
        st.write("This workspace asks people to sign in.")
        st.link_button("Sign in", "/sign-in", type="primary")
        st.stop()
    return found


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
            st.link_button("Sign out", "/sign-out", type="tertiary", icon=":material/logout:")


def cookie() -> str:
    """What the browser holds of a sign-in; empty for none."""
    return st.context.cookies.get(accounts.COOKIE, "")
