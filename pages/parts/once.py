"""Secrets that are shown once: until the person says that they have them, and never again."""

from __future__ import annotations

import streamlit as st


def keep(name: str, secret: str | None) -> None:
    """Hold a secret for this person's session, to be shown where ``name`` is drawn."""
    st.session_state[_key(name)] = secret


def draw(name: str, sentence: str) -> None:
    """Show the secret with what to do with it; a redraw does not take it away.

    Args:
        name: As it was kept.
        sentence: What it is, and that it is shown once.
    """
    secret = st.session_state.get(_key(name))
    if secret is None:
        return
    st.success(sentence)
    st.code(secret, language=None, wrap_lines=True)
    st.button("I have copied it", key=f"{name}-copied", on_click=_forget, args=(name,))


def _forget(name: str) -> None:
    st.session_state.pop(_key(name), None)


def _key(name: str) -> str:
    return f"_once-{name}"
