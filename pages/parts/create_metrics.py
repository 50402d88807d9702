"""Step 3: what is measured; primary metrics decide, guardrails must not be harmed."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.validation import MOST_METRICS
from experiments_core.errors import UpshotError
from pages.parts import create_form as form
from pages.parts import create_save, theme

KINDS = {"rate": "Rate: did it happen?", "mean": "Mean: how much?"}
ROLES = {"primary": "Primary", "guardrail": "Guardrail", "secondary": "Secondary"}
DIRECTIONS = {"increase": "More is better", "decrease": "Less is better"}
ANY_DIRECTION = DIRECTIONS | {"neutral": "Neither"}


def draw() -> None:
    """A box per metric; one more on request."""
    theme.section("What do you measure?")
    theme.muted(
        "One to three primary metrics decide the test. A guardrail is a number that must not "
        "get worse; say how much worse you could accept."
    )
    for number in form.get(form.METRICS):
        _metric(number)
    st.button(
        "Add a metric", icon=":material/add:", on_click=form.add_metric,
        disabled=len(form.get(form.METRICS)) >= MOST_METRICS,
    )  # fmt: skip
    try:
        create_save.fields()
    except UpshotError as error:
        theme.refused(error)


def _metric(number: int) -> None:
    role = form.get(f"metric{number}-role")
    with (
        st.container(border=True, key=f"metric-box-{number}"),
        st.grid(3, min_column_width=210, gap="small"),
    ):
        _text(number, "name", "Name", "Paid order")
        _text(number, "column", "Column in the data", _column(number))
        _list(number, "kind", "Kind", KINDS)
        _list(number, "role", "Role", ROLES)
        _list(
            number, "direction", "Direction",
            ANY_DIRECTION if role == "secondary" else DIRECTIONS,
        )  # fmt: skip
        if role == "guardrail":
            _text(number, "margin", "Largest harm you accept, %", "5")
        elif form.get(f"metric{number}-kind") == "mean":
            _text(number, "unit", "Unit", "USD")
        if len(form.get(form.METRICS)) > 1:
            st.button(
                "Remove this metric", key=f"remove-metric-{number}", type="tertiary",
                on_click=form.remove_metric, args=(number,),
            )  # fmt: skip


def _column(number: int) -> str:
    name = words.plain(form.text(f"metric{number}-name"), 60)
    return name.lower().replace(" ", "_") or "paid_order"


def _text(number: int, name: str, label: str, example: str) -> None:
    st.text_input(
        label,
        key=f"{form.PREFIX}metric{number}-{name}",
        placeholder=example,
        **form.KEEP,
    )


def _list(number: int, name: str, label: str, choices: dict[str, str]) -> None:
    key = f"{form.PREFIX}metric{number}-{name}"
    if st.session_state.get(key) not in choices:
        st.session_state[key] = next(iter(choices))
    st.selectbox(
        label,
        list(choices),
        format_func=choices.__getitem__,
        key=key,
        **form.KEEP,
    )
