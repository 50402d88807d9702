"""Choices that stand in the address, so that a link reproduces the view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.elements.lib.mutable_tab_container import TabContainer


def segments(label: str, options: Mapping[str, str], *, param: str, scope: str) -> str:
    """A row of choices; the chosen one is a parameter of the address.

    Args:
        label: For a screen reader.
        options: Value in the address -> words from our own copy.
        param: Name of the parameter.
        scope: What the choice belongs to, such as the experiment; another one starts anew.
    """
    key = _start(options, param, scope)
    st.segmented_control(
        label,
        list(options),
        format_func=options.__getitem__,
        key=key,
        required=True,
        label_visibility="collapsed",
        on_change=_write,
        args=(param, key),
    )
    return str(st.session_state[key])


def box(label: str, options: Mapping[str, str], *, param: str, scope: str) -> str:
    """A select box for names from data; the chosen one is a parameter of the address."""
    key = _start(options, param, scope)
    st.selectbox(
        label,
        list(options),
        format_func=lambda value: options[value],
        key=key,
        label_visibility="collapsed",
        on_change=_write,
        args=(param, key),
        width=260,
    )
    return str(st.session_state[key])


def kept(_label: str, options: Mapping[str, str], *, param: str, scope: str) -> str:
    """What a box would say: from earlier, else from the address, where the box is not drawn."""
    return chosen(options, param=param, scope=scope)


def chosen(options: Mapping[str, str], *, param: str, scope: str) -> str:
    """What stands in such a box, or would if it were on the page."""
    return _asked(options, param, f"{param}-{scope}")


def tabs(labels: Mapping[str, str]) -> dict[str, TabContainer]:
    """Tabs on a page; the open one is a parameter of the address.

    Args:
        labels: Value in the address -> words from our own copy.
    """
    opened = st.tabs(
        list(labels.values()),
        default=labels.get(st.query_params.get("tab", "")),
        key="tabs",
        on_change=_write_tab,
        args=(dict(labels),),
    )
    return dict(zip(labels, opened, strict=True))


def _write_tab(labels: dict[str, str]) -> None:
    shown = st.session_state["tabs"]
    st.query_params["tab"] = next(slug for slug, label in labels.items() if label == shown)


def _start(options: Mapping[str, str], param: str, scope: str) -> str:
    """The key of a choice, which is told to the browser anew in every run."""
    key = f"{param}-{scope}"
    st.session_state[key] = _asked(options, param, key)
    return key


def _asked(options: Mapping[str, str], param: str, key: str) -> str:
    """What was chosen, what the address asks for, or the first one."""
    told = (st.session_state.get(key, ""), st.query_params.get(param, ""))
    return next((str(one) for one in told if one in options), next(iter(options)))


def _write(param: str, key: str) -> None:
    st.query_params[param] = st.session_state[key]
