"""Many problems become one error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from experiments_core.errors import InvalidInputError, Problem

GENERIC_RULES = frozenset({
    "REQUIRED", "TYPE", "LENGTH", "RANGE", "PATTERN", "NOT_FINITE", "UNKNOWN_FIELD",
    "UNKNOWN_CHOICE", "NOT_UNIQUE", "TOO_MANY", "TOO_FINE", "NOT_FOUND",
})  # fmt: skip


def refuse(problems: Iterable[Problem]) -> None:
    """Raise one error for all problems, or none if there are none.

    Raises:
        InvalidInputError: see :func:`refusal`.
    """
    found = tuple(problems)
    if found:
        raise refusal(found)


def refusal(found: Sequence[Problem]) -> InvalidInputError:
    """One error for all problems; its code is the rule's own when one named rule was broken."""
    first = _sentence(found[0])
    if len(found) > 1:
        return InvalidInputError(
            f"{len(found)} things to correct. {first}", details=tuple(found)
        )
    rule = found[0].rule
    code = None if rule in GENERIC_RULES else rule
    return InvalidInputError(first, code=code, details=tuple(found))


def _sentence(problem: Problem) -> str:
    """The message as a sentence; one that begins with the name of its field keeps its case."""
    message = problem.message
    named = message.startswith(f"{problem.field}:")
    text = message if named else message[0].upper() + message[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
