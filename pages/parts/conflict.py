"""Two people at one thing: theirs and mine, field by field; nothing typed is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.experiment import Experiment, Plan, Variant, VariantDraft
from experiments_core.domain.metric import Metric
from pages.parts import theme

NAMES = {
    "name": "Name", "hypothesis": "Hypothesis", "unit": "Unit", "owner": "Owner",
    "tags": "Tags", "variants": "Arms", "weights_bp": "Split", "metrics": "Metrics",
    "allocation_bp": "Share of users", "plan": "Plan",
}  # fmt: skip

Row = tuple[str, str, str]
"""Field, theirs, mine."""


def show(
    message: str,
    rows: Iterable[Row],
    *,
    keep_mine: Callable[[], None],
    take_theirs: Callable[[], None],
    keep_label: str = "Save mine over it",
    name: str = "",
) -> None:
    """Who was faster, both versions side by side, and the two ways on.

    Args:
        message: Who changed what.
        rows: The fields that were changed here.
        keep_mine: Goes on with the typed fields, over theirs.
        take_theirs: Shows theirs in the form.
        keep_label: On the button of ``keep_mine``.
        name: Of the thing, where a page may show several.
    """
    key = f"conflict-{name}" if name else "conflict"
    with st.container(border=True, key=key):
        st.markdown(f":orange[**!**] **{theme.text(message, 500)}**")
        st.markdown("Your text is kept. Compare, then choose.")
        theme.table(
            {"Field": field, "Theirs, saved now": theirs, "Yours, not saved": mine}
            for field, theirs, mine in rows
        )
        with st.container(horizontal=True):
            st.button(keep_label, key=f"{key}-mine", on_click=keep_mine)
            st.button("Take theirs", key=f"{key}-theirs", on_click=take_theirs)


def rows_of(theirs: object, mine: Mapping[str, object]) -> list[Row]:
    """The typed fields of an experiment beside what is saved now."""
    stored = theirs if isinstance(theirs, Experiment) else None
    return [
        (NAMES.get(name, name), said(getattr(stored, name, "")), said(value))
        for name, value in mine.items()
    ]


def said(value: object) -> str:
    """Any field as one line of text."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_share(weight)}" for key, weight in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(said(one) for one in value) or words.NONE
    return _one(value) or words.NONE


def _one(value: object) -> str:
    if isinstance(value, Variant | VariantDraft):
        return f"{value.name or value.key} {_share(value.weight_bp or 0)}"
    if isinstance(value, Metric):
        return f"{value.name} ({value.role})"
    if isinstance(value, Plan):
        units = "no units" if value.planned_units is None else words.count(value.planned_units)
        return f"{units} planned, alpha {value.alpha:g}, power {words.percent(value.power, 0)}"
    return _share(value) if isinstance(value, int) else str(value)


def _share(basis_points: int) -> str:
    return f"{basis_points / 100:g}{words.NARROW}%"
