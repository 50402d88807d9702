"""How one value is checked: text, a choice, a number in a range, a day, yes or no."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from math import isfinite

from experiments_core.domain.text import KEY, clean, grouped, text_problems
from experiments_core.errors import Problem

Check = Callable[[str, object], list[Problem]]


def text(
    longest: int, shortest: int = 0, *, lines: bool = False, rule: str = "LENGTH"
) -> Check:
    """Text of so many characters."""

    def check(name: str, value: object) -> list[Problem]:
        return text_problems(
            name, value, longest=longest, shortest=shortest, lines=lines, length_rule=rule
        )

    return check


def choice(*choices: str) -> Check:
    """One of some words."""

    def check(name: str, value: object) -> list[Problem]:
        if value in choices:
            return []
        listed = ", ".join(choices)
        message = f"{name} is “{value}”; choose one of {listed}"
        return [Problem(name, value, "UNKNOWN_CHOICE", message)]

    return check


def whole(low: int, high: int, *, optional: bool = False) -> Check:
    """A whole number from ``low`` to ``high``."""

    def check(name: str, value: object) -> list[Problem]:
        if value is None and optional:
            return []
        if isinstance(value, bool) or not isinstance(value, int):
            return [Problem(name, value, "TYPE", f"{name} must be a whole number")]
        return _range(name, value, low, high)

    return check


def number(low: float, high: float, *, optional: bool = False) -> Check:
    """A finite number from ``low`` to ``high``."""

    def check(name: str, value: object) -> list[Problem]:
        if value is None and optional:
            return []
        if isinstance(value, bool) or not isinstance(value, int | float):
            return [Problem(name, value, "TYPE", f"{name} must be a number")]
        if not isfinite(value):
            return [Problem(name, value, "NOT_FINITE", f"{name} must be a finite number")]
        return _range(name, value, low, high)

    return check


def _range(name: str, value: float, low: float, high: float) -> list[Problem]:
    if low <= value <= high:
        return []
    message = (
        f"{name} is {grouped(value)}; it must be between {grouped(low)} and {grouped(high)}"
    )
    return [Problem(name, value, "RANGE", message)]


def key(name: str, value: object) -> list[Problem]:
    """A key: letters, digits, and a few marks between them."""
    if isinstance(value, str) and KEY.fullmatch(clean(value)):
        return []
    message = (
        f"{name} is “{value}”; it must begin with a letter or digit and go on with at most 63 "
        "letters, digits, “.”, “_” or “-”"
    )
    return [Problem(name, value, "PATTERN", message)]


def day(name: str, value: object) -> list[Problem]:
    """A date, or none."""
    if value is None or type(value) is date:
        return []
    return [Problem(name, value, "TYPE", f"{name} must be a date")]


def flag(name: str, value: object) -> list[Problem]:
    """Yes or no."""
    if isinstance(value, bool):
        return []
    return [Problem(name, value, "TYPE", f"{name} must be yes or no")]


def yes_no(name: str, value: object) -> list[Problem]:
    """Yes, no or empty."""
    if value is None or isinstance(value, bool):
        return []
    return [Problem(name, value, "TYPE", f"{name} must be yes, no or empty")]
