"""Two people at one experiment: theirs and mine, field by field; nothing typed is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.experiment import Experiment, Plan, Variant, VariantDraft
from experiments_core.domain.metric import Metric
from experiments_core.errors import VersionStaleError
from pages.parts import theme

NAMES = {
    "name": "Name", "hypothesis": "Hypothesis", "unit": "Unit", "owner": "Owner",
    "tags": "Tags", "variants": "Arms", "weights_bp": "Split", "metrics": "Metrics",
    "allocation_bp": "Share of users", "plan": "Plan",
}  # fmt: skip


def show(
    error: VersionStaleError,
    mine: Mapping[str, object],
    *,
    keep_mine: Callable[[], None],
    take_theirs: Callable[[], None],
) -> None:
    """Who was faster, both versions side by side, and the two ways on.

    Args:
        error: Carries the experiment as it is now.
        mine: Field -> what was typed here, only what differs from what was last read.
        keep_mine: Writes the typed fields over theirs.
        take_theirs: Shows theirs in the form.
    """
    theirs = error.current
    with st.container(border=True, key="conflict"):
        st.markdown(f":orange[**!**] **{theme.text(error.message, 500)}**")
        st.markdown("Your text is kept. Compare, then choose.")
        theme.table(
            {
                "Field": NAMES.get(name, name),
                "Theirs, saved now": said(_stored(theirs, name)),
                "Yours, not saved": said(value),
            }
            for name, value in mine.items()
        )
        with st.container(horizontal=True):
            st.button("Save mine over it", key="conflict-mine", on_click=keep_mine)
            st.button("Take theirs", key="conflict-theirs", on_click=take_theirs)


def _stored(experiment: object, name: str) -> object:
    return getattr(experiment, name) if isinstance(experiment, Experiment) else ""


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
