"""A small form behind a button that closes, emptied, once the thing was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from experiments_core.errors import UpshotError
from pages.parts import theme


@dataclass(frozen=True, slots=True)
class Maker:
    """The form, this time around.

    Attributes:
        name: Of the form, unique on the page.
        turn: How many things were made by it in this session.
    """

    name: str
    turn: int

    def key(self, field: str) -> str:
        """The key of a widget; another turn begins empty."""
        return f"{self.name}-{field}-{self.turn}"

    def button(self, act: Callable[[], object]) -> None:
        """“Make it”: make the thing and close, or say why not and keep what was typed."""
        if not st.button("Make it", key=self.key("make"), type="primary"):
            return
        try:
            act()
        except UpshotError as error:
            theme.refused(error)
        else:
            st.session_state[_turn(self.name)] = self.turn + 1
            st.rerun()


@contextmanager
def open_maker(name: str, label: str) -> Iterator[Maker]:
    """Draw the button; what is drawn inside stands in its form."""
    made = Maker(name, st.session_state.get(_turn(name), 0))
    with st.popover(label, icon=":material/add:", type="tertiary", key=made.key("open")):
        yield made


def _turn(name: str) -> str:
    return f"_made-{name}"
