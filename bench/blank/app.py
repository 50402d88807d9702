"""The empty page in a server like ours: the same API, and memory kept in the same way."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from bench.blank.page import navigate
from experiments_core.api.app import lifespan, middleware, routes

if __name__ == "__main__":
    navigate()
else:
    PagesManager.uses_pages_directory = False
    app = st.App(__file__, routes=routes(), lifespan=lifespan, middleware=middleware())
