"""The empty page that the browser measurement compares with: the same server, menu and API."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from experiments_core.api.app import lifespan, middleware, routes

CHOICES = ["Lift", "Difference"]


def empty() -> None:
    """One title and one widget."""
    st.title("Empty")
    st.segmented_control("On the axis", CHOICES, default="Lift", required=True)


def other() -> None:
    """A second entry, because a menu of one is not shown."""
    st.title("Other")


def navigate() -> None:
    """The menu and the page."""
    st.navigation([st.Page(empty, title="Empty", default=True), st.Page(other)]).run()


if __name__ == "__main__":
    navigate()
else:
    PagesManager.uses_pages_directory = False
    app = st.App(__file__, routes=routes(), lifespan=lifespan, middleware=middleware())
