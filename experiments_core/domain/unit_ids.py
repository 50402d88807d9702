"""The ids of units: any text that can be seen, up to 256 characters."""

from __future__ import annotations

import unicodedata

from experiments_core.errors import InvalidInputError, Problem

LONGEST_UNIT = 256


def check_unit(unit: object, name: str = "unit_id") -> str:
    """A unit id with surrounding blanks removed, otherwise exactly as given.

    Raises:
        InvalidInputError: not text, empty, longer than 256 characters, or with characters that
            cannot be seen.
    """
    problem = unit_problem(unit, name)
    if problem is not None:
        raise InvalidInputError(f"{problem.message}.", details=(problem,))
    return str(unit).strip()


def unit_problem(unit: object, name: str = "unit_id") -> Problem | None:
    """What is wrong with a unit id, if anything."""
    if not isinstance(unit, str):
        return Problem(name, unit, "TYPE", f'{name} must be text, for example "00042"')
    text = unit.strip()
    if not text:
        return Problem(name, unit, "REQUIRED", f"{name} is empty")
    if len(text) > LONGEST_UNIT:
        message = f"{name} has {len(text)} characters; at most {LONGEST_UNIT} are allowed"
        return Problem(name, text[:40], "LENGTH", message)
    if not text.isprintable() and any(unicodedata.category(c) in {"Cc", "Cs"} for c in text):
        message = f"{name} contains a control character; remove it"
        return Problem(name, text, "TEXT_CONTROL_CHARACTER", message)
    return None
