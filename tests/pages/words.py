"""What a page says, as one text."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

KINDS = ("title", "header", "subheader", "markdown", "metric")


def said(app: AppTest) -> str:
    """Every title, sentence and figure, with escapes removed."""
    texts = [
        f"{getattr(one, 'label', '')} {one.value}" for kind in KINDS for one in app.get(kind)
    ]
    return "\n".join(texts).replace("\\", "").replace("\u2060", "").replace("\u202f", " ")


def button(app: AppTest, label: str) -> object:
    """The one button with this label."""
    found = [one for one in app.button if one.label == label]
    assert found, [one.label for one in app.button]
    return found[0]


def field(app: AppTest, label: str) -> object:
    """The first text field with this label."""
    return next(one for one in app.text_input if one.label == label)
