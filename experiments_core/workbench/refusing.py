"""The voice of the notebook: what is wrong, and what to do about it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any

from experiments_core.errors import InvalidInputError, Problem
from experiments_core.tabular.text import fold, listed, shorten


def refusal(field: str, value: Any, rule: str, message: str, hint: str) -> InvalidInputError:
    """Make the error that says what is wrong and what to do."""
    return InvalidInputError(
        message, hint=hint, details=(Problem(field, value, rule, message),)
    )


def is_number(value: Any) -> bool:
    """Whether something is one finite number; True and False are none."""
    typed = isinstance(value, int | float) and not isinstance(value, bool)
    scalar = hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0
    return (typed or scalar) and math.isfinite(value)


def nearest(wanted: str, names: Iterable[str]) -> str:
    """What there is instead, the likeliest first."""
    known = list(names)
    folded = {fold(name): name for name in known}
    close = difflib.get_close_matches(fold(wanted), list(folded), n=1, cutoff=0.6)
    offer = f"Did you mean “{shorten(folded[close[0]])}”? " if close else ""
    return f"{offer}There are: {listed(known, 12)}."
