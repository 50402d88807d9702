"""Fields that are filled once: what somebody else saves meanwhile takes nothing typed away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.parts import conflict, theme

Said = Callable[[Mapping[str, Any], str], tuple[str, str]]
"""Values and the name of one -> its label, and its value in words."""


@dataclass(frozen=True, slots=True)
class Form:
    """Fields of one thing, as they were when this person began.

    Attributes:
        name: Of the thing, unique on the page.
        mark: What tells one saved state from another, when the person began.
        base: The values that the fields were filled with.
        now: The mark of what is saved now.
        saved: The values that are saved now.
    """

    name: str
    mark: object
    base: dict[str, Any]
    now: object
    saved: dict[str, Any]

    def key(self, field: str) -> str:
        """The key of a field's widget."""
        return f"{self.name}-{field}-{self.mark}"

    def touched(self, typed: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that this person changed."""
        return {name: value for name, value in typed.items() if value != self.base[name]}

    def may_save(self, what: str, mine: dict[str, Any], said: Said) -> bool:
        """Offer to save; where somebody was faster, show both sides first.

        Args:
            what: The thing, for the sentence.
            mine: The fields that this person changed.
            said: Words a field for the comparison.

        Returns:
            Whether the person wants the fields saved over what is saved now.
        """
        if self.mark == self.now:
            pressed = st.button("Save", key=f"{self.name}-save")
            if pressed and not mine:
                theme.muted("Nothing to save: no field was changed.")
            return pressed and bool(mine)
        if not mine:
            self.end()
            st.rerun()
        pressed_key = f"_{self.name}-mine-over-{self.now}"

        def keep() -> None:
            st.session_state[pressed_key] = True

        conflict.show(
            f"Somebody changed the {what} since you began.",
            [(*said(self.saved, name), said(mine, name)[1]) for name in mine],
            keep_mine=keep,
            take_theirs=self.end,
            name=self.name,
        )
        return bool(st.session_state.pop(pressed_key, False))

    def end(self) -> None:
        """Fill the fields anew with what is saved."""
        st.session_state.pop(_begun(self.name), None)


def begin(name: str, mark: object, saved: dict[str, Any]) -> Form:
    """The fields of one thing: filled with what is saved now, or as they were when begun.

    Args:
        name: Of the thing, unique on the page.
        mark: Its version, or anything that differs once somebody has saved.
        saved: Its values.
    """
    begun, base = st.session_state.setdefault(_begun(name), (mark, saved))
    return Form(name, begun, base, mark, saved)


def _begun(name: str) -> str:
    return f"_begun-{name}"
