from datetime import date

import pytest

from experiments_core.analysis import metric_words, words
from experiments_core.stats.estimate import REASONS, Undefined
from tests.charts import examples


def ascii_spaces(text: str) -> str:
    return text.replace(words.NARROW, " ").replace(words.MINUS, "-")


@pytest.mark.parametrize(
    ("value", "text"),
    ((0.08271, "8.27 %"), (0.0, "0.00 %"), (1.0, "100.00 %"), (-0.0, "0.00 %")),
)
def test_a_rate_has_two_decimals(value: float, text: str):
    assert ascii_spaces(words.rate(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    ((0.0759, "+7.6 %"), (-0.152, "-15.2 %"), (-0.0001, "0.0 %"), (0, "0.0 %")),
)
def test_a_lift_has_a_sign_and_never_a_minus_zero(value: float, text: str):
    assert ascii_spaces(words.lift(value)) == text


def test_differences_of_rates_are_points():
    assert ascii_spaces(words.points(0.006276)) == "+0.63 pp"


@pytest.mark.parametrize(
    ("value", "text"),
    (
        (0.0559, "p = 0.056"),
        (0.00021, "p = 0.0002"),
        (0.00009, "p < 0.0001"),
        (0.0, "p < 0.0001"),
        (1.0, "p = 1.000"),
    ),
)
def test_p_never_prints_as_zero(value: float, text: str):
    assert ascii_spaces(words.p(value)) == text


def test_amounts_carry_their_unit_where_people_write_it():
    assert ascii_spaces(words.amount(5.3199, "USD")) == "$5.32"
    assert ascii_spaces(words.amount(-0.254, "EUR", signed=True)) == "-€0.25"
    assert ascii_spaces(words.amount(2.88, "s")) == "2.88 s"
    assert ascii_spaces(words.amount(1234567.891)) == "1 234 568"


@pytest.mark.parametrize(
    ("unit", "values", "ends", "told"),
    (
        ("EUR", (27_228_168.0, 28_820_632.0), (897_336.0, 2_287_592.0),
         ("€27.23 M", "€28.82 M", "+€1.59 M", "0.90 to 2.29")),
        ("", (2.031e-5, 2.091e-5), (-4.1e-7, 1.53e-6),
         ("20.3 ×10⁻⁶", "20.9 ×10⁻⁶", "+0.6 ×10⁻⁶", "-0.4 to 1.5")),
        ("", (3.2e9, 3.1e9), (-2e8, -1e7),
         ("3.20 bn", "3.10 bn", "-0.10 bn", "-0.20 to -0.01")),
        ("USD", (999_999.0, 1_100.0), (-2e6, -1e3),
         ("$999 999", "$1 100", "-$998 899", "-2 000 000 to -1 000")),
    ),
)  # fmt: skip
def test_very_large_and_small_amounts_share_one_power_of_ten(
    unit: str, values: tuple[float, float], ends: tuple[float, float], told: tuple[str, ...]
):
    found = examples.metric(
        "Value", values, (100, 100), examples.paid_order().arms[1].contrast,
        kind="mean", unit=unit,
    )  # fmt: skip
    assert tuple(map(ascii_spaces, (
        *(metric_words.value_of(found, value) for value in values),
        metric_words.difference_of(found, values[1] - values[0]),
        metric_words.difference_interval(found, *ends),
    ))) == told  # fmt: skip


def test_intervals_name_their_open_end():
    unbounded = Undefined("unbounded")
    assert ascii_spaces(words.lift_interval(0.013, 0.143)) == "1.3 % to 14.3 %"
    assert ascii_spaces(words.lift_interval(-0.12, unbounded)) == "at least -12.0 %"
    assert ascii_spaces(words.lift_interval(unbounded, 0.12)) == "at most 12.0 %"
    assert words.lift_interval(unbounded, unbounded) == "–"


def test_what_does_not_exist_is_a_dash_and_a_sentence():
    none = Undefined("zero_control")
    for written in (words.rate, words.lift, words.points, words.amount, words.p):
        assert written(none) == "–"
    assert words.reason(none) == "Control has none, so no relative lift exists."


def test_every_reason_has_a_sentence():
    assert set(words.REASONS) == REASONS


@pytest.mark.parametrize(
    ("confidence", "text"), ((0.95, "95 %"), (0.975, "97.5 %"), (1 - 0.05 / 3, "98.33 %"))
)
def test_a_level_has_the_decimals_it_needs(confidence: float, text: str):
    assert ascii_spaces(words.level(confidence)) == text


def test_days_of_one_month_share_it():
    assert ascii_spaces(words.days(date(2026, 5, 6), date(2026, 5, 11))) == "6–11 May"
    assert ascii_spaces(words.days(date(2026, 4, 28), date(2026, 5, 3))) == "28 April–3 May"
    assert ascii_spaces(words.days(date(2026, 5, 6), date(2026, 5, 6))) == "6 May"
    assert words.month(date(2026, 1, 1)) == "Jan 2026"


def test_a_name_read_from_right_to_left_leaves_the_numbers_beside_it_in_order():
    name = words.name("גרסה קצרה")
    assert name == "\u2068גרסה קצרה\u2069"
    assert words.plain(f"So far {name}: +10.0 %") == f"So far {name}: +10.0 %"
    assert words.name("Vier Felder") == "Vier Felder"
    assert words.plain("open \u2068 for ever \u202e") == "open  for ever"
