"""Step 1: name and hypothesis in blanks."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from pages.parts import create_form as form
from pages.parts import theme

BLANKS = (
    ("change", "If we …", "show a free-shipping banner", "What you change"),
    ("whom", "for …", "visitors with a full basket", "For whom"),
    ("metric", "then …", "paid orders", "Which number moves"),
    ("effect", "will …", "rise by 5 %", "Which way, and how much"),
    ("why", "because …", "shipping cost is why people leave", "Why you believe it"),
)


def draw() -> None:
    """Name, five blanks that make a sentence, unit, owner and tags."""
    left, right = st.columns([1, 1.9], gap="large")
    with left:
        theme.section("What is it about?")
        _field("Name", "name", "Free-shipping banner", live=True)
        _field("One row is one …", "unit", "user")
        _field("Owner", "owner", "checkout team")
        _field("Tags, with commas", "tags", "checkout, growth")
    with right:
        theme.section("What do you expect?")
        st.toggle("Write it freely", key=form.PREFIX + "free", **form.KEEP)
        if form.get("free"):
            st.text_area(
                "Hypothesis",
                key=form.PREFIX + "hypothesis",
                max_chars=5000,
                **form.KEEP,
            )
        else:
            _blanks()
        theme.note("The hypothesis is sealed when the test starts, and every report shows it.")


def _field(label: str, name: str, example: str, *, live: bool = False) -> None:
    st.text_input(
        label,
        key=form.PREFIX + name,
        placeholder=example,
        live=live,
        **form.KEEP,
    )


def _blanks() -> None:
    for name, label, example, tip in BLANKS:
        st.text_input(
            label, key=f"{form.PREFIX}blank-{name}", placeholder=example, help=tip, live=True,
            **form.KEEP,
        )  # fmt: skip
    sentence = form.hypothesis()
    if sentence:
        st.markdown(f"“{theme.text(words.plain(sentence, 2000), 2000)}”")
    else:
        theme.muted("Fill in what you change and which number moves.")
