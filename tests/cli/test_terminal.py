from experiments_core.cli.terminal import fitted, minute


def test_a_wide_line_is_broken_between_words_and_indented():
    text = fitted("  · one look, at the end: nothing is decided before", 24)
    assert text.split("\n") == [
        "  · one look, at the",
        "    end: nothing is",
        "    decided before",
    ]


def test_a_line_that_fits_stays_as_it_is():
    assert fitted("arm        share", 24) == "arm        share"


def test_a_time_is_shown_to_the_minute():
    assert minute("2026-11-28T10:25:12.125119Z") == "2026-11-28 10:25"
    assert minute("never") == "never"
