"""Numbers as people read them. Fractions come in, per cent and points go out.

Every place formats through here, so a figure, a page and a report print the same digits.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, datetime

from experiments_core.analysis.scales import PLAIN, Scale
from experiments_core.stats.estimate import Undefined, Value

ISOLATES = "\u2068\u2069"
"""Around a name that is read from right to left, so that its neighbours stay in order."""
NARROW = "\u202f"  # narrow no-break space: before a unit, between thousands, around "="
MINUS = "\u2212"
NONE = "–"

MONTHS = (
    "Jan", "Feb", "March", "April", "May", "June",
    "July", "Aug", "Sept", "Oct", "Nov", "Dec",
)  # fmt: skip
CURRENCIES = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


REASONS = {
    "no_users": "No units were counted in one arm.",
    "below_minimum": "Too few units for a test yet.",
    "too_few_units": "A variance needs at least two units.",
    "no_variance": "Every unit has the same value, so there is nothing to test.",
    "zero_control": "Control has none, so no relative lift exists.",
    "nonpositive_control": "Control’s mean is not above zero, so no relative lift exists.",
    "near_zero_control": "Control’s mean is too close to zero for a relative lift.",
    "zero_denominator": "The denominators add up to zero.",
    "constant_covariate": "The covariate is the same for every unit.",
    "unexpected_arm": "Units are in an arm that should have none.",
    "effect_zero": "An effect of zero can never be seen.",
    "not_reachable": "No effect in this direction can be seen with so few units.",
    "target_outside_range": "This effect would take the rate outside 0 to 100 %.",
    "plan_missing": "The plan does not say how many units there will be.",
    "no_signal_in_history": "Past tests show no spread of effects.",
    "past_too_short": "There are fewer than six past tests.",
    "non_finite_input": "The data hold a number that is not finite.",
    "no_unit_rows": "This needs one row per unit; there are only totals.",
    "column_missing": "The data have no such column.",
    "phase_unknown": "The split changed, and rows have no time to say which split they saw.",
    "not_randomised": "The arms were not assigned at random.",
    "stored_only": "Only somebody else’s results are stored, without counts.",
    "sample_ratio_mismatch": "Traffic is not what was asked for.",
    "unbounded": "The interval is open on this side.",
    "crossed_units": "Too many units were in both arms.",
    "served_vs_assigned": "Units saw another version than the one assigned.",
    "left_out_rows": "Too many rows were left out.",
    "covariate_imbalance": "The arms differed before the test began.",
    "no_data": "There are no data yet.",
}


def plain(text: object, limit: int = 200) -> str:
    """Text from data as one line: control characters gone, cut with an ellipsis."""
    line = str(text)
    if not line.replace(NARROW, " ").isprintable():
        line = _without_controls(line)
    line = line.strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def name(text: object, limit: int = 200) -> str:
    """A name inside a sentence: one that is read from right to left turns nothing around it.

    Without it “+10.0 %” after a Hebrew name is shown as “10.0+ … %”.
    """
    line = plain(text, limit)
    if any(unicodedata.bidirectional(sign) in {"R", "AL"} for sign in line):
        return f"{ISOLATES[0]}{line}{ISOLATES[1]}"
    return line


def _without_controls(text: str) -> str:
    own = ISOLATES if _is_isolated(text) else ""
    return "".join(
        " " if unicodedata.category(sign) in {"Cc", "Zl", "Zp"} else sign
        for sign in text
        if sign in own or unicodedata.category(sign) != "Cf"
    )


def _is_isolated(text: str) -> bool:
    """Whether what :func:`name` set apart is whole: each part is closed before the next."""
    marks = [sign for sign in text if sign in ISOLATES]
    return marks == list(ISOLATES) * (len(marks) // 2)


def listed(parts: Sequence[str]) -> str:
    """``35 %, 26 % and 39 %``."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def number(value: float, decimals: int, *, signed: bool = False) -> str:
    """A number with fixed decimals, narrow groups and a real minus; never −0.0.

    Raises:
        ValueError: the number is not finite; say why instead of printing it.
    """
    if not math.isfinite(value):
        message = f"{value} cannot be printed; pass Undefined with its reason"
        raise ValueError(message)
    text = f"{abs(value):,.{decimals}f}".replace(",", NARROW)
    zero = not any(digit in text for digit in "123456789")
    if value < 0 and not zero:
        return MINUS + text
    return "+" + text if signed and not zero else text


def count(value: float) -> str:
    """``58 906``."""
    return number(value, 0)


def percent(value: float, decimals: int = 1, *, signed: bool = False) -> str:
    """A fraction in per cent."""
    return f"{number(value * 100, decimals, signed=signed)}{NARROW}%"


def level(confidence: float) -> str:
    """``95 %``, ``97.5 %``, ``99.87 %``: a confidence level with the decimals it needs."""
    decimals = next(
        (d for d in (0, 1) if abs(round(confidence * 100, d) - confidence * 100) < 1e-6), 2
    )
    return percent(confidence, decimals)


