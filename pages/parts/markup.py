"""Static parts of a page as HTML, many in one element.

A rerun walks through every element of the page twice, and most of what it costs is their
number. Here the parts of a page that nobody can change become one element, which the browser
leaves as it is while its text is the same. Every text is escaped here and nowhere else, so a
name from data is shown letter by letter.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from html import escape
from typing import NewType

import streamlit as st

from experiments_core.charts import words

Html = NewType("Html", str)
"""Text that is HTML already: made in this module, or of it."""
NOTHING = Html("")


def draw(*parts: Html) -> None:
    """Put parts into the page, one under the other, as one element; nothing for none."""
    body = join(*parts)
    if body:
        st.html(f'<div class="u-block">{body}</div>')


def join(*parts: Html) -> Html:
    """Parts one after the other."""
    return Html("".join(parts))


def text(value: object, limit: int = 200) -> Html:
    """A text from anywhere, shown letter by letter."""
    return Html(escape(words.plain(value, limit)))


def strong(sentence: object, limit: int = 200) -> Html:
    """The same in bold."""
    return Html(f"<strong>{text(sentence, limit)}</strong>")


def colour(kind: str, inside: Html) -> Html:
    """A part in ``muted`` or in the colour of ``better``, ``worse`` or ``warning``."""
    return Html(f'<span class="u-{kind}">{inside}</span>')


def title(sentence: str) -> Html:
    """The title of the page."""
    return Html(f"<h1>{text(sentence, 300)}</h1>")


def section(finding: str) -> Html:
    """A section title in serif; it states the finding."""
    return Html(f"<h2>{text(finding)}</h2>")


def paragraph(*parts: Html) -> Html:
    """A line of body text made of parts."""
    return Html(f"<p>{' '.join(parts)}</p>")


def note(sentence: str) -> Html:
    """A small muted line, such as the key under a chart."""
    return Html(f'<p class="u-note">{text(sentence, 2000)}</p>')


def lead(finding: str, aside: str = "") -> Html:
    """A title of a chart or strip: bold, then muted words on the same line."""
    tail = f"\u2003{colour('muted', text(aside))}" if aside else ""
    return Html(f'<p class="u-part">{strong(finding)}{tail}</p>')


def badges(marks: Sequence[tuple[str, str, str]], aside: str = "") -> Html:
    """At most two badges in a row, and muted words after them.

    Args:
        marks: Mark (``▲``, ``▼``, ``●``, ``!``, ``✕``, ``?`` or ``…``), words and kind
            (``better``, ``worse``, ``warning`` or ``neutral``).
        aside: The words after them.
    """
    shown = [
        f'<span class="u-is-{kind}">{mark} {text(word)}</span>'
        for mark, word, kind in marks[:2]
    ]
    if aside:
        shown.append(colour("muted", text(aside)))
    return Html(f'<p class="u-badges">{"".join(shown)}</p>')


def card(key: str, label: Html, *parts: Html) -> Html:
    """A button and what it opens above the page; the browser does it, without a rerun."""
    return Html(
        f'<button type="button" popovertarget="{escape(key)}">{label}</button>'
        f'<div popover class="u-card" id="{escape(key)}">{join(*parts)}</div>'
    )


def box(kind: str, *parts: Html) -> Html:
    """Parts in a box of their own, laid out as the style sheet says for this kind."""
    return Html(f'<div class="u-{kind}">{join(*parts)}</div>')


def bar(name: str, share: float) -> Html:
    """A thin bar of progress, named for a screen reader.

    Args:
        name: What makes progress.
        share: Between 0 and 1; above it the bar is full.
    """
    full = round(100 * min(max(share, 0.0), 1.0))
    return Html(
        f'<div class="u-bar" role="progressbar" aria-label="{text(name)}" '
        f'aria-valuenow="{full}"><div style="width: {full}%"></div></div>'
    )


def bullets(lines: Iterable[Html]) -> Html:
    """A list of points."""
    return Html(f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>")


def numbers(rows: Iterable[Mapping[str, object]]) -> Html:
    """“Table of these numbers”, closed at first; reachable by keyboard and screen reader."""
    icon = '<span class="u-icon" aria-hidden="true" translate="no">table_rows</span>'
    inside = table(rows, right=True)
    return Html(f"<details><summary>{icon}Table of these numbers</summary>{inside}</details>")


def table(
    rows: Iterable[Mapping[str, object]], *, right: bool = False, texts: Container[str] = ()
) -> Html:
    """A small ruled table.

    Args:
        rows: Heading -> cell; an empty cell for None.
        right: There are columns of numbers as words: they stand on the right, as real numbers
            always do.
        texts: With ``right``, the columns after the first that stay on the left.
    """
    lines = list(rows)
    heads = list(lines[0]) if lines else []
    kinds = [_side(name, [row.get(name) for row in lines], texts) for name in heads]
    top = "".join(
        f'<th scope="col"{kind}>{text(name)}</th>'
        for name, kind in zip(heads, kinds, strict=True)
    )
    body = "".join(_row(row.values(), kinds) for row in lines)
    side = "u-rows u-right" if right else "u-rows"
    return Html(
        f'<div class="{side}"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _side(name: str, cells: Iterable[object], texts: Container[str]) -> str:
    if name in texts:
        return ' class="u-left"'
    counted = any(
        isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells
    )
    return ' class="u-number"' if counted else ""


def _row(cells: Iterable[object], kinds: Iterable[str]) -> str:
    told = zip(cells, kinds, strict=True)
    return f"<tr>{''.join(f'<td{kind}>{_cell(cell)}</td>' for cell, kind in told)}</tr>"


def _cell(cell: object) -> Html:
    return NOTHING if cell is None else text(cell, 500)
