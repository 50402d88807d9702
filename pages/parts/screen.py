"""How wide the reader's page is: told by the browser, so that each figure is drawn once."""

from __future__ import annotations

import streamlit as st
from streamlit.components import v2

KEY = "screen"
NARROW = "narrow"
LEAST_WIDE = 840
"""Pixels of the page beside its menu; below it figures are drawn for a narrow page."""

_watch = v2.component(
    "upshot-screen",
    js=f"""
const seen = new WeakMap();
export default function ({{ parentElement, setStateValue }}) {{
  const page = document.querySelector(".stMainBlockContainer > .stVerticalBlock");
  if (!page) return;
  const look = () => {{
    const narrow = page.clientWidth > 0 && page.clientWidth < {LEAST_WIDE};
    if (narrow === (seen.get(parentElement) ?? false)) return;
    seen.set(parentElement, narrow);
    setStateValue("{NARROW}", narrow);
  }};
  const observer = new ResizeObserver(look);
  observer.observe(page);
  look();
  return () => observer.disconnect();
}}
""",
)


def watch() -> None:
    """Let the browser tell when the page becomes narrow or wide; nothing is shown."""
    _watch(key=KEY, default={NARROW: False}, on_narrow_change=lambda: None)


def is_narrow() -> bool:
    """Whether the page is narrow; wide until the browser has said."""
    told = st.session_state.get(KEY)
    return bool(told and told.get(NARROW))