def rate(value: Value) -> str:
    """``8.70 %``."""
    return NONE if isinstance(value, Undefined) else percent(value, 2)


def lift(value: Value) -> str:
    """``+7.5 %``."""
    return NONE if isinstance(value, Undefined) else percent(value, 1, signed=True)


def points(value: Value) -> str:
    """``+0.61 pp``."""
    if isinstance(value, Undefined):
        return NONE
    return f"{number(value * 100, 2, signed=True)}{NARROW}pp"


def amount(
    value: Value,
    unit: str = "",
    *,
    signed: bool = False,
    decimals: int = -1,
    scale: Scale = PLAIN,
) -> str:
    """``2.88 s``, ``$5.32``, ``+$0.25``, ``€27.23 M``; decimals by size unless given."""
    if isinstance(value, Undefined):
        return NONE
    places = amount_decimals(value / scale.size, unit) if decimals < 0 else decimals
    text = number(value / scale.size, places, signed=signed)
    if scale.sign:
        text += f"{NARROW}{scale.sign}"
    if unit in CURRENCIES:
        sign = text[0] if text[0] in f"+{MINUS}" else ""
        return f"{sign}{CURRENCIES[unit]}{text[len(sign) :]}"
    return f"{text}{NARROW}{plain(unit, 12)}" if unit else text


def amount_decimals(value: float, unit: str = "") -> int:
    """Decimals by size: ``92.1``, ``2.88``, ``0.0123``; money keeps two below 1,000."""
    size = abs(value)
    if size >= 1000:
        return 0
    if unit in CURRENCIES or size == 0:
        return 2
    if size >= 10:
        return 1
    return 2 if size >= 0.1 else min(6, 1 - math.floor(math.log10(size)))


def p_digits(value: float) -> str:
    """A p-value: 3 decimals, 4 between 0.0001 and 0.001, ``< 0.0001`` below."""
    if value < 0.0001:
        return f"<{NARROW}0.0001"
    return f"={NARROW}{value:.4f}" if value < 0.001 else f"={NARROW}{value:.3f}"


def p(value: Value | None) -> str:
    """``p = 0.018`` or ``p < 0.0001``; a dash when there is none."""
    if value is None or isinstance(value, Undefined):
        return NONE
    return f"p{NARROW}{p_digits(value)}"


def interval(lower: Value, upper: Value, form: Callable[[float], str]) -> str:
    """``1.3 % to 14.3 %`` with ``form`` for each end; open ends in words.

    An interval that is not there at all is a dash.
    """
    low = None if isinstance(lower, Undefined) else form(lower)
    high = None if isinstance(upper, Undefined) else form(upper)
    if low is None and high is None:
        return NONE
    if high is None:
        return f"at least {low}"
    return f"at most {high}" if low is None else f"{low} to {high}"


def lift_interval(lower: Value, upper: Value, *, column: bool = False) -> str:
    """``1.3 % to 14.3 %`` in a sentence, ``1.3 to 14.3 %`` in a column."""
    if not column:
        return interval(lower, upper, percent)
    text = interval(lower, upper, lambda end: number(end * 100, 1))
    return text if text == NONE else f"{text}{NARROW}%"


def reason(value: object) -> str:
    """The sentence behind an ``Undefined``, or behind its code."""
    code = value.reason if isinstance(value, Undefined) else str(value)
    return REASONS.get(code, f"Cannot say ({plain(code)}).")


def day(moment: date | datetime, *, year: bool = False) -> str:
    """``19 May`` or ``19 May 2026``, whatever the locale."""
    short = MONTHS[moment.month - 1]
    return f"{moment.day}{NARROW}{short}" + (f" {moment.year}" if year else "")


def end(when: date | float, *, year: bool = False) -> str:
    """A day, or the bare number of a time since the start, whose unit nobody told."""
    return day(when, year=year) if isinstance(when, date) else f"{when:g}"


def days(first: date | datetime, last: date | datetime) -> str:
    """``6–11 May``, ``28 April–3 May``; one day alone."""
    if first.month == last.month and first.year == last.year:
        return day(last) if first.day == last.day else f"{first.day}–{day(last)}"
    return f"{day(first)}–{day(last)}"


def month(moment: date) -> str:
    """``May``, with the year in January."""
    return MONTHS[moment.month - 1] + (f" {moment.year}" if moment.month == 1 else "")


def split(weights_bp: dict[str, int]) -> str:
    """Shares in per cent as written in copy: ``50/50``, ``33.34/33.33/33.33``."""
    return "/".join(f"{weight / 100:g}" for weight in weights_bp.values())


def plural(number_of: int, one: str, many: str | None = None) -> str:
    """``1 metric``, ``3 metrics``, ``58 906 rows``."""
    return f"{count(number_of)} {one if number_of == 1 else many or one + 's'}"
