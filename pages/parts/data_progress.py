"""Long work on a file: how far it is, and a button that stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

Tell = Callable[[float, str], None]


@contextmanager
def shown(text: str, *, stops: bool = True) -> Iterator[Tell]:
    """A bar above the button “Stop” for as long as the work takes.

    Pressing it runs the page anew: the next word about the progress ends the work, which takes
    back what it has done so far.

    Args:
        text: What is being done.
        stops: Offer the button; no, where the page would begin the same work again.
    """
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, text=text)
        if stops:
            st.button("Stop", key=f"stop-{text}", icon=":material/stop_circle:")
    try:
        yield lambda share, what: _show(bar.progress, share, what)
    finally:
        place.empty()


def _show(draw: Callable[..., object], share: float, what: str) -> None:
    draw(min(max(share, 0.0), 1.0), text=what)
