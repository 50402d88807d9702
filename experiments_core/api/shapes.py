"""What bodies are made of: strict, closed, and described in the OpenAPI document.

Shapes check form only (types, unknown fields); what a value may be is a rule of the services.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from experiments_core.domain.documents import moment_text
from experiments_core.errors import Problem

T = TypeVar("T")

BROKEN = "rules_broken"


class Body(BaseModel):
    """A body that is sent: unknown fields are refused, nothing is coerced."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    def given(self) -> dict[str, Any]:
        """The fields that were sent, in the order of the class, so that errors keep one."""
        fields = type(self).model_fields
        return {name: getattr(self, name) for name in fields if name in self.model_fields_set}

    def said(self, cleared: Container[str] = ()) -> dict[str, Any]:
        """The fields that were sent; null only where it takes a value away (``cleared``)."""
        return {
            name: value
            for name, value in self.given().items()
            if value is not None or name in cleared
        }


def broken(problems: Sequence[Problem]) -> PydanticCustomError:
    """What a shape raises when a value has the right type and breaks rules of its field."""
    return PydanticCustomError(BROKEN, "rules are broken", {"problems": tuple(problems)})


class Answer(BaseModel):
    """An object that is answered. Fields may be added in later versions."""

    model_config = ConfigDict(extra="allow")


def _moment(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("a time is text, such as 2026-05-04T09:00:00Z")  # noqa: TRY004  for pydantic
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("a time looks like 2026-05-04T09:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone, such as Z at the end")
    return moment


def _day(value: Any) -> date:
    if not isinstance(value, str) or len(value) != 10:
        raise ValueError("a day is text, such as 2026-05-04")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("a day looks like 2026-05-04") from None


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time with its zone, sent as ISO 8601."""
Day = Annotated[
    date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})
]
"""A calendar day, sent as ISO 8601."""
BasisPoints = Annotated[int, Field(ge=0, le=10_000)]
"""1 bp = 0.01 %."""
Key = Annotated[str, Field(min_length=1, max_length=64)]
Text = Annotated[str, Field(max_length=200)]


class One(BaseModel, Generic[T]):
    """One object."""

    data: T


class Pagination(BaseModel):
    """Where in a list this page stands."""

    total: int
    limit: int
    has_more: bool
    next_cursor: str | None


class Meta(BaseModel):
    """About the answer itself."""

    request_id: str


class Many(BaseModel, Generic[T]):
    """One page of a list."""

    data: list[T]
    pagination: Pagination
    meta: Meta


class FieldProblem(BaseModel):
    """One field that broke one rule."""

    field: str
    value: Any
    rule: str
    message: str


class ErrorBody(Answer):
    """What went wrong, for people and for programs."""

    code: str
    message: str
    hint: str
    details: list[FieldProblem]
    allowed_actions: list[str]
    request_id: str


class ErrorAnswer(BaseModel):
    """Every answer that is an error has this form."""

    error: ErrorBody


def sortable(value: datetime) -> str:
    """A time as text whose order is that of time."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def moment(value: datetime | None) -> str | None:
    """Write a time as it is answered."""
    return None if value is None else moment_text(value)
