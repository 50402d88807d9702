"""Numbers as people type them."""

from __future__ import annotations

import pytest

from experiments_core.errors import InvalidInputError
from pages.parts import entry


@pytest.mark.parametrize(
    ("typed", "value"),
    (("8.3", 8.3), ("8,3", 8.3), ("4 200", 4200.0), ("4\u202f200.5", 4200.5), ("-1", -1.0),
     ("\u22121,5", -1.5), ("1e3", 1000.0), (".5", 0.5), ("1,234.5", None)),
)  # fmt: skip
def test_a_number_is_read_as_it_is_written(typed: str, value: float | None) -> None:
    if value is None:
        with pytest.raises(InvalidInputError):
            entry.number("Mean", typed)
    else:
        assert entry.number("Mean", typed) == value


def test_a_number_with_two_readings_is_refused_and_both_are_named() -> None:
    with pytest.raises(InvalidInputError) as refused:
        entry.number("Mean", "4,200")
    assert "two ways" in refused.value.message
    assert "4200" in refused.value.hint
    assert "4.200" in refused.value.hint


@pytest.mark.parametrize("typed", ("", "abc", "1e999", "nan", "inf", "1 %x", "--1", "1.2.3"))
def test_what_is_no_number_is_refused_by_name_and_value(typed: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        entry.number("Baseline", typed)
    assert refused.value.message.startswith("Baseline")
    assert refused.value.details[0].rule == ("REQUIRED" if not typed else "TYPE")


def test_per_cent_may_carry_its_sign_or_not() -> None:
    assert entry.percent("Rate", "8.30 %") == pytest.approx(0.083)
    assert entry.percent("Rate", "8.3") == pytest.approx(0.083)


@pytest.mark.parametrize(("typed", "value"), (("4,200", 4200), ("4 200", 4200), ("7", 7)))
def test_a_comma_in_a_count_can_only_group(typed: str, value: int) -> None:
    assert entry.whole("Users a day", typed) == value


@pytest.mark.parametrize("typed", ("0", "-3", "1.5"))
def test_a_count_is_whole_and_above_zero(typed: str) -> None:
    with pytest.raises(InvalidInputError, match="whole number above 0"):
        entry.whole("Users a day", typed)


def test_nothing_typed_is_not_known_rather_than_zero() -> None:
    assert entry.optional_whole("Users a day", "  ") is None


@pytest.mark.parametrize("basis", (0, 1, 3333, 3334, 5000, 10_000))
def test_a_share_is_read_back_exactly_as_it_is_shown(basis: int) -> None:
    assert entry.basis_points("Share", entry.share(basis)) == basis


def test_a_share_with_three_decimals_is_too_fine() -> None:
    with pytest.raises(InvalidInputError) as refused:
        entry.basis_points("Share of B", "33.333")
    assert refused.value.details[0].rule == "TOO_FINE"


@pytest.mark.parametrize("typed", ("-1", "100.01"))
def test_a_share_lies_between_nothing_and_everything(typed: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        entry.basis_points("Share of B", typed)
    assert refused.value.details[0].rule == "RANGE"
