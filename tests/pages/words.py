"""What a page says, as one text, and its tables."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pandas as pd
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
    return unescaped("\n".join([*texts, seen(app)]))


class Seen(HTMLParser):
    """What a person sees of HTML: its words, and the cells of its tables."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.cell: list[str] | None = None
        self.feed(source)

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.cell = []
        elif tag in {"p", "li", "h1", "h2", "button", "summary"}:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self.tables[-1][-1].append("".join(self.cell or ()))
            self.cell = None

    def handle_data(self, data: str) -> None:
        (self.words if self.cell is None else self.cell).append(data)


def seen(app: AppTest) -> str:
    """The words of the parts that are HTML, without their tables."""
    return "\n".join("".join(Seen(one.value).words) for one in _blocks(app))


def tables(app: AppTest) -> list[pd.DataFrame]:
    """Every table of the page."""
    found = [rows for one in _blocks(app) for rows in Seen(one.value).tables]
    return [pd.DataFrame(body, columns=head) for head, *body in found]


def _blocks(app: AppTest) -> list[Any]:
    return [one for one in app.html if not one.value.startswith("<style")]


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
