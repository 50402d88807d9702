"""Step 2: arms and split, with the exact sum in view; how many users take part."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts.bars import split_bar
from experiments_core.charts.findings import split_alt
from experiments_core.domain.arms import LIMIT_HASH, split_problems
from experiments_core.errors import UpshotError
from pages.parts import create_form as form
from pages.parts import create_save, theme


def draw() -> None:
    """A row per arm, the bar that must reach 100 %, and the allocation."""
    left, right = st.columns([1.25, 1], gap="large")
    with left:
        theme.section("Which arms?")
        for number in form.get(form.ARMS):
            _arm(number)
        with st.container(horizontal=True):
            full = len(form.get(form.ARMS)) >= LIMIT_HASH
            st.button("Add an arm", icon=":material/add:", on_click=form.add_arm, disabled=full)
            st.button("Equal", on_click=form.equal_shares, help="Equal shares, exactly 100 %")
        names = {number: _name(number) for number in form.get(form.ARMS)}
        st.selectbox(
            "Control",
            list(names),
            format_func=names.__getitem__,
            key=form.PREFIX + "control",
            help="The arm that the others are compared with.",
            **form.KEEP,
        )
    with right:
        theme.section("Who gets what?")
        _preview()
        st.text_input(
            "Share of users who take part, %",
            key=form.PREFIX + "allocation",
            live=True,
            help="The others keep what they have. It can only rise once the test runs.",
            **form.KEEP,
        )


def _arm(number: int) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            "Name",
            key=f"{form.PREFIX}arm{number}-name",
            live=True,
            width=230,
            **form.KEEP,
        )
        st.text_input(
            "Key in the data", key=f"{form.PREFIX}arm{number}-key", placeholder="from the name",
            width=160, **form.KEEP,
        )  # fmt: skip
        st.text_input(
            "Share, %",
            key=f"{form.PREFIX}arm{number}-share",
            live=True,
            width=90,
            **form.KEEP,
        )
        if len(form.get(form.ARMS)) > 2:
            st.button(
                "Remove", key=f"remove-arm-{number}", type="tertiary", on_click=form.remove_arm,
                args=(number,),
            )  # fmt: skip


def _name(number: int) -> str:
    return form.text(f"arm{number}-name") or form.text(f"arm{number}-key") or "(no name)"


def _preview() -> None:
    try:
        arms = create_save.arms()
    except UpshotError as error:
        theme.refused(error)
        return
    ordered = sorted(arms, key=lambda arm: not arm.is_control)
    weights = {arm.key: arm.weight_bp or 0 for arm in ordered}
    names = {arm.key: arm.name for arm in arms}
    bar = split_bar(
        None, weights, theme.tokens(), names=names, labels=("", "Split"), narrow=True
    )
    theme.figure(bar, key="create-split", alt=split_alt(None, weights, names))
    problems = split_problems([(arm.key, arm.weight_bp) for arm in arms])
    if problems:
        for problem in problems:
            st.markdown(f":red[**✕**] {theme.text(problem.message)}")
    else:
        st.markdown(":green[✓] The split adds up to exactly 100 %.")
