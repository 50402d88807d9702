"""Front door: the server imports this file once, Streamlit runs it for every interaction."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from experiments_core.api.app import lifespan, middleware, routes


def navigate() -> None:
    """Draw the menu and run the page that is asked for."""
    from pages.parts import banner, garbage, screen, theme, who  # noqa: PLC0415  only a rerun draws

    st.set_page_config(page_title="Upshot", page_icon=theme.ICON, layout="wide")
    st.logo(theme.LOGO, icon_image=theme.ICON, size="large")
    page = st.navigation(
        {
            "Test": [
                st.Page(
                    "pages/experiments.py",
                    title="Experiments",
                    icon=":material/list:",
                    default=True,
                ),
                st.Page("pages/create.py", title="Create", icon=":material/add:"),
                st.Page("pages/traffic.py", title="Traffic", icon=":material/alt_route:"),
                st.Page("pages/data.py", title="Data", icon=":material/table_rows:"),
                st.Page("pages/results.py", title="Results", icon=":material/straighten:"),
            ],
            "Library": [
                st.Page("pages/metrics.py", title="Metrics", icon=":material/function:"),
                st.Page("pages/plan.py", title="Plan", icon=":material/calculate:"),
            ],
            "Server": [
                st.Page("pages/admin.py", title="Admin", icon=":material/shield_person:"),
            ],
        }
    )
    theme.apply()
    screen.watch()
    banner.draw()
    who.greet()
    page.run()
    garbage.settle(page.title)


if __name__ == "__main__":
    navigate()
else:
    # Until a menu has been drawn once, Streamlit takes any folder named pages for its old
    # menu, and a link into the fresh server would open without menu, theme and width.
    PagesManager.uses_pages_directory = False
    app = st.App(__file__, routes=routes(), lifespan=lifespan, middleware=middleware())
