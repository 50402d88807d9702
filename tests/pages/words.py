"""What a page says, as one text."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

KINDS = ("title", "header", "subheader", "markdown", "metric")


def unescaped(text: str) -> str:
    """Text as people see it."""
    return text.replace("\\", "").replace("\u2060", "").replace("\u202f", " ")


def said(app: AppTest) -> str:
    """Every title, sentence and figure."""
    texts = [
        f"{getattr(one, 'label', '')} {one.value}" for kind in KINDS for one in app.get(kind)
    ]
    return unescaped("\n".join(texts))


def button(app: AppTest, label: str) -> Any:
    """The first button with this label."""
    found = [one for one in app.button if unescaped(one.label) == label]
    assert found, [one.label for one in app.button]
    return found[0]


def field(app: AppTest, label: str) -> Any:
    """The first text field with this label."""
    found = [one for one in app.text_input if unescaped(one.label) == label]
    assert found, [one.label for one in app.text_input]
    return found[0]
