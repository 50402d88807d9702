"""How wide the reader's page is: told by the browser, so that each figure is drawn once."""

from __future__ import annotations

import streamlit as st
from streamlit.components import v2

KEY = "screen"
NARROW = "narrow"
LEAST_WIDE = 840
"""Pixels of the page beside its menu; below it figures are drawn for a narrow page. The style
sheet hides a wide one there, until the browser has told."""

_watch = v2.component(
    "upshot-screen",
    js=f"""
const told = new WeakMap();
export default function ({{ parentElement, setStateValue }}) {{
  const page = document.querySelector(".stMainBlockContainer > .stVerticalBlock");
  const app = document.querySelector('[data-testid="stApp"]');
  if (!page) return;
  let waiting = 0;
  let quiet = false;
  // A run that is interrupted, or followed by another before its widgets are there, takes with
  // it what they were to show.
  const isBusy = () =>
    (app?.dataset.testScriptState ?? "notRunning") !== "notRunning" ||
    page.querySelector('[data-testid="stSkeleton"]') !== null;
  const look = () => {{
    clearTimeout(waiting);
    const narrow = page.clientWidth > 0 && page.clientWidth < {LEAST_WIDE};
    if (narrow === (told.get(parentElement) ?? false)) return;
    if (isBusy() || !quiet) {{
      quiet = !isBusy();
      waiting = setTimeout(look, 50);
      return;
    }}
    told.set(parentElement, narrow);
    setStateValue("{NARROW}", narrow);
  }};
  const observer = new ResizeObserver(look);
  observer.observe(page);
  look();
  return () => {{ clearTimeout(waiting); observer.disconnect(); }};
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
