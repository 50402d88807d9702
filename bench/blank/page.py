"""An empty page with a menu: what Streamlit itself costs."""

import streamlit as st

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
