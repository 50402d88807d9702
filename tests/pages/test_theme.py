"""Text from data stays text; the style sheet holds no data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import screen, theme
from tests.pages.words import tables


@pytest.mark.parametrize(
    ("given", "shown"),
    (
        ("plain words 12", "plain words 12"),
        ("a*b*_c_", r"a\*b\*\_c\_"),
        ("![x](http://e.com)", "\\!\\[x\\]\\(http\\:\u2060\\/\\/e\\.com\\)"),
        (":red[x]", "\\:\u2060red\\[x\\]"),
        ("$x$", r"\$x\$"),
        ("<b>", r"\<b\>"),
        ("me@e.com", "me\\@\u2060e\\.com"),
        ("www.e.com", "www\u2060\\.e\\.com"),
        ("two\nlines\u202e", "two lines"),
    ),
)
def test_a_name_is_shown_letter_by_letter(given: str, shown: str):
    assert theme.text(given) == shown


def test_a_long_name_is_cut():
    assert theme.text("x" * 300, 20) == "x" * 19 + "…"


FIGURE = """
from functools import partial
from experiments_core.charts.bars import split_bar
from pages.parts import screen, theme
from tests.pages.words import tables

draw = partial(split_bar, None, {"a": 5000, "b": 5000}, theme.tokens())
theme.fitting(draw, key="split", alt="Half each.", image="split")
"""


@pytest.mark.parametrize("narrow", (False, True))
def test_a_figure_is_drawn_once_for_the_width_that_the_browser_told(*, narrow: bool):
    app = AppTest.from_string(FIGURE)
    app.session_state[screen.KEY] = {screen.NARROW: narrow}
    (chart,) = app.run().get("plotly_chart")
    height = json.loads(chart.proto.spec)["layout"]["height"]
    assert height == (64 if narrow else 48)
    assert ("toImage" in chart.proto.config) is not narrow


def test_logo_and_icon_are_our_own_files():
    for path in (theme.ICON, theme.LOGO):
        assert Path(path).read_text(encoding="utf-8").startswith("<svg")


PAGE = """
from experiments_core.errors import InvalidInputError, Problem
from pages.parts import screen, theme
from tests.pages.words import tables

theme.apply()
theme.title_row("Plan [x](y)")
theme.section("Finding")
theme.badges([("▲", "Better", "better"), ("!", "Open", "warning"), ("x", "third", "neutral")])
theme.numbers([{"Name": "<b>*a*", "n": 3}])
theme.empty("Nothing here.", "Upload a file.")
details = (
    Problem("weight_bp", 1, "RANGE", "weights add up to 100 %"),
    Problem("name", "", "REQUIRED", "a name is needed"),
)
theme.refused(InvalidInputError("A name is wrong.", hint="Change it.", details=details))
"""


def test_the_shared_parts_can_be_drawn():
    app = AppTest.from_string(PAGE, default_timeout=20).run()
    assert not app.exception
    written = [str(element.value) for element in app.markdown]
    assert app.title[0].value == r"Plan \[x\]\(y\)"
    assert any("Code INVALID" in text for text in written)
    assert any("a name is needed" in text for text in written)
    assert tables(app)[0].to_numpy().tolist() == [["<b>*a*", "3"]]
    assert not any("third" in text for text in written)


def test_what_was_drawn_once_comes_from_memory_until_its_key_changes() -> None:
    def script() -> None:
        import streamlit as st  # noqa: PLC0415  the script stands alone

        from pages.parts import theme  # noqa: PLC0415

        def draw(name: str) -> None:
            st.session_state["drawn"] = st.session_state.get("drawn", 0) + 1
            with st.container(key="kept"):
                st.markdown(name)

        shown = st.text_input("Shown", "first of this test")
        theme.once(lambda: draw(shown), "a key of this test", shown)

    app = AppTest.from_function(script).run().run()
    assert (app.markdown[0].value, app.session_state["drawn"]) == ("first of this test", 1)
    app.text_input[0].set_value("second of this test").run()
    assert (app.markdown[0].value, app.session_state["drawn"]) == ("second of this test", 2)
    app.text_input[0].set_value("first of this test").run()
    assert (app.markdown[0].value, app.session_state["drawn"]) == ("first of this test", 2)
