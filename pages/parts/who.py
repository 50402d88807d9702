"""Who is looking at the page."""

import streamlit as st

from experiments_core.domain.access import Actor
from experiments_core.services import accounts, workspace


def actor() -> Actor:
    """The person at the machine, or whoever signed in; asked anew each time.

    Nobody: the page ends here with the way to sign in.
    """
    ws = workspace.current()
    cookie = "" if ws.settings.auth == "local" else st.context.cookies.get(accounts.COOKIE, "")
    found = accounts.page_actor(ws, cookie)
    if found is None:
        st.title("Sign in")
        st.write("This workspace asks people to sign in.")
        st.link_button("Sign in", "/sign-in", type="primary")
        st.stop()
    return found
