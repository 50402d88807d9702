from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_core.domain.text import KEY, clean, slugify, text_problems, unused


def test_text_is_trimmed_normalised_and_has_plain_line_ends():
    assert clean("  Zoe\u0308\r\n x ") == "Zoë\n x"


@pytest.mark.parametrize("bad", ("\x00", "\x07", "\x1b", "\x7f", "\u202e", "\u2066", "\ud800"))
def test_control_and_direction_override_characters_are_refused(bad: str):
    (problem,) = text_problems("name", f"a{bad}b", longest=10, lines=True)
    assert problem.rule == "TEXT_CONTROL_CHARACTER"
    assert f"U+{ord(bad):04X}" in problem.message


def test_line_breaks_and_tabs_are_only_for_long_texts():
    assert text_problems("note", "a\nb\tc", longest=10, lines=True) == []
    assert [p.rule for p in text_problems("name", "a\nb", longest=10)] == [
        "TEXT_CONTROL_CHARACTER"
    ]


@pytest.mark.parametrize(
    ("value", "rule"),
    (
        ("", "REQUIRED"),
        ("   ", "REQUIRED"),
        ("ab", "LENGTH"),
        ("abcdef", "LENGTH"),
        (7, "TYPE"),
    ),
)
def test_length_is_counted_after_trimming(value: object, rule: str):
    assert [p.rule for p in text_problems("f", value, shortest=3, longest=5)] == [rule]


def test_accents_emoji_and_right_to_left_letters_pass():
    assert text_problems("name", "Zoë 🚀 שלום", longest=20) == []


@given(st.text(max_size=200))
def test_a_slug_is_always_a_key(text: str):
    assert KEY.fullmatch(slugify(text, "experiment"))


def test_a_slug_is_readable():
    assert slugify("Zoë’s  Test: 2 / 3", "x") == "zoes-test-2-3"
    assert slugify("日本", "experiment") == "experiment"


def test_a_taken_key_gets_a_number_and_stays_short_enough():
    taken = frozenset({"a", "a-2", "x" * 64})
    assert unused("A", taken) == "A-3"
    assert unused("b", taken) == "b"
    assert unused("x" * 64, taken) == "x" * 62 + "-2"
