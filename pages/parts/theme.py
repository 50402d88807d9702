"""What every page shares: the look, text that cannot become markup, figures, small tables."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import streamlit as st

from experiments_core.charts import theme as palette
from experiments_core.charts import words
from experiments_core.errors import UpshotError
from pages.parts import markup, screen, style

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

HERE = Path(__file__).parent
ICON = str(HERE / "icon.svg")
LOGO = str(HERE / "logo.svg")

BADGES = {"better": "green", "worse": "red", "warning": "orange", "neutral": "gray"}
CHART = {"displayModeBar": False, "scrollZoom": False, "responsive": True}


def apply() -> None:
    """Put the one static style sheet into the page; it holds no data."""
    st.html(style.CSS)


def door(label: str, path: str, *, quiet: bool = False) -> None:
    """A button that leaves the pages in this very tab, as no link of Streamlit's does.

    Args:
        label: From our own copy.
        path: On this server.
        quiet: Looks like a link.
    """
    kind = "upshot-door upshot-quiet" if quiet else "upshot-door"
    st.html(f'<a class="{kind}" href="{html.escape(path)}">{html.escape(label)}</a>')


def tokens() -> palette.Tokens:
    """The palette of the scheme the reader sees; light until the browser has said."""
    return palette.tokens(st.context.theme.type)


def text(value: object, limit: int = 200) -> str:
    """A name from data for any Streamlit text: shown letter by letter, never as markup.

    Punctuation is escaped; a word joiner breaks what is recognised after escapes are read
    (emoji codes, icons, bare addresses).
    """
    line = re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", words.plain(value, limit))
    return re.sub(r"((?:[:@])(?=\S)|www(?=\\\.))", "\\1\u2060", line)


def badge(mark: str, word: str, kind: str = "neutral") -> None:
    """One badge: mark and word first, colour as the third signal.

    Args:
        mark: ``▲``, ``▼``, ``●``, ``!``, ``✕``, ``?`` or ``…``.
        word: The words beside it, from our own copy.
        kind: ``better``, ``worse``, ``warning`` or ``neutral``.
    """
    # st.badge escapes brackets itself
    label = re.sub(r"\\([\[\]])", r"\1", f"{mark} {text(word)}")
    st.badge(label, color=BADGES[kind])  # type: ignore[arg-type]


def badges(marks: Sequence[tuple[str, str, str]], note: str = "") -> None:
    """At most two badges in a row, and a muted note after them."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for mark, word, kind in marks[:2]:
            badge(mark, word, kind)
        if note:
            muted(note, width="content")


def once(draw: Callable[[], None], *key: object) -> None:
    """Draw elements that nobody can change; the same key draws them again from memory.

    Figures cost far more to make than to send, and a rerun makes everything anew.

    Args:
        draw: Draws texts, tables and figures, no widgets.
        key: Everything that is drawn, its ``repr`` says all there is; colours and
            width are added.
    """
    seen = (*key, st.context.theme.type, screen.is_narrow())
    _kept(hashlib.sha256(repr(seen).encode()).hexdigest(), draw)


@st.cache_data(max_entries=200, show_spinner=False)
def _kept(digest: str, _draw: Callable[[], None]) -> None:  # noqa: ARG001  names the cache
    _draw()


def title_row(title: str) -> DeltaGenerator:
    """The page title; the returned container takes at most two actions on its right."""
    row = st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"
    )
    row.title(text(title), anchor=False, width="content")
    return row.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center",
        width="content",
    )  # fmt: skip


def section(finding: str) -> None:
    """A section title in serif; it states the finding."""
    markup.draw(markup.section(finding))


def lead(finding: str, note: str = "") -> None:
    """A title of a chart or strip: bold, then a muted note on the same line."""
    tail = f"\u2003:gray[{text(note)}]" if note else ""
    st.markdown(f"**{text(finding)}**{tail}")


def muted(sentence: str, *, width: str = "stretch") -> None:
    """A line of body size in the muted colour."""
    st.markdown(f":gray[{text(sentence, 2000)}]", width=width)  # type: ignore[arg-type]


def note(sentence: str) -> None:
    """A small muted line, such as the key under a chart."""
    st.markdown(f":small[:gray[{text(sentence, 2000)}]]")


def figure(drawing: palette.Figure, *, key: str, alt: str, image: str = "") -> None:
    """Draw a figure as it is, with words for who cannot see it.

    Args:
        drawing: From ``experiments_core.charts``, on its own ground.
        key: Key of the element, unique on the page.
        alt: What the figure says, in sentences.
        image: File name; then the figure carries one button that saves it as a picture,
            made in the browser without any server or network.
    """
    config: dict[str, Any] = dict(CHART)
    if image:
        config |= {
            "displayModeBar": True,
            "displaylogo": False,
            "modeBarButtons": [["toImage"]],
            "toImageButtonOptions": {
                "format": "png",
                "filename": image,
                "width": 1240,
                "scale": 2,
            },
        }
    st.plotly_chart(drawing, theme=None, key=key, alt=alt, config=config)


class Drawing(Protocol):
    """Makes one figure for a wide or a narrow page."""

    def __call__(self, *, narrow: bool) -> palette.Figure: ...


def fitting(draw: Drawing, *, key: str, alt: str, image: str = "") -> None:
    """Draw a figure for the width that the reader has; only a wide one can be saved."""
    narrow = screen.is_narrow()
    fit = "narrow" if narrow else "wide"
    figure(draw(narrow=narrow), key=f"{fit}-{key}", alt=alt, image="" if narrow else image)


def numbers(rows: Iterable[Mapping[str, object]]) -> None:
    """“Table of these numbers”, closed at first; reachable by keyboard and screen reader."""
    markup.draw(markup.numbers(rows))


def computed(steps: Iterable[tuple[str, str]]) -> None:
    """The expander “How was this computed?”: pairs of a formula and the numbers put in."""
    with st.expander("How was this computed?", icon=":material/function:", type="compact"):
        for formula, numbers_put_in in steps:
            st.code(formula, language=None, wrap_lines=True)
            st.code(numbers_put_in, language=None, wrap_lines=True)


def table(
    rows: Iterable[Mapping[str, object]], *, right: bool = False, texts: Container[str] = ()
) -> None:
    """A small ruled table, as :func:`markup.table` describes it."""
    markup.draw(markup.table(rows, right=right, texts=texts))


def refused(error: UpshotError, safe: str = "") -> None:
    """An error as people read it: what happened, what to do, the code last and small.

    Args:
        error: Refused by a service.
        safe: What is kept or was not touched, from our own copy.
    """
    st.markdown(f":red[**✕**] **{text(error.message, 1000)}**")
    problems = [
        one for one in error.details if one.message and one.message not in error.message
    ]
    for problem in problems[:20]:
        st.markdown(f"- {text(problem.field)}: {text(problem.message, 500)}")
    if error.hint:
        st.markdown(text(error.hint, 1000))
    if safe:
        st.markdown(text(safe))
    note(f"Code {error.code}")


def empty(title: str, sentence: str) -> None:
    """The head of an empty place: what it is and why; doors follow as buttons."""
    st.subheader(text(title), anchor=False)
    st.markdown(text(sentence, 1000))
