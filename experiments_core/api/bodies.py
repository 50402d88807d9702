"""Read JSON as it is meant: no duplicate keys, no NaN, no bombs, no half characters."""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, NoReturn

from experiments_core.errors import MalformedError, TooLargeError, UpshotError

LARGEST = 2 * 1024 * 1024
DEEPEST = 32
MOST_FIELDS = 10_000  # of one object
LARGEST_WHOLE = 2**63 - 1

_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)', re.DOTALL)
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))


def read_json(body: bytes) -> Any:
    """Parse a request body.

    Raises:
        MalformedError: ``BAD_JSON`` or ``DUPLICATE_JSON_KEY``.
        TooLargeError: it is nested deeper than 32 levels, or one object has too many fields.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_whole,
            parse_float=_number,
        )
    except RecursionError:
        raise _deep() from None
    except (UpshotError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _deep() if _brackets_too_deep(body) else _told(error) from None
    if _too_deep(value):
        raise _deep()
    if b"\\u" in body:
        _refuse_halves(value)
    return value


def _told(error: Exception) -> Exception:
    """What was found wrong with a body, in our words."""
    if isinstance(error, UnicodeDecodeError):
        return _bad(f"byte {error.start} is not UTF-8")
    if isinstance(error, json.JSONDecodeError):
        return _bad(f"{error.msg} (line {error.lineno}, column {error.colno})")
    return error


def _too_deep(value: Any) -> bool:
    """Go down through lists and objects, one level of all of them at a time."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True


def _brackets_too_deep(body: bytes) -> bool:
    """The same of a body that is no JSON: count brackets outside texts."""
    depth = 0
    for bracket in _TEXTS.sub(b"", body).translate(_BRACKETS, _OTHERS):
        depth += 1 if bracket == 0x5B else -1
        if depth > DEEPEST:
            return True
    return False


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_FIELDS:
        raise TooLargeError(
            f"One object has more than {MOST_FIELDS} fields.", code="JSON_TOO_MANY_FIELDS"
        )
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedError(
            f"The field “{twice[:100]}” stands twice in one object.",
            code="DUPLICATE_JSON_KEY",
            hint="Send each field once.",
        )
    return found


def _constant(text: str) -> NoReturn:
    raise _bad(f"{text} is no JSON number")


def _whole(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > LARGEST_WHOLE:
        raise _bad(f"the number {text[:24]} is beyond 64 bits")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise _bad(f"the number {text[:24]} is beyond what a double holds")
    return number


def _refuse_halves(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _bad("a text contains half of a surrogate pair") from None


def _deep() -> TooLargeError:
    return TooLargeError(
        f"The body is nested deeper than {DEEPEST} levels.", code="JSON_TOO_DEEP"
    )


def _bad(what: str) -> MalformedError:
    return MalformedError(f"This is not valid JSON: {what}.", code="BAD_JSON")
