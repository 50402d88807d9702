"""Questions, their choices, and what an answer changes in the mapping."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from experiments_core.domain.source import ColumnMapping, Dialect, Mapping, Role
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.tabular.text import listed

SINGLE = frozenset({
    Role.UNIT, Role.VARIANT, Role.TIME, Role.VISITORS, Role.EVENT, Role.EXPERIMENT, Role.METRIC,
    Role.COUNT, Role.MEAN, Role.VARIANCE, Role.DEVIATION,
})  # fmt: skip
"""Roles that only one column can have."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: what is stored, and what people read."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """Something that a person has to say.

    Attributes:
        code: Stable code (``CONTROL``, ``OUTCOME_BLANK`` …).
        field: Part of the mapping that the answer fills: ``control``, ``finished``,
            ``repeats``, ``dialect.header_line``, ``columns[3].blank``, ``role.variant`` (the
            answer is a column's position) …
        text: The question.
        choices: The possible answers; none when the file has to change first.
        default: The answer to offer first, empty when none is likelier.
        free: Another text is an answer too: the choices come from a sample of the rows.
    """

    code: str
    field: str
    text: str
    choices: tuple[Choice, ...] = ()
    default: str = ""
    free: bool = False


def answer(mapping: Mapping, question: Question, value: str) -> Mapping:
    """Fill in one answer.

    Raises:
        InvalidInputError: the value is none of the choices.
    """
    if not question.free and value not in {choice.value for choice in question.choices}:
        allowed = listed([choice.value for choice in question.choices], 20) or "none"
        raise InvalidInputError(
            f"“{value}” is no answer to {question.code}; the choices are {allowed}.",
            details=(Problem(question.field, value, "UNKNOWN_CHOICE", f"one of {allowed}"),),
        )
    field = question.field
    if field.startswith("role."):
        return give_role(mapping, int(value), Role(field.removeprefix("role.")))
    if field.startswith("columns["):
        position, attribute = field.removeprefix("columns[").split("].")
        return _change_column(mapping, int(position), attribute, value)
    if field.startswith("dialect."):
        return replace(mapping, dialect=answer_layout(mapping.dialect, question, value))
    if field == "finished":
        return replace(mapping, finished=value == "yes")
    if field == "conversion_events":
        return replace(mapping, conversion_events=(value,))
    return _fill(mapping, field, value)


def answer_layout(dialect: Dialect, question: Question, value: str) -> Dialect:
    """Fill in an answer about how bytes become rows; the file is to be looked at again."""
    name = question.field.removeprefix("dialect.")
    changed: dict[str, Any] = {name: int(value) if name == "header_line" else value}
    return replace(dialect, **changed)


def _fill(mapping: Mapping, field: str, value: str) -> Mapping:
    if field.startswith("contradictions["):
        place = int(field.removeprefix("contradictions[").removesuffix("]"))
        name = next(c.name for c in mapping.columns if c.position == place)
        return replace(mapping, contradictions={**mapping.contradictions, name: value})
    changed: dict[str, Any] = {field: value}
    return replace(mapping, **changed)


def give_role(mapping: Mapping, position: int, role: Role) -> Mapping:
    """Use a column as something else; its reason then says that a person chose it.

    Of unit, variant, time and visitors there is one each: another column with that role is
    ignored from then on.
    """
    if role in SINGLE:
        for other in mapping.named(role):
            mapping = _change_column(mapping, other.position, "role", Role.IGNORE)
    return _change_column(mapping, position, "role", role)


def _change_column(mapping: Mapping, position: int, attribute: str, value: str) -> Mapping:
    columns = tuple(
        _changed(column, attribute, value) if column.position == position else column
        for column in mapping.columns
    )
    return replace(mapping, columns=columns)


def _changed(column: ColumnMapping, attribute: str, value: str) -> ColumnMapping:
    if attribute == "role":
        return replace(column, role=Role(value), reason="chosen")
    if attribute == "decimal":
        return replace(column, decimal=value, thousands="." if value == "," else ",")
    changed: dict[str, Any] = {attribute: value}
    return replace(column, **changed)
